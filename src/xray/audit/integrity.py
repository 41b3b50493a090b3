"""Checks of single files: can they be read, and are they chest X-rays at all?"""

from collections.abc import Sequence

import numpy as np

from xray.audit.colour import COLOURED
from xray.audit.finding import Case, Finding, count
from xray.audit.likeness import LEAST_IMAGES, UNEXPLAINED
from xray.audit.scan import FolderScan


def check_files(scan: FolderScan) -> list[Finding]:
    """Findings about files that cannot be read, or show something else than an upright chest."""
    return [*_unreadable(scan), *_coloured(scan), *_unlike(scan)]


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
            "A fit stops at them; left out, they change what is learnt and tested without a trace.",
            "Fetch them again from their source, or remove them and say so.",
            cases,
        )
    ]


def _coloured(scan: FolderScan) -> list[Finding]:
    found = np.flatnonzero(scan.colour > COLOURED)
    return _told(
        scan,
        found.tolist(),
        [f"channels differ by {scan.colour[i]:.0f} of 255 in the mean" for i in found],
        "coloured",
        "{} in true colour: no image is.",
        "A photograph or a screenshot among images teaches the network something else.",
        "Look at them, and remove what is no image.",
    )


def _unlike(scan: FolderScan) -> list[Finding]:
    likeness = scan.likeness
    if likeness is None:
        return [
            Finding(
                "likeness-not-predicted",
                "note",
                f"Whether all files are chest X-rays was not judged: that takes {LEAST_IMAGES} images, and "
                f"{len(scan.rows)} can be read.",
                "What a chest X-ray looks like is learnt from the folder itself.",
                "Look at the images by eye.",
            )
        ]
    blank = np.flatnonzero(likeness.blank).tolist()
    turned = np.flatnonzero(likeness.turned).tolist()
    strange = np.flatnonzero(likeness.strange)
    strange = strange[np.argsort(-likeness.unexplained[strange], kind="stable")]
    return [
        *_told(
            scan,
            blank,
            ["one grey all over"] * len(blank),
            "blank",
            "{} blank.",
            "Nothing can be learnt from it but that its class has blank images.",
            "Remove them, or fetch them again.",
        ),
        *_told(
            scan,
            strange.tolist(),
            [f"{likeness.unexplained[i]:.0%} of it is unlike the other images" for i in strange],
            "no-chest-image",
            "{} so unlike the others that " + ("it" if len(strange) == 1 else "they") + " may be no chest X-ray: more "
            f"than {UNEXPLAINED:.0%} of the picture is not made of what the images have in common.",
            "Side views, other body parts, photographs and plots do not belong into the question; about 1 real image "
            "in 250 is that unusual and may stay.",
            "Look at them, and remove what is no frontal chest X-ray.",
        ),
        *_told(
            scan,
            turned,
            [f"seems turned by {likeness.turned[i]} degrees" for i in turned],
            "turned",
            "{} upside down or on a side, it seems.",
            "A network expects the heart where it is on the other images.",
            "Look at them, and turn them upright.",
        ),
    ]


def _told(
    scan: FolderScan, rows: Sequence[int], details: Sequence[str], code: str, title: str, why: str, mend: str
) -> list[Finding]:
    if not rows:
        return []
    images = scan.images
    cases = tuple(Case((images[i].path,), detail) for i, detail in zip(rows, details, strict=True))
    return [Finding(code, "warning", title.format(count(len(rows), "image is", "images are")), why, mend, cases)]
