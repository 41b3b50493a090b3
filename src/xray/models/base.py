"""Base class of the classifiers: loss, metrics, optimiser, schedule, normalisation and threshold."""

import math
import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any, Literal

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


def adamw(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    """Return the default optimiser, AdamW with lr 1e-3."""
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05, fused=True)


class ImageClassifier(LightningModule):
    """Binary classifier of grey images.

    Takes uint8 images, or floats from 0 to 1, normalises them and returns logits. Normalisation, temperature and
    threshold are buffers, so the `state_dict` contains them.

    Args:
        network: Maps normalised images, shape (batch, 1, size, size), to logits, shape (batch, 1).
        mean: Mean grey level for the normalisation, from 0 to 1.
        std: Standard deviation of the grey level, on the same scale.
        optimizer: Builds the optimiser from parameter groups.
        scheduler: Builds the schedule from the optimiser. `WarmupCosine` is stepped every batch, any other every epoch.
        class_weight: "balanced" multiplies the loss of the positive class by negatives / positives of the training
            images; "none" does not weight.
        label_smoothing: From 0 (none) to 1 (every label becomes 0.5).
        operating_point: How the threshold is chosen on the validation images at the end of training.
        compile: Train with `torch.compile`; needs a C++ compiler, and compiling delays the first step.
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
        # Convolutions are fastest in channels-last, on GPUs and on CPUs (nearly twice as fast for `SimpleCNN`).
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
        """Return logits of the positive class, shape (batch,), for images of shape (batch, 1, size, size)."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        device = images.device.type
        # bfloat16 keeps three digits: enough for training, not for ranking images. Scores use single precision.
        with torch.autocast(device, enabled=self.training and torch.is_autocast_enabled(device)):
            normalised = ((images - self.mean) / self.std).to(next(self.network.parameters()).dtype)
            logits: Tensor = self.network(normalised)
        return logits.squeeze(1).float()

    def probability(self, logits: Tensor) -> Tensor:
        """Return the calibrated probability of the positive class: sigmoid(logit / temperature).

        In double precision where the device supports it: single precision would round confident images to 1, as ties.

        Args:
            logits: Shape (batch,), on any device.

        Returns:
            Values from 0 to 1, same shape and device as `logits`, float64 (float32 on Apple GPUs).
        """
        dtype = torch.float32 if logits.device.type == "mps" else torch.float64
        return (logits.to(dtype) / self.temperature.to(logits.device, dtype)).sigmoid()

    def model_step(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch and its logits."""
        logits = self(batch["image"])
        targets = batch["label"] * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        loss = nnf.binary_cross_entropy_with_logits(logits, targets, pos_weight=self.positive_weight)
        return loss, logits

    def check_image_size(self, size: int) -> None:
        """Reject image sizes that the network cannot process; by default all sizes are accepted."""

    @property
    def has_grouped_convolutions(self) -> bool:
        """Whether the network has grouped convolutions, which are slower in bfloat16 on a CPU."""
        return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in self.network.modules())

    def check_compiler(self) -> None:
        """Check for a C++ compiler if `compile` is set, since torch would only fail at the first step.

        Raises:
            UserError: There is no compiler.
        """
        compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        if self._compile and shutil.which(compiler) is None:
            raise UserError(
                f"model.compile true needs a C++ compiler, and there is no {compiler}: install it, set the environment "
                "variable CXX to another one, or use --model.compile false."
            )

    def prepare_weights(self) -> None:
        """Load pretrained weights before any image is read; by default there are none."""

    def on_fit_start(self) -> None:
        """Set the weight of the positive class from the training images, and compile the network if requested."""
        weight = 1.0
        if self.class_weight == "balanced":
            negatives, positives = self.trainer.datamodule.class_counts  # type: ignore[attr-defined]
            weight = negatives / positives
        self.positive_weight.fill_(weight)
        if self._compile:
            self.network.compile()

    def on_train_start(self) -> None:
        """Let the config's optimiser settings override those of the checkpoint after a resume.

        Temperature and threshold are reset: those in the checkpoint were fitted to its weights, and new ones are fitted
        at the end of training.
        """
        self.temperature.fill_(1.0)
        self.threshold.fill_(0.5)
        for optimizer, settings in zip(self.trainer.optimizers, self._optimizer_settings, strict=True):
            for group, configured in zip(optimizer.param_groups, settings, strict=True):
                group.update(configured)
        for plan in self.trainer.lr_scheduler_configs:
            if isinstance(plan.scheduler, WarmupCosine):
                plan.scheduler.set_total_steps(plan.scheduler.total_steps)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients, also with fused optimisers in bf16-mixed, which Lightning does not support.

        Raises:
            UserError: Gradients are scaled (16-mixed), and a fused optimiser would unscale them only after clipping.
        """
        plugin = self.trainer.strategy.precision_plugin
        fused = any(group.get("fused") for group in optimizer.param_groups)
        if not gradient_clip_val or not fused or not isinstance(plugin, MixedPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        if plugin.scaler is not None:
            raise UserError(
                f"trainer.precision {self.trainer.precision} scales gradients, which cannot be clipped with a fused "
                "optimiser: add --model.optimizer.init_args.fused false, or train in bf16-mixed."
            )
        algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
        Precision.clip_gradients(plugin, optimizer, gradient_clip_val, algorithm)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:  # noqa: ARG002 - Lightning's signature
        """Return the loss of one batch."""
        loss, logits = self.model_step(batch)
        self.train_metrics.update(self.probability(logits.detach()), batch["label"].int())
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        self.log("lr", self.optimizers().param_groups[-1]["lr"], prog_bar=True, logger=False)  # type: ignore[union-attr]
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training metrics, computed on augmented images."""
        self.log_dict(self.train_metrics.compute())
        self.train_metrics.reset()

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Update the metrics and return the logits of one batch for the callbacks."""
        loss, logits = self.model_step(batch)
        self.val_metrics.update(self.probability(logits), batch["label"].int())
        self.log("val/loss", loss, prog_bar=True, batch_size=len(logits), sync_dist=True)
        for name, metric in self.val_metrics.items():
            self.log(name, metric, prog_bar=name == "val/auroc")
        return {"logit": logits, "index": batch["index"], "label": batch["label"]}

    def test_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the logits of one batch."""
        return {"logit": self(batch["image"]), "index": batch["index"], "label": batch["label"]}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups; a group's `lr_scale` multiplies the learning rate."""
        return [{"params": list(self.parameters())}]

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning accepts many types
        """Build optimiser and schedule from the callables of the config."""
        optimizer = self.optimizer(self.parameter_groups())
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_scale", 1.0)
        scheduler = self.scheduler(optimizer)
        # The learning rate itself is set by the schedule.
        excluded = {"params", "lr", "initial_lr"}
        self._optimizer_settings = [
            [{key: value for key, value in group.items() if key not in excluded} for group in optimizer.param_groups]
        ]
        if isinstance(scheduler, WarmupCosine):
            steps = self.trainer.estimated_stepping_batches
            if math.isinf(steps):
                raise UserError(
                    "WarmupCosine needs the length of the run: set trainer.max_epochs or trainer.max_steps."
                )
            scheduler.set_total_steps(int(steps))
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": "epoch"}
        if isinstance(scheduler, ReduceLROnPlateau):
            plan["monitor"] = getattr(scheduler, "monitor", "val/loss")
        return {"optimizer": optimizer, "lr_scheduler": plan}
