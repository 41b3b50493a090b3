"""Which settings differ between runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from xray.utils.class_description import arguments, class_name

MISSING = "–"
"""Shown for a setting that a run does not have, such as one of another model."""
ELSEWHERE = (
    *("run", "ckpt_path", "imports", "trainer.logger", "trainer.accelerator", "trainer.devices", "trainer.num_nodes"),
    *("trainer.strategy", "trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.log_every_n_steps"),
    *("trainer.profiler", "data.cache", "data.num_workers"),
)
"""Settings, with those below them, of where and on what a run was trained rather than how."""
PATHS = ("root", "dirpath", "default_root_dir", "save_dir", "cache_dir", "path", "checkpoints")
"""Last parts of the names of settings that are paths. Their fingerprints show whether the images differ."""


def differing_settings(sources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the settings that differ between runs with a recorded config, each with one value for each run.

    Args:
        sources: Provenance of each run's predictions, see `xray.evaluation.scored_set.ScoredSet`.

    Returns:
        A mapping of `setting` and `values`, a list of texts, for each; model and images first.
    """
    settings = [settings_of(source) for source in sources]
    recorded = [each for each in settings if each]
    names = dict.fromkeys(name for each in recorded for name in each)
    ordered = sorted(names, key=lambda name: not name.startswith(("model", "images")))
    return [
        {"setting": name, "values": [each.get(name, MISSING) for each in settings]}
        for name in ordered
        if len({each.get(name, MISSING) for each in recorded}) > 1
    ]


def settings_of(source: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a run by their names on the command line, without paths; empty if it has no config.

    >>> settings_of({"config": {"model": {"class_path": "a.B", "init_args": {"x": 2}}, "data": {"root": "here"}}})
    {'model': 'B', 'model.x': '2'}
    """
    if not source.get("config"):
        return {}
    flat = _flat(source["config"])
    splits = (source.get("training_data") or {}).get("splits") or {}
    images = {
        f"images of {name}": f"{splits[name].get('images', 'unknown')}, fingerprint {splits[name].get('fingerprint')}"
        for name in ("train", "val")
        if name in splits
    }
    return images | {name: value for name, value in flat.items() if not _is_elsewhere(name)}


def _is_elsewhere(name: str) -> bool:
    below = any(name == other or name.startswith(f"{other}.") for other in ELSEWHERE)
    return below or name.rpartition(".")[2] in PATHS


def _flat(value: Any, name: str = "") -> dict[str, str]:  # noqa: ANN401 - any value of a config
    """Return the values below a key by dotted names, in which neither `class_path` nor `init_args` occurs."""
    if isinstance(value, Mapping) and "class_path" in value:
        rest = {key: part for key, part in value.items() if key not in {"class_path", "init_args"}}
        own = {name: str(class_name(value))} if name else {}
        return own | _flat(rest | arguments(value), name)
    if isinstance(value, Mapping):
        parts = {f"{name}.{key}" if name else str(key): part for key, part in value.items()}
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        parts = {f"{name}.{class_name(part) or i}": part for i, part in enumerate(value)}
    else:
        return {name: str(value)}
    return {key: leaf for part_name, part in parts.items() for key, leaf in _flat(part, part_name).items()}
