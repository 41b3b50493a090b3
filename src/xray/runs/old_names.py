"""Renamed keys and settings, so that older checkpoints and exports can still be read."""

from collections.abc import Mapping
from typing import Any, Final

RENAMED_KEYS: Final = {
    "xray_trained_films": "xray_trained_images",
    "xray_decided_films": "xray_decided_images",
    "xray_floors": "xray_baselines",
    "xray_familiarity": "xray_ood",
    "familiarity": "ood",
    "films": "images",
    "refused_of_validation": "rejected_of_validation",
    "training_films": "training_images",
    "validation_films": "validation_images",
    "wish": "description",
}
RENAMED_VALUES: Final[Mapping[tuple[str, str], Any]] = {
    ("resize", "squash"): "stretch",
    ("overlaps", "refuse"): "reject",
    ("optimizer", "xray.models.base.adamw"): {
        "class_path": "torch.optim.AdamW",
        "init_args": {"lr": 1e-3, "weight_decay": 0.05, "fused": True},
    },
}


def with_new_names(values: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return plain values with renamed keys and settings, at any depth."""
    if isinstance(values, Mapping):
        renamed = {RENAMED_KEYS.get(key, key): with_new_names(value) for key, value in values.items()}
        new = {key: value for (key, old), value in RENAMED_VALUES.items() if renamed.get(key) == old}
        return renamed | new
    if isinstance(values, list):
        return [with_new_names(value) for value in values]
    return values
