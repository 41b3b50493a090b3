"""The validation loss that is left after the logits are scaled."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from xray.evaluation.scaling import fit_form, log_loss


class CalibratedLoss(Metric):
    """Log loss of all images of an epoch after temperature and offset are fitted to them.

    Unlike the plain loss it does not depend on a common offset or scale of the logits, which calibration removes;
    unlike AUROC it depends on every image. Lower is better.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    logits: list[Tensor]
    labels: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("logits", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Add the logits and labels (0 or 1) of a batch, each of shape (batch,)."""
        self.logits.append(logits.detach())
        self.labels.append(labels.detach())

    def compute(self) -> Tensor:
        """Return the loss, in nats; NaN if a logit is not finite."""
        logits = dim_zero_cat(self.logits)
        x = logits.double().cpu().numpy()
        y = dim_zero_cat(self.labels).double().cpu().numpy().astype(np.int64)
        loss = log_loss(y, fit_form(y, x).scale(x)) if np.isfinite(x).all() else float("nan")
        return torch.tensor(loss, device=logits.device)
