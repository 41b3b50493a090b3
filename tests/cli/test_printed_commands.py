"""Each command that the program prints is accepted by the parser of its command."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from tests.tiny_runs import CONFIGS

import xray
from xray.cli import main
from xray.cli.commands import PLAIN_COMMANDS, TRAINER_COMMANDS
from xray.cli.trainer_help import help_text
from xray.utils.errors import UserError

SOURCES = Path(xray.__file__).parent
COMMAND = re.compile(r"python -m xray ([a-z_]+(?: (?:'[^']*'|[^\s'\"`<,;()]+))*)")
"""A command up to the quote, tag or end of line behind it."""
VALUES = {"FILE": "configs/cnn.yaml", "DIR": "images", "IMAGE": "image.png", "RUN": "cnn/version_0", "X": "0.1"}
"""What the placeholders stand for."""


def texts(path: Path) -> list[str]:
    """Return the texts of a file: all of a template, the strings of a module."""
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8").splitlines()
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            found.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return [line for text in found for line in text.splitlines()]


def printed() -> list[str]:
    """Return the command lines in the package's texts, without `python -m xray`."""
    lines = set()
    for pattern in ("*.py", "*.j2", "*.html", "*.js"):
        for path in SOURCES.rglob(pattern):
            for text in texts(path):
                lines |= {match[1].rstrip(".:") for match in COMMAND.finditer(text)}
    lines |= {match[1] for command in TRAINER_COMMANDS for match in COMMAND.finditer(help_text(command))}
    return sorted(line for line in lines if line.split()[0] in {*TRAINER_COMMANDS, *PLAIN_COMMANDS})


def test_they_are_found():
    commands = printed()
    assert len(commands) > 10
    assert "test --robustness" in commands
    assert any(command.startswith("fit --config") for command in commands)


@pytest.mark.parametrize("line", printed())
def test_is_accepted(line, monkeypatch, capsys):
    Path("configs").symlink_to(CONFIGS)
    words = [VALUES.get(word, word) for word in shlex.split(line) if "{}" not in word]
    command, *rest = words[: words.index("[--KEY")] if "[--KEY" in words else words
    rest = [word.strip("[]") for word in rest]
    parsed = []

    def stop(*args: object) -> None:
        parsed.append(args)
        raise UserError("parsed")

    monkeypatch.setattr("xray.cli.plain.ArgumentParser.instantiate", stop)
    monkeypatch.setattr("xray.cli.trainer.XrayCLI.before_instantiate_classes", stop)
    monkeypatch.setattr("xray.cli.trainer.find_checkpoint", lambda *args: None)
    main([command, *map(_value, rest)])
    # A text may name a command without its files, or an option without its value; the words behind it are prose.
    known = [word for word in rest if word.startswith("--")]
    error = capsys.readouterr().err
    assert parsed or re.search("is missing|needs a value|not expected here: ", error), error
    assert not any(f"no option {option}" in error for option in known), error


def _value(word: str) -> str:
    return VALUES.get(word, word)
