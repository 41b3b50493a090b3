"""A folder of films becomes batches that are what they say, or one line that says why not."""

import shutil
import warnings
from collections import Counter
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from xray.data.augment import Augmentation
from xray.data.datamodule import ChestXRayDataModule
from xray.data.index import Film
from xray.errors import UserError

SIDE = 32
POOL = {"random", "blocks"}


def module(root, **options):
    return ChestXRayDataModule(**({"root": root, "image_size": SIDE, "batch_size": 8, "val_fraction": 0.2} | options))


def ready(root, stage="fit", **options):
    data = module(root, **options)
    data.setup(stage)
    return data


def refusal(root, stage="fit", **options):
    with pytest.raises(UserError) as info:
        ready(root, stage, **options)
    return str(info.value)


def accepted(root, stage="fit", **options):
    with pytest.warns(UserWarning, match="Accepted|Left out"):
        return ready(root, stage, **options)


def paths(films):
    return {film.path for film in films}


def files(root, *folders):
    return {path.relative_to(root).as_posix() for folder in folders for path in (root / folder).glob("*/*.jpeg")}


def first(root, folder, class_name):
    return min((root / folder / class_name).glob("*.jpeg"))


def spoil(path: Path) -> Path:
    path.write_bytes(b"no film, but a text: " + path.name.encode())
    return path


def flat(order):
    return list(chain.from_iterable(order))


@pytest.mark.parametrize(
    ("stage", "splits"),
    [("fit", {"train", "val"}), ("validate", {"train", "val"}), ("test", {"test"}), ("predict", set())],
)
def test_each_stage_sets_up_what_it_needs(films, stage, splits):
    assert set(ready(films, stage).films) == splits


def test_a_second_setup_keeps_what_is_there(films):
    data = ready(films)
    before = dict(data.films)
    shutil.rmtree(films / "train")
    data.setup("fit")
    data.setup("validate")
    assert all(data.films[split] is before[split] for split in before)


def test_clean_films_give_no_notes_and_no_warnings(films):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = ready(films)
        data.setup("test")
    assert data.notes == []


@pytest.mark.parametrize("validation", sorted(POOL))
def test_train_and_val_folders_are_pooled_and_split_by_patient(films, validation):
    data = ready(films, validation=validation)
    train, val = data.films["train"], data.films["val"]
    assert paths(train) | paths(val) == files(films, "train", "val")
    assert not {film.group for film in train} & {film.group for film in val}
    # A fifth of 28 and of 36 films, in patients of two.
    assert Counter(film.label for film in val) == {0: pytest.approx(5.6, abs=2), 1: pytest.approx(7.2, abs=2)}
    assert all(data.films[split] == sorted(data.films[split], key=lambda film: film.path) for split in data.films)


def test_blocks_are_runs_of_patient_numbers(films):
    for seed in range(6):
        data = ready(films, validation="blocks", split_seed=seed)
        sides = [
            (int(film.group.removeprefix("person")), side)
            for side in data.films
            for film in data.films[side]
            if film.label
        ]
        in_order = [side for _, side in sorted(sides)]
        assert len(list(groupby(in_order))) <= 3


def test_folder_trusts_the_val_folder(films):
    data = ready(films, validation="folder")
    assert paths(data.films["train"]) == files(films, "train")
    assert paths(data.films["val"]) == files(films, "val")


def test_split_depends_on_its_own_seed_alone(films):
    torch.manual_seed(1)
    one = ready(films, split_seed=5)
    torch.manual_seed(2)
    assert ready(films, split_seed=5).films == one.films
    assert any(ready(films, split_seed=seed).films != one.films for seed in range(3))


def test_fraction_out_of_range_is_refused(films):
    assert "val_fraction 1.5" in refusal(films, val_fraction=1.5)


