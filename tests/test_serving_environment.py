"""Predict and serve with the packages of requirements-serve.txt, without torch and lightning."""

import base64
import csv
import io
import json
import os
import re
import signal
import subprocess
import tomllib
import urllib.request
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from importlib.util import cache_from_source
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from tests.tiny_runs import tiny_run
from xray.cli import main

PROJECT = Path(__file__).parents[1]
PINNED = PROJECT / "requirements-serve.txt"
NEVER = [
    "torch",
    "torchvision",
    "lightning",
    "torchmetrics",
    "timm",
    "scipy",
    "sklearn",
    "matplotlib",
    "captum",
    "onnx",
    "tensorboard",
]


def pinned() -> list[Requirement]:
    """Return the packages of requirements-serve.txt for this machine."""
    lines = re.findall(r"^[a-z0-9][^\\\n]*", PINNED.read_text(), re.MULTILINE)
    named = [Requirement(line.strip()) for line in lines]
    return [one for one in named if one.marker is None or one.marker.evaluate()]


def link(named: Requirement, packages: Path) -> None:
    """Link the files of a package, and their bytecode, from this environment into another one."""
    found = distribution(named.name)
    assert named.specifier.contains(found.version), f"{found.version} of {named.name} is installed: run 'make setup'"
    for file in found.files or ():
        if file.parts[0] == "..":
            continue  # scripts
        source = Path(os.fspath(found.locate_file(file)))
        pairs = [(source, packages / file)]
        if file.suffix == ".py":
            pairs.append((Path(cache_from_source(source)), Path(cache_from_source(packages / file))))
        for there, here in pairs:
            if there.exists() and not here.exists():
                here.parent.mkdir(parents=True, exist_ok=True)
                here.symlink_to(there)


