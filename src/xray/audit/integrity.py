"""Checks of single files: can they be read, and are they chest films at all?"""

from collections.abc import Sequence

import numpy as np

from xray.audit.colour import COLOURED
from xray.audit.evidence import Evidence
from xray.audit.finding import Case, Finding, count
from xray.audit.likeness import LEAST_FILMS, UNEXPLAINED


def check_files(evidence: Evidence) -> list[Finding]:
    """Findings about files that cannot be read, or show something else than an upright chest."""
    return [*_unreadable(evidence), *_coloured(evidence), *_unlike(evidence)]


def _unreadable(evidence: Evidence) -> list[Finding]:
    if not evidence.unreadable:
        return []
    films = evidence.folder.films
    cases = tuple(Case((films[i].path,), reason) for i, reason in sorted(evidence.unreadable.items()))
    return [
        Finding(
            "unreadable",
            "blocking",
            f"{count(len(cases), 'file')} of {len(films):,} cannot be read.",
            "A fit stops at them; left out, they change what is learnt and tested without a trace.",
            "Fetch them again from their source, or remove them and say so.",
            cases,
        )
    ]


def _coloured(evidence: Evidence) -> list[Finding]:
    found = np.flatnonzero(evidence.colour > COLOURED)
    return _told(
        evidence,
        found.tolist(),
        [f"channels differ by {evidence.colour[i]:.0f} of 255 in the mean" for i in found],
        "coloured",
        "{} in true colour: no film is.",
        "A photograph or a screenshot among films teaches the network something else.",
        "Look at them, and remove what is no film.",
    )


def _unlike(evidence: Evidence) -> list[Finding]:
    likeness = evidence.likeness
    if likeness is None:
        return [
            Finding(
                "likeness-not-judged",
                "note",
                f"Whether all files are chest films was not judged: that takes {LEAST_FILMS} films, and "
                f"{len(evidence.rows)} can be read.",
                "What a chest film looks like is learnt from the folder itself.",
                "Look at the films by eye.",
            )
        ]
    blank = np.flatnonzero(likeness.blank).tolist()
    turned = np.flatnonzero(likeness.turned).tolist()
    strange = np.flatnonzero(likeness.strange)
    strange = strange[np.argsort(-likeness.unexplained[strange], kind="stable")]
    return [
        *_told(
            evidence,
            blank,
            ["one grey all over"] * len(blank),
            "blank",
            "{} blank.",
            "Nothing can be learnt from it but that its class has blank films.",
            "Remove them, or fetch them again.",
        ),
        *_told(
            evidence,
            strange.tolist(),
            [f"{likeness.unexplained[i]:.0%} of it is unlike the other films" for i in strange],
            "no-chest-film",
            "{} so unlike the others that " + ("it" if len(strange) == 1 else "they") + " may be no chest film: more "
            f"than {UNEXPLAINED:.0%} of the picture is not made of what the films have in common.",
            "Side views, other body parts, photographs and plots do not belong into the question; about 1 real film "
            "in 250 is that unusual and may stay.",
            "Look at them, and remove what is no frontal chest film.",
        ),
        *_told(
            evidence,
            turned,
            [f"seems turned by {likeness.turned[i]} degrees" for i in turned],
            "turned",
            "{} upside down or on a side, it seems.",
            "A network expects the heart where it is on the other films.",
            "Look at them, and turn them upright.",
        ),
    ]


def _told(
    evidence: Evidence, rows: Sequence[int], details: Sequence[str], code: str, title: str, why: str, mend: str
) -> list[Finding]:
    if not rows:
        return []
    films = evidence.films
    cases = tuple(Case((films[i].path,), detail) for i, detail in zip(rows, details, strict=True))
    return [Finding(code, "warning", title.format(count(len(rows), "film is", "films are")), why, mend, cases)]
