"""Fine-tuning of a pretrained timm backbone: the head first, then the backbone in stages."""

from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from xray.models.base import ImageClassifier
from xray.models.weights import check_backbone, fetch_hub_weights, read_weights
from xray.utils.errors import UserError, require_between


class TransferClassifier(ImageClassifier):
    """Any timm backbone with one grey input channel and one logit.

    The backbone is divided into `unfreeze_stages` parts of about equal depth. For `head_epochs` epochs only the head is
    trained; then each epoch unfreezes one more part, starting next to the head, at a lower learning rate. What is
    frozen depends only on the epoch, so a resumed run continues as an uninterrupted one.

    Args:
        backbone: Name of a timm model.
        pretrained: Start from ImageNet weights: from the file `weights` if given, otherwise from the model hub.
        weights: Local file with the backbone's weights, see `xray.models.weights.read_weights`.
        head_epochs: Number of epochs in which only the head is trained.
        unfreeze_stages: Number of steps in which the backbone is unfrozen; 1 unfreezes all of it at once.
        backbone_lr: The backbone's learning rate as a multiple of the head's.
        dropout: Probability of dropping a feature before the head.
        drop_path: Probability of dropping a residual branch, for backbones that support it.
        options: Optimiser, schedule, loss and threshold, see `ImageClassifier`.
    """

    def __init__(
        self,
        backbone: str = "tf_efficientnet_lite0",
        pretrained: bool = True,
        weights: Path | None = None,
        head_epochs: int = 1,
        unfreeze_stages: int = 2,
        backbone_lr: float = 0.2,
        dropout: float = 0.2,
        drop_path: float = 0.0,
        **options: Any,  # LightningCLI reads their names, types and help from ImageClassifier
    ) -> None:
        check_backbone(backbone)
        require_between("model.unfreeze_stages", unfreeze_stages, 1, 1000)
        require_between("model.head_epochs", head_epochs, 0, 1000)
        require_between("model.backbone_lr", backbone_lr, 0, 10)
        require_between("model.dropout", dropout, 0, 1)
        require_between("model.drop_path", drop_path, 0, 1)
        rates: dict[str, Any] = {"drop_rate": dropout} | ({"drop_path_rate": drop_path} if drop_path else {})
        try:
            network = timm.create_model(backbone, pretrained=False, in_chans=1, num_classes=1, **rates)
        except TypeError as error:
            raise UserError(f"model.backbone {backbone} does not take {rates}: set drop_path to 0.") from error
        # Normalisation of the pretrained weights, averaged over colours.
        pretrained_cfg: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
        mean, std = (sum(pretrained_cfg[key]) / 3 for key in ("mean", "std"))
        super().__init__(network, mean, std, **options)
        self.backbone = backbone
        self.pretrained = pretrained
        self.weights = weights
        self.head_epochs = head_epochs
        self.unfreeze_stages = unfreeze_stages
        self.backbone_lr = backbone_lr
        self._pretrained_state: dict[str, Tensor] | None = None
        self._resumed = False
        for module in self._head().modules():
            if isinstance(module, nn.Linear):
                # Some backbones initialise the single logit's weights from -1 to 1: the loss would start far too high.
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)
        self.save_hyperparameters()

    def prepare_weights(self) -> None:
        """Read or download the pretrained weights.

        Raises:
            UserError: They are not available, or do not fit the backbone.
        """
        if not self.pretrained or self._pretrained_state is not None:
            return
        if self.weights is not None:
            self._pretrained_state = read_weights(self.weights, self.backbone)
        else:
            self._pretrained_state = fetch_hub_weights(self.backbone)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002 - Lightning's signature
        """Remember that the weights came from a checkpoint."""
        self._resumed = True

    def on_fit_start(self) -> None:
        """Load the pretrained weights, unless the run was resumed from a checkpoint."""
        super().on_fit_start()
        self._check_strategy()
        if self.pretrained and not self._resumed:
            self.prepare_weights()
            assert self._pretrained_state is not None
            self.network.load_state_dict(self.network.state_dict() | self._pretrained_state)
        self._pretrained_state = None

    def check_image_size(self, size: int) -> None:
        """Reject other image sizes if the backbone has a fixed input size (some transformers).

        Raises:
            UserError: The size differs; the message gives the right one.
        """
        pretrained_cfg = self._timm.pretrained_cfg
        required = pretrained_cfg.get("input_size", (3, size, size))[-1]
        if pretrained_cfg.get("fixed_input_size") and required != size:
            raise UserError(
                f"model.backbone {self.backbone} only takes images of {required} pixels: "
                f"use --data.image_size {required}."
            )

    def _check_strategy(self) -> None:
        """Reject DDP strategies that would wait for gradients of frozen layers."""
        options = getattr(self.trainer.strategy, "_ddp_kwargs", {})
        if self.trainer.world_size > 1 and not options.get("find_unused_parameters"):
            raise UserError(
                "This strategy cannot train frozen layers with several processes: add --trainer.strategy "
                "ddp_find_unused_parameters_true, or --trainer.devices 1."
            )

    @property
    def _timm(self) -> Any:  # noqa: ANN401 - timm's models have methods that nn.Module lacks
        return self.network

    def _head(self) -> nn.Module:
        head: nn.Module | tuple[nn.Module, ...] = self._timm.get_classifier()
        # Distilled transformers have two heads.
        return nn.ModuleList(head) if isinstance(head, tuple) else head

    def backbone_stages(self) -> Sequence[Sequence[str]]:
        """Return the backbone's parameter names in `unfreeze_stages` parts, from the input to the head."""
        groups = timm.models.group_parameters(self._timm, self._timm.group_matcher(coarse=False))
        head = {id(parameter) for parameter in self._head().parameters()}
        parameters = dict(self.network.named_parameters())
        layers = [
            [name for name in names if id(parameters[name]) not in head]
            for _, names in sorted(groups.items(), key=lambda item: item[0])
        ]
        layers = [layer for layer in layers if layer]
        bounds = [round(i * len(layers) / self.unfreeze_stages) for i in range(self.unfreeze_stages + 1)]
        return [list(chain.from_iterable(layers[low:high])) for low, high in pairwise(bounds)]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups: the backbone at the lower learning rate, the head at the full rate."""
        head = list(self._head().parameters())
        head_ids = {id(parameter) for parameter in head}
        body = [parameter for parameter in self.parameters() if id(parameter) not in head_ids]
        return [{"params": body, "lr_scale": self.backbone_lr}, {"params": head, "lr_scale": 1.0}]

    def on_train_start(self) -> None:
        """Freeze layers for the first epoch; after a resume Lightning does not call `on_train_epoch_start`."""
        super().on_train_start()
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        """Freeze the layers that are not trained in this epoch."""
        unfrozen = max(0, self.current_epoch - self.head_epochs + 1)
        stages = self.backbone_stages()
        frozen = {name for stage in stages[: max(0, len(stages) - unfrozen)] for name in stage}
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(name not in frozen)
        for name, module in self.network.named_modules():
            own = [f"{name}.{key}" if name else key for key, _ in module.named_parameters(recurse=False)]
            # Frozen batch normalisation keeps its ImageNet statistics too.
            if own and isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(not frozen.issuperset(own))
