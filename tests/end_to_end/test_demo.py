"""The commands of `make demo`, the README's first, end with status 0."""

import shlex
import shutil
from pathlib import Path

from tests.end_to_end.commands import run, table
from tests.tiny_runs import CONFIGS, FAST

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def demo_commands() -> list[list[str]]:
    """Return the arguments of each command of the program in the target `demo`."""
    _, _, recipe = MAKEFILE.read_text().partition("\ndemo:")
    recipe = recipe.partition("\n\n")[0].replace("$(DEMO)", "data/demo")
    return [shlex.split(line.partition(" -m xray ")[2]) for line in recipe.splitlines() if " -m xray " in line]


def test_demo() -> None:
    shutil.copytree(CONFIGS, "configs")
    commands = demo_commands()
    assert [command[0] for command in commands] == ["synth", "fit", "test", "predict"]
    for command in commands:
        quick = {"synth": ["--patients", "40"], "fit": [*FAST, "--trainer.max_epochs", "1"]}
        run(*command, *quick.get(command[0], []))
    rows = table(Path(commands[-1][-1]))
    assert len(rows) == sum(1 for _ in Path("data/demo/test").rglob("*.jpeg"))
