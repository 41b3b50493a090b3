"""Import the modules that a config names: code from outside the package."""

import sys
import traceback
from importlib import import_module

from xray.utils.errors import UserError


def import_modules(names: object, where: object) -> None:
    """Import modules, so that what they register is there and their classes can be named without the module.

    Args:
        names: The value of the key `imports` of a config: a list of module names, or None.
        where: File that names them, for an error message.

    Raises:
        UserError: It is not such a list, or a module cannot be imported.
    """
    if names is None:
        return
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"imports in {where} is {names!r}: it must be a list of module names, such as [my].", status=2)
    for name in names:
        if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
            raise UserError(
                f"imports in {where} has {name!r}: give the name of a module, such as my for the file my.py.", status=2
            )
        if name.partition(".")[0] in sys.stdlib_module_names:
            raise UserError(
                f"imports in {where} names {name}, which is a module of Python itself: give yours another name.",
                status=2,
            )
        try:
            import_module(name)
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            raise _cannot_be_imported(name, where, error) from error


def _cannot_be_imported(name: str, where: object, error: Exception | SystemExit) -> UserError:
    if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
        file = f"{name.replace('.', '/')}.py"
        return UserError(
            f"There is no module {name}, which imports in {where} names: start in the folder where {file} lies, or "
            "correct imports."
        )
    *_, last = traceback.extract_tb(error.__traceback__)
    place = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (last.filename, last.lineno)
    text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return UserError(
        f"The module {name}, which imports in {where} names, cannot be imported: {type(error).__name__}: {text} "
        f"({place[0]}, line {place[1]})."
    )
