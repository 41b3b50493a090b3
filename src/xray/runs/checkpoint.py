"""A checkpoint is whole: with it alone a grey image becomes a decision."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xray.runs.model_file import kind_of
from xray.runs.old_names import RENAMED_KEYS, with_new_names
from xray.utils.errors import UserError, user_error_in
from xray.utils.files import whole

if TYPE_CHECKING:
    from xray.evaluation.decision import Decision
    from xray.models.base import ImageClassifier

CONFIG_KEY = "xray_config"
"""Key of a checkpoint under which the run's config lies, as YAML."""

TRAINED_KEY = "xray_trained_images"
"""Key under which the images lie that its weights have seen, see `xray.data.split_record.trained_images`."""

DATA_KEY = "xray_data"
"""Key of the summary of the run's data, see `xray.data.split_record.summary`, as JSON."""

CODE_KEY = "xray_code"
"""Key of the code that trained it, see `xray.utils.provenance.code_version`, as JSON."""

DECISION_KEY = "xray_decision"
"""Key of the decision fitted on validation images, see `xray.evaluation.decision.Decision`, as JSON; there since the
end of its fit. `temperature` and `threshold` of the state dict are the decision's."""

DECIDED_KEY = "xray_decided_images"
"""Key under which the images lie that its decision was fitted on, see `xray.data.split_record.images_to_json`."""

BASELINES_KEY = "xray_baselines"
"""Key of the shortcut baselines fitted on its training images, see `xray.evaluation.shortcuts`, as JSON."""

OOD_KEY = "xray_ood"
"""Key of the OOD detector fitted on its training images, see `xray.ood.detector`, as JSON."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read from disk.

    Args:
        path: Where it was.
        config: The config of the run that made it.
        content: All that Lightning stored.
    """

    path: Path
    config: dict[str, Any]
    content: dict[str, Any]

    def record(self, key: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        """What lies in it as JSON under a key; None where nothing does."""
        return with_new_names(json.loads(self.content.get(key, "null")))


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running code from it.

    Raises:
        UserError: It is missing, truncated, damaged, no checkpoint, or none of ours.
    """
    import torch

    if kind_of(path) != "checkpoint":
        raise UserError(
            f"{path} is no checkpoint, and an exported model is not enough here: name a best.ckpt or last.ckpt that "
            "'python -m xray fit' has written."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or not isinstance(content["state_dict"], dict):
            raise TypeError("it holds other things")
        content = {RENAMED_KEYS.get(key, key): value for key, value in content.items()}
        config = with_new_names(yaml.safe_load(content[CONFIG_KEY]))
        if not {"model", "data"} <= config.keys():
            raise KeyError("its config describes no run")
    except Exception as error:  # code in it is rejected in one way, other things fail in many
        raise UserError(
            f"{path} is no checkpoint of xray (it carries no run config that can be read): name a best.ckpt or "
            "last.ckpt that 'python -m xray fit' has written."
        ) from error
    return Checkpoint(path, config, content)


def load_classifier(checkpoint: Checkpoint) -> "ImageClassifier":
    """Build the model of a checkpoint, ready to predict on the CPU.

    Raises:
        UserError: The config in it does not describe a model of this version, or the weights do not fit it.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    from xray.models.base import ImageClassifier

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(ImageClassifier, "model")
    try:
        config = parser.parse_object({"model": checkpoint.config["model"]})
        model: ImageClassifier = parser.instantiate(config).model
    except (ArgumentError, KeyError, ValueError) as error:
        if known := user_error_in(error):
            raise known from error
        named = checkpoint.config.get("model", {}).get("class_path", "no model")
        raise UserError(
            f"{checkpoint.path} was made by another version of xray: its model {named} cannot be built as its config "
            "says. Use the version that made it, or train anew."
        ) from error
    load_weights(model, checkpoint)
    return model.eval()


def load_weights(model: "ImageClassifier", checkpoint: Checkpoint) -> None:
    """Give a model the weights of a checkpoint.

    Raises:
        UserError: They belong to another model.
    """
    own, stored = model.state_dict(), checkpoint.content["state_dict"]
    odd = sorted(own.keys() ^ stored.keys()) or sorted(key for key in own if own[key].shape != stored[key].shape)
    if odd:
        made_by = checkpoint.config["model"]["class_path"].rpartition(".")[2]
        raise UserError(
            f"{checkpoint.path} holds another model ({made_by}) than the config's {type(model).__name__}: {len(odd)} "
            f"tensors differ, the first is {odd[0]}. Give the config that it was trained with, or none."
        )
    model.load_state_dict(stored)


def store_decision(
    path: Path,
    decision: "Decision",
    images: str,
    baselines: Mapping[str, Any] | None = None,
    ood: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put a decision into a checkpoint, whole or not at all; its weights stay as they are.

    Args:
        path: The checkpoint.
        decision: What takes the place of the decision in it.
        images: Those that it was fitted on, see `DECIDED_KEY`.
        baselines: Shortcut baselines by name, as plain values, at the end of a fit. None leaves those in it, and keeps the
            decision so far under `earlier`.
        ood: What tells pictures that are no chest X-rays, as plain values. None leaves what is in it.

    Returns:
        What it holds as its decision now, as plain values.

    Raises:
        UserError: It cannot be read or written.
    """
    import torch

    checkpoint = read_checkpoint(path)
    content, so_far = checkpoint.content, checkpoint.record(DECISION_KEY)
    earlier = [] if baselines is not None or so_far is None else [so_far, *so_far.pop("earlier")]
    stored = decision.as_dict() | {"earlier": earlier}
    content["state_dict"] |= {
        "temperature": torch.tensor(decision.temperature),
        "threshold": torch.tensor(decision.threshold),
    }
    content[DECISION_KEY] = json.dumps(stored)
    content[DECIDED_KEY] = images
    if baselines is not None:
        content[BASELINES_KEY] = json.dumps(baselines)
    if ood is not None:
        content[OOD_KEY] = json.dumps(ood)
    try:
        with whole(path) as partial:
            torch.save(content, partial)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by the latter
        raise UserError(f"{path} cannot be written ({error}): it stays as it was; mend the place.") from error
    return stored
