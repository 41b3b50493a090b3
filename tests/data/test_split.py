"""A split keeps patients and copies together, hits its size, and repeats itself."""

import random
from collections import Counter, defaultdict
from itertools import compress, product

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from xray.data.cache.hashing import FileDigests
from xray.data.index.folders import ImageRecord, index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.split import find_overlaps, inseparable_clusters, split_by_patient
from xray.utils.errors import UserError

METHODS = ["random", "blocks"]


def image(name, label=0, group=None, digest=None, patient=None, folder="train", named=True):
    group = group or patient or name
    return ImageRecord(f"{folder}/{label}/{name}", folder, label, patient or group, group, digest or name, named)


@st.composite
def pools(draw, least=2, shared_groups=False):
    """Patients in two series of each class with 1 to 4 images, some of which are copies of one another."""
    images = []
    for label, names in enumerate((("IM-", "NORMAL2-IM-"), ("person",))):
        numbers = draw(st.lists(st.integers(1, 300), min_size=least, max_size=25, unique=True))
        for number in numbers:
            series = draw(st.sampled_from(names))
            per_patient = range(draw(st.integers(1, 4)))
            images += [image(f"{series}{number:04d}-{k}.jpeg", label, f"{series}{number:04d}") for k in per_patient]
    if draw(st.booleans()):
        copies = draw(st.lists(st.tuples(*[st.integers(0, len(images) - 1)] * 2), max_size=4))
        for one, other in copies:
            if images[one].label == images[other].label or shared_groups:
                images[one] = image(
                    images[one].path.split("/")[-1], images[one].label, images[one].group, images[other].digest
                )
    return images


def connected(images):
    """Sets of images joined by a group or a digest, merged until nothing changes: slow and plain."""
    sets = [{i} for i in range(len(images))]
    keys = [{("group", f.group), ("digest", f.digest)} for f in images]
    merged = True
    while merged:
        merged = False
        for a in range(len(sets)):
            for b in range(a + 1, len(sets)):
                if sets[a] and sets[b] and keys[a] & keys[b]:
                    sets[a], keys[a] = sets[a] | sets[b], keys[a] | keys[b]
                    sets[b], keys[b], merged = set(), set(), True
    return [s for s in sets if s]


def splittable(images):
    return all(sum(images[min(c)].label == label for c in connected(images)) >= 2 for label in (0, 1))


def sides(images, chosen):
    return [f for f, v in zip(images, chosen, strict=True) if not v], [
        f for f, v in zip(images, chosen, strict=True) if v
    ]


FRACTIONS = st.floats(0.02, 0.5)
SEEDS = st.integers(0, 2**32)


@settings(max_examples=80)
@given(pools(), FRACTIONS, st.sampled_from(METHODS), SEEDS)
def test_no_group_and_no_copy_is_on_both_sides(images, fraction, method, seed):
    assume(splittable(images))
    train, val = sides(images, split_by_patient(images, fraction, method, seed))
    assert not {f.group for f in train} & {f.group for f in val}
    assert not {f.digest for f in train} & {f.digest for f in val}


@settings(max_examples=80)
@given(pools(), st.floats(0.001, 0.999), st.sampled_from(METHODS), SEEDS)
@example([image(f"{label}{n}", label, group=f"{label}-{n}") for label in (0, 1) for n in (1, 2)], 0.9, "random", 0)
def test_both_classes_are_on_both_sides_whatever_the_fraction(images, fraction, method, seed):
    assume(splittable(images))
    for side in sides(images, split_by_patient(images, fraction, method, seed)):
        assert {f.label for f in side} == {0, 1}


@settings(max_examples=80)
@given(pools(), FRACTIONS, st.sampled_from(METHODS), SEEDS)
def test_the_fraction_of_each_class_is_met_to_half_a_cluster(images, fraction, method, seed):
    assume(splittable(images))
    chosen = split_by_patient(images, fraction, method, seed)
    clusters = connected(images)
    for label in (0, 1):
        sizes = [len(c) for c in clusters if images[min(c)].label == label]
        taken = sum(v for f, v in zip(images, chosen, strict=True) if f.label == label)
        # Half the largest for each series that is cut. No class is left out: then its smallest is taken.
        cuts = 2 if method == "blocks" and label == 0 else 1
        assert abs(taken - fraction * sum(sizes)) <= cuts * max(sizes) / 2 or taken == min(sizes)


@settings(max_examples=80)
@given(pools(), FRACTIONS, st.sampled_from(METHODS), SEEDS, st.randoms(use_true_random=False))
def test_split_does_not_depend_on_the_order_of_the_images(images, fraction, method, seed, shuffler):
    assume(splittable(images))
    images = [image(f"{i}-{f.path.split('/')[-1]}", f.label, f.group, f.digest) for i, f in enumerate(images)]
    chosen = dict(zip(images, split_by_patient(images, fraction, method, seed), strict=True))
    assert list(chosen.values()) == split_by_patient(images, fraction, method, seed)
    shuffler.shuffle(images)
    assert dict(zip(images, split_by_patient(images, fraction, method, seed), strict=True)) == chosen


