"""Turn a parser's error into one line that says what is wrong and what was probably meant."""

import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module

from jsonargparse import ArgumentParser

from xray.utils.class_description import path_of
from xray.utils.errors import UserError

KINDS = (
    "xray.models.base.ImageClassifier",
    "torch.optim.Optimizer",
    "torch.optim.lr_scheduler.LRScheduler",
    "lightning.pytorch.callbacks.Callback",
    "lightning.pytorch.loggers.Logger",
)
"""Classes whose subclasses a config may name without their module."""

EQUIVALENTS = {
    **dict.fromkeys(("epochs", "num_epochs", "n_epochs", "n_epoch", "nb_epoch"), "trainer.max_epochs"),
    **dict.fromkeys(("lr", "learning_rate", "base_lr", "lr_max"), "model.optimizer.init_args.lr"),
    **dict.fromkeys(("weight_decay", "wd"), "model.optimizer.init_args.weight_decay"),
    **dict.fromkeys(("opt", "optim", "optimizer"), "model.optimizer"),
    **dict.fromkeys(("sched", "scheduler", "lr_scheduler"), "model.scheduler"),
    **dict.fromkeys(("drop", "drop_rate"), "model.dropout"),
    **dict.fromkeys(("smoothing", "label_smoothing"), "model.label_smoothing"),
    **dict.fromkeys(("batch_size", "bs", "batch"), "data.batch_size"),
    **dict.fromkeys(("img_size", "image_size", "input_size", "size"), "data.image_size"),
    **dict.fromkeys(("data_dir", "data_path", "data_root", "dataset", "dir", "folder", "path", "root"), "data.root"),
    **dict.fromkeys(("train_dir", "train_path"), "data.root"),
    **dict.fromkeys(("classes", "labels"), "data.class_names"),
    **dict.fromkeys(("checkpoint_callback", "save_checkpoints"), "trainer.enable_checkpointing"),
    **dict.fromkeys(("progress_bar_refresh_rate", "progress_bar"), "trainer.enable_progress_bar"),
    **dict.fromkeys(("validation_split", "val_split", "valid_pct"), "data.val_fraction"),
    **dict.fromkeys(("gpus", "num_gpus", "gpu", "num_processes", "auto_select_gpus"), "trainer.devices"),
    **dict.fromkeys(("tpu_cores", "device"), "trainer.accelerator"),
    **dict.fromkeys(("amp", "fp16", "mixed_precision", "amp_dtype"), "trainer.precision"),
    **dict.fromkeys(("clip_grad", "grad_clip", "clipnorm", "max_grad_norm"), "trainer.gradient_clip_val"),
    **dict.fromkeys(("grad_accum_steps", "gradient_accumulation_steps"), "trainer.accumulate_grad_batches"),
    **dict.fromkeys(("seed", "random_seed", "random_state"), "seed_everything"),
    **dict.fromkeys(("resume", "resume_from_checkpoint", "checkpoint", "initial_epoch", "weights"), "ckpt_path"),
    **dict.fromkeys(("model", "model_path", "ckpt", "checkpoint_path"), "ckpt_path"),
    **dict.fromkeys(("output", "output_dir"), "out"),
    **dict.fromkeys(("train", "training"), "fit"),
    **dict.fromkeys(("evaluate", "eval"), "test"),
}
"""Names from Lightning 1.x, timm, fastai, Keras and Transformers, and the key or command that does the same here."""
HINTS = {
    **dict.fromkeys(
        ("num_workers", "workers", "pin_memory", "persistent_workers"),
        ": leave it out, images are decoded once into the cache and need no workers",
    ),
    "shuffle": ": leave it out, training images are shuffled in every epoch",
    "num_classes": ": leave it out, there are two classes, and one logit for each image",
    "threshold": ": it is chosen on the validation images, as model.operating_point says",
    **dict.fromkeys(
        ("early_stopping", "patience"),
        "; early stopping is --trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor val/loss",
    ),
}
"""Names without an equivalent key, and what to do instead."""

NOISE = re.compile(
    r"(- )?($|Parser key|Does not validate|Subtypes:|Errors:|Given value|Problem with given class_path|"
    r"Expected a path but|Expected a <class 'NoneType'>|Not a valid subclass)"
)
"""Lines of an error of jsonargparse that only lead to the one with the reason."""
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "tuple": "a list such as '[a, b]'",
    "list": "a list such as '[a, b]'",
    "Sequence": "a list such as '[a, b]'",
}


