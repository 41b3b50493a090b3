"""What is no chest film is refused, films are not, and what is stored says the same."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA

from xray.data.decode import decode_films
from xray.data.patterns import outlines
from xray.familiarity import (
    CLAUSES,
    COMPONENTS,
    FEATURES,
    LEAST_FILMS,
    MARGIN,
    MOST_FILMS,
    USUAL,
    Familiarity,
    fit_familiarity,
    tone,
)
from xray.sources.anatomy import draw_anatomy
from xray.sources.phantom import draw_phantom


@pytest.fixture(scope="module")
def chests():
    rng = np.random.default_rng(0)
    return np.stack([draw_phantom(rng, 48, draw_anatomy(rng)) for _ in range(360)])


@pytest.fixture(scope="module")
def familiarity(chests):
    return fit_familiarity(chests[:240], chests[240:300])


def picture(values):
    return np.clip(np.asarray(values), 0, 255).astype(np.uint8)[None]


def others():
    rng = np.random.default_rng(1)
    rows, columns = np.indices((48, 48))
    return {
        "noise": picture(rng.integers(0, 256, (48, 48))),
        "clouds": picture(120 + 400 * gaussian_filter(rng.normal(size=(48, 48)), 4)),
        "chequers": picture(255 * ((rows // 6 + columns // 6) % 2)),
        "gradient": picture(columns * 5),
        "black": picture(np.zeros((48, 48))),
        "white": picture(np.full((48, 48), 255)),
        "page": picture(255 - 200 * ((rows % 6 < 2) & (rng.random((48, 48)) < 0.6))),
    }


@pytest.mark.parametrize("kind", others())
def test_what_is_no_chest_is_refused_with_a_reason(familiarity, kind):
    films = others()[kind]
    assert familiarity.score(films)[0] > 1
    (reason,) = familiarity.reasons(films)
    assert reason
    assert all(clause in CLAUSES.values() for clause in reason.split(" and "))


def test_new_chests_are_let_pass_without_a_reason(familiarity, chests):
    new = chests[300:]
    assert (familiarity.score(new) > 1).mean() <= 0.05
    assert [reason == "" for reason in familiarity.reasons(new)] == (familiarity.score(new) <= 1).tolist()


@pytest.mark.parametrize(
    ("alter", "part"),
    [
        (lambda films: 255 - films, "outlines"),
        (lambda films: films[:, ::-1], "outlines"),
        (lambda films: np.rot90(films, 1, (1, 2)), "outlines"),
        (lambda films: films // 10, "tone"),
        (lambda films: 255 - (255 - films) // 10, "tone"),
    ],
)
def test_inverted_turned_dark_and_bright_chests_are_refused_for_what_is_wrong(familiarity, chests, alter, part):
    films = np.ascontiguousarray(alter(chests[300:]))
    assert (familiarity.score(films) > 1).mean() > 0.9
    assert np.mean([CLAUSES[part] in reason for reason in familiarity.reasons(films)]) > 0.9


def test_the_distances_are_those_of_probabilistic_principal_components(familiarity, chests):
    """Scikit-learn's precision matrix of the same model, on the same films."""
    from xray.data.variations import vary

    fitted_on = np.concatenate([chests[:240], vary(chests[:240])])
    expected = []
    for features in (outlines, tone):
        learnt, asked = features(fitted_on), features(chests[300:])
        model = PCA(min(COMPONENTS, learnt.shape[1]), svd_solver="full").fit(learnt)
        precision = model.get_precision()

        def distance(x, mean=model.mean_, precision=precision):
            return np.sqrt(np.einsum("ij,jk,ik->i", x - mean, precision, x - mean))

        # Of 60 films the largest two distances have no weight: the third largest is at 57 of 59.
        sides = ((chests[:240], USUAL), (chests[240:300], 57 / 59))
        usual = [np.quantile(distance(features(films)), share) for films, share in sides]
        expected.append(distance(asked) / (MARGIN * max(usual)))
    np.testing.assert_allclose(familiarity.score(chests[300:]), np.max(expected, axis=0), rtol=2e-3)


def test_stored_and_read_again_it_says_the_same_to_the_bit(familiarity, chests):
    text = json.dumps(familiarity.as_dict(), allow_nan=False)
    assert len(text) < 150_000
    again = Familiarity.from_dict(json.loads(text))
    films = np.concatenate([chests[300:], *others().values()])
    np.testing.assert_array_equal(again.score(films), familiarity.score(films))
    assert again.reasons(films) == familiarity.reasons(films)
    assert again.as_dict() == familiarity.as_dict()


def test_a_fit_repeats_and_takes_chunks(familiarity, chests):
    again = fit_familiarity(iter(np.array_split(chests[:240], 7)), iter(np.array_split(chests[240:300], 3)))
    assert again.as_dict() == familiarity.as_dict()


@settings(max_examples=25)
@given(rows=st.lists(st.integers(0, 59), min_size=1, max_size=8))
def test_a_score_does_not_depend_on_the_films_beside(familiarity, chests, rows):
    new = chests[300:]
    np.testing.assert_allclose(familiarity.score(new[rows]), familiarity.score(new)[rows], rtol=1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), contrast=st.integers(0, 255), base=st.integers(0, 255))
