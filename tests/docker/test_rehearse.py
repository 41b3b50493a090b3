"""The Dockerfile says what it should, and its rehearsal carries out what it says."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "docker"))

from instructions import Context, DockerfileError, copied, read_stages, variables  # noqa: E402
from rehearse import Rehearsal  # noqa: E402
from rooms import Bare  # noqa: E402
from trials import RehearsalError  # noqa: E402

DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@pytest.fixture
def build(tmp_path, capfd):
    """Carry out the last stage of a Dockerfile; returns its root, and what was printed."""

    def carry_out(text, context=(), ignore=""):
        folder = tmp_path / "context"
        for name in context:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"content of {name}")
        folder.mkdir(exist_ok=True)
        (folder / ".dockerignore").write_text(ignore)
        image, work = tmp_path / "image", tmp_path / "work"
        image.mkdir()
        work.mkdir()
        stages = read_stages(text)
        room = Rehearsal(stages, Context(folder), Bare(image), work).build(list(stages)[-1])
        return room.root, capfd.readouterr().out

    return carry_out


def test_both_targets_are_there_and_the_small_one_is_the_default():
    stages = read_stages(DOCKERFILE)
    assert {"train", "serve"} <= stages.keys()
    assert list(stages)[-1] == "serve"


def test_every_base_is_pinned_to_a_patch_release():
    stages = read_stages(DOCKERFILE)
    images = {stage.base for stage in stages.values()} - stages.keys()
    assert images
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", image) for image in images)


@pytest.mark.parametrize("target", ["train", "serve"])
def test_nobody_is_root_and_signals_arrive(target):
    stage = read_stages(DOCKERFILE)[target]
    assert int(stage.last("USER").rest) >= 1000
    assert stage.last("ENTRYPOINT").words()[:3] == ["python", "-m", "xray"]


def test_the_service_listens_where_its_health_is_asked():
    stage = read_stages(DOCKERFILE)["serve"]
    entry = " ".join(stage.last("ENTRYPOINT").words())
    port = stage.last("EXPOSE").rest
    assert entry.endswith(f"serve --host 0.0.0.0 --port {port}")
    assert f"http://127.0.0.1:{port}/health" in stage.last("HEALTHCHECK").words()[-1]


def test_what_is_installed_is_pinned_by_hashes_or_is_this_package():
    lines = [one.rest for stage in read_stages(DOCKERFILE).values() for one in stage.instructions if one.word == "RUN"]
    installing = [line for line in lines if "pip install" in line]
    assert installing
    assert all("--require-hashes" in line or "--no-deps" in line for line in installing)
    assert not re.search(r"index-url|find-links|trusted-host", DOCKERFILE)


def test_the_small_image_takes_only_the_small_requirements():
    stages = read_stages(DOCKERFILE)
    sources = [copied(one) for one in stages["serve"].instructions if one.word == "COPY"]
    assert [names for stage, names, _ in sources if stage is None] == [["requirements-serve.txt"]]


def test_labels_tell_the_version_and_the_licence():
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    for target in ("train", "serve"):
        labels = variables(read_stages(DOCKERFILE)[target].last("LABEL"))
        assert labels["org.opencontainers.image.version"] == told["version"]
        assert labels["org.opencontainers.image.licenses"] == told["license"]


def test_what_is_copied_is_left_by_dockerignore_and_nothing_else_is():
    context = Context(PROJECT)
    for stage in read_stages(DOCKERFILE).values():
        for one in (one for one in stage.instructions if one.word == "COPY"):
            base, sources, _ = copied(one)
            assert base or all(context.files(source) for source in sources), one.rest
    kept = {name for name in ("data", "logs", "checkpoints", "tests", ".git", "Makefile") if context.files(name)}
    assert kept == set()
    assert not any("__pycache__" in path.parts for path in context.files("src"))


@pytest.mark.parametrize(
    ("rules", "path", "kept"),
    [
        ("", "a/b.txt", True),
        ("*", "a/b.txt", False),
        ("*\n!a", "a/b.txt", True),
        ("*\n!a\na/*.txt", "a/b.txt", False),
        ("*\n!a\n*.txt", "a/b.txt", True),
        ("**/b.txt", "a/b.txt", False),
        ("**/b.txt", "b.txt", False),
        ("# a/b.txt\n\na/c.txt", "a/b.txt", True),
        ("a/?.txt\n!a/b.txt", "a/b.txt", True),
        ("/a/", "a/b.txt", False),
        ("a.b.txt", "a/b.txt", True),
    ],
)
def test_the_last_rule_that_fits_decides(rules, path, kept, tmp_path):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("")
    (tmp_path / ".dockerignore").write_text(rules)
    assert Context(tmp_path).files(path) == ([Path(path)] if kept else [])


def test_lines_are_joined_past_comments():
    (stage,) = read_stages("# top\nFROM image AS only\nRUN a \\\n# why\n\n    && b\nUSER 5\n").values()
    assert [(one.line, one.word, one.rest) for one in stage.instructions] == [
        (3, "RUN", "a     && b"),
        (7, "USER", "5"),
    ]


@pytest.mark.parametrize("text", ["FROM a\nADD b c", "RUN a", 'FROM a\nSHELL ["b"]'])
def test_what_is_not_understood_is_no_silence(text):
    with pytest.raises(DockerfileError, match=r"line \d: [A-Z]+ is not understood"):
        read_stages(text)


def test_shell_form_is_rejected_where_signals_count():
    (stage,) = read_stages("FROM a\nENTRYPOINT python -m xray").values()
    with pytest.raises(DockerfileError, match="exec form"):
        stage.last("ENTRYPOINT").words()


def test_stages_are_carried_out_in_order(build):
    root, _ = build(
        """
        FROM image AS first
        ENV GREETING="good day" OTHER=1
        WORKDIR /app
        COPY one.txt two.txt ./
        COPY folder ./inner
        RUN echo "$GREETING $(pwd | grep -o '[^/]*$')" > said.txt && mkdir made && cp one.txt made/
        FROM first AS second
        WORKDIR below
        COPY --from=first /app/made /usr/local
        RUN echo "$OTHER" > here.txt
        """,
        context=["one.txt", "two.txt", "folder/deep/three.txt"],
    )
    assert (root / "app/said.txt").read_text() == "good day app\n"
    assert (root / "app/inner/deep/three.txt").read_text() == "content of folder/deep/three.txt"
    assert (root / "usr/local/one.txt").read_text() == "content of one.txt"
    assert (root / "app/below/here.txt").read_text() == "1\n"


def test_run_sees_no_variable_of_the_caller(build, monkeypatch):
    monkeypatch.setenv("SECRET_OF_CALLER", "1")
    _, said = build("FROM image\nENV A=2\nRUN env")
    assert "A=2" in said
    assert "SECRET_OF_CALLER" not in said


def test_a_run_that_fails_ends_all(build, tmp_path):
    with pytest.raises(RehearsalError, match="line 3: RUN ended with status 7"):
        build("FROM image AS only\nRUN touch before\nRUN exit 7\nRUN touch after")
    assert (tmp_path / "work/only/before").exists()
    assert not (tmp_path / "work/only/after").exists()


def test_copy_finds_nothing_that_is_ignored(build):
    with pytest.raises(RehearsalError, match=r"line 2: COPY finds no a\.txt"):
        build("FROM image\nCOPY a.txt ./", context=["a.txt"], ignore="*.txt")
