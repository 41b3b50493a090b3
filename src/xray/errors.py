"""The one exception that means: the person at the keyboard can mend this."""


class UserError(Exception):
    """Something outside the program is wrong: a path, a value, a file.

    The message is one line that names the value, the place and the mend. The command line prints it without a
    traceback; anything else that is raised is a fault of ours and keeps its traceback.

    Args:
        message: The line.
        status: Exit status of the process: 1, or 2 where the command line itself is wrong.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
