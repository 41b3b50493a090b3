"""Turn a parser's error into one line that says what is wrong and what was probably meant."""

import difflib
import re
from collections.abc import Iterable
from importlib import import_module

from jsonargparse import ArgumentParser

from xray.utils.errors import UserError

MODELS = ("xray.models.cnn.CNNClassifier", "xray.models.transfer.TransferClassifier")
"""Models whose parameters are suggested."""
CLASSES = (
    "torch.optim",
    "torch.optim.lr_scheduler",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "xray.models.schedule",
)
"""Modules whose classes are suggested, where a config may name a class without its module."""

EQUIVALENTS = {
    **dict.fromkeys(("epochs", "num_epochs", "n_epochs", "n_epoch", "nb_epoch"), "trainer.max_epochs"),
    **dict.fromkeys(("lr", "learning_rate", "base_lr", "lr_max"), "model.optimizer.init_args.lr"),
    **dict.fromkeys(("weight_decay", "wd"), "model.optimizer.init_args.weight_decay"),
    **dict.fromkeys(("opt", "optim"), "model.optimizer"),
    **dict.fromkeys(("sched", "scheduler"), "model.scheduler"),
    **dict.fromkeys(("drop", "drop_rate"), "model.dropout"),
    **dict.fromkeys(("smoothing", "label_smoothing"), "model.label_smoothing"),
    **dict.fromkeys(("batch_size", "bs", "batch"), "data.batch_size"),
    **dict.fromkeys(("img_size", "image_size", "input_size", "size"), "data.image_size"),
    **dict.fromkeys(("data_dir", "data_path", "data_root", "dataset", "root", "path"), "data.root"),
    **dict.fromkeys(("validation_split", "val_split", "valid_pct"), "data.val_fraction"),
    **dict.fromkeys(("gpus", "num_gpus", "gpu", "num_processes", "auto_select_gpus"), "trainer.devices"),
    **dict.fromkeys(("tpu_cores", "device"), "trainer.accelerator"),
    **dict.fromkeys(("amp", "fp16", "mixed_precision", "amp_dtype"), "trainer.precision"),
    **dict.fromkeys(("clip_grad", "grad_clip", "clipnorm", "max_grad_norm"), "trainer.gradient_clip_val"),
    **dict.fromkeys(("grad_accum_steps", "gradient_accumulation_steps"), "trainer.accumulate_grad_batches"),
    **dict.fromkeys(("seed", "random_seed", "random_state"), "seed_everything"),
    **dict.fromkeys(("resume", "resume_from_checkpoint", "checkpoint", "initial_epoch", "weights"), "ckpt_path"),
    **dict.fromkeys(("output", "output_dir"), "out"),
    **dict.fromkeys(("train", "training"), "fit"),
    **dict.fromkeys(("evaluate", "eval"), "test"),
}
"""Names from Lightning 1.x, timm, fastai, Keras and Transformers, and the key or command that does the same here."""
NOT_NEEDED = dict.fromkeys(
    ("num_workers", "workers", "pin_memory", "persistent_workers"),
    ": leave it out, images are decoded once into the cache and need no workers",
)

NOISE = re.compile(
    r"(- )?($|Parser key|Does not validate|Subtypes:|Errors:|Given value|Problem with given class_path|"
    r"Expected a path but|Expected a <class 'NoneType'>|Not a valid subclass)"
)
"""Lines of an error of jsonargparse that only lead to the one with the reason."""
TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text"}


