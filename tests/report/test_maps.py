"""Films of a report with their maps."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.report.conftest import draw, write, write_films, write_report

from xray.errors import UserError
from xray.evaluation.evidence import MAPS, read_evidence
from xray.explain.choose import choose_films
from xray.explain.maps import CAVEATS
from xray.report.find import PAGE
from xray.report.maps import SIDE, mapped_films, scale


def with_maps(found, seed=0):
    rng = np.random.default_rng(seed)
    rows = choose_films(found.table, found.source["class_names"])
    return replace(found, maps={row: rng.normal(size=(4, 4)).round(4) for row in rows})


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2]))).convert("RGB"))


def test_maps_are_kept_beside_the_table():
    found = with_maps(draw())
    kept = read_evidence(write(found)).maps
    assert list(kept) == list(found.maps)
    for row, values in kept.items():
        assert (values == found.maps[row]).all()


def test_a_scoring_without_maps_leaves_none_of_an_earlier_one():
    folder = write(with_maps(draw()))
    assert (folder / MAPS).exists()
    write(draw())
    assert not (folder / MAPS).exists()
    assert read_evidence(folder).maps == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda film: film.update(path="other.png"),
        lambda film: film.update(row=999),
        lambda film: film.update(row="first"),
        lambda film: film.update(values=[[1.0], [2.0, 3.0]]),
        lambda film: film.update(values=[1.0, 2.0]),
        lambda film: film.update(values=[[float("nan")]]),
        lambda film: film.update(values=[]),
        lambda film: film.pop("values"),
    ],
)
def test_damaged_maps_are_refused_in_one_line(change):
    folder = write(with_maps(draw()))
    content = json.loads((folder / MAPS).read_text())
    change(content["films"][0])
    (folder / MAPS).write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"maps\.json is damaged") as told:
        read_evidence(folder)
    assert "\n" not in str(told.value)


def test_films_are_shown_by_kind_of_decision_with_their_numbers():
    found = with_maps(draw(films=200, patients=80))
    write_films(found)
    kinds = mapped_films(found)
    assert [title for title, _ in kinds] == [
        "Rightly called PNEUMONIA, ordinary ones",
        "Rightly called NORMAL, ordinary ones",
        "PNEUMONIA taken for NORMAL, the worst ones",
        "NORMAL taken for PNEUMONIA, the worst ones",
    ]
    shown = [film for _, films in kinds for film in films]
    for film, (row, values) in zip(shown, found.maps.items(), strict=True):
        assert film.name == Path(found.table.path[row]).name
        assert film.probability == found.table.probability[row]
        assert film.limit == np.abs(values).max()
        grey, coloured = pixels(film.film).astype(int), pixels(film.overlay).astype(int)
        assert grey.shape == coloured.shape == (48, 64, 3)
        assert np.ptp(grey, axis=2).max() <= 2
        assert np.ptp(coloured, axis=2).max() > 40


def test_large_films_are_shown_small_in_their_proportions():
    found = draw()
    found = replace(found, maps={0: np.eye(4)})
    write_films(found)
    Image.new("L", (1200, 600), 90).save(found.table.path[0])
    ((_, (film,)),) = mapped_films(found)
    assert pixels(film.overlay).shape == (SIDE // 2, SIDE, 3)


def test_a_film_that_is_gone_says_so():
    found = with_maps(draw())
    for _, films in mapped_films(found):
        assert all("no longer there" in film.overlay.reason for film in films)


def test_the_page_shows_maps_with_scale_and_caveat():
    found = with_maps(draw())
    write_films(found)
    folder = write(found)
    write_report(folder)
    page = (folder / PAGE).read_text()
    assert CAVEATS["gradcam"].replace("'", "&#39;") in page
    assert page.count("Grad-CAM over film") == len(found.maps)
    assert scale().uri in page


def test_results_without_maps_still_make_a_page(reported):
    page = (reported / PAGE).read_text()
    assert "No maps on record" in page
    assert "Grad-CAM over film" not in page


def test_the_scale_goes_from_blue_through_grey_to_orange():
    row = pixels(scale())[0].astype(int)
    assert row[0][2] > row[0][0] + 80
    assert row[-1][0] > row[-1][2] + 80
    assert np.ptp(row[len(row) // 2]) < 10
