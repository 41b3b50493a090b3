"""Optimisers and schedules of torch and of one's own, and when they are stepped."""

from functools import partial

import pytest
import torch
from tests.models.conftest import Rates, TinyData
from torch.optim import LBFGS, SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, CyclicLR, LambdaLR, OneCycleLR, ReduceLROnPlateau

from xray.models.cnn import CNNClassifier
from xray.models.schedule import WarmupCosine
from xray.utils.errors import UserError

STEPS_PER_EPOCH = 4


class EveryStep(LambdaLR):
    """A schedule that declares when it is stepped, and is told the length of the run."""

    interval = "step"

    def __init__(self, optimizer):
        self.total_steps = 0
        super().__init__(optimizer, lambda step: 1 / (1 + step))

    def set_total_steps(self, total_steps):
        self.total_steps = total_steps


def sgd(parameters):
    return SGD(parameters, lr=0.4, momentum=0.9)


def rates_of(trainer, scheduler, epochs=2, interval=None, optimizer=sgd, **options):
    rates = Rates()
    model = CNNClassifier(widths=(8,), optimizer=optimizer, scheduler=scheduler, scheduler_interval=interval)
    trainer(max_epochs=epochs, callbacks=[rates], **options).fit(model, TinyData())
    return rates.last, model


def by_hand(scheduler, steps):
    """Return the rates of a schedule that is stepped by hand."""
    optimizer = sgd([torch.nn.Parameter(torch.zeros(1))])
    made, rates = scheduler(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return rates


def test_without_a_schedule_the_rate_is_constant(trainer):
    assert rates_of(trainer, None)[0] == [0.4] * 2 * STEPS_PER_EPOCH


def test_one_cycle_is_stepped_every_batch_over_the_whole_run(trainer):
    rates, _ = rates_of(trainer, partial(OneCycleLR, max_lr=0.3), epochs=3)
    assert rates == pytest.approx(by_hand(partial(OneCycleLR, max_lr=0.3, total_steps=12), 12))


def test_one_cycle_may_be_stepped_every_epoch(trainer):
    rates, _ = rates_of(trainer, partial(OneCycleLR, max_lr=0.3), epochs=4, interval="epoch")
    assert rates[::STEPS_PER_EPOCH] == pytest.approx(by_hand(partial(OneCycleLR, max_lr=0.3, total_steps=4), 4))


def test_cyclic_is_stepped_every_batch(trainer):
    cyclic = partial(CyclicLR, base_lr=0.1, max_lr=0.3, step_size_up=3)
    assert rates_of(trainer, cyclic)[0] == pytest.approx(by_hand(cyclic, 8))


def test_cosine_is_stepped_every_epoch_unless_the_config_says_otherwise(trainer):
    cosine = partial(CosineAnnealingLR, T_max=8)
    assert rates_of(trainer, cosine)[0][::STEPS_PER_EPOCH] == pytest.approx(by_hand(cosine, 2))
    assert rates_of(trainer, cosine, interval="step")[0] == pytest.approx(by_hand(cosine, 8))


def test_own_schedule_declares_when_it_is_stepped(trainer):
    rates, model = rates_of(trainer, EveryStep)
    assert rates == pytest.approx([0.4 / (1 + step) for step in range(8)])
    assert model.trainer.lr_scheduler_configs[0].scheduler.total_steps == 8


def test_warmup_cosine_may_be_stepped_every_epoch(trainer):
    rates, _ = rates_of(trainer, partial(WarmupCosine, warmup=0.0), epochs=2, interval="epoch")
    assert rates == pytest.approx([0.4] * STEPS_PER_EPOCH + [0.2] * STEPS_PER_EPOCH)


def test_reduce_on_plateau_waits_for_the_next_validation(trainer):
    plateau = partial(ReduceLROnPlateau, factor=0.5, patience=0, threshold=1e9)
    rates, _ = rates_of(trainer, plateau, epochs=5, check_val_every_n_epoch=2)
    assert rates[::STEPS_PER_EPOCH] == [0.4, 0.4, 0.2, 0.2, 0.1]


@pytest.mark.parametrize(
    ("scheduler", "options", "reason"),
    [
        (partial(OneCycleLR, max_lr=0.3, total_steps=7), {}, "OneCycleLR ends after 7 steps and the run has 8"),
        (partial(OneCycleLR, max_lr=0.3, pct_start=1 / 8), {}, "8 steps.*pct_start"),
        (partial(OneCycleLR, max_lr=[0.3, 0.2]), {}, "model.scheduler cannot be built"),
        (partial(OneCycleLR, max_lr=0.3), {"epochs": -1, "max_time": "00:00:00:01"}, "max_epochs or trainer.max_steps"),
        (ReduceLROnPlateau, {"interval": "step"}, "scheduler_interval"),
        (None, {"optimizer": partial(SGD, lr=-1.0)}, "model.optimizer cannot be built.*-1.0"),
    ],
)
def test_rejects_before_the_first_batch(trainer, scheduler, options, reason):
    with pytest.raises(UserError, match=reason):
        rates_of(trainer, scheduler, **options)


def test_trains_with_an_optimiser_that_needs_a_closure(trainer):
    rates, model = rates_of(trainer, None, optimizer=partial(LBFGS, lr=0.1, max_iter=2), gradient_clip_val=1.0)
    assert rates
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
