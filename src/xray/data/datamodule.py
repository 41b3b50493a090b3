"""Lightning data module for folders of chest X-rays."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, DistributedSampler

from xray.data.arrays import Images
from xray.data.augment import Augmentation, augment
from xray.data.cache.reader import ImageReader
from xray.data.cache.store import Rows
from xray.data.dataset import ImageBatch, ImageDataset
from xray.data.decode.image import ResizeRule
from xray.data.index.folders import WHOLE, ImageRecord, holds_classes, index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.split import SplitMethod, find_overlaps, split_by_patient
from xray.utils.errors import UserError
from xray.utils.text import printable


class ChestXRayDataModule(LightningDataModule):
    """Chest X-rays in `root/train|val|test/CLASS/`, JPEG, PNG or DICOM, of any mode and size.

    Args:
        root: Folder that holds train, val and test. To only test, validate or calibrate on it, train may be missing, or
            the folder may hold the class folders itself: then all its images are used.
        class_names: Names of the class folders; the second one is the positive class.
        patient_pattern: Regular expression searched in a file's path below its class folder. Its group `patient` is
            the patient; patients with the same optional group `group` are never split. The default matches the file
            names of the public release.
        validation: Source of the validation images. "random": whole patients drawn from the train and val folders
            together; "blocks": likewise, but contiguous runs of patient numbers, which predicts performance on a
            shifted test set better; "folder": the val folder as it is.
        val_fraction: Share of the images used for validation with "random" and "blocks".
        split_seed: Seed of the split only, so that runs with different seeds have the same validation patients.
        image_size: Side in pixels of the network's input.
        resize: How an image is made square: "stretch", "pad" or "crop".
        cache: Keep decoded images on disk, so that only new and changed files are decoded. False decodes all images
            into memory at each start.
        cache_dir: Folder of the cache; `python -m xray cache clean` empties it.
        batch_size: Images per batch.
        augmentation: Strengths of the training augmentation.
        unreadable: "stop" with a list of the files that cannot be decoded, or "skip" them.
        overlaps: "reject" patients and identical files that are in two folders used as separate splits, or "accept"
            them with a note in the run.
    """

    def __init__(
        self,
        root: Path = Path("data/chest_xray"),
        class_names: tuple[str, str] = ("NORMAL", "PNEUMONIA"),
        patient_pattern: str = KERMANY_PATTERN,
        validation: Literal[SplitMethod, "folder"] = "random",
        val_fraction: float = 0.1,
        split_seed: int = 0,
        image_size: int = 128,
        resize: ResizeRule = "stretch",
        cache: bool = True,
        cache_dir: Path = Path("data/.cache"),
        batch_size: int = 32,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
        unreadable: Literal["stop", "skip"] = "stop",
        overlaps: Literal["reject", "accept"] = "reject",
    ) -> None:
        super().__init__()
        for name, value, least in (("image_size", image_size, 16), ("batch_size", batch_size, 1)):
            if value < least:
                raise UserError(f"data.{name} {value} is too small: at least {least}.")
        self.root = Path(root)
        self.class_names = tuple(class_names)
        self.patient_pattern = patient_pattern
        self.validation = validation
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.image_size = image_size
        self.resize = resize
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.unreadable = unreadable
        self.overlaps = overlaps
        self.images: dict[str, list[ImageRecord]] = {}
        """The images of each split that was set up, in the order of the batches' `index`."""
        self.notes: list[str] = []
        """Notes on the data for readers of the run: skipped images, accepted overlaps."""
        self.trained_before: list[ImageRecord] = []
        """Images that the checkpoint was trained on, if the run resumes from one."""
        self.train_and_val_images: list[ImageRecord] = []
        """Images of the train and val folders, set by `setup("test")`."""
        self._reader = ImageReader(Path(cache_dir) if cache else None, image_size, resize)
        self._datasets: dict[str, ImageDataset] = {}

    def setup(self, stage: str) -> None:
        """Index, check, decode and split the images that a stage needs, unless already done.

        Raises:
            UserError: Class folders are missing, files are unreadable, or splits share patients or files.
        """
        if stage in {"fit", "validate", "calibrate"} and "val" not in self.images:
            if stage != "fit" and not (self.root / "train").exists():
                self._setup_validation(check_test=stage == "calibrate")
            else:
                self._setup_train_and_val(check_test=stage != "validate")
        if stage == "test" and "test" not in self.images:
            self._setup_test()

    def _setup_validation(self, check_test: bool) -> None:
        """Use all images of a source without a train folder for validation."""
        images = self._index([self._folder_or_whole("val")])
        if check_test and (self.root / "test").exists():
            self._reject_overlaps(images, self._index(["test"]))
        # Recorded with the run: no validation images were drawn.
        self.validation = "folder"
        self._add_split("val", *self._decode(images))

    def _setup_train_and_val(self, check_test: bool) -> None:
        pooled = self.validation != "folder"
        # The val folder of the public release has 16 images; other data sets may have none.
        folders = ["train"] if pooled and not (self.root / "val").exists() else ["train", "val"]
        images = self._index(folders)
        if not pooled:
            self._reject_overlaps([f for f in images if f.folder == "train"], [f for f in images if f.folder == "val"])
        if check_test and (self.root / "test").exists():
            self._reject_overlaps(images, self._index(["test"]))
        images, pixels, rows = self._decode(images)
        if self.validation == "folder":
            in_val = [image.folder == "val" for image in images]
        else:
            self._require_both_classes(images, "train")
            in_val = split_by_patient(images, self.val_fraction, self.validation, self.split_seed)
        for split, member in (("train", [not v for v in in_val]), ("val", in_val)):
            self._add_split(split, list(compress(images, member)), pixels, rows[np.array(member, dtype=bool)])

    def _setup_test(self) -> None:
        folder = self._folder_or_whole("test")
        images = self._index([folder])
        if folder != WHOLE:
            self.train_and_val_images = self._index([name for name in ("train", "val") if (self.root / name).exists()])
            self._reject_overlaps(self.train_and_val_images, images)
        self._add_split("test", *self._decode(images))

    def _folder_or_whole(self, folder: str) -> str:
        """Return the folder, or the root if it holds the class folders itself, as other sources often do."""
        is_whole = not (self.root / folder).exists() and holds_classes(self.root, self.class_names)
        return WHOLE if is_whole else folder

    def reject_known(self, images: Sequence[ImageRecord], split: str, same_source: bool, description: str) -> None:
        """Reject a split that shares patients or files with images that a model was fitted on.

        These images come from the checkpoint, so a changed folder does not hide the overlap.

        Args:
            images: Images that the model was fitted on.
            split: Split that is about to be scored.
            same_source: Whether both come from one folder, so that equal patient names mean the same patient.
            description: What to call `images` in messages.

        Raises:
            UserError: They overlap, and overlaps are not accepted.
        """
        known = images if same_source else [replace(image, named=False) for image in images]
        self._reject_overlaps(known, self.images[split], description)

    def _index(self, folders: Sequence[str]) -> list[ImageRecord]:
        images = index_images(self.root, folders, self.class_names, self.patient_pattern, self._reader.digests)
        unnamed = [image.path for image in images if not image.named]
        if unnamed and not any("no recognisable patient" in note for note in self.notes):
            self.note(
                f"{len(unnamed)} of {len(images)} images have no recognisable patient in their names (first: "
                f"{unnamed[0]}): each counts as a patient of its own. Set data.patient_pattern if the names have one."
            )
        return images

    def _reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        overlaps = find_overlaps(first, second)
        if not overlaps:
            return
        listed = "; ".join(overlaps[:5]) + (f"; and {len(overlaps) - 5} more" if len(overlaps) > 5 else "")
        names = ["+".join(sorted({image.folder for image in side})) for side in (first, second)]
        sides = f"{first_name or names[0]} and {names[1]}"
        if self.overlaps == "reject":
            raise UserError(
                f"{self.root}: {sides} share patients or files: {listed}. Move them to one side, or accept the overlap "
                "with --data.overlaps accept."
            )
        self.note(f"Accepted: {sides} share patients or files: {listed}.")

    def _decode(self, images: list[ImageRecord]) -> tuple[list[ImageRecord], Images, Rows]:
        """Return the readable images, an array of pixels, and the row of each image in it."""
        paths, digests = [f"{self.root}/{image.path}" for image in images], [image.digest for image in images]
        pixels, rows, bad = self._reader.fetch(paths, digests)
        if bad:
            listed = [printable(f"{self.root / images[i].path}: {reason}") for i, reason in bad.items()]
            if self.unreadable == "stop":
                raise UserError(
                    f"{len(bad)} of {len(images)} images cannot be read; repair or remove them, or leave them out with "
                    "--data.unreadable skip:",
                    details=listed,
                )
            self.note("\n  ".join([f"Left out {len(bad)} of {len(images)} images that cannot be read:", *listed]))
        return [image for i, image in enumerate(images) if i not in bad], pixels, rows

    def _add_split(self, split: str, images: list[ImageRecord], pixels: Images, rows: Rows) -> None:
        self._require_both_classes(images, split)
        self.images[split] = images
        self._datasets[split] = ImageDataset(pixels, rows, [image.label for image in images])

    def _require_both_classes(self, images: Sequence[ImageRecord], where: str) -> None:
        for label, name in enumerate(self.class_names):
            if not any(image.label == label for image in images):
                raise UserError(f"{self.root}: no readable image of class {name} for {where}; each class needs some.")

    def note(self, note: str) -> None:
        """Add a note to the run and issue it as a warning, unless it was added before."""
        if note not in self.notes:
            self.notes.append(note)
            warnings.warn(note, stacklevel=3)

    @property
    def class_counts(self) -> tuple[int, int]:
        """Number of training images of the first and second class, after `setup("fit")`."""
        labels = Counter(image.label for image in self.images["train"])
        return labels[0], labels[1]

    def grey_images(self, split: str, rows: Sequence[int] | None = None) -> Images:
        """Return decoded images of a split that was set up.

        Args:
            split: train, val or test.
            rows: Positions in `images[split]`; all of them by default, which takes memory for a large split.

        Returns:
            Shape (rows, size, size), uint8.
        """
        rows = range(len(self.images[split])) if rows is None else rows
        images: Images = self._datasets[split].__getitems__(list(rows))["image"][:, 0].numpy()
        return images

    def grey_chunks(self, split: str, chunk_size: int = 512) -> Iterator[Images]:
        """Yield all images of a split in order, in chunks of shape (chunk_size or fewer, size, size)."""
        images = len(self.images[split])
        for start in range(0, images, chunk_size):
            yield self.grey_images(split, range(start, min(start + chunk_size, images)))

    def decode_files(self, paths: Sequence[str], digests: Sequence[str]) -> tuple[Images, list[int]]:
        """Decode files outside this data set in the same way as its own images.

        Returns:
            The readable images, shape (readable, size, size), uint8, and the position of each in `paths`.
        """
        pixels, rows, bad = self._reader.fetch(paths, digests)
        return pixels[rows], [i for i in range(len(paths)) if i not in bad]

    def files(self, split: str) -> list[str]:
        """Return the paths of a split's images, in the order of `images[split]`."""
        return [f"{self.root}/{image.path}" for image in self.images[split]]

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Return training batches in an order that depends only on the run's seed and epoch, also after a resume."""
        dataset = self._datasets["train"]
        trainer = self.trainer
        sampler: DistributedSampler[ImageBatch] = DistributedSampler(
            dataset,
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            seed=torch.initial_seed() % 2**31,
        )
        # A last batch of one image would break batch normalisation.
        return self._loader(dataset, sampler=sampler, drop_last=len(sampler) >= self.batch_size)

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """Return validation batches in the order of `images["val"]`."""
        return self._loader(self._datasets["val"])

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """Return test batches in the order of `images["test"]`."""
        return self._loader(self._datasets["test"])

    def _loader(self, dataset: ImageDataset, **options: Any) -> DataLoader[ImageBatch]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            # The dataset returns whole batches.
            collate_fn=_identity,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            # The loader draws a number for each epoch: from the global generator, a resumed run would draw others.
            generator=torch.Generator(),
            **options,
        )

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:  # noqa: ARG002 - Lightning's
        """Augment training batches on the device."""
        if self.trainer is not None and self.trainer.training:
            batch["image"] = augment(batch["image"], self.augmentation)
        return batch


def _identity(batch: Any) -> Any:  # noqa: ANN401 - a list of samples by torch's types, here a batch
    return batch
