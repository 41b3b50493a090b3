"""Read checkpoints and exports of version 0.1.0 before its keys were renamed: film is image, floor is baseline."""

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


def with_new_names(values: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return plain values with renamed keys, at any depth; `resize: squash` becomes `stretch`."""
    if isinstance(values, Mapping):
        renamed = {RENAMED_KEYS.get(key, key): with_new_names(value) for key, value in values.items()}
        return renamed | ({"resize": "stretch"} if renamed.get("resize") == "squash" else {})
    if isinstance(values, list):
        return [with_new_names(value) for value in values]
    return values
