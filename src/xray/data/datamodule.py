"""Lightning data module for folders of chest X-rays."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress, count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset

from xray.data.arrays import Images
from xray.data.augment import Augmentation, augment
from xray.data.cache.reader import ImageReader
from xray.data.cache.store import Rows
from xray.data.dataset import ImageBatch, ImageDataset
from xray.data.decode.image import ResizeRule
from xray.data.image_source import ImageSource, Overlaps, Unreadable
from xray.data.index.folders import ROOT_FOLDER, ImageRecord
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.split import SplitMethod, split_by_patient
from xray.utils.errors import UserError
from xray.utils.files import user_path


class ChestXRayDataModule(LightningDataModule):
    """Chest X-rays in `root/train|val|test/CLASS/`, of any format that is read, mode and size.

    Args:
        root: Folder that holds train, val and test. To only test, validate or calibrate on it, train may be missing, or
            the folder may hold the class folders itself: then all its images are used.
        class_names: Names of the class folders; the second one is the positive class.
        patient_pattern: Regular expression searched in a file's path below its class folder. Its group `patient` is
            the patient; patients with the same optional group `group` are never split. The default matches the file
            names of the public release.
        validation: Source of the validation images. "random": whole patients drawn from the train and val folders
            together; "blocks": likewise, but contiguous ranges of patient numbers, which predicts performance on a
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
        unreadable: Unreadable = "stop",
        overlaps: Overlaps = "reject",
    ) -> None:
        super().__init__()
        for name, value, least in (("image_size", image_size, 16), ("batch_size", batch_size, 1)):
            if value < least:
                raise UserError(f"data.{name} {value} is too small: at least {least}.", 2)
        self.root = user_path(root)
        self.class_names = tuple(class_names)
        self.validation = validation
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.image_size = image_size
        self.resize = resize
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.images: dict[str, list[ImageRecord]] = {}
        """The images of each split that was set up, in the order of the batches' `index`."""
        self.trained_before: list[ImageRecord] = []
        """Images that the checkpoint was trained on, if the run resumes from one."""
        self.train_and_val_images: list[ImageRecord] = []
        """Images of the train and val folders, set by `setup("test")`."""
        reader = ImageReader(user_path(cache_dir) if cache else None, image_size, resize)
        self._source = ImageSource(self.root, self.class_names, patient_pattern, reader, unreadable, overlaps)
        self.notes = self._source.notes
        """Notes on the data for readers of the run: skipped images, accepted overlaps."""
        self._datasets: dict[str, ImageDataset] = {}

    def setup(self, stage: str) -> None:
        """Index, check, decode and split the images that a stage needs, unless already done.

        Raises:
            UserError: Class folders are missing, files are unreadable, or splits share patients or files.
        """
        if stage in {"fit", "validate", "calibrate"} and "val" not in self.images:
            if stage != "fit" and not self._source.has("train"):
                self._setup_validation(check_test=stage == "calibrate")
            else:
                self._setup_train_and_val(check_test=stage != "validate")
        if stage in {"test", "predict"} and "test" not in self.images:
            self._setup_test()

    def _setup_validation(self, check_test: bool) -> None:
        """Use all images of a source without a train folder for validation."""
        images = self._source.index([self._source.folder_or_root("val")])
        if check_test:
            self._reject_overlaps_with_test(images)
        # Recorded with the run: no validation images were drawn.
        self.validation = "folder"
        self._add_split("val", *self._source.decode(images))

    def _setup_train_and_val(self, check_test: bool) -> None:
        source, pooled = self._source, self.validation != "folder"
        # The val folder of the public release has 16 images; other data sets may have none.
        images = source.index(["train"] if pooled and not source.has("val") else ["train", "val"])
        if not pooled:
            source.reject_overlaps(
                [image for image in images if image.folder == "train"],
                [image for image in images if image.folder == "val"],
            )
        if check_test:
            self._reject_overlaps_with_test(images)
        images, pixels, rows = source.decode(images)
        if self.validation == "folder":
            in_val = [image.folder == "val" for image in images]
        else:
            source.require_both_classes(images, "train")
            in_val = split_by_patient(images, self.val_fraction, self.validation, self.split_seed)
        for split, member in (("train", [not v for v in in_val]), ("val", in_val)):
            self._add_split(split, list(compress(images, member)), pixels, rows[np.array(member, dtype=bool)])

    def _setup_test(self) -> None:
        folder = self._source.folder_or_root("test")
        images = self._source.index([folder])
        if folder != ROOT_FOLDER:
            others = [name for name in ("train", "val") if self._source.has(name)]
            self.train_and_val_images = self._source.index(others)
            self._source.reject_overlaps(self.train_and_val_images, images)
        self._add_split("test", *self._source.decode(images))

    def _reject_overlaps_with_test(self, images: Sequence[ImageRecord]) -> None:
        if self._source.has("test"):
            self._source.reject_overlaps(images, self._source.index(["test"]))

    def _add_split(self, split: str, images: list[ImageRecord], pixels: Images, rows: Rows) -> None:
        self._source.require_both_classes(images, split)
        self.images[split] = images
        self._datasets[split] = ImageDataset(pixels, rows, [image.label for image in images])

    def reject_fitted_images(
        self, images: Sequence[ImageRecord], split: str, same_source: bool, description: str
    ) -> None:
        """Reject a split that shares patients or files with images that a model was fitted on.

        These images come from the checkpoint, so a changed folder does not hide the overlap.

        Args:
            images: Images that the model was fitted on.
            split: Split that is about to be scored.
            same_source: Whether both come from one folder, so that equal patient names mean the same patient.
            description: What to call `images` in messages.

        Raises:
            UserError: They overlap, and overlaps are rejected.
        """
        known = images if same_source else [replace(image, named=False) for image in images]
        self._source.reject_overlaps(known, self.images[split], description)

    def note(self, note: str) -> None:
        """Add a note to the run and issue it as a warning, unless it was added before."""
        self._source.note(note)

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
        pixels, rows, bad = self._source.reader.fetch(paths, digests)
        return pixels[rows], [i for i in range(len(paths)) if i not in bad]

    def files(self, split: str) -> list[str]:
        """Return the paths of a split's images, in the order of `images[split]`."""
        return [f"{self.root}/{image.path}" for image in self.images[split]]

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Return training batches in an order that depends only on the run's seed and epoch, also after a resume."""
        dataset = self._datasets["train"]
        trainer = self.trainer
        if trainer and trainer.overfit_batches:  # type: ignore[attr-defined]
            # Lightning takes the first batches, in the order of the data.
            return self._loader(self._both_classes_first("train"))
        sampler: DistributedSampler[ImageBatch] = DistributedSampler(
            dataset,
            num_replicas=trainer.world_size if trainer else 1,
            rank=trainer.global_rank if trainer else 0,
            seed=torch.initial_seed() % 2**31,
        )
        # A last batch of one image would break batch normalisation.
        return self._loader(dataset, sampler=sampler, drop_last=len(sampler) >= self.batch_size)

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """Return validation batches in the order of `images["val"]`; both classes first if a fit uses only some."""
        trainer = self.trainer
        if trainer and trainer.state.fn == "fit" and trainer.limit_val_batches != 1.0:
            return self._loader(self._both_classes_first("val"))
        return self._loader(self._datasets["val"])

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """Return test batches in the order of `images["test"]`."""
        return self._loader(self._datasets["test"])

    def predict_dataloader(self) -> DataLoader[ImageBatch]:
        """Return the same batches as for a test; `xray.load_model` predicts other images."""
        return self.test_dataloader()

    def _both_classes_first(self, split: str) -> Dataset[ImageBatch]:
        """Return a split in which the classes alternate, so that its first batches have both."""
        labels = [image.label for image in self.images[split]]
        counts = (count(), count())
        rank_in_class = [next(counts[label]) for label in labels]
        return Subset(self._datasets[split], sorted(range(len(labels)), key=rank_in_class.__getitem__))

    def _loader(self, dataset: Dataset[ImageBatch], **options: Any) -> DataLoader[ImageBatch]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            # The dataset returns whole batches.
            collate_fn=_identity,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            # DataLoader draws a seed each epoch. Drawn from the global generator, it would change the random numbers of
            # a resumed run.
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