def test_any_picture_has_a_finite_score(familiarity, seed, contrast, base):
    noise = base + contrast * (np.random.default_rng(seed).random((2, 48, 48)) - 0.5)
    scores = familiarity.score(np.clip(noise, 0, 255).astype(np.uint8))
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_no_films_have_no_scores(familiarity):
    none = np.empty((0, 48, 48), np.uint8)
    assert familiarity.score(none).shape == (0,)
    assert familiarity.reasons(none) == []


def test_too_few_training_films_refuse_nothing(chests):
    assert fit_familiarity(chests[: LEAST_FILMS - 1], chests[240:300]) is None
    assert fit_familiarity(iter([]), chests[240:300]) is None
    assert fit_familiarity(chests[:LEAST_FILMS], chests[240:300]) is not None


def test_training_films_alone_set_the_limits_where_validation_films_are_few_or_uniform(familiarity, chests):
    least = {name: MARGIN * part.trained for name, part in familiarity.parts.items()}
    strange = np.concatenate(list(others().values()))
    for few in (chests[:0], chests[240:241], np.repeat(chests[240:241], 50, axis=0), strange[:1], strange[:2]):
        anew = familiarity.with_validation(few)
        assert {name: part.limit for name, part in anew.parts.items()} == least
        assert anew.validation_films == len(few)


def test_validation_films_of_another_place_raise_the_limits(familiarity, chests):
    other = chests[240:300] // 10
    assert (familiarity.score(other) > 1).mean() > 0.9
    anew = familiarity.with_validation(other)
    assert anew.refused_of_validation <= 0.02
    assert (anew.score(chests[300:] // 10) > 1).mean() <= 0.05
    assert "of 60 validation films" in anew.describe()
    told = float(anew.describe().partition("the limits are ")[2].split()[0])
    assert told == pytest.approx(max(part.limit / part.least_limit for part in anew.parts.values()), abs=0.01)
    assert "see that all of them are films" not in familiarity.describe()


@pytest.mark.parametrize("films", [1, 3, 8, 20, 50])
@pytest.mark.parametrize("pair", [*itertools.combinations(others(), 2), *((kind, kind) for kind in others())])
def test_two_strange_pictures_among_few_validation_films_let_no_others_in(familiarity, chests, pair, films):
    strange = np.concatenate([others()[kind] for kind in pair])
    anew = familiarity.with_validation(np.concatenate([chests[240 : 240 + films], strange]))
    assert (anew.score(strange) > 1).all()
    assert anew.refused_of_validation >= 2 / (films + 2)
    alone = familiarity.with_validation(np.repeat(chests[240 : 240 + films], 9, axis=0))
    assert all(part.limit <= alone.parts[name].limit for name, part in anew.parts.items())


def test_the_share_refused_of_validation_is_what_it_refuses(familiarity, chests):
    odd = np.concatenate([chests[240:300], np.zeros((1, 48, 48), np.uint8)] * 4 + [chests[:240]])
    anew = familiarity.with_validation(odd)
    assert anew.refused_of_validation == (anew.score(odd) > 1).mean()


def test_identical_training_films_have_a_defined_result():
    same = np.full((LEAST_FILMS, 16, 16), 90, np.uint8)
    familiarity = fit_familiarity(same, same[:5])
    assert np.isfinite(familiarity.score(same[:3])).all()
    assert (familiarity.score(same[:3]) <= 1).all()
    assert (familiarity.score(255 - same[:3] // 3) > 1).all()


def test_films_beyond_the_most_are_spread_evenly():
    from xray.familiarity import _spread

    numbers = np.arange(2 * MOST_FILMS + 7)
    films = np.zeros((len(numbers), 2, 2), np.uint8)
    films[:, 0, 0], films[:, 0, 1] = numbers % 256, numbers // 256
    kept = _spread(iter(np.array_split(films, 13)))
    found = kept[:, 0, 0] + 256 * kept[:, 0, 1].astype(int)
    assert MOST_FILMS / 2 <= len(kept) <= MOST_FILMS
    assert len(set(np.diff(found).tolist())) == 1
    assert found[0] == 0


@pytest.mark.parametrize(("size", "rule"), [(16, "squash"), (64, "pad"), (100, "crop")])
def test_real_films_pass_and_others_do_not_at_any_size(real_films, size, rule):
    def of(folder, step):
        return decode_films(sorted((real_films / folder).glob("*/*.jpeg"))[::step], size, rule)[0]

    train = of("train", 7)
    familiarity = fit_familiarity(np.delete(train, np.s_[::6], axis=0), train[::6])
    test = of("test", 4)
    assert (familiarity.score(test) > 1).mean() <= 0.03
    assert (familiarity.score(255 - test) > 1).mean() >= 0.95
    assert (familiarity.score(np.ascontiguousarray(test.transpose(0, 2, 1))) > 1).mean() >= 0.95
    noise = np.random.default_rng(0).integers(0, 256, test.shape, dtype=np.uint8)
    assert (familiarity.score(noise) > 1).all()


def test_every_part_has_its_clause():
    assert list(FEATURES) == list(CLAUSES)
