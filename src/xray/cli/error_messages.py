"""A parser's complaint as one line that names the nearest thing that would have been right."""

import difflib
import inspect
import re
from collections.abc import Iterable, Sequence
from importlib import import_module

from jsonargparse import ArgumentParser

from xray.utils.errors import UserError


def explain(complaint: str, parser: ArgumentParser) -> UserError:
    """Turn what jsonargparse says of a command line or a config into one line.

    Args:
        complaint: Its message, of several lines.
        parser: The parser of the command, for the keys that exist.
    """
    return UserError(_explain(complaint, parser), status=2)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _explain(complaint: str, parser: ArgumentParser) -> str:
    if match := re.search(r"unrecognized arguments: (\S+)", complaint):
        option = match[1].split("=")[0]
        if option.strip("-") and option.startswith("-"):
            return f"There is no option {option}{nearest(option.lstrip('-'), _keys(parser))}"
        if _takes_config(parser):
            return f"{match[1]!r} stands alone: an option before it may lack its name, such as --config {match[1]}."
        return f"{match[1]!r} stands alone: an option before it may lack its name, or files are not named together."
    if match := re.search(r"does not accept option '([^']+)'", complaint):
        return f"There is no config key {_nearest_key(match[1], _keys(parser))}"
    if match := re.search(r"arguments are required: (?:fit\.)?(.+)", complaint):
        return f"{match[1]} is missing{_mend_of_missing(parser)}."
    # The message nests from the outside in; the innermost class and key are where the mistake is.
    classes = re.findall(r"(?:class_path '|class_path=')([^']+)'", complaint)
    keys = re.findall(r'Parser key "([^"]+)"', complaint)
    nested = re.search(r"NestedArg\(key='([^']+)', val='?(.*?)'?\)", complaint)
    place = ".".join([keys[0], nested[1]] if nested else keys).replace("init_args.", "") or "The config"
    if match := re.search(r"(?:Option|Key) '([^']+)' is not (?:accepted|expected)", complaint):
        known = _init_args(classes[-1]) if classes else _keys(parser)
        of = f" of {classes[-1].rpartition('.')[2]}" if classes else ""
        place = place if place.endswith(match[1]) else f"{place}.{match[1]}"
        return f"There is no {place}{of}{nearest(match[1], known)}"
    if match := re.search(r"module '([^']+)' has no attribute '([^']+)'", complaint):
        return f"{place}: {match[1]} has no {match[2]}{nearest(match[2], dir(import_module(match[1])))}"
    if match := re.search(r"No module named '([^']+)'", complaint):
        return f"{place}: there is no module {match[1]}."
    match = re.search(r"Expected a path but (\w+) either not accessible", complaint)
    # Any text might be a path or a class; only one like a class's name was meant as such.
    if match and (near := nearest(match[1], _class_names())):
        return f"{place}: there is no class {match[1]}{near}"
    kinds = [
        _plain_type(kind) for kind in re.findall(r"Expected an? (.+?)(?:\. Got value: .*)?$", complaint, re.MULTILINE)
    ]
    kinds = [kind for kind in dict.fromkeys(kinds) if not re.match(r"NoneType|path but|dot import path", kind)]
    value = (
        nested[2] if nested else next(iter(re.findall(r"(?:Got|Given) value: '?(.*?)'?$", complaint, re.MULTILINE)), "")
    )
    if kinds and value:
        return f"{place}: {value!r} is no {' or '.join(kinds)}."
    return _one_line(complaint, place)


def _mend_of_missing(parser: ArgumentParser) -> str:
    return ": name a config, such as --config configs/cnn.yaml" if _takes_config(parser) else ": see --help"


def _takes_config(parser: ArgumentParser) -> bool:
    return any("--config" in action.option_strings for action in parser._actions)


def _nearest_key(key: str, known: Sequence[str]) -> str:
    """The key up to its first wrong part, and what that part may have been meant to be."""
    parts, wrong = key.split("."), key
    for depth in range(1, len(parts) + 1):
        wrong = ".".join(parts[:depth])
        if not any(name == wrong or name.startswith(f"{wrong}.") for name in known):
            break
    same_depth = {".".join(name.split(".")[: wrong.count(".") + 1]) for name in known}
    return wrong + nearest(wrong, sorted(same_depth))


def _one_line(complaint: str, place: str) -> str:
    without_dump = re.sub(
        r"(?m)^\s*(Given value.*|Subtypes:.*|Errors:|- Expected a <class 'NoneType'>)$", "", complaint
    )
    text = " ".join(without_dump.split())
    return text if place in text or place == "The config" else f"{place}: {text}"


def _plain_type(text: str) -> str:
    text = re.sub(r"<class '(?:[\w.]+\.)?(\w+)'>", r"\1", text)
    if match := re.fullmatch(r"typing\.Literal\[(.+)\]", text):
        return f"choice among {match[1]}"
    return {"int": "whole number", "float": "number", "bool": "true or false"}.get(text, text.replace("typing.", ""))


def _keys(parser: ArgumentParser) -> Sequence[str]:
    keys = [option.removeprefix("--") for action in parser._actions for option in action.option_strings]
    # Plain commands have no model, and wait for no torch.
    models = MODELS if _takes_config(parser) else ()
    return [*keys, *(f"model.{name}" for path in models for name in _init_args(path))]


MODELS = ("xray.models.cnn.CNNClassifier", "xray.models.transfer.TransferClassifier")


def _class_names() -> Sequence[str]:
    modules = ("torch.optim", "torch.optim.lr_scheduler", "lightning.pytorch.callbacks", "xray.models.schedule")
    names = [path.rpartition(".")[2] for path in MODELS] + [
        name for path in modules for name in dir(import_module(path))
    ]
    return [name for name in names if name[0].isupper()]


def _init_args(class_path: str) -> Sequence[str]:
    module, _, name = class_path.rpartition(".")
    return list(inspect.signature(getattr(import_module(module), name)).parameters)