def explain(complaint: str, parser: ArgumentParser) -> UserError:
    """Shorten an error of jsonargparse to one line.

    Args:
        complaint: Its message, of one or more lines.
        parser: The parser of the command, for the keys that exist.
    """
    return UserError(_unknown_name(complaint, parser) or _missing(complaint, parser) or _bad_value(complaint), status=2)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" for an unknown key such as "data.batchsize"; empty without a likely one.

    Args:
        name: The key, without dashes.
        known: Keys that exist.
    """
    keys, last = list(known), name.rpartition(".")[2]
    target = EQUIVALENTS.get(last, "")
    if target != name and any(target == key or ("." in key and target.startswith(f"{key}.")) for key in keys):
        return f"; did you mean {target}?"
    for key in keys:
        if key.rpartition(".")[2] == last and key != name:
            return f"; did you mean {key}?"
    # Compare with the keys beside it, and their last part only: a common beginning makes any two keys similar.
    *parents, wrong = _wrong_part(name, keys).split(".")
    beside = [key.split(".") for key in keys]
    beside = [parts[: len(parents) + 1] for parts in beside if parts[: len(parents)] == parents and parts != parents]
    lower = {parts[-1].lower(): parts[-1] for parts in beside}
    similar = difflib.get_close_matches(wrong.lower(), lower, n=1, cutoff=0.75)
    similar = similar or [key for key in lower if len(wrong) > 2 and key.startswith(wrong.lower())]
    return f"; did you mean {'.'.join([*parents, lower[similar[0]]])}?" if similar else ""


def _unknown_name(complaint: str, parser: ArgumentParser) -> str:
    """Explain an option, key or parameter that does not exist."""
    match = re.search(r"(unrecognized arguments:|accept option|Option|Key) '?([^\s'=]+)", complaint)
    if match is None:
        return ""
    group = re.match(r"Group '([\w.]+)'", complaint)
    name = f"{group[1]}.{match[2]}" if group else match[2].lstrip("-")
    place, class_path = _place(complaint), _class_path(complaint)
    keys = [option.removeprefix("--") for action in parser._actions for option in action.option_strings]
    if place and class_path:
        full = f"{place}.{name}".replace("init_args.", "")
        known = [*keys, *(f"{place}.{key}" for key in _parameters(class_path))]
        return f"There is no {full} of {class_path.rpartition('.')[2]}{did_you_mean(full, known)}"
    if not name or (not match[2].startswith("-") and match[1].startswith("unrecognized")):
        fix = f"such as --config {match[2]}" if _takes_config(parser) else "or the files are not named together"
        return f"{match[2]!r} is not expected here: an option before it may be missing, {fix}."
    if _takes_config(parser):  # other commands have no model, and wait for no torch
        keys += [f"model.{key}" for path in MODELS for key in _parameters(path)]
    hint = did_you_mean(name, keys).replace("mean ", "mean --" if match[2].startswith("-") else "mean ")
    if _takes_config(parser):
        hint = NOT_NEEDED.get(name.rpartition(".")[2], hint)
    if match[2].startswith("-"):
        hint = hint or f"; '{parser.prog.replace(' [options]', '')} --help' lists them"
        return f"There is no option {match[2]}{hint}"
    return f"There is no config key {_wrong_part(name, keys)}{hint}"


def _missing(complaint: str, parser: ArgumentParser) -> str:
    """Explain a required argument that is missing."""
    match = re.search(r"arguments are required: (?:fit\.)?([\w., ]+?)(?:\. Got value|$)", complaint, re.MULTILINE)
    if match is None:
        return ""
    if class_path := _class_path(complaint):
        return f"{_place(complaint)}.{match[1]} is missing: {class_path.rpartition('.')[2]} needs it."
    fix = "name a config, such as --config configs/cnn.yaml" if _takes_config(parser) else "see --help"
    return f"{match[1]} is missing: {fix}."


def _bad_value(complaint: str) -> str:
    """Explain a value of the wrong type; of any other error keep the line with the reason."""
    place = _place(complaint)
    start = f"{place}: " if place else ""
    short = re.sub(r"Type \S.* expects a function or a callable class: |\. Got value: Namespace.*", "", complaint)
    lines = [line.strip() for line in short.splitlines()]
    reasons = [line.removeprefix("- ") for line in lines if not NOISE.match(line)]
    types = [re.sub(r"\. Got value: .*", "", line) for line in reasons if re.match(r"Expected an? (<|typing)", line)]
    if match := re.search(r"Expected a dot import path string: ([A-Z]\w*)$", complaint, re.MULTILINE):
        names = [path.rpartition(".")[2] for path in MODELS]
        names += [name for module in CLASSES for name in dir(import_module(module)) if name[0].isupper()]
        return f"{start}there is no class {match[1]}{did_you_mean(match[1], names)}"
    if types:
        (value, *_) = [*re.findall(r"(?:Got|Given) value: '?(.*?)'?$", short, re.MULTILINE), ""]
        return f"{start}{value!r} is not {_type_names(types)}."
    reason = reasons[0] if reasons else " ".join(complaint.split())
    if match := re.match(r"module '([^']+)' has no attribute '([^']+)'", reason):
        return f"{start}{match[1]} has no {match[2]}{did_you_mean(match[2], dir(import_module(match[1])))}"
    return f"{start}{reason}"


def _place(complaint: str) -> str:
    """Return the dotted key that an error is about; empty if it names none."""
    return ".".join(dict.fromkeys(re.findall(r'Parser key "([^"]+)"', complaint)))


def _class_path(complaint: str) -> str:
    """Return the innermost class that an error is about; empty if it names none."""
    paths = re.findall(r"(?:given class_path |Got value: Namespace\(class_path=)'([^']+)'", complaint)
    return paths[-1] if paths else ""


def _parameters(class_path: str) -> list[str]:
    """Return the keys that a class takes in a config, nested ones with dots."""
    module, _, name = class_path.rpartition(".")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(getattr(import_module(module), name), fail_untyped=False)
    return [option.removeprefix("--") for action in parser._actions for option in action.option_strings]


def _takes_config(parser: ArgumentParser) -> bool:
    return any("--config" in action.option_strings for action in parser._actions)


def _wrong_part(key: str, known: Iterable[str]) -> str:
    """Return a key up to its first part that does not exist."""
    prefixes = {".".join(parts[:depth]) for parts in (name.split(".") for name in known) for depth in range(99)}
    parts = key.split(".")
    return next((".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) not in prefixes), key)


def _type_names(expected: Iterable[str]) -> str:
    """Return expected types in words, such as "a number or one of 'auto', 'max'"."""
    text = " ".join(dict.fromkeys(expected))
    names = [TYPES.get(name, name) for name in re.findall(r"<class '(?:[\w.]+\.)?(\w+)'>", text)]
    choices = ", ".join(re.findall(r"typing\.Literal\[(.*?)\]", text))
    return " or ".join([*names, *([f"one of {choices}"] if choices else [])])
