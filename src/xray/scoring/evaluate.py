"""Score a split with a checkpoint: predictions, baselines, ablations, OOD ratios, corruptions and maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xray.data.decode.header import ImageHeader
from xray.data.index.base import ImageRecord
from xray.data.split_record import fingerprint
from xray.evaluation.ablations import ABLATIONS, ablate
from xray.evaluation.arrays import Scores
from xray.evaluation.example_images import choose_images
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.scored_set import ScoredSet
from xray.ood.detector import MIN_IMAGES, OODDetector
from xray.runs.checkpoint import BASELINES_KEY, CODE_KEY, DATA_KEY, DECISION_KEY, OOD_KEY, Checkpoint
from xray.scoring.baselines import score_baselines
from xray.scoring.corruptions import corrupt, variants
from xray.scoring.inference import logits_of
from xray.scoring.leakage import find_duplicates
from xray.utils.progress import with_progress
from xray.utils.provenance import code_version
from xray.utils.text import count

if TYPE_CHECKING:
    from xray.data.image_data import ImageData
    from xray.models.base import ImageClassifier

CORRUPTION_SEED = 0


@dataclass(frozen=True)
class SplitScorer:
    """Score one split with one checkpoint.

    Args:
        checkpoint: The checkpoint.
        run: Name of its run; None if the checkpoint lies outside of one.
        split: The split: val or test.
        external: Whether the images come from another source than the training images.
        robustness: Whether to score corrupted images too.
        imports: Modules from outside the package that the report needs again.
    """

    checkpoint: Checkpoint
    run: str | None
    split: str
    external: bool = False
    robustness: bool = False
    imports: tuple[str, ...] = ()

    def score(self, model: "ImageClassifier", data: "ImageData", logits: Scores) -> ScoredSet:
        """Compute all tables of the scored set.

        Args:
            model: The model in evaluation mode.
            data: Set up for the split.
            logits: Logits of its images, shape (images,).
        """
        # First, since it adds notes to the data, which are part of the source.
        duplicates = find_duplicates(self.checkpoint, data, self.split)
        table = predictions_table(model, data, self.split, logits)
        headers = data.headers(self.split)
        baselines = score_baselines(self.checkpoint.record(BASELINES_KEY) or {}, data, self.split, headers)
        return ScoredSet(
            table,
            source_of(self, model, data),
            images=file_columns(data, self.split, headers),
            columns=further_columns(data.images[self.split]),
            ablations=baselines | ablation_logits(model, data, self.split),
            ood_scores=ood_ratios(self.checkpoint, data, self.split),
            robustness=corruption_logits(model, data, self.split) if self.robustness else {},
            duplicates=duplicates,
            maps=maps_of(model, data, self.split, table),
        )


def source_of(scorer: SplitScorer, model: "ImageClassifier", data: "ImageData") -> dict[str, Any]:
    """Return where the tables come from: checkpoint, run, data and decision."""
    checkpoint, split = scorer.checkpoint, scorer.split
    return {
        "set": "test" if split == "test" else "validate",
        "external": scorer.external,
        "checkpoint": str(checkpoint.path),
        "epoch": checkpoint.content["epoch"] + 1,
        "run": scorer.run,
        "data_root": data.source_name,
        "split": split,
        "data_fingerprint": fingerprint(data.images[split]),
        "image_size": data.image_size,
        "resize": data.resize,
        "class_names": list(data.class_names),
        "temperature": float(model.temperature),
        "offset": float(model.offset),
        "threshold": float(model.threshold),
        "decision": checkpoint.record(DECISION_KEY),
        "model": model.title,
        "config": checkpoint.config,
        "imports": list(scorer.imports),
        "code": code_version(),
        "trained_with": checkpoint.record(CODE_KEY),
        "training_data": checkpoint.record(DATA_KEY),
        "why_no_ood_check": why_no_ood_check(checkpoint),
        "notes": data.notes,
    }


def why_no_ood_check(checkpoint: Checkpoint) -> str:
    """Return why a checkpoint has no OOD detector, as a clause; empty if it has one."""
    if checkpoint.record(OOD_KEY) is not None:
        return ""
    trained = checkpoint.record(DATA_KEY)
    images = trained["splits"]["train"]["images"] if trained else MIN_IMAGES
    if images < MIN_IMAGES:
        return f"the fit had {count(images, 'training image')}, where the OOD detector needs {MIN_IMAGES}"
    return "the checkpoint has no OOD detector"


def file_columns(data: "ImageData", split: str, headers: Sequence[ImageHeader]) -> dict[str, list[str]]:
    """Return size, mode, bytes and hash of each image file, by column."""
    columns = {
        name: [str(getattr(header, name)) for header in headers] for name in ("width", "height", "mode", "bytes")
    }
    return columns | {"digest": [image.digest for image in data.images[split]]}


def further_columns(images: Sequence[ImageRecord]) -> dict[str, list[str]]:
    """Return what else is known of images, by the name of the column; empty where it is unknown."""
    names = dict.fromkeys(name for image in images for name in image.columns)
    return {name: [image.columns.get(name, "") for image in images] for name in names}


def ablation_logits(model: "ImageClassifier", data: "ImageData", split: str) -> dict[str, Scores]:
    """Return the logits of the images with parts hidden, by the name of the ablation."""
    grey = round(255 * float(model.mean))
    return {
        name: logits_of(model, (ablate(images, name, grey) for images in data.grey_chunks(split)), data.batch_size)
        for name in ABLATIONS
    }


def ood_ratios(checkpoint: Checkpoint, data: "ImageData", split: str) -> dict[str, Scores]:
    """Return OOD distances as multiples of their limits, by feature; empty if the checkpoint has no detector."""
    stored = checkpoint.record(OOD_KEY)
    return {} if stored is None else OODDetector.from_dict(stored).ratios(data.grey_chunks(split))


def corruption_logits(model: "ImageClassifier", data: "ImageData", split: str) -> dict[str, Scores]:
    """Return the logits of the images under each corruption and strength, by `name_strength`."""
    logits = {}
    for name, strength in with_progress(variants(), "Scoring corrupted images", len(variants())):
        first, chunks = 0, []
        for images in data.grey_chunks(split):
            corrupted = corrupt(images, name, strength, CORRUPTION_SEED, first)
            chunks.append(logits_of(model, [corrupted], data.batch_size))
            first += len(images)
        logits[f"{name}_{strength}"] = np.concatenate(chunks)
    return logits


def maps_of(
    model: "ImageClassifier", data: "ImageData", split: str, table: Predictions
) -> dict[int, npt.NDArray[np.float64]]:
    """Return Grad-CAM maps of some images of a split by row, see `choose_images`; empty for networks without.

    Occlusion takes two hundred passes per image and is left to `explain`.
    """
    from xray.models.feature_map import find_feature_map
    from xray.models.grad_cam import grad_cam

    feature_map = find_feature_map(model, data.image_size)
    rows = choose_images(table, data.class_names)
    if feature_map is None or not rows:
        return {}
    return dict(zip(rows, grad_cam(model, feature_map.layer, data.grey_images(split, rows)), strict=True))


def predictions_table(model: "ImageClassifier", data: "ImageData", split: str, logits: Scores) -> Predictions:
    """Return the predictions table of a split."""
    import torch

    images = data.images[split]
    probability = model.probability(torch.from_numpy(logits)).numpy()
    return Predictions(
        path=[str(data.root / image.path) for image in images],
        patient=[image.patient for image in images],
        label=[data.class_names[image.label] for image in images],
        logit=logits,
        probability=probability,
        decision=decide(probability, float(model.threshold), data.class_names),
    )
