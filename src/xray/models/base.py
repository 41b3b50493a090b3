"""What every classifier shares: loss, metrics, optimiser, schedule, and all that a checkpoint needs to decide."""

import math
import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any, Literal, Protocol

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities import GradClipAlgorithmType
from torch import Tensor, nn
from torch.nn import functional as nnf
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryAveragePrecision

from xray.data.dataset import ImageBatch
from xray.evaluation.operating_point import OperatingPoint
from xray.models.schedule import WarmupCosine
from xray.utils.errors import UserError, require_between

ClassWeight = Literal["balanced", "none"]


class TrainingData(Protocol):
    """What a classifier asks of the data module."""

    class_counts: tuple[int, int]


def adamw(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    """Default optimiser."""
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05, fused=True)


class ImageClassifier(LightningModule):
    """Binary classifier of grey images.

    An image enters as grey bytes, or as float from 0 to 1, and is normalised in here; the logit leaves. Normalisation,
    temperature and threshold are buffers, so a checkpoint's `state_dict` carries them.

    Args:
        network: Maps normalised images, shape (batch, 1, size, size), to logits, shape (batch, 1).
        mean: Mean grey of the normalisation, on the scale from 0 to 1.
        std: Standard deviation of grey, likewise.
        optimizer: Makes the optimiser from parameter groups.
        scheduler: Makes the schedule from the optimiser. `WarmupCosine` goes step by step over the whole run, any other
            one epoch by epoch.
        class_weight: "balanced" multiplies the loss of the positive class by negatives over positives in the training
            images; "none" leaves it.
        label_smoothing: Share by which a label is moved towards one half; 0 leaves it.
        operating_point: How the threshold is chosen on the validation images, at the end of a fit.
        compile: Train with `torch.compile`, which needs a C++ compiler and takes its time before the first step.
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor
    threshold: Tensor
    positive_weight: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: float,
        std: float,
        optimizer: OptimizerCallable = adamw,
        scheduler: LRSchedulerCallable = WarmupCosine,
        class_weight: ClassWeight = "balanced",
        label_smoothing: float = 0.0,
        operating_point: OperatingPoint = OperatingPoint(),  # noqa: B008 - frozen
        compile: bool = False,
    ) -> None:
        super().__init__()
        require_between("model.label_smoothing", label_smoothing, 0, 1)
        # Channels last is what convolutions are quickest in, on CPUs (nearly twice here) as on GPUs.
        self.network = network.to(memory_format=torch.channels_last)
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.operating_point = operating_point
        self._compile = compile
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.register_buffer("temperature", torch.tensor(1.0))
        self.register_buffer("threshold", torch.tensor(0.5))
        self.register_buffer("positive_weight", torch.tensor(1.0))
        metrics = MetricCollection(
            {"auroc": BinaryAUROC(), "average_precision": BinaryAveragePrecision(), "accuracy": BinaryAccuracy()}
        )
        self.train_metrics = metrics.clone(prefix="train/")
        self.val_metrics = metrics.clone(prefix="val/")

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the positive class, shape (batch,), from images of shape (batch, 1, size, size)."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        device = images.device.type
        # bfloat16 keeps three digits, enough to learn by but not to rank images by: scores are in single precision.
        with torch.autocast(device, enabled=self.training and torch.is_autocast_enabled(device)):
            normalised = ((images - self.mean) / self.std).to(next(self.network.parameters()).dtype)
            logits: Tensor = self.network(normalised)
        return logits.squeeze(1).float()

    def probability(self, logits: Tensor) -> Tensor:
        """Calibrated probability of the positive class: sigmoid(logit / temperature).

        In double precision, where the device has it: single would round confident images to 1 and make ties of them.

        Args:
            logits: Shape (batch,), on any device.

        Returns:
            From 0 to 1, of the same shape and on the same device, float64 (float32 on Apple's GPUs).
        """
        kind = torch.float32 if logits.device.type == "mps" else torch.float64
        return (logits.to(kind) / self.temperature.to(logits.device, kind)).sigmoid()

    def model_step(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Mean loss of a batch, and its logits."""
        logits = self(batch["image"])
        targets = batch["label"] * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        loss = nnf.binary_cross_entropy_with_logits(logits, targets, pos_weight=self.positive_weight)
        return loss, logits

    def check_image_size(self, size: int) -> None:
        """Reject images of a size that the network does not take; every size will do by default."""

    @property
    def has_depthwise_convolutions(self) -> bool:
        """Whether the network has convolutions by groups, which on a CPU are slower in bfloat16."""
        return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in self.network.modules())

    def check_compiler(self) -> None:
        """Reject to compile without a compiler, which would otherwise come out at the first step.

        Raises:
            UserError: One is asked for and none is found.
        """
        compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        if self._compile and shutil.which(compiler) is None:
            raise UserError(
                f"model.compile true needs a C++ compiler, and there is no {compiler}: install it, name another by the "
                "variable CXX, or leave it with --model.compile false."
            )

    def prepare_weights(self) -> None:
        """Get hold of what a fresh training starts from, before any image is read; nothing by default."""

    def on_fit_start(self) -> None:
        """Take the weight of the positive class from the training images."""
        weight = 1.0
        if self.class_weight == "balanced":
            data: TrainingData = self.trainer.datamodule  # type: ignore[attr-defined]
            negatives, positives = data.class_counts
            weight = negatives / positives
        self.positive_weight.fill_(weight)
        if self._compile:
            self.network.compile()

    def on_train_start(self) -> None:
        """After a resume, let the config's optimiser settings win over those in the checkpoint.

        A decision that was fitted for the weights of then is taken back; these get their own at the end.
        """
        self.temperature.fill_(1.0)
        self.threshold.fill_(0.5)
        for optimizer, settings in zip(self.trainer.optimizers, self._optimizer_settings, strict=True):
            for group, wanted in zip(optimizer.param_groups, settings, strict=True):
                group.update(wanted)
        for plan in self.trainer.lr_scheduler_configs:
            if isinstance(plan.scheduler, WarmupCosine):
                plan.scheduler.set_total_steps(plan.scheduler.total_steps)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip for fused optimisers too, which Lightning rejects with any mixed precision.

        Raises:
            UserError: Gradients are scaled, which a fused optimiser would undo only after they were clipped.
        """
        plugin = self.trainer.strategy.precision_plugin
        fused = any(group.get("fused") for group in optimizer.param_groups)
        if not gradient_clip_val or not fused or not isinstance(plugin, MixedPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        if plugin.scaler is not None:
            raise UserError(
                f"trainer.precision {self.trainer.precision} scales gradients, so a fused optimiser cannot clip them: "
                "add --model.optimizer.init_args.fused false, or train in bf16-mixed."
            )
        algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
        Precision.clip_gradients(plugin, optimizer, gradient_clip_val, algorithm)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:  # noqa: ARG002 - Lightning's signature
        """Loss of one batch."""
        loss, logits = self.model_step(batch)
        self.train_metrics.update(self.probability(logits.detach()), batch["label"].int())
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        self.log("lr", self.optimizers().param_groups[-1]["lr"], prog_bar=True, logger=False)  # type: ignore[union-attr]
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training metrics, which are over augmented images."""
        self.log_dict(self.train_metrics.compute())
        self.train_metrics.reset()

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Logits of one batch, for the metrics and for whichever callback draws them."""
        loss, logits = self.model_step(batch)
        self.val_metrics.update(self.probability(logits), batch["label"].int())
        self.log("val/loss", loss, prog_bar=True, batch_size=len(logits), sync_dist=True)
        for name, metric in self.val_metrics.items():
            self.log(name, metric, prog_bar=name == "val/auroc")
        return {"logit": logits, "index": batch["index"], "label": batch["label"]}

    def test_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Logits of one batch."""
        return {"logit": self(batch["image"]), "index": batch["index"], "label": batch["label"]}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What the optimiser gets; a subclass may give groups with factors `lr_scale` of the learning rate."""
        return [{"params": list(self.parameters())}]

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning's many shapes
        """Build optimiser and schedule from the callables of the config."""
        optimizer = self.optimizer(self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_scale", 1.0)
        scheduler = self.scheduler(optimizer)
        # The rate itself is the schedule's business.
        kept = {"params", "lr", "initial_lr"}
        self._optimizer_settings = [
            [{key: value for key, value in group.items() if key not in kept} for group in optimizer.param_groups]
        ]
        if isinstance(scheduler, WarmupCosine):
            steps = self.trainer.estimated_stepping_batches
            if math.isinf(steps):
                raise UserError("WarmupCosine needs to know the end of the run: set trainer.max_epochs or max_steps.")
            scheduler.set_total_steps(int(steps))
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": "epoch"}
        if isinstance(scheduler, ReduceLROnPlateau):
            plan["monitor"] = getattr(scheduler, "monitor", "val/loss")
        return {"optimizer": optimizer, "lr_scheduler": plan}
