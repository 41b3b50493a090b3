"""The exception for errors that the user can fix."""

from collections.abc import Sequence
from importlib.util import find_spec


class UserError(Exception):
    """An error outside the program: a path, a value, a file.

    The message is one line that says what is wrong, where, and what to do. The command line prints it without a
    traceback. Any other exception is a bug and keeps its traceback.

    Args:
        message: The line.
        status: Exit status of the process: 1, or 2 if the command line itself is wrong.
        details: Further lines, such as one for each file.
    """

    def __init__(self, message: str, status: int = 1, details: Sequence[str] = ()) -> None:
        self.lines = (message, *details)
        super().__init__("\n  ".join(self.lines))
        self.status = status


def missing_extra(extra: str, purpose: str) -> UserError:
    """Return the error that names the extra to install for an optional dependency."""
    return UserError(f"{purpose} needs the extra {extra!r}: pip install '.[{extra}]' in the checkout of xray")


def require_extra(extra: str, purpose: str, *modules: str) -> None:
    """Check that the modules of an optional dependency are installed, without importing them.

    Raises:
        UserError: A module is not installed; the message names the extra.
    """
    if not all(find_spec(module) for module in modules):
        raise missing_extra(extra, purpose)


def user_error_in(error: BaseException | None) -> UserError | None:
    """Return the `UserError` that caused another exception, if any: libraries wrap errors of constructors."""
    return next((cause for cause in causes(error) if isinstance(cause, UserError)), None)


def causes(error: BaseException | None) -> list[BaseException]:
    """Return an exception and those that led to it, the first cause last; jsonargparse chains some in a circle."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def failure_of(what: str, error: Exception, fix: str) -> UserError:
    """Return the error of a function from outside the package, such as a metric of the user."""
    return UserError(f"{what} fails: {type(error).__name__}: {' '.join(str(error).split())}. {fix}")


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Reject a value of the config that is out of range or NaN.

    Raises:
        UserError: The value is out of range; the message gives key, value and range.
    """
    if not low <= value <= high:
        raise UserError(f"{name} {value} is out of range: it must be between {low} and {high}.", status=2)
