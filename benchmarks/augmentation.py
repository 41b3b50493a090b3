"""Which augmentation is quickest: ours on a batch, kornia on a batch, torchvision image by image in worker processes.

All turn, shift, scale, change gamma and contrast, each image differently, from the same grey bytes in memory to float
images from 0 to 1. kornia is left out where it is not installed.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from measure import alternate, describe_machine, ratio
from xray.data.augment import Augmentation, augment
from xray.utils.hardware import prepare_torch, usable_cores

BATCHES, BATCH = 100, 32


class OneByOne(Dataset):
    """torchvision's transforms, image by image."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.move = v2.RandomAffine(
            7, translate=(0.05, 0.05), scale=(0.9, 1.1), interpolation=v2.InterpolationMode.BILINEAR
        )
        self.contrast = v2.ColorJitter(contrast=0.2)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> Tensor:
        image = self.move(torch.from_numpy(self.images[i])[None].float() / 255)
        gamma = float(torch.empty(1).uniform_(-0.2, 0.2).exp())
        return self.contrast(v2.functional.adjust_gamma(image, gamma))


def rate_of_loader(images: np.ndarray, workers: int) -> float:
    """Images per second of a data loader, its start aside; what its workers prefetch meanwhile is a gift to it."""
    batches = iter(DataLoader(OneByOne(images), BATCH, num_workers=workers))
    next(batches)
    start = time.perf_counter()
    count = sum(len(batch) for batch in batches)
    return count / (time.perf_counter() - start)


def rate_of_batches(images: np.ndarray, function: Callable[[Tensor], Tensor], device: str) -> float:
    """Images per second of a function of batches of bytes."""
    batches = torch.from_numpy(images)[:, None].split(BATCH)
    function(batches[0].to(device))
    start = time.perf_counter()
    for batch in batches[1:]:
        augmented = function(batch.to(device))
    augmented[0, 0, 0, 0].item()  # waits for a GPU
    return (len(images) - BATCH) / (time.perf_counter() - start)


def contestants(images: np.ndarray, device: str) -> dict[str, Callable[[], float]]:
    """What there is to compare."""
    strengths = Augmentation()
    found = {
        "ours": lambda: rate_of_batches(images, lambda batch: augment(batch, strengths), device),
        f"torchvision, {usable_cores()} workers": lambda: rate_of_loader(images, usable_cores()),
        "torchvision, no worker": lambda: rate_of_loader(images, 0),
    }
    if importlib.util.find_spec("kornia"):
        import kornia.augmentation as ka

        steps = ka.AugmentationSequential(
            ka.RandomAffine(7.0, translate=(0.05, 0.05), scale=(0.9, 1.1), p=1.0),
            ka.RandomGamma(gamma=(0.82, 1.22), p=1.0),
            ka.RandomContrast(contrast=(0.8, 1.2), p=1.0),
        )
        found["kornia"] = lambda: rate_of_batches(images, lambda batch: steps(batch.float() / 255), device)
    return found


def main() -> None:
    """Measure each size, and print a row for each contestant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    prepare_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print("| size | augmentation | images/s | ours / this |\n| --- | --- | --- | --- |")
    for size in options.sizes:
        images = np.random.default_rng(0).integers(0, 256, (BATCHES * BATCH, size, size), dtype=np.uint8)
        rates = alternate(contestants(images, device), options.repeats)
        for name, values in rates.items():
            print(f"| {size} | {name} | {statistics.median(values):.0f} | {ratio(rates['ours'], values)} |")
    print(f"\nBatches of {BATCH} on {device}. {describe_machine()}")


if __name__ == "__main__":
    main()
