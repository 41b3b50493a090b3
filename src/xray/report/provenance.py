"""Provenance of a report: run, data, code, splits, exclusions, and the commands that reproduce it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xray.evaluation.scaling import Scaling
from xray.report.summary_text import Summary, number
from xray.runs.data_settings import data_settings
from xray.runs.history import Epoch, duration
from xray.utils.class_description import arguments, class_name, class_path
from xray.utils.text import count

UNKNOWN = "not recorded"
FITTED_ON = {"Fitted on images of": "data_root", "Fingerprint of those images": "fingerprint"}


def provenance(summary: Summary) -> list[tuple[str, str]]:
    """Return what was scored, with which model and which code, as rows of name and value."""
    source, method = summary["source"], summary["method"]
    decision = source.get("decision") or {}
    fitted_on = decision.get("fitted_on") or {}
    intervals = f"{method['level']:.0%}, {method['interval']}, {method['resamples']:,} resamples; AUROC also by DeLong"
    if table := source.get("table"):
        rows = [("Table of predictions", table), ("Threshold", number(summary["threshold"]))]
        return [*rows, ("Evaluated with", _code(source.get("code")) or UNKNOWN), ("Intervals", intervals)]
    rows = [
        ("Run", source.get("run") or "none: the checkpoint is not in a run's folder"),
        ("Model", source.get("model")),
        ("Checkpoint", source.get("checkpoint")),
        ("Images", source.get("data_root")),
        ("Split", source.get("split")),
        ("Fingerprint of the images", source.get("data_fingerprint")),
        ("Input", _input(source)),
        ("Scaling", Scaling.of(summary)),
        ("Threshold", number(summary["threshold"])),
        ("Operating point", decision.get("description") or "none was fitted"),
        *((name, fitted_on.get(key)) for name, key in FITTED_ON.items() if decision),
        ("Scored with", _code(source.get("code"))),
        ("Trained with", _code(source.get("trained_with"))),
        ("Intervals", intervals),
    ]
    return [(name, str(value or UNKNOWN)) for name, value in rows]


def splits(summary: Summary) -> list[dict[str, Any]]:
    """Return images and patients of each split of the training data, then of the images scored here."""
    recorded = (summary["source"].get("training_data") or {}).get("splits") or {}
    titles = {"train": "Training", "val": "Validation", "test": "Test"}
    rows = [
        {
            "name": titles.get(name, name),
            "images": split.get("images"),
            "patients": split.get("patients"),
            "by_class": split.get("images_by_class") or {},
            "fingerprint": split.get("fingerprint"),
        }
        for name, split in recorded.items()
    ]
    scored = {
        "name": "Scored here",
        "images": summary["images"],
        "patients": summary["patients"],
        "by_class": summary["images_by_class"],
        "fingerprint": summary["source"].get("data_fingerprint"),
    }
    return [*rows, scored]


def exclusions(summary: Summary) -> list[str]:
    """Return the notes on images left out of training, of fitting the decision, and of this scored set."""
    source = summary["source"]
    trained = (source.get("training_data") or {}).get("notes") or []
    scored = source.get("notes") or []
    fitted = ((source.get("decision") or {}).get("fitted_on") or {}).get("notes") or []
    return [
        *(f"Training: {note}" for note in trained if note not in scored),
        *(f"Operating point: {note}" for note in fitted if note not in scored and note not in trained),
        *scored,
    ]


def commands(source: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the commands that reproduce the result, each with a description of what it does."""
    run, checkpoint, root = (str(source.get(key) or "") for key in ("run", "checkpoint", "data_root"))
    steps = []
    if run:
        steps.append(("Train the same model again", ["fit", "--config", str(Path("logs", run, "config.yaml"))]))
    scoring = "validate" if source.get("set") == "validate" else "test"
    score = [scoring, "--ckpt_path", checkpoint]
    trained_on = (source.get("training_data") or {}).get("root")
    if root and root != trained_on:
        score += ["--data.root", root]
    if checkpoint:
        steps.append(("Score these images again", score))
    if source.get("table"):
        steps.append(("Write this report again", ["report", source["table"], *source.get("options", [])]))
    if run:
        steps.append(("Rebuild the report without the model", ["report", run]))
    return [(text, f"python -m xray {shlex.join(args)}") for text, args in steps]


def training(summary: Summary, history: Sequence[Epoch] = ()) -> list[tuple[str, str]]:
    """Return the kept epoch, the duration and the main settings of the training, as far as they are recorded."""
    source = summary["source"]
    config = source.get("config") or {}
    model, trainer = config.get("model"), arguments(config.get("trainer"))
    data = data_settings(config)
    settings = arguments(model)
    optimizer, scheduler = settings.get("optimizer"), settings.get("scheduler")
    kept = source.get("epoch")
    last = f" of {history[-1]['epoch']:.0f}" if history else ""
    rows = [
        ("Kept epoch", f"{kept}{last}" if kept else None),
        ("Duration", f"{duration(history)} in {count(len(history), 'epoch')}" if history else None),
        ("Model class", class_path(model)),
        *(
            (f"Model: {key}", _plain(value))
            for key, value in settings.items()
            if key not in {"optimizer", "scheduler", "operating_point"}
        ),
        ("Optimiser", class_path(optimizer)),
        ("Learning rate", arguments(optimizer).get("lr")),
        ("Schedule", class_path(scheduler)),
        ("Max epochs", trainer.get("max_epochs")),
        ("Precision", trainer.get("precision")),
        ("Batch size", data.get("batch_size")),
        ("Image size", _input(source)),
        ("Augmentation", _plain(data.get("augmentation"))),
        ("Seed", config.get("seed_everything")),
        ("Split seed", data.get("split_seed")),
        ("Validation images", data.get("validation")),
        ("Device", (source.get("trained_with") or {}).get("device")),
        ("Versions", _code(source.get("trained_with"))),
    ]
    return [(name, str(value)) for name, value in rows if value is not None]


def _plain(value: Any) -> str | None:  # noqa: ANN401 - any value of a config
    if isinstance(value, Mapping) and "class_path" in value:
        settings = arguments(value)
        return f"{class_name(value)} ({_plain(settings)})" if settings else class_name(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(str(_plain(part)) for part in value)
    return None if value is None else str(value)


def _input(source: Mapping[str, Any]) -> str | None:
    size, rule = source.get("image_size"), source.get("resize")
    return f"{size}x{size} pixels, {rule}" if size else None


def _code(code: Mapping[str, Any] | None) -> str | None:
    if not code:
        return None
    commit = code.get("commit")
    changed = " with uncommitted changes" if code.get("changed") else ""
    versions = ", ".join(f"{name} {code[name]}" for name in ("python", "torch", "lightning") if code.get(name))
    return f"xray {code.get('xray')}, {f'commit {commit}{changed}' if commit else 'unknown commit'}, {versions}"
