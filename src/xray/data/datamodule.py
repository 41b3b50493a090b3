"""Lightning data module for chest X-rays in folders or in a table."""

from collections.abc import Mapping, Sequence
from itertools import compress, count
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset

from xray.data.arrays import Images
from xray.data.augment import Augmentation, AugmentationStep, augment_batch, augmentation_steps
from xray.data.cache.reader import ImageReader
from xray.data.cache.store import Rows
from xray.data.dataset import ImageBatch, ImageDataset, whole_batch
from xray.data.decode.header import ImageHeader, headers_of
from xray.data.decode.image import ResizeRule
from xray.data.drawn_test import DrawnTest
from xray.data.image_data import ImageData
from xray.data.image_source import ImageSource, Overlaps, Unreadable
from xray.data.index.base import CLASS_NAMES, ROOT_FOLDER, ImageIndex, ImageRecord
from xray.data.index.folders import FolderIndex
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.index.table import TableIndex, is_table
from xray.data.split import SplitMethod, split_by_patient
from xray.utils.errors import UserError
from xray.utils.files import user_path


class ChestXRayDataModule(ImageData):
    """Chest X-rays in `root/train|val|test/CLASS/`, of any format that is read, mode and size.

    Args:
        root: Folder that holds train, val and test, or a table of images (see `xray.data.index.table.TableIndex`). To
            only test, validate or calibrate on it, train may be missing, or the folder may hold the class folders
            itself: then all its images are used.
        index: What lists the images, if `root` does not say it: a table with columns of other names, or a class of your
            own. `root` then has no effect.
        class_names: Names of the class folders; the second one is the positive class.
        patient_pattern: Regular expression searched in a file's path below its class folder. Its group `patient` is
            the patient; patients with the same optional group `group` are never split. The default matches the file
            names of the public release.
        validation: Source of the validation images. "random": whole patients drawn from the train and val folders
            together; "blocks": likewise, but contiguous ranges of patient numbers, which predicts performance on a
            shifted test set better; "folder": the val folder as it is.
        val_fraction: Share of the images used for validation with "random" and "blocks".
        test_fraction: Share of the images to test on, for data without a test split: whole patients are drawn, in the
            same way as those for validation. 0 draws none.
        split_seed: Seed of the splits only, so that runs with different seeds have the same validation patients.
        image_size: Side in pixels of the network's input.
        resize: How an image is made square: "stretch", "pad" or "crop".
        cache: Keep decoded images on disk, so that only new and changed files are decoded. False decodes all images
            into memory at each start.
        cache_dir: Folder of the cache; `python -m xray cache clean` empties it.
        batch_size: Images per batch.
        augmentation: What changes training images at random: strengths of the default augmentation, a class of your own
            that takes and returns a batch of images, a transform of torchvision, or a list of these; null for none.
        unreadable: "stop" with a list of the files that cannot be decoded, or "skip" them.
        overlaps: "reject" patients and identical files that are in two folders used as separate splits, or "accept"
            them with a note in the run.
    """

    def __init__(
        self,
        root: Path = Path("data/chest_xray"),
        index: ImageIndex | None = None,
        class_names: tuple[str, str] = CLASS_NAMES,
        patient_pattern: str = KERMANY_PATTERN,
        validation: Literal[SplitMethod, "folder"] = "random",
        val_fraction: float = 0.1,
        test_fraction: float = 0.0,
        split_seed: int = 0,
        image_size: int = 128,
        resize: ResizeRule = "stretch",
        cache: bool = True,
        cache_dir: Path = Path("data/.cache"),
        batch_size: int = 32,
        augmentation: Augmentation | list[AugmentationStep] | AugmentationStep | None = Augmentation(),  # noqa: B008 - frozen
        unreadable: Unreadable = "stop",
        overlaps: Overlaps = "reject",
    ) -> None:
        super().__init__()
        for name, value, least in (("image_size", image_size, 16), ("batch_size", batch_size, 1)):
            if value < least:
                raise UserError(f"data.{name} {value} is too small: at least {least}.", 2)
        if index is None:
            root = user_path(root)
            index = TableIndex(root) if is_table(root) else FolderIndex(root)
        if test_fraction:
            index = DrawnTest(index, test_fraction, "random" if validation == "folder" else validation, split_seed)
        self.index = index
        self.root = index.root
        self.source_name = index.name
        self.class_names = tuple(class_names)
        self.patient_pattern = patient_pattern
        self.validation = validation
        self.val_fraction = val_fraction
        self.split_seed = split_seed
        self.image_size = image_size
        self.resize = resize
        self.batch_size = batch_size
        self.augmentation = augmentation_steps(augmentation)
        reader = ImageReader(user_path(cache_dir) if cache else None, image_size, resize)
        self._source = ImageSource(index, self.class_names, patient_pattern, reader, unreadable, overlaps)
        self.notes = self._source.notes

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
        images = self._source.index([self._source.split_or_all("val")])
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
        if isinstance(self.index, DrawnTest):
            self.drawn_for_test = source.index(["test"])
        images, pixels, rows = source.decode(images)
        if self.validation == "folder":
            in_val = [image.folder == "val" for image in images]
        else:
            source.require_both_classes(images, "train")
            in_val = split_by_patient(images, self.val_fraction, self.validation, self.split_seed)
        for split, member in (("train", [not v for v in in_val]), ("val", in_val)):
            self._add_split(split, list(compress(images, member)), pixels, rows[np.array(member, dtype=bool)])

    def _setup_test(self) -> None:
        folder = self._source.split_or_all("test")
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

    @property
    def has_test(self) -> bool:
        """See `ImageData.has_test`."""
        return self._source.has("test")

    def note(self, note: str) -> None:
        """See `ImageData.note`."""
        self._source.note(note)

    def reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        """See `ImageData.reject_overlaps`."""
        self._source.reject_overlaps(first, second, first_name)

    def decode_files(self, paths: Sequence[str], digests: Sequence[str]) -> tuple[Images, list[int]]:
        """See `ImageData.decode_files`."""
        pixels, rows, bad = self._source.reader.fetch(paths, digests)
        return pixels[rows], [i for i in range(len(paths)) if i not in bad]

    def files(self, split: str) -> list[str]:
        """See `ImageData.files`."""
        return [self._source.file(image) for image in self.images[split]]

    def headers(self, split: str) -> list[ImageHeader]:
        """See `ImageData.headers`."""
        return headers_of(self.files(split))

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
            collate_fn=whole_batch,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            # DataLoader draws a seed each epoch. Drawn from the global generator, it would change the random numbers of
            # a resumed run.
            generator=torch.Generator(),
            **options,
        )

    def on_after_batch_transfer(self, batch: ImageBatch, dataloader_idx: int) -> ImageBatch:  # noqa: ARG002 - Lightning's
        """Augment training batches on the device."""
        if self.trainer is not None and self.trainer.training:
            # A subclass may yield anything.
            if not isinstance(batch, Mapping) or not {"image", "label"} <= batch.keys():
                raise UserError(
                    f"{type(self).__name__}.train_dataloader yields batches of type {type(batch).__name__}, where xray "
                    "needs dictionaries with image and label: return one DataLoader of such batches, no list."
                )
            batch["image"] = augment_batch(batch["image"], self.augmentation)
        return batch