def short_error(message: str, parser: ArgumentParser) -> UserError:
    """Shorten an error of jsonargparse to one line.

    Args:
        message: Its message, of one or more lines.
        parser: The parser of the command, for the keys that exist.
    """
    return UserError(_unknown_name(message, parser) or _missing(message, parser) or _bad_value(message), status=2)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" for an unknown key such as "data.batchsize"; empty without a likely one.

    Args:
        name: The key, without dashes.
        known: Keys that exist.
    """
    keys = list(known)
    meant = _equivalent(name, keys) or _same_last_part(name, keys) or _similar_sibling(name, keys)
    return f"; did you mean {meant}?" if meant else ""


def similar_name(name: str, known: Iterable[str]) -> str:
    """Return the most similar of the other names, if it differs by about one letter in four; else empty."""
    lower = {other.lower(): other for other in known if other != name}
    similar = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.75)
    return lower[similar[0]] if similar else ""


def _equivalent(name: str, keys: Sequence[str]) -> str:
    """Return the key or command that does the same as one of another trainer; empty without one."""
    target = EQUIVALENTS.get(name.rpartition(".")[2], "")
    short = target.replace(".init_args", "")
    exists = any(key in {target, short} or ("." in key and target.startswith(f"{key}.")) for key in keys)
    return target if exists and target != name else ""


def _same_last_part(name: str, keys: Sequence[str]) -> str:
    """Return the first other key with the same last part; empty without one."""
    last = name.rpartition(".")[2]
    return next((key for key in keys if key.rpartition(".")[2] == last and key != name), "")


def _similar_sibling(name: str, keys: Sequence[str]) -> str:
    """Return the key most similar to the wrong part of a name; empty without one.

    Only the last part of its siblings is compared: a common beginning makes any two keys similar.
    """
    *parents, wrong = _wrong_part(name, keys).split(".")
    split = [key.split(".") for key in keys]
    siblings = [parts[len(parents)] for parts in split if parts[: len(parents)] == parents and parts != parents]
    longer = (sibling for sibling in siblings if len(wrong) > 2 and sibling.lower().startswith(wrong.lower()))
    similar = similar_name(wrong, siblings) or next(longer, "")
    return ".".join([*parents, similar]) if similar else ""


def _unknown_name(message: str, parser: ArgumentParser) -> str:
    """Explain an option, key or parameter that does not exist."""
    match = re.search(r"(unrecognized arguments:|accept option|Option|Key) '?([^\s'=]+)", message)
    if match is None:
        return ""
    kind, given = match[1], match[2]
    group = re.match(r"Group '([\w.]+)'", message)
    name = f"{group[1]}.{given}" if group else given.lstrip("-").replace("-", "_")
    place, class_path = _place(message), _class_path(message)
    keys = [option.removeprefix("--") for action in parser._actions for option in action.option_strings]
    if place and class_path:
        full = f"{place}.{name}".replace("init_args.", "")
        if full.startswith("model.network"):
            model = class_path.rpartition(".")[2]
            return f"There is no model.network of {model}: for a network of your own set --model ImageClassifier too."
        known = [*keys, *(f"{place}.{key}" for key in _parameters(class_path))]
        hint = HINTS.get(name.rpartition(".")[2]) or did_you_mean(full, known)
        return f"There is no {full} of {class_path.rpartition('.')[2]}{hint}"
    if not name or (not given.startswith("-") and kind.startswith("unrecognized")):
        option = "--config" if given.endswith((".yaml", ".yml")) else "--ckpt_path"
        fix = f"such as {option} {given}" if _takes_config(parser) else "or the files must be listed one after another"
        return f"{given!r} is not expected here: an option before it may be missing, {fix}."
    return _unknown_key(name, given, keys, parser)


def _unknown_key(name: str, given: str, keys: list[str], parser: ArgumentParser) -> str:
    """Explain an option or config key that does not exist.

    Args:
        name: Its dotted name.
        given: What the user wrote, with dashes if it is an option.
        keys: Options of the command, without dashes.
        parser: The parser of the command.
    """
    is_option, takes_config = given.startswith("-"), _takes_config(parser)
    if not is_option and (command := name.partition(".")[0]) in {"fit", "validate", "test", "predict"}:
        return (
            f"There is no config key {command}: write what is below it at the top; the command line names the command."
        )
    if takes_config:  # other commands have no model, and wait for no torch
        keys = keys + [f"model.{key}" for model in _subclasses(KINDS[0]) for key in _parameters(model)]
    hint = did_you_mean(name, keys).replace("mean ", "mean --" if is_option else "mean ")
    if takes_config:
        hint = HINTS.get(name.rpartition(".")[2], hint)
    if is_option:
        hint = hint or f"; '{parser.prog.replace(' [options]', '')} --help' lists them"
        return f"There is no option {given}{hint}"
    return f"There is no config key {_wrong_part(name, keys)}{hint}"


def _missing(message: str, parser: ArgumentParser) -> str:
    """Explain a required argument that is missing."""
    match = re.search(r"arguments are required: (?:fit\.)?([\w., ]+?)(?:\. Got value|$)", message, re.MULTILINE)
    if match is None:
        return ""
    if class_path := _class_path(message):
        return f"{_place(message)}.{match[1]} is missing: {class_path.rpartition('.')[2]} needs it."
    fix = "give a config, such as --config configs/cnn.yaml" if _takes_config(parser) else "see --help"
    return f"{match[1]} is missing: {fix}."


def _bad_value(message: str) -> str:
    """Explain a value of the wrong type; of any other error keep the line with the reason."""
    place = _place(message)
    start = f"{place}: " if place else ""
    short = re.sub(r"Type \S.* expects a function or a callable class: |\. Got value: Namespace.*", "", message)
    lines = [line.strip() for line in short.splitlines()]
    reasons = [line.removeprefix("- ") for line in lines if not NOISE.match(line)]
    types = [re.sub(r"\. Got value: .*", "", line) for line in reasons if re.match(r"Expected an? (<|typing)", line)]
    named = re.search(r"Expected a dot import path string: (\w+)$", message, re.MULTILINE)
    if named and (named[1][0].isupper() or not types):
        return start + _wrong_class(named[1])
    if match := re.search(r"Import path does not correspond to a subclass of (\w+).*?: '?([\w.]+)", message, re.DOTALL):
        hint = f", but a network may be: model: {{network: {{class_path: {match[2]}}}}}" if place == "model" else ""
        return f"{start}{match[2]} is not a subclass of {match[1]}{hint}."
    if match := re.search(r"Unable to load config '(.*)'", message):
        return (
            f"{start}{match[1]!r} cannot stand for a group of settings: give them one by one, as --{place}.KEY VALUE."
        )
    if match := re.match(r"argument (?:-c/)?(--[\w.]+): expected one argument", message):
        return f"argument {match[1]} needs a value."
    nested = re.search(r"NestedArg\(key='([\w.]+)'", short)
    if nested and not place.endswith(f".{nested[1]}"):
        name = f"{place}.{nested[1]}"
        class_first = f": {place} has no settings here; give its class first, as --{place} CLASS."
        return (
            f"There is no option --{name}{did_you_mean(name, ['run.name']).replace('mean ', 'mean --') or class_first}"
        )
    if types:
        (value, *_) = [*re.findall(r"(?:Got|Given) value: '?(.*?)'?$", short, re.MULTILINE), ""]
        return f"{start}{value!r} is not {_type_names(types)}."
    reason = reasons[0] if reasons else " ".join(message.split())
    if match := re.match(r"module '([^']+)' has no attribute '([^']+)'", reason):
        return f"{start}{match[1]} has no {match[2]}{did_you_mean(match[2], dir(import_module(match[1])))}"
    return f"{start}{reason}"


def _wrong_class(name: str) -> str:
    """Explain a class that was named without its module and cannot be used."""
    known = {path.rpartition(".")[2]: path for kind in KINDS for path in _subclasses(kind)}
    if name in known:
        return f"{known[name]} is of another kind than is expected here."
    similar = similar_name(name, known)
    hint = f"; did you mean {similar}?" if similar else ": give one of your own with its module, such as my.Net"
    return f"there is no class {name}{hint}"


def _subclasses(path: str) -> list[str]:
    """Return the paths of all classes below one that were imported until now, and its own if it is one of ours."""
    module, _, name = path.rpartition(".")
    found, waiting = [], [getattr(import_module(module), name)]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__ in sys.modules:
            found.append(path_of(kind))
    return [other for other in found if "<locals>" not in other]


def _place(message: str) -> str:
    """Return the dotted key that an error is about; empty if it names none."""
    return ".".join(dict.fromkeys(re.findall(r'Parser key "([^"]+)"', message)))


def _class_path(message: str) -> str:
    """Return the innermost class that an error is about; empty if it names none."""
    named = r"(?:given class_path |(?:Got|Given) value: Namespace\(class_path=)'([^']+)'"
    lines = [(len(line) - len(line.lstrip()), line) for line in message.splitlines()]
    paths = [path for _, line in sorted(lines, key=lambda pair: pair[0]) for path in re.findall(named, line)]
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
