"""Reading checkpoints and exports with the keys of earlier versions."""

import json
from dataclasses import replace

import pytest
import torch
import yaml
from tests.tiny_runs import tiny_run

from xray.predictor.manifest import Manifest
from xray.predictor.open import open_predictor
from xray.runs.checkpoint import CONFIG_KEY, OOD_KEY, read_checkpoint
from xray.runs.old_names import RENAMED_KEYS, RENAMED_VALUES, with_new_names

OLD = {new: old for old, new in RENAMED_KEYS.items()}
OLD_VALUES = {(key, new): old for (key, old), new in RENAMED_VALUES.items() if isinstance(new, str)}


def with_old_names(values):
    if isinstance(values, dict):
        renamed = {OLD.get(key, key): with_old_names(value) for key, value in values.items()}
        return {
            key: OLD_VALUES.get((key, value), value) if isinstance(value, str) else value
            for key, value in renamed.items()
        }
    return [with_old_names(value) for value in values] if isinstance(values, list) else values


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp("run"))


def test_reads_an_old_checkpoint(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    old = {OLD.get(key, key): value for key, value in content.items()}
    for key, value in old.items():
        if key == CONFIG_KEY:
            old[key] = yaml.safe_dump(with_old_names(yaml.safe_load(value)))
        elif key.startswith("xray_"):
            old[key] = json.dumps(with_old_names(json.loads(value)))
    assert OOD_KEY not in old
    torch.save(old, tmp_path / "old.ckpt")
    expected = replace(open_predictor(checkpoint).manifest, run=None)  # it is outside its run folder
    assert open_predictor(tmp_path / "old.ckpt").manifest == expected
    assert read_checkpoint(tmp_path / "old.ckpt").config == read_checkpoint(checkpoint).config


def test_reads_an_old_manifest(checkpoint):
    manifest = open_predictor(checkpoint).manifest
    old = json.dumps(with_old_names(json.loads(manifest.to_json())))
    assert '"familiarity"' in old
    assert Manifest.from_json(old, "checkpoint") == manifest


def test_keeps_new_names():
    values = {"images": [{"ood": 1}], "resize": "pad"}
    assert with_new_names(values) == values


def test_reads_the_name_of_the_former_default_optimiser():
    config = with_new_names({"model": {"class_path": "a.B", "init_args": {"optimizer": "xray.models.base.adamw"}}})
    optimizer = config["model"]["init_args"]["optimizer"]
    assert optimizer["class_path"] == "torch.optim.AdamW"
    assert optimizer["init_args"]["lr"] == 1e-3
