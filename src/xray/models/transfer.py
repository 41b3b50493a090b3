"""Fine-tuning of a pretrained timm backbone: the head first, then the backbone in stages."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import timm
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from xray.models.base import ImageClassifier
from xray.models.freezing import Freezing, Stages
from xray.models.timm_hub import check_backbone, fetch_hub_weights
from xray.models.weights_file import read_weights
from xray.utils.errors import UserError, require_between


class TransferClassifier(ImageClassifier):
    """Any timm backbone with one grey input channel and one logit.

    The backbone is divided into `unfreeze_stages` parts of about equal depth. For `head_epochs` epochs only the head is
    trained; then each epoch unfreezes one more part, starting next to the head, at a lower learning rate.

    Args:
        backbone: Name of a timm model, also as the model hub spells it: timm/NAME.
        pretrained: Start from ImageNet weights: from the file `weights` if given, otherwise from the model hub.
        weights: Local file with the backbone's weights, see `xray.models.weights_file.read_weights`.
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
        name = check_backbone(backbone)
        require_between("model.unfreeze_stages", unfreeze_stages, 1, 1000)
        require_between("model.head_epochs", head_epochs, 0, 1000)
        require_between("model.backbone_lr", backbone_lr, 0, 10)
        require_between("model.dropout", dropout, 0, 1)
        require_between("model.drop_path", drop_path, 0, 1)
        rates: dict[str, Any] = {"drop_rate": dropout} | ({"drop_path_rate": drop_path} if drop_path else {})
        try:
            network = timm.create_model(name, pretrained=False, in_chans=1, num_classes=1, **rates)
        except TypeError as error:
            raise UserError(f"model.backbone {backbone} does not take {rates}: set drop_path to 0.") from error
        # Normalisation of the pretrained weights, averaged over colours.
        pretrained_cfg: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
        mean, std = (sum(pretrained_cfg[key]) / 3 for key in ("mean", "std"))
        freeze = Freezing(head_epochs=head_epochs, backbone_lr=backbone_lr)
        super().__init__(network, mean, std, 1, weights, freeze, **options)
        self.backbone = name
        self.pretrained = pretrained
        self.unfreeze_stages = unfreeze_stages
        for module in self._head().modules():
            if isinstance(module, nn.Linear):
                # Some backbones initialise the single logit's weights from -1 to 1: the loss would start far too high.
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)
        self.save_hyperparameters()

    def initial_weights(self) -> dict[str, Tensor] | None:
        """Read or download the pretrained weights.

        Raises:
            UserError: They are not available, or do not fit the backbone.
        """
        if not self.pretrained:
            if self.weights is not None:
                raise UserError("model.weights is a file, but model.pretrained is false: leave one of them out.")
            return None
        if self.weights is None:
            return fetch_hub_weights(self.backbone)
        loaded = read_weights(self.weights, self.network, self._head_names(), f"model.backbone {self.backbone}")
        rank_zero_only(print)(loaded.summary)
        return loaded.tensors

    @property
    def _timm(self) -> Any:  # noqa: ANN401 - timm's models have methods that nn.Module lacks
        return self.network

    def _head(self) -> nn.Module:
        head: nn.Module | tuple[nn.Module, ...] = self._timm.get_classifier()
        # Distilled transformers have two heads.
        return nn.ModuleList(head) if isinstance(head, tuple) else head

    def _head_names(self) -> list[str]:
        head = {id(parameter) for parameter in self._head().parameters()}
        return [name for name, parameter in self.network.named_parameters() if id(parameter) in head]

    def backbone_stages(self) -> Sequence[Sequence[str]]:
        """Return the backbone's parameter names in `unfreeze_stages` parts, from the input to the head."""
        groups = timm.models.group_parameters(self._timm, self._timm.group_matcher(coarse=False))
        head = set(self._head_names())
        layers = [
            [name for name in names if name not in head]
            for _, names in sorted(groups.items(), key=lambda item: item[0])
        ]
        layers = [layer for layer in layers if layer]
        bounds = [round(i * len(layers) / self.unfreeze_stages) for i in range(self.unfreeze_stages + 1)]
        return [list(chain.from_iterable(layers[low:high])) for low, high in pairwise(bounds)]

    @cached_property
    def stages(self) -> Stages:
        """The head, then the parts of the backbone from the head to the input."""
        return [self._head_names(), *reversed(self.backbone_stages())]