def assert_batches_show_their_films(data, split, class_names=("NORMAL", "PNEUMONIA")):
    seen = []
    for batch in getattr(data, f"{split}_dataloader")():
        count = len(batch["index"])
        assert batch["image"].shape == (count, 1, SIDE, SIDE)
        assert batch["image"].dtype == torch.uint8
        assert (batch["label"].shape, batch["label"].dtype) == ((count,), torch.float32)
        assert batch["index"].dtype == torch.int64
        for image, label, row in zip(batch["image"], batch["label"], batch["index"], strict=True):
            film = data.films[split][row]
            with Image.open(data.root / film.path) as file:
                file.draft("L", (SIDE, SIDE))
                expected = file.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(image[0], np.asarray(expected))
            assert class_names[int(label)] == film.path.split("/")[1]
            seen.append(int(row))
    return seen


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_batches_show_the_films_of_the_table(films, validation):
    data = ready(films, validation=validation)
    data.setup("test")
    assert_batches_show_their_films(data, "train")
    for split in ("val", "test"):
        assert assert_batches_show_their_films(data, split) == list(range(len(data.films[split])))


def test_second_class_name_is_the_positive_class(films):
    data = ready(films, class_names=("PNEUMONIA", "NORMAL"))
    assert_batches_show_their_films(data, "train", ("PNEUMONIA", "NORMAL"))


def test_resize_rule_reaches_the_films(tmp_path, films):
    for path in films.rglob("*.jpeg"):
        Image.new("L", (80, 40), 200).save(path)
        path.write_bytes(path.read_bytes() + path.name.encode())  # no copies of one another
    padded, squashed = (ready(films, resize=rule).grey_films("val", [0])[0] for rule in ("pad", "squash"))
    assert (padded[0] == 0).all()
    assert (squashed[0] > 178).all()


@pytest.mark.parametrize("validation", ["blocks", "folder"])
@pytest.mark.parametrize("rule", ["squash", "pad", "crop"])
def test_cached_and_uncached_runs_see_the_same_pixels(films, validation, rule):
    def batches(**options):
        data = ready(films, validation=validation, resize=rule, **options)
        data.setup("test")
        return [batch for split in ("train", "val", "test") for batch in getattr(data, f"{split}_dataloader")()]

    torch.manual_seed(1)
    expected = batches(cache=False)
    assert not Path("data").exists()
    for _ in range(2):  # a cold cache, then a warm one
        torch.manual_seed(1)
        for batch, without in zip(batches(), expected, strict=True):
            assert all(torch.equal(batch[key], without[key]) for key in ("image", "label", "index"))
    assert Path("data/.cache").is_dir()


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_films_skipped_as_unreadable_are_skipped_with_a_warm_cache_too(films, validation):
    bad = spoil(first(films, "train", "NORMAL"))
    for _ in range(2):
        data = accepted(films, unreadable="skip", validation=validation)
        assert bad.relative_to(films).as_posix() not in paths(data.films["train"]) | paths(data.films["val"])
        assert_batches_show_their_films(data, "val")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_a_cache_that_cannot_be_used_is_told_and_done_without(films, validation):
    Path("taken").write_text("a file, no folder")
    with pytest.warns(UserWarning, match="decoded into memory.*taken.*--data.cache_dir") as warned:
        data = ready(films, validation=validation, cache_dir=Path("taken"))
    assert sum("decoded into memory" in str(warning.message) for warning in warned) == 1
    assert_batches_show_their_films(data, "val")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_a_cache_that_fails_after_it_gave_hashes_is_done_without(films, validation):
    ready(films, validation=validation)
    next(Path("data/.cache").glob("*/films.sqlite")).write_bytes(b"damaged" * 500)
    with pytest.warns(UserWarning, match="not a database"):
        data = ready(films, validation=validation)
    assert_batches_show_their_films(data, "val")


def test_grey_films_are_those_of_the_rows(films):
    data = ready(films)
    batch = next(iter(data.val_dataloader()))
    found = data.grey_films("val", [3, 1])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, batch["image"][[3, 1], 0].numpy())


def test_chunks_of_grey_films_are_the_whole_split_in_order(films):
    data = ready(films)
    chunks = list(data.grey_chunks("train", at_once=5))
    assert {len(chunk) for chunk in chunks[:-1]} == {5}
    np.testing.assert_array_equal(np.concatenate(chunks), data.grey_films("train"))
    assert len(data.grey_films("train")) == len(data.films["train"]) == len(data.files("train"))


def test_films_elsewhere_are_decoded_as_the_own_ones_and_bad_ones_left_out(films, make):
    data = ready(films)
    other = make("other", seed=7)
    paths = [str(path) for path in sorted(other.glob("test/*/*.jpeg"))[:4]]
    spoil(Path(paths[1]))
    found, kept = data.films_elsewhere(paths, data._reader.digests(paths))
    assert kept == [0, 2, 3]
    assert found.shape == (3, SIDE, SIDE)


