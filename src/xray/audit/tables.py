"""What is there: images and patients by side and class."""

from collections import Counter
from typing import Any

from xray.audit.folder import FilmFolder


def counts(folder: FilmFolder) -> list[dict[str, Any]]:
    """A row for each side and class.

    It has the numbers of images, of patients by name and of groups of patients that may be the same, and the most
    images of one patient. Where no name tells a patient, each film counts as one.
    """
    rows = []
    for side in folder.sides:
        for label, class_name in enumerate(folder.class_names):
            films = [film for film in folder.films if film.folder == side and film.label == label]
            rows.append(
                {
                    "side": side,
                    "class": class_name,
                    "images": len(films),
                    "patients": len({film.patient for film in films}),
                    "groups": len({film.group for film in films}),
                    "most_of_one": max(Counter(film.patient for film in films).values(), default=0),
                }
            )
    return rows
