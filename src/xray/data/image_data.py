"""What scoring, calibration, callbacks and reports use of a data module."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lightning.pytorch import LightningDataModule

from xray.data.arrays import Images
from xray.data.dataset import ImageDataset
from xray.data.decode.header import ImageHeader
from xray.data.decode.image import ResizeRule
from xray.data.index.base import ImageRecord


class ImageData(LightningDataModule):
    """Base class of data modules whose splits are records of images and grey pixels of one size.

    `ChestXRayDataModule` decodes files; `xray.data.batched_images.BatchedImages` collects the batches of any other
    LightningDataModule. A subclass sets the attributes below, and in `setup` fills `images` and `_datasets`.
    """

    root: Path
    """Folder that relative paths of images start in."""
    source_name: str
    """What messages and records call the data set."""
    class_names: tuple[str, ...]
    """Negative class, positive class."""
    patient_pattern: str
    """Finds the patient in the names of files to predict, see `xray.data.index.patients`."""
    validation: Literal["random", "blocks", "folder"]
    """Where the validation images come from."""
    image_size: int
    """Side of the images in pixels; 0 until a split is set up, where only the images tell it."""
    resize: ResizeRule
    """How files to predict are made square."""
    batch_size: int
    notes: list[str]
    """Notes on the data for readers of the run: skipped images, accepted overlaps."""

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, list[ImageRecord]] = {}
        """The images of each split that was set up, in the order of the batches' `index`."""
        self.trained_before: list[ImageRecord] = []
        """Images that the checkpoint was trained on, if the run resumes from one."""
        self.drawn_for_test: list[ImageRecord] = []
        """Test images that `data.test_fraction` leaves out of a fit, set by `setup("fit")`."""
        self.train_and_val_images: list[ImageRecord] = []
        """Images of the train and val splits, set by `setup("test")`."""
        self._datasets: dict[str, ImageDataset] = {}

    @abstractmethod
    def setup(self, stage: str) -> None:
        """Prepare the splits of a stage (fit, validate, calibrate or test), unless already done."""

    @property
    @abstractmethod
    def has_test(self) -> bool:
        """Whether there is a test split, as far as it is known before it is set up."""

    @abstractmethod
    def note(self, note: str) -> None:
        """Add a note to the run and issue it as a warning, unless it was added before."""

    @abstractmethod
    def reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        """Reject, or accept with a note, two sides that share patients or images."""

    @abstractmethod
    def files(self, split: str) -> list[str]:
        """Return the paths of a split's images, in the order of `images[split]`."""

    @abstractmethod
    def headers(self, split: str) -> list[ImageHeader]:
        """Return size and mode of each image of a split as it is stored."""

    @abstractmethod
    def decode_files(self, paths: Sequence[str], digests: Sequence[str]) -> tuple[Images, list[int]]:
        """Decode files outside this data set in the same way as its own images.

        Returns:
            The readable images, shape (readable, size, size), uint8, and the position of each in `paths`.
        """

    def reject_fitted_images(
        self, images: Sequence[ImageRecord], split: str, same_source: bool, description: str
    ) -> None:
        """Reject a split that shares patients or files with images that a model was fitted on.

        These images come from the checkpoint, so a changed folder does not hide the overlap.

        Args:
            images: Images that the model was fitted on.
            split: Split that is about to be scored.
            same_source: Whether both come from one data set, so that equal patient names mean the same patient.
            description: What to call `images` in messages.

        Raises:
            UserError: They overlap, and overlaps are rejected.
        """
        known = images if same_source else [replace(image, named=False) for image in images]
        self.reject_overlaps(known, self.images[split], description)

    @property
    def recorded_splits(self) -> dict[str, list[ImageRecord]]:
        """The images of each split that was set up or drawn, for the run's records."""
        return self.images | ({"test": self.drawn_for_test} if self.drawn_for_test else {})

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
