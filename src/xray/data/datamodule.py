"""The data module: a folder of images becomes train, validation and test batches."""

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
        root: The folder that holds train, val and test. Only to be tested, validated or calibrated on, a source needs
            no train, or may hold the class folders themselves: then all its images count.
        class_names: Names of the class folders; the second one is the positive class.
        patient_pattern: Regular expression searched in a file's path below its class folder. Its group `patient` names
            the patient, an optional group `group` joins patients that a split must not part. The default reads the
            names of the public release.
        validation: Where validation images come from. "random": train and val folders are pooled, and whole patients
            drawn from them; "blocks": the same with contiguous runs of patient numbers, which predicts a shifted test
            set better; "folder": the val folder as it is.
        val_fraction: Share of the pool's images for validation.
        split_seed: Seed of the split alone, so that runs with other seeds share their validation patients.
        image_size: Side in pixels of what the network sees.
        resize: How an image becomes a square: "stretch", "pad" or "crop".
        cache: Keep decoded images on disk, so that only the first use of a folder decodes it; a file that is changed or
            added is noticed. False decodes into memory at each start.
        cache_dir: Where to keep them; `python -m xray cache clean` frees it.
        batch_size: Images per batch.
        augmentation: Strengths of the training augmentation.
        unreadable: "stop" at files that cannot be decoded, with a list of them, or "skip" them.
        overlaps: "reject" a patient or an identical file on both sides of folders that are trusted as they are, or
            "accept" it, which is then written into the run.
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
        """What a reader of the run must know about its data: images left out, overlaps accepted."""
        self.trained_before: list[ImageRecord] = []
        """Images that the weights have seen before this run, where it goes on from a checkpoint."""
        self.beside_test: list[ImageRecord] = []
        """Images of the train and val folders beside the test images, known after `setup("test")`."""
        self._reader = ImageReader(Path(cache_dir) if cache else None, image_size, resize)
        self._datasets: dict[str, ImageDataset] = {}

    def setup(self, stage: str) -> None:
        """Index, check, decode and split what a stage needs; what is there already is kept.

        Raises:
            UserError: The folder, its classes, its files or its patients are not as they should be.
        """
        if stage in {"fit", "validate", "calibrate"} and "val" not in self.images:
            if stage != "fit" and not (self.root / "train").exists():
                self._setup_validation(check_test=stage == "calibrate")
            else:
                self._setup_pool(check_test=stage != "validate")
        if stage == "test" and "test" not in self.images:
            self._setup_test()

    def _setup_validation(self, check_test: bool) -> None:
        """All images of a source that nothing is trained on, where they lie in val or by class."""
        images = self._index([self._folder_or_whole("val")])
        if check_test and (self.root / "test").exists():
            self._reject_overlaps(images, self._index(["test"]))
        # What records tell: none were drawn.
        self.validation = "folder"
        self._keep("val", *self._decode(images))

    def _setup_pool(self, check_test: bool) -> None:
        pooled = self.validation != "folder"
        # The released val folder is so small that a data set may well do without it.
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
            self._keep(split, list(compress(images, member)), pixels, rows[np.array(member, dtype=bool)])

    def _setup_test(self) -> None:
        folder = self._folder_or_whole("test")
        images = self._index([folder])
        if folder != WHOLE:
            self.beside_test = self._index([beside for beside in ("train", "val") if (self.root / beside).exists()])
            self._reject_overlaps(self.beside_test, images)
        self._keep("test", *self._decode(images))

    def _folder_or_whole(self, folder: str) -> str:
        """The folder, or the whole root where the classes lie in it, as those of another source often do."""
        is_whole = not (self.root / folder).exists() and holds_classes(self.root, self.class_names)
        return WHOLE if is_whole else folder

    def reject_known(self, images: Sequence[ImageRecord], split: str, same_source: bool, called: str) -> None:
        """Reject images of a split that a model knows, whatever the folders look like by now.

        Args:
            images: Those that it knows.
            split: The split that is about to be scored.
            same_source: Whether both come from one folder, so that equal patient names mean one patient.
            called: What to call the images that it knows.

        Raises:
            UserError: Some are, and overlaps are not accepted.
        """
        known = images if same_source else [replace(image, named=False) for image in images]
        self._reject_overlaps(known, self.images[split], called)

    def _index(self, folders: Sequence[str]) -> list[ImageRecord]:
        images = index_images(self.root, folders, self.class_names, self.patient_pattern, self._reader.digests)
        unnamed = [image.path for image in images if not image.named]
        if unnamed and not any("no recognisable patient" in note for note in self.notes):
            self.note(
                f"{len(unnamed)} of {len(images)} images have no recognisable patient in their names (first: "
                f"{unnamed[0]}): each counts as a patient of its own. Set data.patient_pattern if the names do tell."
            )
        return images

    def _reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        overlaps = find_overlaps(first, second)
        if not overlaps:
            return
        shown = "; ".join(overlaps[:5]) + (f"; and {len(overlaps) - 5} more" if len(overlaps) > 5 else "")
        names = ["+".join(sorted({image.folder for image in side})) for side in (first, second)]
        sides = f"{first_name or names[0]} and {names[1]}"
        if self.overlaps == "reject":
            raise UserError(
                f"{self.root}: {sides} share patients or files: {shown}. Move them to one side, or accept the overlap "
                "with --data.overlaps accept."
            )
        self.note(f"Accepted: {sides} share patients or files: {shown}.")

    def _decode(self, images: list[ImageRecord]) -> tuple[list[ImageRecord], Images, Rows]:
        """The images that can be read, an array of pixels, and the row in it of each image."""
        paths, digests = [f"{self.root}/{image.path}" for image in images], [image.digest for image in images]
        pixels, rows, bad = self._reader.fetch(paths, digests)
        if bad:
            listed = [printable(f"{self.root / images[i].path}: {reason}") for i, reason in bad.items()]
            if self.unreadable == "stop":
                raise UserError(
                    f"{len(bad)} of {len(images)} images cannot be read; mend or remove them, or leave them out with "
                    "--data.unreadable skip:",
                    details=listed,
                )
            self.note("\n  ".join([f"Left out {len(bad)} of {len(images)} images that cannot be read:", *listed]))
        return [image for i, image in enumerate(images) if i not in bad], pixels, rows

    def _keep(self, split: str, images: list[ImageRecord], pixels: Images, rows: Rows) -> None:
        self._require_both_classes(images, split)
        self.images[split] = images
        self._datasets[split] = ImageDataset(pixels, rows, [image.label for image in images])

    def _require_both_classes(self, images: Sequence[ImageRecord], where: str) -> None:
        for label, name in enumerate(self.class_names):
            if not any(image.label == label for image in images):
                raise UserError(f"{self.root}: no readable image of class {name} for {where}; each class needs some.")

    def note(self, note: str) -> None:
        """Write something down for the readers of the run, and say it once."""
        if note in self.notes:
            return
        self.notes.append(note)
        warnings.warn(note, stacklevel=3)

    @property
    def class_counts(self) -> tuple[int, int]:
        """Training images of the first and of the second class; known after `setup("fit")`."""
        labels = Counter(image.label for image in self.images["train"])
        return labels[0], labels[1]

    def grey_images(self, split: str, rows: Sequence[int] | None = None) -> Images:
        """Images of a split that was set up, as the network is shown them.

        Args:
            split: train, val or test.
            rows: Which of `images[split]`; by default all of them, which for a large split takes memory.

        Returns:
            Shape (rows, size, size), uint8.
        """
        rows = range(len(self.images[split])) if rows is None else rows
        images: Images = self._datasets[split].__getitems__(list(rows))["image"][:, 0].numpy()
        return images

    def grey_chunks(self, split: str, at_once: int = 512) -> Iterator[Images]:
        """All images of a split in order, so many at a time."""
        images = len(self.images[split])
        for start in range(0, images, at_once):
            yield self.grey_images(split, range(start, min(start + at_once, images)))

    def images_elsewhere(self, paths: Sequence[str], digests: Sequence[str]) -> tuple[Images, list[int]]:
        """Images that belong to no split of this data set, decoded as its own.

        Returns:
            Those that can be read, shape (any, size, size), uint8, and the position of each in `paths`.
        """
        pixels, rows, bad = self._reader.fetch(paths, digests)
        return pixels[rows], [i for i in range(len(paths)) if i not in bad]

    def files(self, split: str) -> list[str]:
        """Where the images of a split are, in the order of its table."""
        return [f"{self.root}/{image.path}" for image in self.images[split]]

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Training batches; their order depends on the run's seed and the epoch alone, so a resumed run repeats it."""
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
        """Validation batches in the order of the table."""
        return self._loader(self._datasets["val"])

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """Test batches in the order of the table."""
        return self._loader(self._datasets["test"])

    def _loader(self, dataset: ImageDataset, **options: Any) -> DataLoader[ImageBatch]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            # The data set makes whole batches.
            collate_fn=_identity,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            # Of its own, since a loader draws a number for each epoch that it begins, at another moment after a resume.
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
