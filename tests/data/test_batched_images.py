"""The images of any data module are collected as it yields them, or one line says what it must yield."""

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from xray.data.batched_images import BatchedImages, as_image_data
from xray.data.datamodule import ChestXRayDataModule
from xray.utils.errors import UserError


def samples(split, count=12, as_float=False, **changes):
    """Return samples with two images of each patient, of no two splits."""
    rng = np.random.default_rng(sum(map(ord, split)))
    pixels = torch.from_numpy(rng.integers(0, 256, (count, 1, 32, 32), dtype=np.uint8))
    return [
        {
            "image": pixels[i] / 255 if as_float else pixels[i],
            "label": i % 2,
            "path": f"{split}/{i}.png",
            "patient": f"{split}-{i // 2}",
        }
        | changes
        for i in range(count)
    ]


class Module(LightningDataModule):
    class_names = ("healthy", "sick")

    def __init__(self, **given):
        super().__init__()
        self.given = {split: given.get(split) or samples(split) for split in ("train", "val", "test")}

    def train_dataloader(self):
        return DataLoader(self.given["train"], 5, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.given["val"], 5)

    def test_dataloader(self):
        return DataLoader(self.given["test"], 5)


def set_up(stage="fit", **given):
    data = BatchedImages(Module(**given))
    data.setup(stage)
    return data


@pytest.mark.parametrize("as_float", [False, True])
def test_images_come_as_the_data_module_yields_them(as_float):
    expected = samples("val")
    data = set_up(val=samples("val", as_float=as_float))
    np.testing.assert_array_equal(data.grey_images("val"), torch.cat([one["image"] for one in expected]).numpy())
    records = data.images["val"]
    assert [(r.path, r.patient, r.label, r.folder, r.named) for r in records] == [
        (one["path"], one["patient"], one["label"], "val", True) for one in expected
    ]
    assert (data.class_names, data.image_size) == (("healthy", "sick"), 32)
    assert data.class_counts == (6, 6)
    assert {record.path for record in data.images["train"]} == {one["path"] for one in samples("train")}
    batches = list(data.val_dataloader())
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(12))
    torch.testing.assert_close(torch.cat([b["image"] for b in batches]).numpy()[:, 0], data.grey_images("val"))


def test_a_stage_reads_only_its_own_split_and_training_draws_as_without():
    state = torch.get_rng_state()
    assert set(set_up("fit").images) == {"train", "val"}
    assert torch.equal(torch.get_rng_state(), state)
    assert [set(set_up(stage).images) for stage in ("validate", "calibrate", "test")] == [{"val"}, {"val"}, {"test"}]


def test_without_patients_each_image_is_its_own():
    with pytest.warns(UserWarning, match="names no patients"):
        data = set_up("test", test=[{"image": s["image"], "label": s["label"]} for s in samples("test")])
    assert [record.patient for record in data.images["test"][:2]] == ["test/000000", "test/000001"]
    assert not any(record.named for record in data.images["test"])


def test_shared_patients_and_images_are_rejected():
    with pytest.raises(UserError, match=r"train and val share .* patient train-0"):
        set_up(val=samples("val")[:2] + samples("val", 4, patient="train-0")[2:])
    same = [one | {"path": f"copy{i}", "patient": f"p{i}"} for i, one in enumerate(samples("train"))]
    with pytest.raises(UserError, match="is the same file as"):
        set_up(val=same)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([(torch.zeros(1, 32, 32), i % 2) for i in range(4)], "batches as list"),
        ([{"img": torch.zeros(1, 32, 32)}], "batches with img"),
        (samples("val", image=torch.zeros(3, 32, 32)), r"shape \(5, 3, 32, 32\)"),
        (samples("val", image=torch.zeros(1, 32, 30)), r"shape \(5, 1, 32, 30\)"),
        (samples("val", image=torch.full((1, 32, 32), -2.0)), "from -2 to -2"),
        (samples("val", label=2), "other labels than 0 and 1"),
        (samples("val", label=1), "no image of class healthy for val"),
        (samples("val", label="1"), "other labels than 0 and 1"),
        (samples("val", label=torch.tensor([0, 1])), "10 values of label with 5 images"),
        (samples("val", image=torch.full((1, 32, 32), 4095, dtype=torch.int16)), "images of torch.int16"),
        (samples("val", 5) + samples("val", 5, image=torch.zeros(1, 40, 40)), "of 32 and of 40 pixels for val"),
    ],
)
def test_other_batches_are_rejected_in_one_line(given, expected):
    with pytest.raises(UserError, match=expected) as info:
        set_up("validate", val=given)
    assert "\n" not in str(info.value)


def test_labels_may_be_booleans_and_patients_numbers():
    given = [one | {"label": bool(one["label"]), "patient": i} for i, one in enumerate(samples("val"))]
    records = set_up("validate", val=given).images["val"]
    assert [(record.label, record.patient) for record in records] == [(i % 2, str(i)) for i in range(12)]


def test_settings_of_the_data_module_are_checked():
    module = Module()
    module.resize = "fill"
    with pytest.raises(UserError, match="resize is 'fill', where it must be one of stretch, pad, crop"):
        BatchedImages(module)


def test_our_own_data_module_needs_no_adapter(tmp_path):
    data = ChestXRayDataModule(tmp_path)
    assert as_image_data(data) is data
    assert isinstance(as_image_data(Module()), BatchedImages)
