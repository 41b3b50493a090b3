"""Count images and patients by split and class."""

from collections import Counter
from typing import Any

from xray.audit.folder import ImageFolder


def counts(folder: ImageFolder) -> list[dict[str, Any]]:
    """Return a row for each split and class.

    A row has the number of images, of patients by name, of groups of patients that may be the same person, and the
    largest number of images of one patient. An image whose name gives no patient counts as its own patient.
    """
    rows = []
    for split in folder.splits:
        for label, class_name in enumerate(folder.class_names):
            images = [image for image in folder.images if image.folder == split and image.label == label]
            rows.append(
                {
                    "side": split,
                    "class": class_name,
                    "images": len(images),
                    "patients": len({image.patient for image in images}),
                    "groups": len({image.group for image in images}),
                    "most_of_one": max(Counter(image.patient for image in images).values(), default=0),
                }
            )
    return rows
