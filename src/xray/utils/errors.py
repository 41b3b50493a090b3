"""The one exception that means: the person at the keyboard can mend this."""

from collections.abc import Sequence


class UserError(Exception):
    """Something outside the program is wrong: a path, a value, a file.

    The message is one line that names the value, the place and the mend. The command line prints it without a
    traceback; anything else that is raised is a fault of ours and keeps its traceback.

    Args:
        message: The line.
        status: Exit status of the process: 1, or 2 where the command line itself is wrong.
        details: Lines below it, such as one for each of many files.
    """

    def __init__(self, message: str, status: int = 1, details: Sequence[str] = ()) -> None:
        self.lines = (message, *details)
        super().__init__("\n  ".join(self.lines))
        self.status = status


def missing_extra(extra: str, purpose: str) -> UserError:
    """Return the error that names the extra to install for an optional dependency."""
    return UserError(f"{purpose} needs the extra {extra!r}: pip install 'xray[{extra}]'")


def user_error_in(error: BaseException | None) -> UserError | None:
    """The user's error that another one was raised for, if any: libraries wrap what a constructor says."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Reject a value of the config that is out of range, or no number.

    Raises:
        UserError: With the key, the value and the range.
    """
    if not low <= value <= high:
        raise UserError(f"{name} {value} is out of range: it must lie between {low} and {high}.")
