"""The command `download`: the public PneumoniaMNIST archive as image folders."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from xray.utils.errors import UserError
from xray.utils.files import atomic_folder, check_new_folder
from xray.utils.progress import with_progress

if TYPE_CHECKING:
    import numpy as np
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
    """Download the public PneumoniaMNIST chest X-rays (CC BY 4.0) into class folders.

    Args:
        directory: Folder to create; it must not exist yet, or be empty.
        url: Address of the archive, such as a mirror if the default cannot be reached.
        md5: Checksum of the archive; change it only together with the address.
    """
    directory = directory.resolve()
    check_new_folder(directory)
    try:
        # Next to the images, where there is space for them; removed in any case.
        with TemporaryDirectory(prefix=".download-", dir=directory.parent) as folder:
            counts = _write_images(_fetch(url, md5, Path(folder)), directory, url, md5)
    except OSError as error:
        raise UserError(f"{directory} cannot be written ({error.strerror or error}): give another folder.") from error
    sizes = ", ".join(f"{sum(counts[split])} {split}" for split in SPLITS)
    print(f"{directory}: {sizes} images of PneumoniaMNIST (CC BY 4.0, see README.md there; not for medical use)")


def _fetch(url: str, md5: str, folder: Path) -> Path:
    """Download the archive and check its hash."""
    import pooch
    import requests

    pooch.get_logger().disabled = True
    # Without a timeout, a server that stops sending would block the command forever.
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    try:
        return Path(pooch.retrieve(url, f"md5:{md5.lower()}", "archive.npz", folder, downloader=downloader))
    except (requests.RequestException, ConnectionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{url} cannot be downloaded ({reason}): check the network, or give a mirror with --url."
        ) from error
    except ValueError as error:
        raise UserError(f"{url} is not the expected file (MD5 other than {md5}): check --url and --md5.") from error


def _write_images(archive: Path, directory: Path, url: str, md5: str) -> dict[str, list[int]]:
    """Write all images into class folders, and return the number of images of each class by split."""
    import numpy as np

    with atomic_folder(directory) as folder, np.load(archive, allow_pickle=False) as arrays:
        counts = {}
        for split in SPLITS:
            try:
                images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"][:, 0]
            except (KeyError, IndexError) as error:
                raise UserError(f"{url} is not the PneumoniaMNIST archive ({error}): check --url and --md5.") from error
            counts[split] = _write_split(folder, split, images, labels)
            size = f"{images.shape[2]} x {images.shape[1]} pixels"
        table = "\n".join(f"| {split} | {normal} | {pneumonia} |" for split, (normal, pneumonia) in counts.items())
        text = README.format(size=size, table=table, url=url.partition("?")[0], md5=md5.lower())
        (folder / "README.md").write_text(text, encoding="utf-8")
    return counts


def _write_split(root: Path, split: str, images: "NDArray[np.uint8]", labels: "NDArray[np.integer]") -> list[int]:
    """Write the images of one split as PNG files and count them by class."""
    from PIL import Image

    for name in CLASSES:
        (root / split / name).mkdir(parents=True)
    counts = [0, 0]
    pairs = zip(images, labels.tolist(), strict=True)
    for index, (image, label) in enumerate(with_progress(pairs, f"Writing {split} images", len(images))):
        Image.fromarray(image).save(root / split / CLASSES[label] / f"pneumoniamnist_{split}_{index:05d}.png")
        counts[label] += 1
    return counts
