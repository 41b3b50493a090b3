"""Train with plain Lightning: ImageFolder, torchvision's transforms image by image, worker processes, Trainer.

`same`: workers on all cores that stay from epoch to epoch, bfloat16, and augmentation by torchvision. `tuned`: also
channels last, and images opened as grey at once.

`defaults`: what quick starts have: ImageFolder's default loader, no augmentation, single precision, workers restarted
every epoch. Their number is what Lightning itself advises to those who have none.
"""

import time
from pathlib import Path

import lightning as L  # noqa: N812 - as its users call it
import torch
from lightning.fabric.utilities.data import suggested_max_num_workers
from PIL import Image
from shared import LEARNING_RATE, MEAN, STD, WEIGHT_DECAY, parse_job, report
from torch.nn import functional as nnf
from torch.utils.data import DataLoader
from torchmetrics.classification import BinaryAccuracy
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from xray.models.simple_cnn import SimpleCNN
from xray.utils.hardware import usable_cores


class Classifier(L.LightningModule):
    """The network, its loss, its accuracy and its optimiser."""

    def __init__(self, network: SimpleCNN) -> None:
        super().__init__()
        self.network = network
        self.accuracy = BinaryAccuracy()

    def training_step(self, batch, batch_idx):
        images, labels = batch
        loss = nnf.binary_cross_entropy_with_logits(self.network(images).squeeze(1), labels.float())
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        images, labels = batch
        logits = self.network(images).squeeze(1)
        self.accuracy(logits, labels)
        self.log("val_loss", nnf.binary_cross_entropy_with_logits(logits, labels.float()), prog_bar=True)
        self.log("val_accuracy", self.accuracy, prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)


class Clock(L.Callback):
    """Time epochs; Lightning validates before an epoch ends."""

    def __init__(self) -> None:
        self.seconds = []

    def on_train_epoch_start(self, trainer, pl_module) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def open_grey(path: str | Path) -> Image.Image:
    """Open an image without the way through RGB that ImageFolder takes."""
    with Image.open(path) as image:
        return image.convert("L")


def main() -> None:
    """Run the job."""
    job = parse_job(__doc__)
    resize = [v2.Grayscale(), v2.Resize((job.size, job.size))]
    augment = [v2.RandomAffine(7, translate=(0.05, 0.05), scale=(0.9, 1.1)), v2.ColorJitter(0.2, 0.2)]
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([MEAN], [STD])]
    network = SimpleCNN()
    workers, training, opener, loading, precision = suggested_max_num_workers(1), resize, {}, {}, {}
    if job.same:
        workers, training = usable_cores(), resize + augment
        loading = {"persistent_workers": True, "pin_memory": torch.cuda.is_available()}
        precision = {"precision": job.precision}
    if job.tuned:
        network = network.to(memory_format=torch.channels_last)
        opener = {"loader": open_grey}

    train = ImageFolder(job.root / "train", v2.Compose(training + to_tensor), **opener)
    val = ImageFolder(job.root / "val", v2.Compose(resize + to_tensor), **opener)
    train_loader = DataLoader(train, job.batch_size, shuffle=True, num_workers=workers, **loading)
    val_loader = DataLoader(val, job.batch_size, num_workers=workers, **loading)
    clock = Clock()
    trainer = L.Trainer(max_epochs=job.epochs, callbacks=[clock], **precision)
    trainer.fit(Classifier(network), train_loader, val_loader)
    report(Path(__file__).stem, job, len(train), clock.seconds, float(trainer.callback_metrics["val_accuracy"]))


if __name__ == "__main__":
    main()
