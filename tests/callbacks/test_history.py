from types import SimpleNamespace
from typing import Any

import pytest
import torch

from xray.callbacks.history import History, batch_loss
from xray.runs.history import read_history


def test_writes_a_line_per_epoch(tmp_path):
    history, model = History(tmp_path), SimpleNamespace()
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.01}])
    trainer: Any = SimpleNamespace(
        current_epoch=0,
        accumulate_grad_batches=2,
        optimizers=[optimizer],
        callback_metrics={"val/loss": torch.tensor(0.3), "val/calibrated_loss": torch.tensor(0.2)},
    )
    for epoch, losses in enumerate(([1.0, 2.0, 6.0], [0.5])):
        trainer.current_epoch = epoch
        history.on_train_epoch_start(trainer, model)
        for i, loss in enumerate(losses):
            history.on_train_batch_end(trainer, model, {"loss": torch.tensor(loss / 2)}, {}, i)
        trainer.callback_metrics |= {"val/auroc": torch.tensor(0.9)} if epoch else {}
        history.on_train_epoch_end(trainer, model)
    first, second = read_history(tmp_path)
    assert (first["epoch"], first["train/loss"], first["val/loss"], first["lr"]) == pytest.approx((1, 3.0, 0.3, 0.01))
    assert first["val/calibrated_loss"] == pytest.approx(0.2)
    assert first["val/auroc"] != first["val/auroc"], "not logged yet"
    assert (second["epoch"], second["train/loss"], second["val/auroc"]) == pytest.approx((2, 0.5, 0.9))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [({"loss": torch.tensor(0.25), "extra": 1}, [1.0]), (torch.tensor(0.5), [2.0]), (None, []), ({}, [])],
)
def test_loss_of_a_batch_is_that_before_accumulation(outputs, expected):
    assert batch_loss(outputs, 4) == expected
