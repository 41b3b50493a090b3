"""Errors of the user's code and of libraries are one line; those of xray keep their traceback."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from tests.tiny_runs import CONFIGS, FAST, TINY

from xray.cli import main
from xray.cli.outside_errors import explain_error
from xray.utils.errors import UserError, user_error_in

MY = """
from lightning.pytorch import Callback
from xray.models.cnn import CNNClassifier


class Broken(CNNClassifier):
    def __init__(self, parts: int = 0, **options):
        super().__init__(widths=[8 // parts], **options)


class Late(CNNClassifier):
    def training_step(self, batch, batch_idx):
        if batch_idx == 1:
            raise KeyError("dose")
        return super().training_step(batch, batch_idx)


class Watch(Callback):
    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            raise ValueError("nothing to see")
"""


def raised(function, *args):
    try:
        function(*args)
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError("it raised nothing")


@pytest.fixture
def fit(images, capsys, monkeypatch):
    """Run a fit with a class of `my.py`, and return its last line of error."""
    Path("my.py").write_text(MY)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(__import__("sys").modules, "my", raising=False)

    def run(*args, debug=False):
        config = [str(CONFIGS / "cnn.yaml"), "--data.root", str(images), *FAST, "--trainer.max_epochs", "1"]
        assert main(["fit", "--config", *config, *args, *(["--debug"] if debug else [])]) == 1
        return capsys.readouterr().err.splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--model", "my.Broken"], "ZeroDivisionError: integer division or modulo by zero (my.py:8)"),
        (["--model", "my.Late"], "Failed in epoch 1, batch 2: KeyError: 'dose' (my.py:14)"),
        (["--trainer.callbacks+=my.Watch", *TINY["cnn"]], "ValueError: nothing to see (my.py:21)"),
    ],
)
def test_error_of_own_code_is_one_line(fit, args, expected):
    line = fit(*args)
    assert expected in line
    assert line.endswith("--debug shows the traceback")


def test_debug_shows_the_traceback(fit):
    with pytest.raises(UserError) as error:
        fit("--model", "my.Late", debug=True)
    assert isinstance(error.value.__cause__, KeyError)


def test_error_of_a_library_names_the_moment():
    error = raised(torch.nn.functional.linear, torch.ones(2, 3), torch.ones(4, 5))
    progress = SimpleNamespace(total=SimpleNamespace(ready=12), current=SimpleNamespace(ready=3))
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), fit_loop=loop, validating=False, current_epoch=1)

    def in_torch():
        exec(compile("raise error", torch.__file__, "exec"), {"error": error.with_traceback(None)})

    line = str(explain_error(raised(in_torch), trainer))
    assert line.startswith("Failed in epoch 2, batch 3: RuntimeError: ")


def test_fault_of_xray_keeps_its_traceback():
    from xray.models.cnn import CNNClassifier

    # A batch without labels, which no user can give.
    assert explain_error(raised(CNNClassifier(widths=[8]).model_step, {"image": torch.ones(2, 1, 8, 8)}), None) is None


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError()])
def test_out_of_memory_says_the_mend(error):
    def fail():
        exec(compile("raise error", torch.__file__, "exec"), {"error": error})

    line = str(explain_error(raised(fail), Trainer(logger=False, accelerator="cpu")))
    assert line == "Out of memory: use a smaller --data.batch_size, or --data.image_size."


def test_causes_in_a_circle():
    first, second = ValueError("a"), TypeError("b")
    first.__cause__, second.__context__ = second, first
    assert user_error_in(first) is None
    second.__cause__ = UserError("c")
    assert user_error_in(first) is second.__cause__
