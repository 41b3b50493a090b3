"""Predict with a checkpoint, in torch."""

import hashlib
import json
from pathlib import Path

import torch
from torch import nn

from xray.data.arrays import Images
from xray.evaluation.arrays import Scores
from xray.models.base import ImageClassifier
from xray.models.feature_map import find_feature_map
from xray.models.grad_cam import grad_cam
from xray.predictor.base import BATCH, Maps, no_grad_cam_error
from xray.predictor.manifest import Manifest
from xray.runs.checkpoint import CODE_KEY, DATA_KEY, DECISION_KEY, OOD_KEY, Checkpoint, load_classifier
from xray.runs.run import run_of_checkpoint
from xray.scoring.inference import best_device, logits_of
from xray.utils.errors import UserError
from xray.utils.hardware import prepare_torch


class CheckpointPredictor:
    """Run the model of a checkpoint with torch, on a GPU if available.

    Raises:
        UserError: The model cannot be built, or its weights are NaN.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        prepare_torch()
        self.path = checkpoint.path
        self.model = load_classifier(checkpoint).to(best_device())
        if any(torch.isnan(parameter).any() for parameter in self.model.parameters()):
            raise UserError(
                f"{self.path} cannot be used: its weights are NaN. Training diverged; train with a lower learning rate."
            )
        self.feature_map = find_feature_map(self.model, checkpoint.data_settings["image_size"])
        self.manifest = manifest_of(checkpoint, self.model, has_grad_cam=self.feature_map is not None)

    def logits(self, images: Images) -> Scores:
        """See `Predictor.logits`."""
        return logits_of(self.model, [images], BATCH)

    def grad_cam(self, images: Images) -> Maps:
        """See `Predictor.grad_cam`."""
        if self.feature_map is None:
            raise no_grad_cam_error(self.path)
        return grad_cam(self.model, self.feature_map.layer, images)


def manifest_of(checkpoint: Checkpoint, model: ImageClassifier, has_grad_cam: bool) -> Manifest:
    """Return the manifest of a checkpoint and its model."""
    data = checkpoint.data_settings
    run = run_of_checkpoint(checkpoint.path)
    decision = checkpoint.record(DECISION_KEY)
    tested = _tested(checkpoint, run.logs / "test" / "metrics.json", model) if run else None
    return Manifest(
        format="checkpoint",
        model=model.title,
        run=run.name if run else None,
        version=version_of(model),
        code=checkpoint.record(CODE_KEY),
        image_size=data["image_size"],
        resize=data["resize"],
        class_names=(data["class_names"][0], data["class_names"][1]),
        patient_pattern=data["patient_pattern"],
        temperature=float(model.temperature),
        offset=float(model.offset),
        threshold=float(model.threshold),
        # Leaves out earlier decisions and paths of the machine.
        decision={
            key: decision[key] for key in ("rule", "target", "description", "auroc", "sensitivity", "specificity")
        }
        | {key: decision["fitted_on"][key] for key in ("images", "patients")}
        | ({"test": tested} if tested else {})
        if decision
        else None,
        training=_training(checkpoint),
        ood=checkpoint.record(OOD_KEY),
        has_grad_cam=has_grad_cam,
    )


def _tested(checkpoint: Checkpoint, metrics: Path, model: ImageClassifier) -> dict[str, object] | None:
    """Return images, sensitivity and specificity of the run's test; None if it had no or another decision."""
    try:
        summary = json.loads(metrics.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    decision = (float(model.temperature), float(model.offset), float(model.threshold), checkpoint.path.name)
    of_test = (
        summary["temperature"],
        summary.get("offset", 0.0),
        summary["threshold"],
        Path(summary["source"]["checkpoint"]).name,
    )
    shares = {name: summary["metrics"][name] for name in ("sensitivity", "specificity")}
    if decision != of_test or any(share["value"] is None for share in shares.values()):
        return None
    return {"images": summary["images"], "patients": summary["patients"], **shares}


def version_of(model: nn.Module) -> str:
    """Return a hash of weights and decision, 12 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=6)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _training(checkpoint: Checkpoint) -> dict[str, object] | None:
    data = checkpoint.record(DATA_KEY)
    if data is None:
        return None
    return {"folder": Path(data["root"]).resolve().name, **data["splits"]["train"]}