def test_order_does_not_matter_where_only_the_smallest_patient_can_be_taken():
    # Two patients of two images: the names of their first images stand the other way round in the other order.
    normal = [image(name, 0, group) for name, group in (("b", "x"), ("e", "x"), ("c", "y"), ("d", "y"))]
    rest = [image(f"p{n}", 1) for n in range(4)]
    expected = set(sides(normal + rest, split_by_patient(normal + rest, 0.01, "random", 0))[1])
    for shuffled in (normal[::-1] + rest, [normal[1], normal[2], normal[0], normal[3], *rest]):
        assert set(sides(shuffled, split_by_patient(shuffled, 0.01, "random", 0))[1]) == expected


@pytest.mark.parametrize("method", METHODS)
def test_patients_with_images_of_both_classes_can_be_split(method):
    # Everyone was ill and became well: no patient belongs to one class alone.
    images = [image(f"{n}-{label}", label, group=f"patient{n}") for n in range(20) for label in (0, 1)]
    train, val = sides(images, split_by_patient(images, 0.1, method, 0))
    assert not {f.group for f in train} & {f.group for f in val}
    assert Counter(f.label for f in val) == {0: 2, 1: 2}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_a_class_whose_patients_all_have_images_of_the_other_can_be_split(method, seed):
    well = [image(f"{n}-well", 0, group=f"patient{n}") for n in range(20)]
    ill = [image(f"{n}-ill", 1, group=f"patient{n}") for n in (3, 4)]
    for side in sides(well + ill, split_by_patient(well + ill, 0.1, method, seed)):
        assert {f.label for f in side} == {0, 1}


@st.composite
def mixed_pools(draw):
    """Patients with images of both classes."""
    labels = draw(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=4), min_size=2, max_size=7))
    return [image(f"{n}-{i}", label, f"p{n}") for n, own in enumerate(labels) for i, label in enumerate(own)]


def can_be_split(images):
    """Whether any way of parting the clusters leaves every class on both sides."""
    clusters = [{images[i].label for i in cluster} for cluster in connected(images)]
    every = set().union(*clusters)
    parts = product([True, False], repeat=len(clusters))
    return any(
        all(set().union(*compress(clusters, [v == s for v in part])) == every for s in (True, False)) for part in parts
    )


@settings(max_examples=100)
@given(mixed_pools(), st.floats(0.02, 0.98), st.sampled_from(METHODS), SEEDS, st.randoms(use_true_random=False))
def test_patients_of_both_classes_are_split_alike_in_any_order_and_rejected_only_if_need_be(
    images, fraction, method, seed, shuffler
):
    def split(pool):
        try:
            return sides(pool, split_by_patient(pool, fraction, method, seed))
        except UserError:
            return None

    found = split(images)
    assert (found is not None) == can_be_split(images)
    shuffler.shuffle(images)
    again = split(images)
    assert (again and set(again[1])) == (found and set(found[1]))
    if found:
        assert {f.label for f in found[0]} == {f.label for f in found[1]}


@settings(max_examples=60)
@given(pools(least=4, shared_groups=True), FRACTIONS, st.sampled_from(METHODS), SEEDS)
def test_copies_across_the_classes_stay_together(images, fraction, method, seed):
    clusters = connected(images)
    pure = [c for c in clusters if len({images[i].label for i in c}) == 1]
    assume(all(sum(images[min(c)].label == label for c in pure) >= 2 for label in (0, 1)))
    chosen = split_by_patient(images, fraction, method, seed)
    assert all(len({chosen[i] for i in cluster}) == 1 for cluster in clusters)
    for side in sides(images, chosen):
        assert {f.label for f in side} == {0, 1}


def children(count, per_patient=2):
    return [
        image(f"{series}{n:04d}-{k}", label, group=f"{series}{n:04d}")
        for label, series in ((0, "IM-"), (1, "person"))
        for n in range(1, count + 1)
        for k in range(per_patient)
    ]


@pytest.mark.parametrize("method", METHODS)
def test_another_seed_gives_another_split(method):
    images = children(50)
    assert len({tuple(split_by_patient(images, 0.1, method, seed)) for seed in range(10)}) >= 8


@pytest.mark.parametrize("method", METHODS)
def test_every_patient_comes_into_validation_under_some_seed(method):
    images = children(20)
    splits = [sides(images, split_by_patient(images, 0.2, method, seed))[1] for seed in range(300)]
    assert {f.group for val in splits for f in val} == {f.group for f in images}


