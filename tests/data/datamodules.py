"""Set up data modules on small images, and compare batches with files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from xray.data.datamodule import ChestXRayDataModule
from xray.utils.errors import UserError

SIDE = 32
CLASSES = ("NORMAL", "PNEUMONIA")


def module(root, **options):
    return ChestXRayDataModule(**({"root": root, "image_size": SIDE, "batch_size": 8, "val_fraction": 0.2} | options))


def set_up(root, stage="fit", **options):
    data = module(root, **options)
    data.setup(stage)
    return data


def rejection(root, stage="fit", **options):
    with pytest.raises(UserError) as info:
        set_up(root, stage, **options)
    return str(info.value)


def set_up_with_warning(root, stage="fit", **options):
    with pytest.warns(UserWarning, match="Accepted|Left out"):
        return set_up(root, stage, **options)


def paths(images):
    return {image.path for image in images}


def values(images, attribute):
    return {getattr(image, attribute) for image in images}


def files(root, *folders):
    return {path.relative_to(root).as_posix() for folder in folders for path in (root / folder).glob("*/*.jpeg")}


def first(root, folder, class_name):
    return min((root / folder / class_name).glob("*.jpeg"))


def spoil(path: Path) -> Path:
    path.write_bytes(b"not an image: " + path.name.encode())
    return path


def spoil_one_of_each(root):
    return [spoil(first(root, folder, name)) for folder in ("train", "val") for name in CLASSES]


def assert_batches_match_files(data, split, class_names=CLASSES):
    """Compare each batch with its image files; return the order of the images."""
    order = []
    for batch in getattr(data, f"{split}_dataloader")():
        count = len(batch["index"])
        assert batch["image"].shape == (count, 1, SIDE, SIDE)
        assert batch["image"].dtype == torch.uint8
        assert (batch["label"].shape, batch["label"].dtype) == ((count,), torch.float32)
        assert batch["index"].dtype == torch.int64
        for pixels, label, row in zip(batch["image"], batch["label"], batch["index"], strict=True):
            image = data.images[split][row]
            with Image.open(data.root / image.path) as file:
                file.draft("L", (SIDE, SIDE))
                expected = file.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(pixels[0], np.asarray(expected))
            assert class_names[int(label)] == image.path.split("/")[1]
            order.append(int(row))
    return order
