"""Grad-CAM maps in the report."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.report.conftest import draw, small, write, write_images

from xray.evaluation.example_images import choose_images
from xray.evaluation.scored_set import MAPS, read_scored_set
from xray.evaluation.summary import summarise
from xray.explain.maps import CAVEATS
from xray.report.maps import SIDE, mapped_images, scale
from xray.report.page import render_page
from xray.report.scored_sets import PAGE
from xray.utils.errors import UserError


def with_maps(scored_set, seed=0):
    rng = np.random.default_rng(seed)
    rows = choose_images(scored_set.table, scored_set.source["class_names"])
    return replace(scored_set, maps={row: rng.normal(size=(4, 4)).round(4) for row in rows})


def pixels(embedded):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(embedded.uri.partition(",")[2]))).convert("RGB"))


def test_maps_round_trip():
    scored_set = with_maps(draw())
    kept = read_scored_set(write(scored_set)).maps
    assert list(kept) == list(scored_set.maps)
    for row, values in kept.items():
        assert (values == scored_set.maps[row]).all()


def test_removes_maps_of_an_earlier_scoring():
    folder = write(with_maps(draw()))
    assert (folder / MAPS).exists()
    write(draw())
    assert not (folder / MAPS).exists()
    assert read_scored_set(folder).maps == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.update(path="other.png"),
        lambda image: image.update(row=999),
        lambda image: image.update(values=[[1.0], [2.0, 3.0]]),
        lambda image: image.update(values=[[float("nan")]]),
        lambda image: image.pop("values"),
    ],
)
def test_rejects_damaged_maps(change):
    folder = write(with_maps(draw()))
    content = json.loads((folder / MAPS).read_text())
    change(content["images"][0])
    (folder / MAPS).write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"maps\.json is damaged") as error:
        read_scored_set(folder)
    assert "\n" not in str(error.value)


def test_groups_images_by_kind_of_decision():
    scored_set = with_maps(draw(images=200, patients=80))
    write_images(scored_set)
    kinds = mapped_images(scored_set)
    assert [title for title, _ in kinds] == [
        "Correctly predicted PNEUMONIA, typical examples",
        "Correctly predicted NORMAL, typical examples",
        "PNEUMONIA predicted as NORMAL, worst errors",
        "NORMAL predicted as PNEUMONIA, worst errors",
    ]
    shown = [image for _, images in kinds for image in images]
    for image, (row, values) in zip(shown, scored_set.maps.items(), strict=True):
        assert image.name == Path(scored_set.table.path[row]).name
        assert image.probability == scored_set.table.probability[row]
        assert image.limit == np.abs(values).max()
        grey, coloured = pixels(image.image).astype(int), pixels(image.overlay).astype(int)
        assert grey.shape == coloured.shape == (48, 64, 3)
        assert np.ptp(grey, axis=2).max() <= 2
        assert np.ptp(coloured, axis=2).max() > 40


def test_shrinks_large_images_and_keeps_their_proportions():
    scored_set = draw()
    scored_set = replace(scored_set, maps={0: np.eye(4)})
    write_images(scored_set)
    Image.new("L", (1200, 600), 90).save(scored_set.table.path[0])
    ((_, (image,)),) = mapped_images(scored_set)
    assert pixels(image.overlay).shape == (SIDE // 2, SIDE, 3)


def test_missing_image_gives_a_reason():
    scored_set = with_maps(draw())
    for _, images in mapped_images(scored_set):
        assert all("no longer exists" in image.overlay.reason for image in images)


def test_page_shows_maps_with_scale_and_caveat():
    scored_set = with_maps(small())
    write_images(scored_set)
    page = render_page(scored_set, summarise(scored_set), {}, [])
    assert CAVEATS["gradcam"].replace("'", "&#39;") in page
    assert page.count("Grad-CAM over image") == len(scored_set.maps)
    assert scale().uri in page


def test_page_without_maps(reported):
    page = (reported / PAGE).read_text()
    assert "No maps were recorded" in page
    assert "Grad-CAM over image" not in page


def test_scale_runs_from_blue_through_grey_to_orange():
    row = pixels(scale())[0].astype(int)
    assert row[0][2] > row[0][0] + 80
    assert row[-1][0] > row[-1][2] + 80
    assert np.ptp(row[len(row) // 2]) < 10
