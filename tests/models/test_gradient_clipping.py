"""Clipping the gradients of any optimiser in any precision."""

import pytest
import torch
from lightning.pytorch import Callback
from tests.models.conftest import TinyData

from xray.models.cnn import CNNClassifier
from xray.utils.errors import UserError


class Norms(Callback):
    """Record the norm of all gradients at each step, after clipping."""

    def __init__(self):
        self.norms = []

    def on_before_zero_grad(self, trainer, pl_module, optimizer):
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        if gradients:
            self.norms.append(torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients])).item())


def adamw_of(fused):
    return lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, fused=fused)


@pytest.mark.parametrize(("precision", "fused"), [("bf16-mixed", True), ("bf16-mixed", False), ("32-true", True)])
def test_clips_gradients_by_norm_with_any_optimiser(trainer, precision, fused):
    norms = Norms()
    model = CNNClassifier(widths=(8, 8), optimizer=adamw_of(fused))
    fit = trainer(max_epochs=2, precision=precision, gradient_clip_val=0.01, callbacks=[norms])
    fit.fit(model, datamodule=TinyData())
    assert norms.norms
    assert max(norms.norms) == pytest.approx(0.01, rel=1e-3)


def test_clips_gradients_by_value(trainer):
    seen = []

    class Largest(Callback):
        def on_before_zero_grad(self, trainer, pl_module, optimizer):
            seen.extend(p.grad.abs().max().item() for p in pl_module.parameters() if p.grad is not None)

    options = {"gradient_clip_val": 0.001, "gradient_clip_algorithm": "value", "callbacks": [Largest()]}
    trainer(max_epochs=2, precision="bf16-mixed", **options).fit(
        CNNClassifier(widths=(8, 8), optimizer=adamw_of(True)), datamodule=TinyData()
    )
    assert max(seen) == pytest.approx(0.001)


def test_rejects_clipping_scaled_gradients_with_a_fused_optimiser(trainer):
    fit = trainer(max_epochs=1, precision="bf16-mixed", gradient_clip_val=1.0)
    fit.strategy.precision_plugin.scaler = torch.amp.GradScaler("cpu")  # as 16-mixed has one
    model = CNNClassifier(widths=(8, 8), optimizer=adamw_of(True))
    model.trainer = fit
    with pytest.raises(UserError, match="fused false"):
        model.configure_gradient_clipping(adamw_of(True)(model.parameters()), 1.0, "norm")