def test_the_classes_are_drawn_apart():
    # Equal numbers in both classes are different children: one must not follow from the other.
    images = children(50)
    _, val = sides(images, split_by_patient(images, 0.2, "random", 0))
    numbers = {label: {int(f.group[-4:]) for f in val if f.label == label} for label in (0, 1)}
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("seed", range(5))
def test_images_added_to_the_pool_move_few_patients_under_random(seed):
    images, more = children(200), children(220)
    before = dict(zip((f.group for f in images), split_by_patient(images, 0.1, "random", seed), strict=True))
    after = dict(zip((f.group for f in more), split_by_patient(more, 0.1, "random", seed), strict=True))
    moved = [group for group, was in before.items() if after[group] != was]
    # A tenth more patients: validation grows from 40 to 44 of them, and about 4 of the 40 are new.
    assert len(moved) <= 10


@settings(max_examples=80)
@given(pools(), FRACTIONS, SEEDS)
def test_blocks_are_contiguous_in_patient_number_within_each_series(images, fraction, seed):
    assume(splittable(images))
    chosen = split_by_patient(images, fraction, "blocks", seed)
    tied = {images[i].group for c in connected(images) if len({images[i].group for i in c}) > 1 for i in c}
    sides_of_series = defaultdict(dict)
    for f, v in zip(images, chosen, strict=True):
        if f.group not in tied:
            sides_of_series[f.group[:-4]][int(f.group[-4:])] = v
    for numbers in sides_of_series.values():
        row = [numbers[n] for n in sorted(numbers)]
        runs = sum(now and not before for before, now in zip([False, *row], row, strict=False))
        assert runs <= 1


def test_blocks_count_in_numbers_and_not_in_letters():
    images = [
        image(f"person{n}_{i}", label, f"{name}{n}")
        for label, name in enumerate("ab")
        for n in range(1, 121)
        for i in (1, 2)
    ]
    for seed in range(20):
        _, val = sides(images, split_by_patient(images, 0.1, "blocks", seed))
        for name in "ab":
            numbers = sorted({int(f.group[1:]) for f in val if f.group.startswith(name)})
            assert numbers == list(range(numbers[0], numbers[0] + 12))


def test_blocks_take_their_share_of_each_series():
    images = children(40) + [image(f"N2-{n}-{i}", 0, f"NORMAL2-IM-{n:04d}") for n in range(1, 81) for i in (1, 2)]
    for seed in range(10):
        _, val = sides(images, split_by_patient(images, 0.1, "blocks", seed))
        assert Counter(f.group[:-4] for f in val) == {"IM-": 8, "NORMAL2-IM-": 16, "person": 8}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["scan-{}-a.png", "1.2.840.{}.7.png", "series{}_1/a_001.png", "{}.png"])
def test_names_of_other_origin_give_the_fraction_too(method, name):
    # Without a recognisable patient each image's path stands for it, whatever numbers are in it.
    images = [image(name.format(1000 + n), label, named=False) for label in (0, 1) for n in range(100)]
    images = [ImageRecord(f.path, f.folder, f.label, f.path, f.path, f.path, False) for f in images]
    _, val = sides(images, split_by_patient(images, 0.1, method, 0))
    assert Counter(f.label for f in val) == {0: 10, 1: 10}


@pytest.mark.parametrize("per_patient", [2, 3, 5, 9])
def test_blocks_of_many_short_series_give_the_fraction_too(per_patient):
    # Patient and view in names that the pattern does not know: as many series as patients.
    places = [f"train/{label}/p{n}-{i}.png" for label in (0, 1) for n in range(100) for i in range(per_patient)]
    images = [ImageRecord(place, "train", int(place[6]), place, place, place, False) for place in places]
    _, val = sides(images, split_by_patient(images, 0.1, "blocks", 0))
    assert Counter(f.label for f in val) == {0: 10 * per_patient, 1: 10 * per_patient}


def test_order_does_not_matter_where_numbers_differ_in_their_zeros_alone():
    images = [
        image(group, label, group)
        for label, kind in enumerate("nc")
        for group in (f"{kind}7", f"{kind}07", f"{kind}007")
    ]
    for seed in range(5):
        found = {
            frozenset(sides(pool, split_by_patient(pool, 0.3, "blocks", seed))[1]) for pool in (images, images[::-1])
        }
        assert len(found) == 1


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
@pytest.mark.parametrize("method", METHODS)
def test_a_fraction_out_of_range_is_rejected(fraction, method):
    with pytest.raises(UserError, match="val_fraction"):
        split_by_patient(children(4), fraction, method, 0)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_of_one_patient_cannot_be_split(method):
    images = children(4) + [image(f"c{i}", 2, group="alone") for i in range(5)]
    with pytest.raises(UserError, match="class 2 cannot be split"):
        split_by_patient(images, 0.2, method, 0)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_of_copies_cannot_be_split(method):
    images = [f for f in children(4) if f.label == 0] + [image(f"p{i}", 1, digest="same") for i in range(5)]
    with pytest.raises(UserError, match="class 1 cannot be split"):
        split_by_patient(images, 0.2, method, 0)