def test_class_counts_are_those_of_the_training_films(films):
    data = ready(films, validation="folder")
    assert data.class_counts == (24, 32)
    pooled = ready(films)
    assert pooled.class_counts == tuple(
        sum(f"/{name}/" in film.path for film in pooled.films["train"]) for name in ("NORMAL", "PNEUMONIA")
    )


def test_val_folder_may_be_missing_where_films_are_pooled(films):
    shutil.rmtree(films / "val")
    data = ready(films)
    assert paths(data.films["train"]) | paths(data.films["val"]) == files(films, "train")


def test_missing_val_folder_cannot_be_trusted(films):
    shutil.rmtree(films / "val")
    assert "No folder val" in refusal(films, validation="folder")


@pytest.mark.parametrize("stage", ["fit", "validate"])
def test_test_folder_may_be_missing_while_training(films, stage):
    shutil.rmtree(films / "test")
    assert ready(films, stage).films["train"]
    assert "No folder test" in refusal(films, "test")


def test_testing_needs_no_other_folder(films):
    shutil.rmtree(films / "train")
    shutil.rmtree(films / "val")
    assert paths(ready(films, "test").films["test"]) == files(films, "test")


def empty(folder: Path) -> None:
    for path in folder.glob("*.jpeg"):
        path.unlink()


@pytest.mark.parametrize(
    ("folder", "stage", "validation"),
    [("train", "fit", "folder"), ("val", "fit", "folder"), ("val", "validate", "folder"), ("test", "test", "random")],
)
@pytest.mark.parametrize("name", ["NORMAL", "PNEUMONIA"])
def test_empty_class_is_refused_with_class_and_folder(films, folder, stage, validation, name):
    empty(films / folder / name)
    message = refusal(films, stage, validation=validation)
    assert f"class {name} for {folder}" in message


@pytest.mark.parametrize("name", ["NORMAL", "PNEUMONIA"])
def test_class_that_is_empty_in_the_pool_is_refused(films, name):
    for folder in ("train", "val"):
        empty(films / folder / name)
    assert f"class {name}" in refusal(films)


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_folders_without_any_film_are_refused(films, validation):
    for path in films.rglob("*.jpeg"):
        path.unlink()
    assert "no readable film of class NORMAL" in refusal(films, validation=validation)


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_unreadable_films_stop_with_a_list_of_all_of_them(films, validation):
    bad = [spoil(first(films, folder, name)) for folder in ("train", "val") for name in ("NORMAL", "PNEUMONIA")]
    message = refusal(films, validation=validation)
    assert "4 of 64 films cannot be read" in message
    assert "--data.unreadable skip" in message
    assert all(f"\n  {path}: " in message for path in bad)
    spoil(first(films, "test", "NORMAL"))
    assert "1 of 28 films cannot be read" in refusal(films, "test")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_unreadable_films_are_skipped_with_a_note_and_the_rest_stay_in_step(films, validation):
    bad = [spoil(first(films, folder, name)) for folder in ("train", "val") for name in ("NORMAL", "PNEUMONIA")]
    spoiled = {path.relative_to(films).as_posix() for path in bad}
    data = accepted(films, unreadable="skip", validation=validation)
    assert paths(data.films["train"]) | paths(data.films["val"]) == files(films, "train", "val") - spoiled
    (note,) = data.notes
    assert "Left out 4 of 64 films" in note
    assert all(str(path) in note for path in bad)
    assert_batches_show_their_films(data, "train")
    assert_batches_show_their_films(data, "val")


def test_unreadable_test_films_are_skipped_with_a_note(films):
    bad = spoil(first(films, "test", "PNEUMONIA"))
    data = accepted(films, "test", unreadable="skip")
    assert str(bad) in data.notes[0]
    assert len(assert_batches_show_their_films(data, "test")) == 27


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_skipping_every_film_of_a_class_is_refused(films, validation):
    for path in films.glob("*/NORMAL/*.jpeg"):
        spoil(path)
    with pytest.warns(UserWarning, match="Left out"):
        assert "no readable film of class NORMAL" in refusal(films, unreadable="skip", validation=validation)


