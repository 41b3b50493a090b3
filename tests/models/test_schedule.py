"""`WarmupCosine` against torch's schedules, alone and in resumed runs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Callback
from tests.models.conftest import Rates, TinyData
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from xray.models.cnn import CNNClassifier
from xray.models.schedule import WarmupCosine
from xray.utils.errors import UserError

STEPS_PER_EPOCH = 4


def sgd(*rates):
    return SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates], lr=1.0)


def rates_of(scheduler, steps):
    """Return the learning rate of the first group at each step."""
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def warmup_cosine(warmup, steps, *rates):
    scheduler = WarmupCosine(sgd(*rates), warmup)
    scheduler.set_total_steps(steps)
    return scheduler


def expected(rate, warm_steps, cosine_steps):
    """Return the same rates from torch's schedules: linear warm-up, then half a cosine."""
    line = []
    if warm_steps:
        line = rates_of(LinearLR(sgd(rate), 1 / (warm_steps + 1), 1.0, warm_steps), warm_steps)
    return line + rates_of(CosineAnnealingLR(sgd(rate), cosine_steps), cosine_steps)


@given(st.integers(0, 30), st.integers(1, 60), st.floats(1e-5, 10))
def test_rates_match_linear_warmup_and_cosine_annealing(warm_steps, cosine_steps, rate):
    steps = warm_steps + cosine_steps
    rates = rates_of(warmup_cosine(warm_steps / steps, steps, rate), steps)
    assert rates == pytest.approx(expected(rate, warm_steps, cosine_steps), rel=1e-6, abs=1e-9 * rate)


@given(st.floats(0, 1), st.integers(1, 100))
def test_rate_is_positive_and_at_most_the_base_rate(warmup, steps):
    rates = rates_of(warmup_cosine(warmup, steps, 0.5), steps)
    assert all(0 < rate <= 0.5 for rate in rates)


def test_whole_run_may_be_warmup():
    assert rates_of(warmup_cosine(1.0, 4, 1.0), 4) == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_groups_keep_their_ratio():
    scheduler = warmup_cosine(0.3, 10, 1.0, 0.1)
    for _ in range(10):
        first, second = (group["lr"] for group in scheduler.optimizer.param_groups)
        assert second == pytest.approx(first / 10)
        scheduler.optimizer.step()
        scheduler.step()


def test_rate_stays_zero_after_the_end():
    assert rates_of(warmup_cosine(0.1, 10, 1.0), 14)[10:] == pytest.approx([0] * 4)


class Settings(Callback):
    """Record the weight decay that the optimiser used."""

    def __init__(self):
        self.weight_decay = set()

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.weight_decay |= {group["weight_decay"] for group in optimizer.param_groups}


def model(lr=0.1, warmup=0.25, weight_decay=0.0):
    return CNNClassifier(
        widths=(8,),
        optimizer=lambda parameters: AdamW(parameters, lr=lr, weight_decay=weight_decay),
        scheduler=lambda optimizer: WarmupCosine(optimizer, warmup),
    )


@pytest.fixture
def two_epochs(trainer, tmp_path):
    """Return the checkpoint of a finished run of two epochs."""
    run = trainer(max_epochs=2)
    run.fit(model(), TinyData())
    run.save_checkpoint(tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def rates_of_fit(trainer, fitted, epochs, checkpoint=None, **options):
    rates = Rates()
    trainer(max_epochs=epochs, callbacks=[rates], **options).fit(
        fitted, TinyData(), ckpt_path=checkpoint, weights_only=False
    )
    return rates.first


@pytest.mark.parametrize(("epochs", "options", "steps"), [(3, {}, 12), (4, {"accumulate_grad_batches": 2}, 8)])
def test_schedule_has_the_length_of_the_run(trainer, epochs, options, steps):
    warm = steps // 4
    assert rates_of_fit(trainer, model(), epochs, **options) == pytest.approx(expected(0.1, warm, steps - warm))


def test_rejects_a_run_of_unknown_length(trainer):
    with pytest.raises(UserError, match="max_epochs"):
        trainer(max_epochs=-1, max_time="00:00:00:01").fit(model(), TinyData())


@pytest.mark.parametrize(
    "settings", [{}, {"lr": 0.03}, {"warmup": 0.0}, {"warmup": 0.75}], ids=["same", "lr", "no warm-up", "long warm-up"]
)
def test_resume_uses_the_schedule_of_its_config(trainer, two_epochs, settings):
    rates = rates_of_fit(trainer, model(**settings), 4, two_epochs)
    steps, warm = 16, int(16 * settings.get("warmup", 0.25))
    whole = expected(settings.get("lr", 0.1), warm, steps - warm)
    assert rates == pytest.approx(whole[2 * STEPS_PER_EPOCH :])


def test_interrupted_run_continues_with_the_same_rates(trainer, tmp_path):
    class Interrupt(Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                trainer.save_checkpoint(tmp_path / "last.ckpt")

    rates = Rates()
    trainer(max_epochs=3, callbacks=[rates, Interrupt()]).fit(model(), TinyData())
    assert rates_of_fit(trainer, model(), 3, tmp_path / "last.ckpt") == rates.first[2 * STEPS_PER_EPOCH :]


def test_resume_uses_the_weight_decay_of_its_config(trainer, two_epochs):
    settings = Settings()
    trainer(max_epochs=3, callbacks=[settings]).fit(
        model(weight_decay=0.3), TinyData(), ckpt_path=two_epochs, weights_only=False
    )
    assert settings.weight_decay == {0.3}
