"""Base class of the classifiers: loss, metrics, optimiser, schedule, normalisation and threshold."""

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only
from torch import Tensor, nn
from torch.nn import functional as nnf
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryAveragePrecision

from xray.data.dataset import ImageBatch
from xray.evaluation.operating_point import OperatingPoint
from xray.models.calibrated_loss import CalibratedLoss
from xray.models.class_weight import ClassWeight, balanced_weight
from xray.models.freezing import Freezing, Stages, check_strategy, groups_by_stage, stages_by_pattern, train_stages
from xray.models.gradient_clipping import clip_fused, is_fused_and_mixed
from xray.models.optimisation import Interval, build_optimizer, build_schedule, check_length, start_from
from xray.models.schedule import WarmupCosine
from xray.models.weights_file import head_names, read_weights
from xray.utils.errors import require_between
from xray.utils.hardware import allow_tf32


class ImageClassifier(LightningModule):
    """Binary classifier of grey images with any network.

    Takes uint8 images, or floats from 0 to 1, normalises them and returns logits. Normalisation, temperature and
    threshold are buffers, so the `state_dict` contains them.

    Args:
        network: Maps normalised images, shape (batch, in_channels, size, size), to one logit for each image, shape
            (batch, 1) or (batch,).
        mean: Mean grey level for the normalisation, from 0 to 1.
        std: Standard deviation of the grey level, on the same scale.
        in_channels: Number of equal channels that the network gets: 1, or 3 for a network made for colour images.
        weights: File of PyTorch or safetensors weights, or another run's best.ckpt, from which the network starts.
        freeze: Which parameters are trained in which epoch. By default all of them are trained from the start.
        optimizer: Builds the optimiser from parameter groups.
        scheduler: Builds the schedule from the optimiser. Null keeps the learning rate constant.
        scheduler_interval: When the schedule is stepped. By default `OneCycleLR`, `CyclicLR` and schedules with an
            attribute `interval = "step"`, such as `WarmupCosine`, after every optimiser step, any other every epoch.
        class_weight: "balanced" multiplies the loss of the positive class by negatives / positives of the training
            images; "none" does not weight.
        label_smoothing: From 0 (none) to 1 (every label becomes 0.5).
        operating_point: How the threshold is chosen on the validation images at the end of training.
        compile: Train with `torch.compile`; needs a C++ compiler, and compiling delays the first step.
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor
    offset: Tensor
    threshold: Tensor
    positive_weight: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: float = 0.5,
        std: float = 0.25,
        in_channels: int = 1,
        weights: Path | None = None,
        freeze: Freezing | None = None,
        optimizer: OptimizerCallable = lambda parameters: torch.optim.AdamW(
            parameters, lr=1e-3, weight_decay=0.05, fused=True
        ),
        scheduler: LRSchedulerCallable | None = WarmupCosine,
        scheduler_interval: Interval | None = None,
        class_weight: ClassWeight = "balanced",
        label_smoothing: float = 0.0,
        operating_point: OperatingPoint = OperatingPoint(),  # noqa: B008 - frozen
        compile: bool = False,
    ) -> None:
        super().__init__()
        require_between("model.label_smoothing", label_smoothing, 0, 1)
        require_between("model.in_channels", in_channels, 1, 1000)
        # Convolutions are fastest in channels-last, on GPUs and on CPUs (nearly twice as fast for `SimpleCNN`).
        self.network = network.to(memory_format=torch.channels_last)
        self.in_channels = in_channels
        self.weights = weights
        self.freeze_plan = freeze
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.operating_point = operating_point
        self.compiles = compile
        self._initial_weights: dict[str, Tensor] | None = None
        self._resumed = False
        self._found_lr: float | None = None
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.register_buffer("temperature", torch.tensor(1.0))
        self.register_buffer("offset", torch.tensor(0.0))
        self.register_buffer("threshold", torch.tensor(0.5))
        self.register_buffer("positive_weight", torch.tensor(1.0))
        metrics = MetricCollection(
            {"auroc": BinaryAUROC(), "average_precision": BinaryAveragePrecision(), "accuracy": BinaryAccuracy()}
        )
        self.train_metrics = metrics.clone(prefix="train/")
        self.val_metrics = metrics.clone(prefix="val/")
        self.calibrated_loss = CalibratedLoss()
        self.test_metrics = metrics.clone(prefix="test/")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of the positive class, shape (batch,), for images of shape (batch, 1, size, size)."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        device = images.device.type
        # bfloat16 keeps three digits: enough for training, not for ranking images. Scores use single precision.
        with torch.autocast(device, enabled=self.training and torch.is_autocast_enabled(device)):
            normalised = repeat_grey((images - self.mean) / self.std, self.in_channels)
            logits = one_logit_each(self.network(normalised.to(next(self.network.parameters()).dtype)))
        return logits if logits.dtype == torch.float64 else logits.float()

    def probability(self, logits: Tensor) -> Tensor:
        """Return the calibrated probability of the positive class: sigmoid(logit / temperature + offset).

        In double precision where the device supports it: single precision would round confident images to 1, as ties.

        Args:
            logits: Shape (batch,), on any device.

        Returns:
            Values from 0 to 1, same shape and device as `logits`, float64 (float32 on Apple GPUs).
        """
        dtype = torch.float32 if logits.device.type == "mps" else torch.float64
        temperature, offset = (value.to(logits.device, dtype) for value in (self.temperature, self.offset))
        return (logits.to(dtype) / temperature + offset).sigmoid()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch: weighted binary cross-entropy of smoothed labels.

        Args:
            logits: Shape (batch,).
            labels: 0 or 1, same shape and type.
        """
        targets = labels * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        weight = self.positive_weight.to(logits.dtype)
        return nnf.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)

    def model_step(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch and its logits."""
        logits = self(batch["image"])
        return self.loss(logits, batch["label"].to(logits.dtype)), logits

    @property
    def title(self) -> str:
        """Name of the model for people: its class, or that of its network."""
        return type(self.network if type(self) is ImageClassifier else self).__name__

    @property
    def lr(self) -> float:
        """Learning rate of the head, which Lightning's `LearningRateFinder` reads and sets."""
        group = self.trainer.optimizers[0].param_groups[-1]
        return float(group.get("initial_lr", group["lr"]))

    @lr.setter
    def lr(self, rate: float) -> None:
        rank_zero_info(f"LearningRateFinder: learning rate {rate:.2g} instead of {self.lr:.2g}")
        self._found_lr = rate

    @property
    def has_grouped_convolutions(self) -> bool:
        """Whether the network has grouped convolutions, which are slower in bfloat16 on a CPU."""
        return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in self.network.modules())

    def prepare_weights(self) -> None:
        """Read the weights that the network starts from, before any image is read.

        Raises:
            UserError: They are not available, or do not fit the network.
        """
        if self._initial_weights is None:
            self._initial_weights = self.initial_weights()

    def initial_weights(self) -> dict[str, Tensor] | None:
        """Return tensors of the network to start from, by name; None for random ones."""
        if self.weights is None:
            return None
        loaded = read_weights(self.weights, self.network, head_names(self.network), f"the network {self.title}")
        rank_zero_only(print)(loaded.summary)
        return loaded.tensors

    @cached_property
    def stages(self) -> Stages:
        """Names of the network's parameters in each stage of `freeze`, from the head on."""
        return stages_by_pattern(self.network, self.freeze_plan.stages) if self.freeze_plan else []

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002 - Lightning's signature
        """Remember that the weights came from a checkpoint."""
        self._resumed = True

    def on_fit_start(self) -> None:
        """Set the weight of the positive class, load initial weights unless resumed, and compile if requested.

        Raises:
            UserError: The weights are to be balanced, and nothing says how many images each class has; or the initial
                weights do not fit.
        """
        balanced = self.class_weight == "balanced"
        self.positive_weight.fill_(balanced_weight(self.trainer) if balanced else 1.0)
        if self.freeze_plan:
            check_strategy(self.trainer)
        if not self._resumed:
            self.prepare_weights()
            if self._initial_weights is not None:
                self.network.load_state_dict(self.network.state_dict() | self._initial_weights)
        self._initial_weights = None
        if self.compiles:
            self.network.compile()

    def on_train_start(self) -> None:
        """Let the config's optimiser settings override those of the checkpoint after a resume.

        Scaling and threshold are reset: those in the checkpoint were fitted to its weights, and new ones are fitted
        at the end of training.
        """
        self.temperature.fill_(1.0)
        self.offset.fill_(0.0)
        self.threshold.fill_(0.5)
        for optimizer, settings in zip(self.trainer.optimizers, self._optimizer_settings, strict=True):
            for group, configured in zip(optimizer.param_groups, settings, strict=True):
                group.update(configured)
        if self._found_lr is not None:
            start_from(self._found_lr, self.trainer)
        for plan in self.trainer.lr_scheduler_configs:
            check_length(plan.scheduler, plan.interval, self.trainer)
            if isinstance(plan.scheduler, WarmupCosine):
                steps = plan.scheduler.total_steps
                # A tuner may have changed the batch size since.
                by_batch = plan.interval == "step"
                plan.scheduler.set_total_steps(int(self.trainer.estimated_stepping_batches) if by_batch else steps)
        # After a resume Lightning does not call it.
        ImageClassifier.on_train_epoch_start(self)

    def on_train_epoch_start(self) -> None:
        """Freeze the parameters that are not trained in this epoch."""
        if self.freeze_plan:
            train_stages(self.network, self.stages, self.freeze_plan.head_epochs, self.current_epoch)

    def on_train_batch_start(self, batch: ImageBatch, batch_idx: int) -> None:  # noqa: ARG002
        """Allow TF32 in training; scores keep single precision."""
        allow_tf32(True)

    def on_train_batch_end(self, outputs: Any, batch: ImageBatch, batch_idx: int) -> None:  # noqa: ANN401, ARG002
        """Go back to single precision."""
        allow_tf32(False)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients, also with fused optimisers in bf16-mixed, which Lightning does not support."""
        if gradient_clip_val and is_fused_and_mixed(optimizer, self.trainer):
            clip_fused(optimizer, self.trainer, gradient_clip_val, gradient_clip_algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:  # noqa: ARG002 - Lightning's signature
        """Return the loss of one batch."""
        loss, logits = self.model_step(batch)
        self.train_metrics.update(self.probability(logits.detach()), batch["label"].int())
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=False)
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
        self.calibrated_loss.update(logits, batch["label"])
        self.log("val/calibrated_loss", self.calibrated_loss)
        for name, metric in self.val_metrics.items():
            self.log(name, metric, prog_bar=name == "val/auroc")
        return {"logit": logits, "index": batch["index"], "label": batch["label"]}

    def test_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Update the metrics and return the logits of one batch for the callbacks."""
        logits = self(batch["image"])
        self.test_metrics.update(self.probability(logits), batch["label"].int())
        self.log_dict(self.test_metrics)
        return {"logit": logits, "index": batch["index"], "label": batch["label"]}

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return logits and probabilities of one batch, and the position of each image in the data module's list."""
        logits = self(batch["image"])
        return {"logit": logits, "probability": self.probability(logits), "index": batch["index"]}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups; a group's `lr_scale` multiplies the learning rate."""
        if not self.freeze_plan:
            return [{"params": list(self.parameters())}]
        return groups_by_stage(self, self.network, self.stages, self.freeze_plan.backbone_lr)

    def configure_optimizers(self) -> Any:  # noqa: ANN401 - Lightning accepts many types
        """Build optimiser and schedule from the callables of the config."""
        optimizer = build_optimizer(self.optimizer, self.parameter_groups())
        if isinstance(optimizer, torch.optim.LBFGS):
            # It views all gradients as one vector.
            self.network.to(memory_format=torch.contiguous_format)
        # The learning rate itself is set by the schedule.
        excluded = {"params", "lr", "initial_lr"} if self.scheduler else {"params"}
        plan = (
            build_schedule(self.scheduler, optimizer, self.scheduler_interval, self.trainer) if self.scheduler else None
        )
        self._optimizer_settings = [
            [{key: value for key, value in group.items() if key not in excluded} for group in optimizer.param_groups]
        ]
        return {"optimizer": optimizer} | ({"lr_scheduler": plan} if plan else {})


def repeat_grey(images: Tensor, channels: int) -> Tensor:
    """Return grey images, shape (batch, 1, size, size), with a number of equal channels."""
    return images if channels == 1 else images.expand(-1, channels, -1, -1)


def one_logit_each(output: Tensor) -> Tensor:
    """Return the output of a network, shape (batch, 1) or (batch,), with shape (batch,)."""
    return output.squeeze(1) if output.ndim == 2 else output