def test_skipping_every_film_is_refused(films):
    for path in films.rglob("*.jpeg"):
        spoil(path)
    with pytest.warns(UserWarning, match="Left out"):
        assert "no readable film" in refusal(films, unreadable="skip", validation="folder")


@pytest.mark.filterwarnings("ignore:Left out")
@pytest.mark.parametrize("validation", ["random", "folder"])
def test_empty_files_are_unreadable_films_and_no_overlap(films, validation):
    # What a copy that broke off leaves behind; the films are of different patients.
    bad = [first(films, folder, "NORMAL") for folder in ("train", "val", "test")]
    for path in bad:
        path.write_bytes(b"")
    assert "cannot be read" in refusal(films, validation=validation)
    assert "cannot be read" in refusal(films, "test", validation=validation)
    data = accepted(films, validation=validation, unreadable="skip")
    data.setup("test")
    assert all("Left out" in note for note in data.notes)


def same_patient(root, one, other):
    """Put another film of a PNEUMONIA patient of the one folder into the other."""
    film = first(root, one, "PNEUMONIA")
    name = film.stem.rpartition("_")[0]
    shutil.copy(first(root, other, "PNEUMONIA"), root / other / "PNEUMONIA" / f"{name}_9999.jpeg")
    return name


def same_file(root, one, other):
    """Put a film of the one folder into the other under the name of another patient."""
    shutil.copy(first(root, one, "PNEUMONIA"), root / other / "PNEUMONIA" / "person9999_virus_1.jpeg")
    return "person9999_virus_1.jpeg is the same file as"


OVERLAPS = [
    ("train", "test", "fit", "random"),
    ("train", "test", "fit", "folder"),
    ("val", "test", "fit", "blocks"),
    ("train", "test", "test", "random"),
    ("val", "test", "test", "random"),
    ("train", "val", "fit", "folder"),
    ("train", "val", "validate", "folder"),
]


@pytest.mark.parametrize("share", [same_patient, same_file])
@pytest.mark.parametrize(("one", "other", "stage", "validation"), OVERLAPS)
def test_overlap_of_folders_is_refused_or_accepted_with_a_note(films, share, one, other, stage, validation):
    sign = share(films, one, other)
    message = refusal(films, stage, validation=validation)
    assert sign in message
    assert one in message
    assert other in message
    assert "--data.overlaps accept" in message
    data = accepted(films, stage, validation=validation, overlaps="accept")
    (note,) = data.notes
    assert note.startswith("Accepted")
    assert sign in note
    if stage == "fit":
        assert paths(data.films["train"]) | paths(data.films["val"]) == files(films, "train", "val")


@pytest.mark.parametrize("share", [same_patient, same_file])
def test_train_and_val_folders_may_overlap_where_they_are_pooled(films, share):
    share(films, "train", "val")
    data = ready(films)
    assert data.notes == []
    train, val = data.films["train"], data.films["val"]
    assert not {film.group for film in train} & {film.group for film in val}
    assert not {film.digest for film in train} & {film.digest for film in val}


def test_many_overlaps_are_counted_rather_than_all_listed(films):
    for number in range(8):
        shutil.copy(
            sorted((films / "train/NORMAL").glob("*.jpeg"))[2 * number],
            films / f"test/NORMAL/IM-9{number:03d}-0001.jpeg",
        )
    message = refusal(films)
    assert message.count("is the same file as") == 5
    assert "and 3 more" in message


@pytest.mark.filterwarnings("ignore:Accepted")
def test_an_accepted_overlap_is_noted_once_for_fit_and_test_together(films):
    same_patient(films, "train", "test")
    data = accepted(films, overlaps="accept")
    data.setup("test")
    assert len(data.notes) == len(set(data.notes)) == 1


@pytest.mark.parametrize("validation", sorted(POOL))
def test_identical_files_within_the_pool_stay_on_one_side(films, validation):
    originals = sorted((films / "train/PNEUMONIA").glob("*1.jpeg"))[:8]
    for i, path in enumerate(originals):
        shutil.copy(path, films / f"val/PNEUMONIA/person{3000 + i}_virus_1.jpeg")
    for seed in range(6):
        data = ready(films, validation=validation, split_seed=seed)
        train, val = ({film.digest for film in data.films[split]} for split in ("train", "val"))
        assert not train & val


