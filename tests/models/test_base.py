"""Loss, precision, learning rates, metrics and compilation of `ImageClassifier`."""

import warnings

import lightning.pytorch.cli
import numpy as np
import pytest
import torch
from scipy.special import expit, log_expit
from sklearn.metrics import roc_auc_score
from tests.models.conftest import Rates, TinyData
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.schedule import WarmupCosine
from xray.models.transfer import TransferClassifier
from xray.utils.errors import UserError


class FirstPixel(nn.Module):
    """A network whose logit is the first pixel."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return images[:, :, 0, 0] * self.weight


def images_of(logits):
    """Return images that `FirstPixel` with mean 0 and std 1 maps to these logits."""
    return torch.as_tensor(logits, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 4, 4)


def batch_of(logits, labels):
    return {"image": images_of(logits), "label": torch.tensor(labels), "index": torch.arange(len(labels))}


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return CNNClassifier(widths=(8, 8), dropout=0.0)


@pytest.fixture
def images():
    return torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_data_loaders_without_class_counts_are_reported_before_training(classifier, trainer):
    batches = TinyData().train_dataloader()
    with pytest.raises(UserError, match=r"class_weight balanced needs the number of images .* which data loaders"):
        trainer(max_epochs=1).fit(classifier, batches)
    unweighted = CNNClassifier(widths=(8, 8), class_weight="none")
    trainer(max_epochs=1).fit(unweighted, batches, batches)
    assert unweighted.positive_weight == 1


def test_trainer_of_ones_own_tests_and_predicts(classifier, trainer):
    batches = TinyData().train_dataloader()
    own = trainer()
    (logged,) = own.test(classifier, batches, verbose=False)
    predicted = own.predict(classifier, batches)
    logits, labels = (
        torch.cat([part[key] for part in parts]) for parts, key in ((predicted, "logit"), (batches, "label"))
    )
    assert logged["test/auroc"] == pytest.approx(roc_auc_score(labels, logits))
    probability = torch.cat([batch["probability"] for batch in predicted])
    np.testing.assert_allclose(probability, expit(logits), rtol=1e-6)
    assert torch.cat([batch["index"] for batch in predicted]).tolist() == list(range(16))


@pytest.mark.parametrize("training", [True, False])
def test_uint8_and_float_images_give_the_same_logits(classifier, images, training):
    classifier.train(training)
    assert torch.equal(classifier(images), classifier(images.float() / 255))


def test_normalises_images_by_mean_and_std():
    model = ImageClassifier(FirstPixel(), mean=0.2, std=0.5)
    greys = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)
    assert model(greys).tolist() == pytest.approx([-0.4, 0.0, 1.6], abs=1e-6)


LOGITS, LABELS = [2.0, -1.0, 0.5, -3.0], [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(("weight", "smoothing"), [(0.35, 0.0), (1.0, 0.1), (4.0, 0.1)])
def test_loss_is_weighted_cross_entropy_of_smoothed_labels(weight, smoothing):
    model = ImageClassifier(FirstPixel(), 0.0, 1.0, label_smoothing=smoothing)
    model.positive_weight.fill_(weight)
    loss, logits = model.model_step(batch_of(LOGITS, LABELS))
    assert logits.tolist() == LOGITS
    targets = np.where(np.array(LABELS) == 1, 1 - smoothing / 2, smoothing / 2)
    terms = weight * targets * log_expit(LOGITS) + (1 - targets) * log_expit(-np.array(LOGITS))
    assert loss.item() == pytest.approx(-terms.mean(), rel=1e-6)


def test_probability_applies_temperature_in_double_precision():
    model = ImageClassifier(FirstPixel(), 0.0, 1.0)
    model.temperature.fill_(1.7)
    logits = torch.tensor([-700.0, -3.0, 0.0, 2.5, 45.0, 46.0], dtype=torch.float32)
    probability = model.probability(logits)
    assert probability.dtype == torch.float64
    np.testing.assert_allclose(probability.numpy(), expit(logits.numpy() / np.float64(np.float32(1.7))), rtol=1e-12)
    # In single precision both would be exactly 1.
    assert probability[4] < probability[5] < 1


def test_scores_in_single_precision_under_autocast(classifier, images):
    classifier.eval()
    with torch.inference_mode():
        plain = classifier(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scored = classifier(images)
    assert scored.dtype == torch.float32
    assert torch.equal(scored, plain)


def test_trains_in_the_precision_of_autocast(classifier, images):
    seen = []
    classifier.network.stem[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = classifier(images)
    classifier(images)
    assert seen == [torch.bfloat16, torch.float32]
    assert logits.dtype == torch.float32


def test_bf16_run_validates_in_single_precision(classifier, trainer):
    run = trainer(max_epochs=1, precision="bf16-mixed")
    run.fit(classifier, TinyData())
    batch = next(iter(TinyData().train_dataloader()))
    with torch.no_grad():
        expected = classifier.eval()(batch["image"])
    outputs = []
    classifier.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    run.validate(classifier, TinyData(), verbose=False)
    assert torch.equal(outputs[0], expected)


@pytest.mark.parametrize("precision", ["64-true", "16-true", "bf16-true"])
def test_trains_in_true_precisions(trainer, precision):
    model = CNNClassifier(widths=(8,), label_smoothing=0.1)
    run = trainer(max_epochs=1, precision=precision)
    run.fit(model, TinyData())
    assert torch.isfinite(run.callback_metrics["val/loss"])
    dtypes = {"64-true": torch.float64, "16-true": torch.float16, "bf16-true": torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {dtypes[precision]}


def test_double_precision_reaches_the_logits(images):
    model = CNNClassifier(widths=(8,)).double().eval()
    assert model(images).dtype == torch.float64


def test_allows_tf32_only_in_training_batches(trainer):
    seen = {True: set(), False: set()}
    model = CNNClassifier(widths=(8,))
    model.network.register_forward_hook(
        lambda module, inputs, output: seen[module.training].add(torch.backends.cudnn.allow_tf32)
    )
    trainer(max_epochs=2, val_check_interval=0.5).fit(model, TinyData())
    assert seen == {True: {True}, False: {False}}


class Hinge(CNNClassifier):
    """A classifier with another loss."""

    def loss(self, logits, labels):
        return (1 - logits * (2 * labels - 1)).clamp(min=0).mean()


def test_loss_is_one_method():
    model = Hinge(widths=(8,))
    loss, logits = model.model_step({"image": torch.rand(3, 1, 32, 32), "label": torch.tensor([1.0, 0.0, 1.0])})
    signs = torch.tensor([1.0, -1.0, 1.0])
    torch.testing.assert_close(loss, torch.relu(1 - logits * signs).mean())


@pytest.mark.parametrize(("class_weight", "expected"), [("balanced", 4 / 12), ("none", 1.0)])
def test_class_weight_balances_the_positive_class(trainer, class_weight, expected):
    model = CNNClassifier(widths=(8,), class_weight=class_weight)
    trainer(max_epochs=1).fit(model, TinyData())
    assert model.positive_weight.item() == pytest.approx(expected)


def test_resume_without_class_weight_resets_it(trainer, tmp_path):
    run = trainer(max_epochs=1)
    run.fit(CNNClassifier(widths=(8,), class_weight="balanced"), TinyData())
    run.save_checkpoint(tmp_path / "last.ckpt")
    model = CNNClassifier(widths=(8,), class_weight="none")
    trainer(max_epochs=2).fit(model, TinyData(), ckpt_path=tmp_path / "last.ckpt", weights_only=False)
    assert model.positive_weight.item() == 1


class TwoRates(CNNClassifier):
    """A classifier whose stem has a tenth of the learning rate."""

    def parameter_groups(self):
        stem = list(self.network.stem.parameters())
        rest = [p for p in self.parameters() if all(p is not s for s in stem)]
        return [{"params": stem, "lr_scale": 0.1}, {"params": rest}]


@pytest.mark.parametrize(
    "scheduler", [WarmupCosine, lambda optimizer: StepLR(optimizer, 1, 0.5)], ids=["cosine", "step"]
)
def test_lr_scale_multiplies_the_rate_of_a_group(trainer, scheduler):
    model = TwoRates(widths=(8,), optimizer=lambda groups: SGD(groups, lr=0.4), scheduler=scheduler)
    rates = Rates()
    trainer(max_epochs=3, callbacks=[rates]).fit(model, TinyData())
    assert 0.35 < max(rates.last) <= 0.4
    assert rates.first == pytest.approx([0.1 * rate for rate in rates.last])


def test_torch_schedules_are_stepped_every_epoch(trainer):
    rates = Rates()
    model = CNNClassifier(
        widths=(8,), optimizer=lambda p: SGD(p, lr=0.4), scheduler=lambda optimizer: StepLR(optimizer, 1, 0.5)
    )
    trainer(max_epochs=3, callbacks=[rates]).fit(model, TinyData())
    assert rates.last == pytest.approx([0.4] * 4 + [0.2] * 4 + [0.1] * 4)


def test_reduce_on_plateau_monitors_validation_loss(trainer):
    rates = Rates()
    model = CNNClassifier(
        widths=(8,),
        optimizer=lambda p: SGD(p, lr=0.4),
        # No improvement reaches the threshold.
        scheduler=lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=1e9),
    )
    trainer(max_epochs=3, callbacks=[rates]).fit(model, TinyData())
    assert rates.last == pytest.approx([0.4] * 4 + [0.2] * 4 + [0.1] * 4)


def test_reduce_on_plateau_accepts_another_metric(trainer):
    scheduler = lambda optimizer: lightning.pytorch.cli.ReduceLROnPlateau(optimizer, monitor="val/auroc", mode="max")  # noqa: E731
    model = CNNClassifier(widths=(8,), scheduler=scheduler)
    model.trainer = trainer()
    assert model.configure_optimizers()["lr_scheduler"]["monitor"] == "val/auroc"


def test_logged_metrics_match_scikit_learn(trainer):
    from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

    model = CNNClassifier(widths=(8,))
    run = trainer(max_epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.fit(model, TinyData())
    batches = list(TinyData().val_dataloader())
    with torch.no_grad():
        logits = torch.cat([model.eval()(batch["image"]) for batch in batches]).double().numpy()
    labels = torch.cat([batch["label"] for batch in batches]).numpy()
    logged = {name: float(value) for name, value in run.callback_metrics.items()}
    assert logged["val/auroc"] == pytest.approx(roc_auc_score(labels, logits), abs=1e-6)
    assert logged["val/average_precision"] == pytest.approx(average_precision_score(labels, logits), abs=1e-6)
    assert logged["val/accuracy"] == pytest.approx(accuracy_score(labels, logits >= 0), abs=1e-6)
    weight = 4 / 12
    losses = -(weight * labels * log_expit(logits) + (1 - labels) * log_expit(-logits))
    assert logged["val/loss"] == pytest.approx(losses.mean(), rel=1e-5)


@pytest.fixture
def graphs(monkeypatch):
    """Compile with the eager backend, which needs no C++ compiler; returns the compiled modules."""
    compiled = []
    original = nn.Module.compile

    def by_eager(self, *args, **kwargs):
        compiled.append(self)
        original(self, *args, backend="eager", **kwargs)

    monkeypatch.setattr(nn.Module, "compile", by_eager)
    yield compiled
    torch.compiler.reset()


def test_compiles_on_request_with_the_same_weights_and_names(trainer, graphs):
    states = []
    for compiles in (False, True):
        torch.manual_seed(0)
        model = CNNClassifier(widths=(8, 8), dropout=0.0, compile=compiles)
        torch.manual_seed(0)
        trainer(max_epochs=1).fit(model, datamodule=TinyData())
        assert graphs == ([model.network] if compiles else [])
        states.append(model.state_dict())
    assert states[0].keys() == states[1].keys()
    for name, weights in states[0].items():
        torch.testing.assert_close(weights, states[1][name], rtol=1e-3, atol=1e-4)


def test_detects_grouped_convolutions():
    assert TransferClassifier("test_efficientnet", pretrained=False).has_grouped_convolutions
    assert not CNNClassifier(widths=(8, 8)).has_grouped_convolutions
