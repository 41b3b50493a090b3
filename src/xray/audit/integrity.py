"""Check single files: can they be read, and do they look like chest X-rays?"""

from collections.abc import Sequence

import numpy as np

from xray.audit.appearance import MAX_UNEXPLAINED, MIN_IMAGES
from xray.audit.colour import COLOUR_THRESHOLD
from xray.audit.finding import Case, Finding, count
from xray.audit.scan import FolderScan


def check_files(scan: FolderScan) -> list[Finding]:
    """Return findings about files that cannot be read or may not show an upright chest."""
    return [*_unreadable(scan), *_coloured(scan), *_unusual(scan)]


def _unreadable(scan: FolderScan) -> list[Finding]:
    if not scan.unreadable:
        return []
    images = scan.folder.images
    cases = tuple(Case((images[i].path,), reason) for i, reason in sorted(scan.unreadable.items()))
    return [
        Finding(
            "unreadable",
            "blocking",
            f"{count(len(cases), 'file')} of {len(images):,} cannot be read.",
            "A fit stops at them; if they are skipped, training and test change unnoticed.",
            "Copy them again from their source, or remove them and document it.",
            cases,
        )
    ]


def _coloured(scan: FolderScan) -> list[Finding]:
    rows = np.flatnonzero(scan.colour > COLOUR_THRESHOLD)
    return _finding(
        scan,
        rows.tolist(),
        [f"channels differ by {scan.colour[i]:.0f} of 255 on average" for i in rows],
        "coloured",
        "{} in true colour, which no X-ray is.",
        "A network may learn from photographs or screenshots that have nothing to do with lungs.",
        "Look at them, and remove what is not a radiograph.",
    )


def _unusual(scan: FolderScan) -> list[Finding]:
    appearance = scan.appearance
    if appearance is None:
        return [
            Finding(
                "likeness-not-checked",
                "note",
                f"Whether all files are chest X-rays was not checked: this needs {MIN_IMAGES} images, and "
                f"{len(scan.rows)} can be read.",
                "What a chest X-ray looks like is learned from the folder itself.",
                "Look at the images by eye.",
            )
        ]
    blank = np.flatnonzero(appearance.blank).tolist()
    rotated = np.flatnonzero(appearance.rotation).tolist()
    unusual = np.flatnonzero(appearance.unusual)
    unusual = unusual[np.argsort(-appearance.unexplained[unusual], kind="stable")]
    return [
        *_finding(
            scan,
            blank,
            ["uniform grey"] * len(blank),
            "blank",
            "{} blank.",
            "A network can only learn that this class has blank images.",
            "Remove them, or fetch them again.",
        ),
        *_finding(
            scan,
            unusual.tolist(),
            [f"{appearance.unexplained[i]:.0%} of it is unlike the other images" for i in unusual],
            "no-chest-image",
            "{} so unlike the others that "
            + ("it" if len(unusual) == 1 else "they")
            + " may not be a chest X-ray: more "
            f"than {MAX_UNEXPLAINED:.0%} of the image is not explained by what the images have in common.",
            "Lateral views, other body parts, photographs and plots do not belong here; about 1 real X-ray in 250 is "
            "that unusual and may stay.",
            "Look at them, and remove what is not a frontal chest X-ray.",
        ),
        *_finding(
            scan,
            rotated,
            [f"probably rotated by {appearance.rotation[i]} degrees" for i in rotated],
            "turned",
            "{} probably rotated.",
            "A network expects the heart where it is in the other images.",
            "Look at them, and rotate them upright.",
        ),
    ]


def _finding(
    scan: FolderScan, rows: Sequence[int], details: Sequence[str], code: str, title: str, why: str, mend: str
) -> list[Finding]:
    if not rows:
        return []
    images = scan.images
    cases = tuple(Case((images[i].path,), detail) for i, detail in zip(rows, details, strict=True))
    return [Finding(code, "warning", title.format(count(len(rows), "image is", "images are")), why, mend, cases)]