def test_copies_tie_patients_by_a_chain():
    images = [
        image("a1", group="a", digest="1"),
        image("b1", group="b", digest="1"),
        image("b2", group="b", digest="2"),
        image("c1", group="c", digest="2"),
        image("d1", group="d", digest="3"),
    ]
    assert sorted(map(sorted, inseparable_clusters(images))) == [[0, 1, 2, 3], [4]]


def test_a_group_and_a_digest_of_the_same_name_tie_nothing():
    images = [image("one", group="x", digest="y"), image("two", group="y", digest="x")]
    assert len(inseparable_clusters(images)) == 2


@settings(max_examples=60)
@given(pools(shared_groups=True), st.integers(0, 9))
def test_clusters_are_the_connected_images(images, seed):
    random.Random(seed).shuffle(images)
    assert sorted(map(sorted, inseparable_clusters(images))) == sorted(map(sorted, connected(images)))


TRAIN = [image("a", patient="person1_virus", group="person1"), image("b", digest="bytes")]


def test_sides_apart_have_no_overlap():
    test = [image("c", patient="person2_virus", folder="test")]
    assert find_overlaps(TRAIN, test) == []
    assert find_overlaps(TRAIN, []) == []
    assert find_overlaps([], test) == []


def test_a_patient_on_both_sides_is_named_once_with_both_images():
    test = [image(name, patient="person1_virus", group="person1", folder="test") for name in ("c", "d")]
    assert find_overlaps(TRAIN, test) == ["patient person1_virus (train/0/a and test/0/c)"]


def test_a_file_on_both_sides_is_named_whatever_its_patient_and_class():
    test = [image("c", label=1, digest="bytes", folder="test")]
    assert find_overlaps(TRAIN, test) == ["test/1/c is the same file as train/0/b"]


def test_each_overlap_is_told():
    test = [image("c", patient="person1_virus", folder="test"), image("d", digest="bytes", folder="test")]
    assert len(find_overlaps(TRAIN, test)) == 2


def test_one_group_with_two_patients_is_no_overlap():
    assert find_overlaps(TRAIN, [image("c", patient="person1_bacteria", group="person1", folder="test")]) == []


@pytest.mark.parametrize("unnamed", ["first", "second", "both"])
def test_images_whose_names_tell_no_patient_overlap_by_file_alone(unnamed):
    first = image("a", patient="same", named=unnamed == "second")
    second = image("b", patient="same", named=unnamed == "first", folder="test")
    assert find_overlaps([first], [second]) == []
    copy = image("c", patient="same", digest="a", named=False, folder="test")
    assert len(find_overlaps([first], [copy])) == 1


def test_sides_may_be_iterators():
    test = [image("c", digest="bytes", folder="test")]
    assert find_overlaps(iter(TRAIN), iter(test)) == find_overlaps(TRAIN, test)


@pytest.fixture(scope="module")
def real(real_images):
    return index_images(real_images, ["train", "val"], ("NORMAL", "PNEUMONIA"), KERMANY_PATTERN, FileDigests())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_tenth_of_the_real_images_is_stratified_with_patients_apart(real, method, seed):
    train, val = sides(real, split_by_patient(real, 0.1, method, seed))
    assert len(val) == pytest.approx(0.1 * len(real), rel=0.05)
    share = [sum(f.label for f in side) / len(side) for side in (train, val)]
    assert share[0] == pytest.approx(share[1], abs=0.02)
    for attribute in ("patient", "group", "digest"):
        assert not {getattr(f, attribute) for f in train} & {getattr(f, attribute) for f in val}


def test_blocks_of_the_real_images_are_runs_of_numbers(real):
    _, val = sides(real, split_by_patient(real, 0.1, "blocks", 3))
    numbers = defaultdict(set)
    chosen = defaultdict(set)
    for images, found in ((real, numbers), (val, chosen)):
        for f in images:
            series = f.group.rstrip("0123456789")
            found[series].add(int(f.group.removeprefix(series)))
    assert set(chosen) == {"IM-", "NORMAL2-IM-", "person"}
    for series, taken in chosen.items():
        between = {n for n in numbers[series] if min(taken) <= n <= max(taken)}
        assert len(between - taken) <= 3  # patients tied to others by copies


def test_the_real_test_folder_shares_no_patient_and_no_file_with_the_pool(real, real_images):
    test = index_images(real_images, ["test"], ("NORMAL", "PNEUMONIA"), KERMANY_PATTERN, FileDigests())
    assert find_overlaps(real, test) == []
