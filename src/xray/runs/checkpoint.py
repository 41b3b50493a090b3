"""Read and update checkpoints, which contain everything needed to predict an image."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xray.runs.data_settings import data_settings
from xray.runs.model_file import detect_format
from xray.runs.old_names import RENAMED_KEYS, with_new_names
from xray.utils.class_description import class_name
from xray.utils.errors import UserError, user_error_in
from xray.utils.files import atomic_path

if TYPE_CHECKING:
    from xray.evaluation.decision import Decision
    from xray.models.base import ImageClassifier

CONFIG_KEY = "xray_config"
"""Checkpoint key of the run's config, as YAML."""

TRAINED_KEY = "xray_trained_images"
"""Checkpoint key of the training images, see `xray.data.split_record.trained_images_json`."""

DATA_KEY = "xray_data"
"""Checkpoint key of the data summary, see `xray.data.split_record.summary`, as JSON."""

CODE_KEY = "xray_code"
"""Checkpoint key of the code version, see `xray.utils.provenance.code_version`, as JSON."""

METRICS_KEY = "xray_metrics"
"""Checkpoint key of the validation metrics of its epoch, as JSON."""

DECISION_KEY = "xray_decision"
"""Checkpoint key of the decision fitted on validation images, see `xray.evaluation.decision.Decision`, as JSON; set at
the end of training. The state dict has its `temperature`, `offset` and `threshold`."""

DECIDED_KEY = "xray_decided_images"
"""Checkpoint key of the images that the decision was fitted on, see `xray.data.split_record.images_to_json`."""

BASELINES_KEY = "xray_baselines"
"""Checkpoint key of the shortcut baselines fitted on the training images, see `xray.evaluation.baselines`, as JSON."""