def rename_all(root):
    """Names that tell no patient."""
    for i, path in enumerate(sorted(root.rglob("*.jpeg"))):
        path.rename(path.with_name(f"film{i}.jpeg"))


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_names_without_a_patient_are_told_exactly_once(films, validation):
    rename_all(films)
    with warnings.catch_warnings(record=True) as caught:
        data = ready(films, validation=validation)
        data.setup("test")
    assert sum("no recognisable patient" in str(warning.message) for warning in caught) == 1
    (note,) = data.notes
    assert "64 of 64 films" in note
    assert "data.patient_pattern" in note
    assert {film.patient for film in data.films["train"]} == paths(data.films["train"])


def test_own_pattern_names_the_patients(films):
    for i, path in enumerate(sorted(films.rglob("*.jpeg"))):
        path.rename(path.with_name(f"{i // 4:05d}_{i}.jpeg"))
    # Four films to a patient, counted through all folders: no border between folders or classes parts them.
    data = ready(films, patient_pattern=r"^(?P<patient>\d+)_")
    assert data.notes == []
    assert {film.patient for film in data.films["train"]}.isdisjoint(film.patient for film in data.films["val"])


def test_bad_pattern_is_refused(films):
    assert "patient_pattern" in refusal(films, patient_pattern="(")


@pytest.mark.parametrize(
    ("name", "value"), [("image_size", 15), ("image_size", 0), ("batch_size", 0), ("batch_size", -1)]
)
def test_sizes_that_are_too_small_are_refused_at_once(name, value):
    with pytest.raises(UserError, match=f"data.{name} {value} is too small"):
        ChestXRayDataModule(**{name: value})


def test_least_sizes_are_accepted(films):
    data = ready(films, image_size=16, batch_size=1)
    assert next(iter(data.val_dataloader()))["image"].shape == (1, 1, 16, 16)


def epoch_order(data, seed, epoch=0, used=0):
    torch.manual_seed(seed)
    torch.rand(used)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    torch.rand(used)
    return [batch["index"].tolist() for batch in loader]


def test_training_order_depends_on_seed_and_epoch_alone(films):
    data = ready(films)
    order = epoch_order(data, seed=1)
    assert epoch_order(data, seed=1, used=100) == order
    assert epoch_order(ready(films), seed=1) == order
    assert epoch_order(data, seed=2) != order
    assert epoch_order(data, seed=1, epoch=1) != order


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_training_order_is_shuffled_and_mixes_the_classes(films, validation):
    data = ready(films, validation=validation)
    rows = flat(epoch_order(data, seed=0))
    assert rows != sorted(rows)
    mixed = [len(set(batch["label"].tolist())) == 2 for batch in data.train_dataloader()]
    assert sum(mixed) >= len(mixed) - 1


@pytest.mark.parametrize("batch_size", [1, 2, 4, 7, 8, 14, 28, 56, 57, 1000])
def test_each_training_film_comes_exactly_once_where_batches_fit(films, batch_size):
    data = ready(films, validation="folder", batch_size=batch_size)
    for epoch in range(2):
        assert sorted(flat(epoch_order(data, 3, epoch))) == list(range(56))


@pytest.mark.parametrize("batch_size", [3, 5, 11, 55])
def test_what_does_not_fill_a_batch_is_left_for_another_epoch(films, batch_size):
    data = ready(films, validation="folder", batch_size=batch_size)
    order = epoch_order(data, 3)
    assert {len(rows) for rows in order} == {batch_size}
    assert len(order) == 56 // batch_size
    assert len(set(flat(order))) == len(flat(order))
    left_out = [frozenset(range(56)) - set(flat(epoch_order(data, 3, epoch))) for epoch in range(4)]
    assert len(set(left_out)) > 1


