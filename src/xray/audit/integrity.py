"""Check single files: can they be read, and do they look like chest X-rays?"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from xray.audit.appearance import MAX_UNEXPLAINED, MIN_IMAGES
from xray.audit.colour import COLOUR_THRESHOLD
from xray.audit.finding import Case, Finding
from xray.audit.scan import FolderScan
from xray.utils.text import count


def check_files(scan: FolderScan) -> Iterator[Finding]:
    """Report files that cannot be read or may not show an upright chest."""
    if scan.unreadable:
        images = scan.folder.images
        yield Finding(
            "unreadable",
            "blocking",
            f"{count(len(scan.unreadable), 'file')} of {len(images):,} cannot be read.",
            "A fit stops at them; if they are skipped, training and test change unnoticed.",
            "Copy them again from their source, or remove them and document it.",
            tuple(Case((images[i].path,), reason) for i, reason in sorted(scan.unreadable.items())),
        )
    yield from _warning(
        scan,
        {
            i: f"channels differ by {scan.colour[i]:.0f} of 255 on average"
            for i in _where(scan.colour > COLOUR_THRESHOLD)
        },
        "coloured",
        "{} in true colour, which no X-ray is.",
        "A network may learn from photographs or screenshots that have nothing to do with lungs.",
        "Look at them, and remove what is not a radiograph.",
    )
    if scan.appearance is None:
        yield Finding(
            "appearance-not-checked",
            "note",
            f"Whether all files are chest X-rays was not checked: this needs {MIN_IMAGES} images, and "
            f"{len(scan.rows)} can be read.",
            "What a chest X-ray looks like is learned from the folder itself.",
            "Look at the images by eye.",
        )
        return
    unexplained, rotation = scan.appearance.unexplained, scan.appearance.rotation
    unusual = sorted(_where(scan.appearance.unusual), key=lambda i: -unexplained[i])
    yield from _warning(
        scan,
        dict.fromkeys(_where(scan.appearance.blank), "uniform grey"),
        "blank",
        "{} blank.",
        "A network can only learn that this class has blank images.",
        "Remove them, or fetch them again.",
    )
    yield from _warning(
        scan,
        {i: f"{unexplained[i]:.0%} of it is unlike the other images" for i in unusual},
        "not-chest-xray",
        f"{{}} so unlike the others that {'it' if len(unusual) == 1 else 'they'} may not be a chest X-ray: more than "
        f"{MAX_UNEXPLAINED:.0%} of the image is not explained by what the images have in common.",
        "Lateral views, other body parts, photographs and plots do not belong here; about 1 real X-ray in 250 is "
        "that unusual and may stay.",
        "Look at them, and remove what is not a frontal chest X-ray.",
    )
    yield from _warning(
        scan,
        {i: f"probably rotated by {rotation[i]} degrees" for i in _where(rotation != 0)},
        "rotated",
        "{} probably rotated.",
        "A network expects the heart where it is in the other images.",
        "Look at them, and rotate them upright.",
    )


def _where(condition: npt.NDArray[np.bool_]) -> list[int]:
    rows: list[int] = np.flatnonzero(condition).tolist()
    return rows


def _warning(
    scan: FolderScan, details: Mapping[int, str], code: str, title: str, why: str, fix: str
) -> Iterator[Finding]:
    """Report images with a detail on each, by row of the readable images."""
    if details:
        cases = tuple(Case((scan.images[i].path,), detail) for i, detail in details.items())
        yield Finding(code, "warning", title.format(count(len(details), "image is", "images are")), why, fix, cases)
