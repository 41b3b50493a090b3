"""Errors of the user's own code and of libraries as one line; errors of xray itself keep their traceback."""

import sysconfig
import traceback
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from torch import OutOfMemoryError

import xray
from xray.utils.errors import UserError, causes, user_error_in

PACKAGE = str(Path(xray.__file__).parent)
LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))


def explain_error(error: Exception, trainer: Trainer | None) -> UserError | None:
    """Return an error as one line with its cause and place; None if it was raised by a line of xray itself.

    Args:
        error: What fit, validate or test raised.
        trainer: The trainer, if there is one already.
    """
    if found := user_error_in(error):
        return found
    cause = first_cause(error)
    files = _files(cause)
    if files and files[-1].startswith(PACKAGE):
        return None
    if _is_out_of_memory(cause):
        return UserError(f"Out of memory{_moment(trainer)}: use a smaller --data.batch_size, or --data.image_size.")
    return UserError(f"Failed{_moment(trainer)}: {reason_of(cause)}")


def reason_of(error: BaseException) -> str:
    """Return what an exception says, and the line of the user's own code that led to it, if any."""
    text = " ".join(str(error).split())[:400]
    if isinstance(error, MisconfigurationException):
        return text
    name = type(error).__name__
    own = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((PACKAGE, "<", *LIBRARIES))
    ]
    place = f" ({own[-1]})" if own else ""
    return f"{name}: {text}{place}; --debug shows the traceback" if text else f"{name}{place}; see --debug"


def trainer_error(error: Exception, accelerator: str) -> UserError:
    """Return the error of a trainer that cannot be built.

    Args:
        error: What Lightning raised.
        accelerator: The setting trainer.accelerator.
    """
    if accelerator in {"auto", "cpu"}:
        return UserError(f"The settings of trainer do not work: {reason_of(error)}")
    return UserError(
        f"trainer.accelerator {accelerator} cannot be used here: {' '.join(str(error).split())[:200]} Use "
        "--trainer.accelerator auto or cpu."
    )


def first_cause(error: BaseException) -> BaseException:
    """Return the exception that jsonargparse wrapped, or the exception itself."""
    chain = causes(error)
    wrapped = any("jsonargparse" in file for file in _files(error)[-1:])
    return chain[-1] if wrapped else error


def _files(error: BaseException) -> list[str]:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return [file for file in files if not file.startswith("<")]


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _moment(trainer: Trainer | None) -> str:
    """Return " in epoch 2, batch 7" during a fit, " before training" before its first batch, else nothing."""
    if trainer is None or trainer.state.fn != "fit":
        return ""
    loop = trainer.fit_loop.epoch_loop
    if not loop.batch_progress.total.ready:
        return " before training"
    if trainer.validating:
        batch = loop.val_loop.batch_progress.current.ready
        return f" in the validation of epoch {trainer.current_epoch + 1}, batch {batch}"
    return f" in epoch {trainer.current_epoch + 1}, batch {loop.batch_progress.current.ready}"
