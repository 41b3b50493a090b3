"""Use any LightningDataModule: collect the images of its batches in memory."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.utils.data import DataLoader

from xray.data.arrays import Images
from xray.data.dataset import ImageBatch, ImageDataset, whole_batch
from xray.data.decode.header import ImageHeader
from xray.data.decode.image import ResizeRule
from xray.data.image_data import ImageData
from xray.data.image_source import Overlaps, check_overlaps
from xray.data.index.base import CLASS_NAMES, ImageRecord
from xray.data.index.patients import KERMANY_PATTERN
from xray.utils.class_description import path_of
from xray.utils.errors import UserError

SPLITS: Final = {
    "fit": ("train", "val"),
    "validate": ("val",),
    "calibrate": ("val",),
    "test": ("test",),
    "predict": ("test",),
}
"""Splits that a stage needs."""
STAGES: Final = {"calibrate": "validate", "predict": "test"}
"""Lightning's name of a stage, where it differs."""
BATCH_FORM: Final = (
    "a dictionary with image (shape (n, 1, size, size), uint8, or float from 0 to 1) and label (0 or 1), and where "
    "known path and patient"
)


class BatchedImages(ImageData):
    """The images of another data module.

    Training uses its own batches. All other images are collected once, as grey values in memory, as the data module
    yields them; train images too, for the shortcut baselines and the OOD detector.

    The other module may have attributes `class_names`, `resize` (how files to predict are made square),
    `patient_pattern` and `overlaps`, with the meaning and defaults of those of
    `xray.data.datamodule.ChestXRayDataModule`.

    Args:
        module: Yields batches: dictionaries of `image`, of shape (n, 1, size, size), uint8 or float from 0 to 1, and
            `label`, 0 or 1; and where known `path` and `patient`, lists of texts.
    """

    def __init__(self, module: LightningDataModule) -> None:
        super().__init__()
        self.module = module
        self.source_name = path_of(type(module))
        self.root = Path()
        self.class_names = tuple(getattr(module, "class_names", CLASS_NAMES))
        self.patient_pattern = getattr(module, "patient_pattern", KERMANY_PATTERN)
        self.resize = getattr(module, "resize", "stretch")
        self.batch_size = getattr(module, "batch_size", 32)
        self.overlaps: Overlaps = getattr(module, "overlaps", "reject")
        for name, value, allowed in (("resize", self.resize, ResizeRule), ("overlaps", self.overlaps, Overlaps)):
            if value not in get_args(allowed):
                raise UserError(
                    f"{self.source_name}: {name} is {value!r}, where it must be one of {', '.join(get_args(allowed))}."
                )
        self.validation = "folder"
        self.image_size = 0
        self.notes = []
        self._prepared = False

    def prepare_data(self) -> None:
        """Let the other module prepare its data, once."""
        if not self._prepared:
            self.module.prepare_data()
            self._prepared = True

    def setup(self, stage: str) -> None:
        """See `ImageData.setup`."""
        self.module.trainer = self.trainer
        missing = [split for split in SPLITS[stage] if split not in self.images]
        if not missing:
            return
        self.prepare_data()
        self.module.setup(STAGES.get(stage, stage))
        for split in missing:
            # Whatever random numbers the loader draws, training draws the same as without this.
            with torch.random.fork_rng():
                self._collect(split)
        if stage == "fit":
            self.reject_overlaps(self.images["train"], self.images["val"])

    def _collect(self, split: str) -> None:
        loader = getattr(self.module, f"{split}_dataloader")()
        batches = [self._checked(batch) for batch in (() if loader is None else loader)]
        if not batches:
            raise UserError(f"{self.source_name} yields no batch for {split}.")
        if len(sizes := sorted({batch["image"].shape[-1] for batch in batches})) > 1:
            raise UserError(
                f"{self.source_name} yields images of {sizes[0]} and of {sizes[-1]} pixels for {split}: resize all to "
                "one size."
            )
        pixels = np.concatenate([_grey(batch["image"]) for batch in batches])
        labels = [int(label) for batch in batches for label in batch["label"]]
        for label, name in enumerate(self.class_names):
            if label not in labels:
                raise UserError(f"{self.source_name}: no image of class {name} for {split}; each class needs some.")
        paths, patients = ([str(value) for b in batches for value in b.get(key, [])] for key in ("path", "patient"))
        paths = paths if len(paths) == len(labels) else [f"{split}/{i:06d}" for i in range(len(labels))]
        named = len(patients) == len(labels)
        if not named:
            patients = paths
            self.note("The data module names no patients: each image counts as a patient of its own.")
        self.image_size = pixels.shape[-1]
        self.images[split] = [
            ImageRecord(path, split, label, patient, patient, hashlib.blake2b(image.tobytes()).hexdigest(), named)
            for path, label, patient, image in zip(paths, labels, patients, pixels, strict=True)
        ]
        self._datasets[split] = ImageDataset(pixels, np.arange(len(pixels)), labels)

    def _checked(self, batch: Any) -> dict[str, Any]:  # noqa: ANN401 - anything may come
        """Return a batch with labels as a tensor of shape (n,), paths and patients as lists.

        Raises:
            UserError: It is of another form.
        """
        if not isinstance(batch, Mapping) or not {"image", "label"} <= batch.keys():
            found = f"with {', '.join(map(str, batch))}" if isinstance(batch, Mapping) else f"as {type(batch).__name__}"
            raise UserError(f"{self.source_name} yields batches {found}, where xray needs {BATCH_FORM}.")
        image = batch["image"]
        if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[1] != 1 or image.shape[2] != image.shape[3]:
            shape = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
            raise UserError(f"{self.source_name} yields images of shape {shape}, where xray needs {BATCH_FORM}.")
        if image.dtype != torch.uint8 and not image.is_floating_point():
            raise UserError(f"{self.source_name} yields images of {image.dtype}, where xray needs {BATCH_FORM}.")
        if image.numel() and image.is_floating_point() and not (image.min() >= 0 and image.max() <= 1):
            raise UserError(
                f"{self.source_name} yields images with values from {image.min():.3g} to {image.max():.3g}, where xray "
                f"needs {BATCH_FORM}; the model normalises them itself."
            )
        label = batch["label"]
        if isinstance(label, Tensor):
            label = label.flatten().tolist()
        if not set(label) <= {0, 1}:
            raise UserError(f"{self.source_name} yields other labels than 0 and 1.")
        lists = {
            key: batch[key].tolist() if isinstance(batch[key], Tensor) else list(batch[key])
            for key in ("path", "patient")
            if key in batch
        }
        for key, values in {"label": label, **lists}.items():
            if len(values) != len(image):
                raise UserError(f"{self.source_name} yields {len(values)} values of {key} with {len(image)} images.")
        return {**batch, "label": torch.tensor(label, dtype=torch.int64, device=image.device), **lists}

    @property
    def has_test(self) -> bool:
        """Return whether the other module has a `test_dataloader` of its own."""
        return is_overridden("test_dataloader", self.module, LightningDataModule)

    def note(self, note: str) -> None:
        """See `ImageData.note`."""
        if note not in self.notes:
            self.notes.append(note)
            warnings.warn(note, stacklevel=3)

    def reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        """See `ImageData.reject_overlaps`."""
        mend = "Move them to one side, or set overlaps = 'accept' in the data module"
        check_overlaps(first, second, first_name, self.source_name, self.overlaps, self.note, mend)

    def files(self, split: str) -> list[str]:
        """See `ImageData.files`; there may be no such files."""
        return [image.path for image in self.images[split]]

    def headers(self, split: str) -> list[ImageHeader]:
        """Return the size of the images as they come: that of the files is unknown."""
        header = ImageHeader(self.image_size, self.image_size, "L", "", self.image_size**2)
        return [header] * len(self.images[split])

    def decode_files(self, paths: Sequence[str], digests: Sequence[str]) -> tuple[Images, list[int]]:  # noqa: ARG002
        """Decode nothing: only the data module knows how."""
        return np.empty((0, self.image_size, self.image_size), np.uint8), []

    def train_dataloader(self) -> Any:  # noqa: ANN401 - as the other module
        """Return the other module's training batches."""
        self.module.trainer = self.trainer
        return self.module.train_dataloader()

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """Return validation batches in the order of `images["val"]`."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """Return test batches in the order of `images["test"]`."""
        return self._loader("test")

    def predict_dataloader(self) -> DataLoader[ImageBatch]:
        """Return the test batches."""
        return self._loader("test")

    def _loader(self, split: str) -> DataLoader[ImageBatch]:
        # Its own generator, since DataLoader draws a seed each epoch, which would change training.
        return DataLoader(self._datasets[split], self.batch_size, collate_fn=whole_batch, generator=torch.Generator())

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ANN401
        """Leave training batches to the other module."""
        if self.trainer is not None and self.trainer.training:
            return self.module.on_before_batch_transfer(batch, dataloader_idx)
        return batch

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ANN401
        """Leave training batches to the other module, then give images and labels the form that models take."""
        if self.trainer is not None and self.trainer.training:
            batch = self._checked(self.module.on_after_batch_transfer(batch, dataloader_idx))
            image = batch["image"]
            batch["image"] = image if image.is_floating_point() else image.float() / 255
            batch["label"] = batch["label"].float()
        return batch

    def teardown(self, stage: str) -> None:
        """Let the other module clean up."""
        self.module.teardown(STAGES.get(stage, stage))

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the other module."""
        return self.module.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of the other module."""
        self.module.load_state_dict(state_dict)


def as_image_data(module: LightningDataModule) -> ImageData:
    """Return a data module with what scoring and reports need, see `ImageData`."""
    return module if isinstance(module, ImageData) else BatchedImages(module)


def _grey(images: Tensor) -> Images:
    """Return images of shape (n, 1, size, size) as grey values of shape (n, size, size)."""
    values = (images * 255).round() if images.is_floating_point() else images
    grey: Images = values.to(torch.uint8)[:, 0].cpu().numpy()
    return grey
