"""Which scaling of logits, and which way to choose the epoch, predicts held-out patients best.

    python benchmarks/scaling.py --root data/chest_xray --out scaling

Trains a small network 24 times (3 seeds, two learning rates, with and without class weights, short and full epochs) and
keeps the logits of every epoch in `--out`, so that a second call only evaluates. About 15 minutes on two cores. Half of
the validation patients choose, the other half are held out; test images are not read.
"""

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from sklearn.metrics import roc_auc_score

from xray.data.datamodule import ChestXRayDataModule
from xray.evaluation.scaling import Scaling, fit_form, fit_scaling, log_loss
from xray.models.cnn import CNNClassifier
from xray.scoring.inference import logits_of

RUNS = [*itertools.product((0, 1, 2), (2e-3, 1e-2), ("balanced", "none"), (12, 1.0))]
"""Seed, learning rate, class weight, and batches per epoch."""
SIZES = (None, 100, 50, 20, 8)
"""Validation images of each class that the scaling is fitted on; None for all."""
REPEATS = 3
"""Random choices of patients for each size."""


class KeepLogits(Callback):
    """Keep the validation logits of every epoch."""

    def __init__(self, data: ChestXRayDataModule) -> None:
        self.data = data
        self.logits: list[np.ndarray] = []

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.logits.append(logits_of(pl_module, self.data.grey_chunks("val")))


@dataclass(frozen=True)
class Images:
    """Labels, patients and logits by epoch, shape (epochs, images), of some images."""

    labels: np.ndarray
    patients: np.ndarray
    logits: np.ndarray

    def take(self, rows: np.ndarray) -> "Images":
        return Images(self.labels[rows], self.patients[rows], self.logits[:, rows])


def train(root: Path, out: Path, seed: int, rate: float, class_weight: str, batches: float) -> tuple[Images, Images]:
    """Train one run, or read what an earlier call kept; return the images that choose, and those held out."""
    file = out / f"{seed}_{rate}_{class_weight}_{batches}.npz"
    if not file.exists():
        seed_everything(seed, verbose=False)
        data = ChestXRayDataModule(root, validation="blocks", val_fraction=0.2, image_size=64, cache_dir=out / "cache")
        data.setup("fit")
        optimizer = partial(torch.optim.AdamW, lr=rate, weight_decay=0.05)
        model = CNNClassifier((16, 32, 64), optimizer=optimizer, class_weight=class_weight)
        keep = KeepLogits(data)
        trainer = Trainer(
            max_epochs=8,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[keep],
            num_sanity_val_steps=0,
            limit_train_batches=batches,
            gradient_clip_val=1.0,
        )
        trainer.fit(model, datamodule=data)
        images = data.images["val"]
        np.savez(
            file,
            labels=[image.label for image in images],
            patients=[image.patient for image in images],
            logits=keep.logits,
        )
    images = Images(**np.load(file))
    names = np.random.default_rng(0).permutation(np.unique(images.patients))
    first = np.isin(images.patients, names[::2])
    return images.take(np.flatnonzero(first)), images.take(np.flatnonzero(~first))


def some_patients(images: Images, size: int | None, rng: np.random.Generator) -> Images:
    """Return the images of random patients, about `size` of each class."""
    if size is None:
        return images
    chosen = []
    for label in (0, 1):
        names = rng.permutation(np.unique(images.patients))
        of_class = [np.flatnonzero((images.patients == name) & (images.labels == label)) for name in names]
        last = int(np.searchsorted(np.cumsum([len(rows) for rows in of_class]), size))
        chosen += of_class[: last + 1]
    return images.take(np.concatenate(chosen))


FORMS: dict[str, Callable[..., Scaling]] = {
    "none": lambda *_: Scaling(),
    "temperature": lambda labels, logits, _: fit_form(labels, logits, with_offset=False),
    "both": lambda labels, logits, _: fit_form(labels, logits),
    "chosen": fit_scaling,
}


def losses_by_epoch(images: Images, form: str) -> list[float]:
    """Return the log loss of each epoch after a scaling fitted to the same images."""
    fit = FORMS[form]
    return [log_loss(images.labels, fit(images.labels, x, images.patients).scale(x)) for x in images.logits]


def compare_scalings(runs: list[tuple[Images, Images]]) -> None:
    """Print the mean log loss of held-out patients, at the epoch of the lowest unscaled loss."""
    rng = np.random.default_rng(0)
    print("images of each class |", " | ".join(FORMS))
    for size in SIZES:
        losses: dict[str, list[float]] = {name: [] for name in FORMS}
        for images, held_out in runs:
            epoch = int(np.argmin(losses_by_epoch(images, "none")))
            for _ in range(1 if size is None else REPEATS):
                seen = some_patients(images, size, rng)
                for name, fit in FORMS.items():
                    scaling = fit(seen.labels, seen.logits[epoch], seen.patients)
                    losses[name].append(log_loss(held_out.labels, scaling.scale(held_out.logits[epoch])))
        print(size or "all", "|", " | ".join(f"{np.mean(values):.3f}" for values in losses.values()))


def compare_epochs(runs: list[tuple[Images, Images]]) -> None:
    """Print AUROC and log loss of held-out patients for each way to choose the epoch."""
    print("epoch of the best | mean AUROC | lowest AUROC | mean log loss | highest log loss")
    results: dict[str, list[tuple[float, float]]] = {}
    for images, held_out in runs:
        costs = {
            "loss": losses_by_epoch(images, "none"),
            "loss after temperature": losses_by_epoch(images, "temperature"),
            "loss after both": losses_by_epoch(images, "both"),
            "AUROC": [-roc_auc_score(images.labels, logits) for logits in images.logits],
            "none: the last": [-epoch for epoch in range(len(images.logits))],
        }
        for name, values in costs.items():
            epoch = int(np.argmin(values))
            logits, scaling = held_out.logits[epoch], fit_form(images.labels, images.logits[epoch])
            row = roc_auc_score(held_out.labels, logits), log_loss(held_out.labels, scaling.scale(logits))
            results.setdefault(name, []).append(row)
    for name, rows in results.items():
        auroc, loss = np.array(rows).T
        print(f"{name} | {auroc.mean():.4f} | {auroc.min():.4f} | {loss.mean():.3f} | {loss.max():.3f}")


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("data/chest_xray"), help="folder with train, val and test")
    parser.add_argument("--out", type=Path, default=Path("scaling"), help="folder for the logits")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    runs = [train(args.root, args.out, *settings) for settings in RUNS]
    compare_scalings(runs)
    compare_epochs(runs)


if __name__ == "__main__":
    main()
