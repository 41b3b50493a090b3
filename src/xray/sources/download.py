"""The public PneumoniaMNIST archive, fetched and laid out as image folders."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xray.utils.errors import UserError
from xray.utils.files import check_new_folder, write_whole_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray

# As published by medmnist 3.0.2 (medmnist/info.py: "pneumoniamnist", "url_224" and "MD5_224").
ARCHIVE_URL = "https://zenodo.org/records/10519652/files/pneumoniamnist_224.npz?download=1"
ARCHIVE_MD5 = "d6a3c71de1b945ea11211b03746c1fe1"

SPLITS = ("train", "val", "test")
CLASSES = ("NORMAL", "PNEUMONIA")  # in the order of the archive's labels 0 and 1

README = """\
# PneumoniaMNIST as image folders

Chest X-rays of children, {size}, grey, in `train|val|test` / `NORMAL|PNEUMONIA`. The number in a file
name is the position of the image in that split of the archive, counted from 0. The pixels are those of the archive;
only the form (PNG files instead of arrays) was changed.

| split | NORMAL | PNEUMONIA |
| --- | ---: | ---: |
{table}

- Source: {url}
- MD5 of the archive: `{md5}`
- Licence: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/

## What to know before reading results

- **Not for medical use.** The images were cropped and made smaller; the data set is for teaching and research.
- **The patients are unknown.** This release does not say which images show the same child, so each image counts as its
  own patient: confidence intervals come out too narrow.
- **Its train and val splits may share patients.** MedMNIST cut them from one set, 9 to 1, so val results may come out
  too good.

## Citation

- J. Yang, R. Shi, D. Wei, Z. Liu, L. Zhao, B. Ke, H. Pfister, B. Ni. MedMNIST v2 - A large-scale lightweight benchmark
  for 2D and 3D biomedical image classification. Scientific Data 10, 41 (2023).
- D. S. Kermany et al. Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning. Cell 172,
  1122-1131 (2018).
"""


def download(directory: Path, url: str = ARCHIVE_URL, md5: str = ARCHIVE_MD5) -> None:
    """Fetch the public PneumoniaMNIST chest X-rays (CC BY 4.0) and lay them out as image folders.

    The archive is fetched to `<directory>.npz.part`, which stays there when the connection breaks: the same command
    then goes on from there. Once its MD5 is right the images are written, and the archive is deleted at the end.

    Args:
        directory: The folder to make; it may exist only if it is empty.
        url: Where the archive is fetched from; name a mirror here if the default cannot be reached.
        md5: The checksum that the archive must have; change it only together with the address.
    """
    from xray.sources.fetch import discard, fetch

    directory = directory.resolve()
    check_new_folder(directory)
    part = directory.with_name(directory.name + ".npz.part")
    fetch(url, part, md5)
    counts = _lay_out(part, directory, url, md5)
    # The images hold every pixel of the archive: keeping it would double the disk space for nothing, and it can be
    # fetched again. It goes only now, so that a layout that fails (a full disk) does not cost a second transfer.
    discard(part)
    sizes = ", ".join(f"{sum(counts[split])} {split}" for split in SPLITS)
    print(f"{directory}: {sizes} images of PneumoniaMNIST (CC BY 4.0, see README.md there; not for medical use)")


def _lay_out(archive: Path, directory: Path, url: str, md5: str) -> dict[str, list[int]]:
    """Write the image folders beside their final place and move them there in one step."""
    try:
        with write_whole_folder(directory) as made:
            counts: dict[str, list[int]] = {}
            for split in SPLITS:  # the arrays of one split are let go before those of the next are read
                images, labels = _read_split(archive, split)
                counts[split] = _write_split(made, split, images, labels)
                size = f"{images.shape[2]} x {images.shape[1]} pixels"
                del images
            text = README.format(size=size, table=_table(counts), url=url.partition("?")[0], md5=md5.lower())
            (made / "README.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{directory} cannot be written: {error.strerror or error}; mend that and run the same command again "
            f"(the archive is kept in {archive})"
        ) from error
    return counts


def _table(counts: dict[str, list[int]]) -> str:
    return "\n".join(f"| {split} | {normal} | {pneumonia} |" for split, (normal, pneumonia) in counts.items())


def _read_split(archive: Path, split: str) -> "tuple[NDArray[np.uint8], NDArray[np.integer]]":
    """Read and check the arrays of one split."""
    import numpy as np

    with _open_archive(archive) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
            raise ValueError(f"{split}_images is {images.dtype} {images.shape}, not uint8 (N, height, width)")
        if labels.dtype.kind not in "iu" or labels.shape != (len(images), 1) or not np.isin(labels, (0, 1)).all():
            raise ValueError(f"{split}_labels is {labels.dtype} {labels.shape}, not one 0 or 1 for each image")
    return images, labels[:, 0]


@contextmanager
def _open_archive(archive: Path) -> "Iterator[NpzFile]":
    """Open the archive; turn everything that can be wrong inside it into one kind of message."""
    import zipfile
    import zlib

    import numpy as np
    from numpy.lib.npyio import NpzFile

    try:
        # Never pickles: they run code. Object arrays are rejected with a ValueError.
        arrays = np.load(archive, allow_pickle=False)
        if not isinstance(arrays, NpzFile):
            raise ValueError("it holds a single array")
        with arrays:
            yield arrays
    except (ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{archive} is not the PneumoniaMNIST archive: {text}; check --url and --md5, then delete it"
        ) from error


def _write_split(root: Path, split: str, images: "NDArray[np.uint8]", labels: "NDArray[np.integer]") -> list[int]:
    """Write the images of one split as PNG files and count them by class."""
    from PIL import Image
    from rich.console import Console
    from rich.progress import track

    for name in CLASSES:
        (root / split / name).mkdir(parents=True)
    counts = [0, 0]
    pairs = zip(images, labels.tolist(), strict=True)
    bar = track(pairs, f"{split} images", total=len(images), console=Console(stderr=True))
    for index, (image, label) in enumerate(bar):
        Image.fromarray(image).save(root / split / CLASSES[label] / f"pneumoniamnist_{split}_{index:05d}.png")
        counts[label] += 1
    return counts