class Environment:
    """A virtual environment of its own, without the variables of this one."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        (packages,) = folder.glob("lib/python*/site-packages")
        for one in pinned():
            link(one, packages)
        (packages / "xray.pth").write_text(f"{PROJECT / 'src'}\n")
        self.home = folder / "home"
        self.home.mkdir()
        self.variables = {"PATH": os.defpath, "HOME": os.fspath(self.home), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *args: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *map(str, args)], env=self.variables, capture_output=True, text=True, timeout=60
        )

    def xray(self, *args: object) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "xray", *args)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("serving") / "venv")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Path:
    file = checkpoint.with_name("model.onnx")
    assert main(["export", str(checkpoint), "--out", str(file)]) == 0
    return file


@pytest.fixture(scope="module")
def expected(checkpoint: Path, model: Path) -> list[dict[str, str]]:
    """Rows that `predict` writes in this environment; some of the drawn images may be rejected."""
    table = model.with_suffix(".csv")
    main(["predict", str(images_of(checkpoint)), "--ckpt_path", str(model), "--out", str(table)])
    return rows(table)


def images_of(checkpoint: Path) -> Path:
    return checkpoint.parents[3] / "images" / "train"


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as table:
        return list(csv.DictReader(table))


def test_group_has_no_bounds_of_its_own() -> None:
    content = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    lines = [*content["project"]["dependencies"], *chain(*content["project"]["optional-dependencies"].values())]
    bounds = {canonicalize_name(one.name): one for one in map(Requirement, lines)}
    group = [Requirement(line) for line in content["dependency-groups"]["serve-image"]]
    assert all(not one.specifier for one in group)
    assert {canonicalize_name(one.name) for one in group} <= bounds.keys()
    versions = {canonicalize_name(one.name): one.specifier for one in pinned()}
    for one in group:
        (version,) = versions[canonicalize_name(one.name)]
        assert version.operator == "=="
        assert version.version in bounds[canonicalize_name(one.name)].specifier


def test_every_package_has_a_hash() -> None:
    for paragraph in re.split(r"\n(?=\S)", PINNED.read_text().strip()):
        assert re.match(r"[a-z0-9.-]+==\S+ ", paragraph)
        assert "--hash=sha256:" in paragraph


def test_training_packages_are_missing(environment: Environment) -> None:
    code = f"import importlib.util as u; print([name for name in {NEVER} if u.find_spec(name)])"
    assert environment.run("-c", code).stdout.strip() == "[]"


def test_help_and_version(environment: Environment) -> None:
    for args in (["--version"], ["--help"], ["predict", "--help"], ["serve", "--help"]):
        done = environment.xray(*args)
        assert (done.returncode, done.stderr) == (0, ""), args
        assert done.stdout


def test_predicts_as_with_torch(environment, checkpoint, model, expected, tmp_path):
    images = images_of(checkpoint)
    done = environment.xray("predict", images, "--ckpt_path", model, "--out", tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv") == expected
    rejected = [row for row in expected if row["outcome"] == "rejected"]
    assert len(expected) == len(list(images.rglob("*.jpeg")))
    assert len(done.stderr.splitlines()) == len(rejected) < len(expected)
    assert done.returncode == 0


def test_checkpoint_needs_torch(environment, checkpoint):
    for args in (["predict", images_of(checkpoint), "--ckpt_path", checkpoint], ["serve", checkpoint, "--port", "0"]):
        done = environment.xray(*args)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "needs torch" in line
        assert "--format onnx" in line


class Service:
    """A running `xray serve`."""

    def __init__(self, environment: Environment, model: Path, errors: io.TextIOBase) -> None:
        args = [environment.python, "-m", "xray", "serve", model, "--port", "0"]
        self.process = subprocess.Popen(
            args, env=environment.variables, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert self.process.stdout is not None
        self.said = "".join(self.process.stdout.readline() for _ in range(3))
        self.address = re.findall(r"http://127\.0\.0\.1:\d+", self.said)[0]

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return dict(json.load(answer))

    def post(self, path: str, field: str, image: Path, **texts: str) -> dict[str, Any]:
        parts = [f'name="{name}"\r\n\r\n{text}'.encode() for name, text in texts.items()]
        parts.append(f'name="{field}"; filename="{image.name}"\r\n\r\n'.encode() + image.read_bytes())
        body = b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--b--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, body, headers), timeout=30) as answer:
            return dict(json.load(answer))


@pytest.fixture(scope="module")
def service(environment: Environment, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (tmp_path_factory.mktemp("service") / "errors").open("w+") as errors:
        started = Service(environment, model, errors)
        yield started
        started.process.kill()
        started.process.communicate()


def test_health_and_ready(service):
    assert service.get("/ready")["status"] == "ready"
    assert service.get("/health")["status"] == "ok"


def test_service_answers_as_predict_does(service, expected):
    expected = [row for row in expected if row["outcome"] == "predicted"]
    (result,) = service.post("/predict", "files", Path(expected[0]["path"]))["results"]
    assert result["outcome"] == "predicted"
    assert result["logit"] == pytest.approx(float(expected[0]["logit"]), abs=1e-6)
    assert result["decision"] == expected[0]["decision"]


def test_service_explains(service, expected):
    image = Path(next(row["path"] for row in expected if row["outcome"] == "predicted"))
    for method in service.get("/model")["methods"]:
        answer = service.post("/explain", "file", image, method=method)
        assert answer["heat"]["method"] == method
        with Image.open(io.BytesIO(base64.b64decode(answer["heat"]["layer"]))) as layer, Image.open(image) as picture:
            assert (layer.mode, layer.size) == ("RGBA", picture.size)


def test_service_loads_no_torch_and_stops_on_sigterm(service):
    mapped = Path(f"/proc/{service.process.pid}/maps")
    if mapped.exists():
        assert "onnxruntime" in mapped.read_text()
        assert "libtorch" not in mapped.read_text()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=20) == 0


def test_nothing_is_written_to_the_home_folder(environment, service, expected):
    # ONNX Runtime since 1.29 would write an identifier of the machine and a telemetry database there.
    assert [path.name for path in environment.home.rglob("*")] == []
