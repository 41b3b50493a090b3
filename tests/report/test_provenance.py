import shlex

import pytest
from tests.report.conftest import source

from xray.report.provenance import UNKNOWN, commands, exclusions, provenance, splits, training


def test_provenance_is_complete(summary):
    text = " ".join(value for _, value in provenance(summary))
    for part in (
        "cnn/version_0",
        "best.ckpt",
        "scored-fingerprint",
        "decision-fingerprint",
        "c0ffee",
        "64x64 pixels, stretch",
    ):
        assert part in text
    assert "decade with uncommitted changes" in text
    assert "c0ffee with" not in text
    assert "2,000 resamples" in text


def test_missing_provenance_is_marked(summary):
    bare = summary | {"source": {"class_names": ["NORMAL", "PNEUMONIA"], "temperature": 1.0, "threshold": 0.5}}
    rows = dict(provenance(bare))
    assert rows["Checkpoint"] == UNKNOWN
    assert rows["Trained with"] == UNKNOWN
    assert rows["Operating point"] == "none was fitted"
    assert not any("itted on" in name for name in rows)
    assert training(bare) == []
    assert exclusions(bare) == []


def test_splits_of_training_and_scored_images(summary):
    rows = splits(summary)
    assert [(row["name"], row["images"], row["patients"]) for row in rows] == [
        ("Training", 4207, 2103),
        ("Validation", 466, 233),
        ("Scored here", 60, 24),
    ]


def test_exclusions_are_labelled_by_origin(summary):
    assert exclusions(summary) == [
        "Training: Left out a note of the training.",
        "Left out 1 of 61 images that cannot be read.",
    ]


def test_commands_name_checkpoint_and_images():
    lines = [line for _, line in commands(source())]
    assert lines == [
        "python -m xray fit --config logs/cnn/version_0/config.yaml",
        "python -m xray test --ckpt_path checkpoints/cnn/version_0/best.ckpt",
        "python -m xray report cnn/version_0",
    ]
    assert "validate --ckpt_path" in commands(source(set="validate"))[1][1]
    other = commands(source(data_root="/images of; others", external=True))[1][1]
    assert shlex.split(other)[-2:] == ["--data.root", "/images of; others"]
    assert [line.split()[3] for _, line in commands(source(run=None))] == ["test"]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"class_path": "my.Net"}, {"Model class": "my.Net"}),
        (
            {
                "class_path": "ImageClassifier",
                "init_args": {"network": {"class_path": "my.Net", "init_args": {"a": 1}}},
            },
            {"Model class": "ImageClassifier", "Model: network": "Net (a 1)"},
        ),
        (
            {"class_path": "my.Net", "init_args": {"optimizer": "my.sgd", "depth": 3}},
            {"Model class": "my.Net", "Model: depth": "3", "Optimiser": "my.sgd"},
        ),
    ],
)
def test_training_settings_of_a_model_with_few_arguments(summary, model, expected):
    own = summary | {"source": summary["source"] | {"config": {"model": model}}}
    assert expected.items() <= dict(training(own)).items()


def test_training_settings_come_from_the_config(summary):
    rows = dict(training(summary))
    assert rows["Learning rate"] == "0.002"
    assert rows["Model: widths"] == "8, 16"
    assert rows["Augmentation"] == "rotation 7.0"
    assert rows["Seed"] == "42"
    assert "Batch size" in rows
    assert "Validation images" not in rows


def test_training_settings_of_parts_that_are_names_or_missing(summary):
    init_args = {"optimizer": "torch.optim.SGD", "scheduler": None}
    config = {"model": {"class_path": "my.Net", "init_args": init_args}, "trainer": None}
    assert training(summary | {"source": {"config": config}}) == [
        ("Model class", "my.Net"),
        ("Optimiser", "torch.optim.SGD"),
    ]
    assert training(summary | {"source": {"config": {"model": "my.Net"}}}) == [("Model class", "my.Net")]