OOD_KEY = "xray_ood"
"""Checkpoint key of the OOD detector fitted on the training images, see `xray.ood.detector`, as JSON."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read from disk.

    Args:
        path: Path of the file.
        config: The config of its run.
        content: Everything in the file.
    """

    path: Path
    config: dict[str, Any]
    content: dict[str, Any]

    def record(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the decoded JSON value of a key; None if the key is missing."""
        return with_new_names(json.loads(self.content.get(key, "null")))

    @property
    def data_settings(self) -> dict[str, Any]:
        """The settings of the training data: those of the config, and those that only the data module knew."""
        recorded = self.record(DATA_KEY) or {}
        known = ("class_names", "image_size", "resize", "patient_pattern")
        return {key: recorded[key] for key in known if key in recorded} | data_settings(self.config)

    @property
    def data_source(self) -> str:
        """The folder or table that it was trained on."""
        return str((self.record(DATA_KEY) or self.data_settings)["root"])

    @property
    def data_folder(self) -> Path:
        """Folder that relative paths of its training images start in."""
        return Path((self.record(DATA_KEY) or {}).get("folder", self.data_source))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running code in it.

    Raises:
        UserError: The file is missing, truncated, damaged or not a checkpoint of xray.
    """
    import torch

    if detect_format(path) != "checkpoint":
        raise UserError(
            f"{path} is not a checkpoint, and exported models do not work here: give a best.ckpt or last.ckpt of "
            "'python -m xray fit'."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or not isinstance(content["state_dict"], dict):
            raise TypeError("no state_dict")
        content = {RENAMED_KEYS.get(key, key): value for key, value in content.items()}
        if CONFIG_KEY not in content and "pytorch-lightning_version" in content:
            raise UserError(
                f"{path} was written by Lightning's Trainer in Python and holds no config of a run: load it in Python "
                f"by the class of its model, as with CNNClassifier.load_from_checkpoint({str(path)!r}), or train with "
                "'python -m xray fit'."
            )
        config = with_new_names(yaml.safe_load(content[CONFIG_KEY]))
        if not {"model", "data"} <= config.keys():
            raise KeyError("not the config of a run")
    except UserError:
        raise
    except Exception as error:  # any content may be in the file, and torch fails in many ways
        raise UserError(
            f"{path} is not a checkpoint of xray (it has no readable run config): give a best.ckpt or last.ckpt of "
            "'python -m xray fit'."
        ) from error
    return Checkpoint(path, config, content)


def load_classifier(checkpoint: Checkpoint) -> "ImageClassifier":
    """Build the model of a checkpoint, in evaluation mode on the CPU.

    Raises:
        UserError: This version of xray cannot build the model of its config, or the weights do not fit.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    from xray.models.base import ImageClassifier

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(ImageClassifier, "model")
    try:
        config = parser.parse_object({"model": checkpoint.config["model"]})
        model: ImageClassifier = parser.instantiate(config).model
    except (ArgumentError, KeyError, ValueError) as error:
        if user_error := user_error_in(error):
            raise user_error from error
        if missing := _missing_module(checkpoint.config.get("model")):
            raise UserError(
                f"The model of {checkpoint.path} needs the module {missing}, which is not found here: start in the "
                f"folder where {missing}.py lies."
            ) from error
        name = checkpoint.config.get("model", {}).get("class_path", "no model")
        raise UserError(
            f"{checkpoint.path} was written by another version of xray: its model {name} cannot be built from its "
            "config. Use that version, or train again."
        ) from error
    load_weights(model, checkpoint)
    return model.eval()


def _missing_module(setting: Any) -> str | None:  # noqa: ANN401 - any value of a config
    """Return the first module (or package) that a class named in a setting comes from and that cannot be found."""
    if isinstance(setting, Mapping):
        top, dot, _ = str(setting.get("class_path", "")).partition(".")
        if top and dot and find_spec(top) is None:
            return top
    parts = setting.values() if isinstance(setting, Mapping) else setting if isinstance(setting, list) else ()
    return next(filter(None, map(_missing_module, parts)), None)


def load_weights(model: "ImageClassifier", checkpoint: Checkpoint) -> None:
    """Load the weights of a checkpoint into a model.

    Raises:
        UserError: The weights belong to another model; the model is unchanged.
    """
    own = model.state_dict()
    # Older checkpoints have no offset.
    stored = {"offset": own["offset"].new_zeros(()), **checkpoint.content["state_dict"]}
    different = sorted(own.keys() ^ stored.keys()) or sorted(key for key in own if own[key].shape != stored[key].shape)
    if different:
        stored_class = class_name(checkpoint.config["model"])
        raise UserError(
            f"{checkpoint.path} contains another model ({stored_class}) than the config's {type(model).__name__}: "
            f"{len(different)} tensors differ, the first is {different[0]}. Use the config that it was trained with, "
            "or leave --config out."
        )
    model.load_state_dict(stored)


def store_decision(
    path: Path,
    decision: "Decision",
    images: str,
    *,
    keep_earlier: bool,
    baselines: Mapping[str, Any] | None = None,
    ood: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Replace the decision in a checkpoint atomically; the weights stay unchanged.

    Args:
        path: The checkpoint.
        decision: The new decision.
        images: The images that it was fitted on, see `DECIDED_KEY`.
        keep_earlier: Whether to keep the previous decisions under `earlier`; not at the end of training.
        baselines: Shortcut baselines by name as plain values. None keeps the stored ones.
        ood: OOD detector as plain values. None keeps the stored one.

    Returns:
        The stored decision as plain values.

    Raises:
        UserError: The checkpoint cannot be read or written.
    """
    import torch

    checkpoint = read_checkpoint(path)
    content, previous = checkpoint.content, checkpoint.record(DECISION_KEY)
    earlier = [previous, *previous.pop("earlier")] if keep_earlier and previous is not None else []
    stored = decision.as_dict() | {"earlier": earlier}
    content["state_dict"] |= {
        "temperature": torch.tensor(decision.temperature),
        "offset": torch.tensor(decision.offset),
        "threshold": torch.tensor(decision.threshold),
    }
    content[DECISION_KEY] = json.dumps(stored)
    content[DECIDED_KEY] = images
    if baselines is not None:
        content[BASELINES_KEY] = json.dumps(baselines)
    if ood is not None:
        content[OOD_KEY] = json.dumps(ood)
    try:
        with atomic_path(path) as partial:
            torch.save(content, partial)
    except (OSError, RuntimeError) as error:  # torch raises the latter when the disk is full
        raise UserError(
            f"{path} cannot be written ({error}) and stays unchanged: free space or fix its permissions."
        ) from error
    return stored
