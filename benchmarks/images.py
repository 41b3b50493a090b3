"""A data set of a size worth timing, from a few full-size images."""

from pathlib import Path

CLASSES = {"NORMAL": "IM-{n:05d}-0001.jpeg", "PNEUMONIA": "person{n}_bacteria_1.jpeg"}
"""Class folders, and file names of their copies, as in the public release, with a number for the patient."""


def repeat_images(source: Path, root: Path, copies: int) -> None:
    """Copy each image several times into `root/train` and `root/val`.

    Every copy is a file of its own by content, with the same pixels: the copy's number stands after the JPEG's
    end-of-image marker, where no decoder looks. A cache that knows images by their content would otherwise decode one
    copy and have them all, which no real data set would give it. Every copy also counts as a patient of its own, by a
    number that occurs nowhere else.

    One image in ten goes into `val` with all its copies, so that no image is on both sides.

    Args:
        source: Folder with NORMAL and PNEUMONIA, of JPEG files named `*.jpeg`; it is only read.
        root: Folder to write train and val into.
        copies: Copies of each image, at least one.

    Raises:
        FileNotFoundError: A class has fewer than two images, one for each side.
    """
    number = 0
    for class_name, pattern in CLASSES.items():
        images = sorted((source / class_name).glob("*.jpeg"))
        if len(images) < 2:
            raise FileNotFoundError(f"{source / class_name} holds {len(images)} *.jpeg files; at least two are needed.")
        for split in ("train", "val"):
            (root / split / class_name).mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(images):
            split = "val" if i % 10 == 0 else "train"
            content = image.read_bytes()
            for copy in range(copies):
                number += 1
                target = root / split / class_name / pattern.format(n=number)
                target.write_bytes(content + copy.to_bytes(4, "big"))