class Probe(LightningModule):
    """Keeps every batch that it is given."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = {"train": [], "val": []}

    def training_step(self, batch):
        self.seen["train"].append(batch)
        return self.weight.sum()

    def validation_step(self, batch):
        self.seen["val"].append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def trained(data, seed=1, epochs=1):
    torch.manual_seed(seed)
    probe = Probe()
    Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(probe, datamodule=data)
    return probe.seen


@pytest.mark.filterwarnings("ignore")
def test_training_augments_training_films_and_touches_neither_labels_nor_validation(films):
    seen = trained(module(films, augmentation=Augmentation(shift=0.1)), epochs=2)
    plain = ready(films)
    for batch in seen["train"]:
        rows = batch["index"].tolist()
        assert [plain.films["train"][row].label for row in rows] == batch["label"].tolist()
        original = plain._datasets["train"].__getitems__(rows)["image"]
        assert batch["image"].dtype == torch.float32
        assert batch["image"].shape == original.shape
        changed = (batch["image"] - original / 255).abs().amax(dim=(1, 2, 3))
        assert (changed > 0.01).all()
    assert len({tuple(batch["index"].tolist()) for batch in seen["train"]}) == len(seen["train"])  # a new order
    for batch in seen["val"]:
        np.testing.assert_array_equal(
            batch["image"], plain._datasets["val"].__getitems__(batch["index"].tolist())["image"]
        )


@pytest.mark.filterwarnings("ignore")
def test_the_trainer_gives_each_epoch_its_own_order(films):
    data = module(films, validation="folder")
    seen = [batch["index"].tolist() for batch in trained(data, seed=5, epochs=2)["train"]]
    assert seen == epoch_order(data, seed=5, epoch=0) + epoch_order(data, seed=5, epoch=1)


def test_without_a_trainer_batches_are_left_as_they_are(films):
    data = ready(films)
    batch = next(iter(data.train_dataloader()))
    assert data.on_after_batch_transfer(batch, 0)["image"].dtype == torch.uint8


TRAINED = "films that the model was trained on"


def trained_on(path, patient="elsewhere", digest="none", named=True):
    return [Film(path, "train", -1, patient, patient, digest, named)]


def test_a_trained_patient_is_refused_in_test_whatever_the_folders_look_like_now(films):
    data = ready(films, "test")
    film = data.films["test"][-1]
    data.refuse_known(trained_on("train/PNEUMONIA/old.jpeg"), "test", same_source=True, called=TRAINED)
    with pytest.raises(UserError, match=f"{TRAINED} and test share patients or files: patient {film.patient}"):
        data.refuse_known(
            trained_on("train/PNEUMONIA/old.jpeg", film.patient), "test", same_source=True, called=TRAINED
        )


def test_equal_names_from_another_source_are_no_overlap_but_equal_files_are(films):
    data = ready(films, "test")
    film = data.films["test"][-1]
    data.refuse_known(trained_on("train/PNEUMONIA/old.jpeg", film.patient), "test", same_source=False, called=TRAINED)
    with pytest.raises(UserError, match=r"is the same file as train/PNEUMONIA/old\.jpeg"):
        data.refuse_known(
            trained_on("train/PNEUMONIA/old.jpeg", digest=film.digest), "test", same_source=False, called=TRAINED
        )


def test_trained_films_are_accepted_with_a_note(films):
    data = ready(films, "test", overlaps="accept")
    with pytest.warns(UserWarning, match="Accepted"):
        data.refuse_known(trained_on("x", data.films["test"][0].patient), "test", same_source=True, called=TRAINED)
    assert len(data.notes) == 1


def test_real_films_are_set_up_from_end_to_end(real_films, tmp_path):
    # A few of each folder, as links: full setups of all films take their time.
    for folder in ("train", "val", "test"):
        for name in ("NORMAL", "PNEUMONIA"):
            (tmp_path / folder / name).mkdir(parents=True)
            for path in sorted((real_films / folder / name).glob("*.jpeg"))[:30]:
                (tmp_path / folder / name / path.name).symlink_to(path)
    data = ready(tmp_path)
    data.setup("test")
    assert data.notes == []
    assert_batches_show_their_films(data, "val")
    assert_batches_show_their_films(data, "test")


def test_a_folder_of_classes_is_tested_whole_but_not_trained_on(films, make):
    other = make("other", seed=5) / "test"
    data = ready(other, "test")
    assert sorted(data.files("test")) == sorted(str(path) for path in other.glob("*/*.jpeg"))
    assert {film.patient for film in data.films["test"]} == {
        film.patient for film in ready(other.parent, "test").films["test"]
    }
    assert data.beside_test == []
    assert "holds the class folders" in refusal(other, "fit")
