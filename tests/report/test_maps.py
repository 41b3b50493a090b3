"""Images of a report with their maps."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.report.conftest import draw, write, write_images, write_report

from xray.evaluation.example_images import choose_images
from xray.evaluation.scored_set import MAPS, read_scored_set
from xray.explain.maps import CAVEATS
from xray.report.maps import SIDE, mapped_images, scale
from xray.report.scored_sets import PAGE
from xray.utils.errors import UserError


def with_maps(found, seed=0):
    rng = np.random.default_rng(seed)
    rows = choose_images(found.table, found.source["class_names"])
    return replace(found, maps={row: rng.normal(size=(4, 4)).round(4) for row in rows})


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2]))).convert("RGB"))


def test_maps_are_kept_beside_the_table():
    found = with_maps(draw())
    kept = read_scored_set(write(found)).maps
    assert list(kept) == list(found.maps)
    for row, values in kept.items():
        assert (values == found.maps[row]).all()


def test_a_scoring_without_maps_leaves_none_of_an_earlier_one():
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
        lambda image: image.update(row="first"),
        lambda image: image.update(values=[[1.0], [2.0, 3.0]]),
        lambda image: image.update(values=[1.0, 2.0]),
        lambda image: image.update(values=[[float("nan")]]),
        lambda image: image.update(values=[]),
        lambda image: image.pop("values"),
    ],
)
def test_damaged_maps_are_rejected_in_one_line(change):
    folder = write(with_maps(draw()))
    content = json.loads((folder / MAPS).read_text())
    change(content["images"][0])
    (folder / MAPS).write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"maps\.json is damaged") as told:
        read_scored_set(folder)
    assert "\n" not in str(told.value)


def test_images_are_shown_by_kind_of_decision_with_their_numbers():
    found = with_maps(draw(images=200, patients=80))
    write_images(found)
    kinds = mapped_images(found)
    assert [title for title, _ in kinds] == [
        "Rightly called PNEUMONIA, ordinary ones",
        "Rightly called NORMAL, ordinary ones",
        "PNEUMONIA taken for NORMAL, the worst ones",
        "NORMAL taken for PNEUMONIA, the worst ones",
    ]
    shown = [image for _, images in kinds for image in images]
    for image, (row, values) in zip(shown, found.maps.items(), strict=True):
        assert image.name == Path(found.table.path[row]).name
        assert image.probability == found.table.probability[row]
        assert image.limit == np.abs(values).max()
        grey, coloured = pixels(image.image).astype(int), pixels(image.overlay).astype(int)
        assert grey.shape == coloured.shape == (48, 64, 3)
        assert np.ptp(grey, axis=2).max() <= 2
        assert np.ptp(coloured, axis=2).max() > 40


def test_large_images_are_shown_small_in_their_proportions():
    found = draw()
    found = replace(found, maps={0: np.eye(4)})
    write_images(found)
    Image.new("L", (1200, 600), 90).save(found.table.path[0])
    ((_, (image,)),) = mapped_images(found)
    assert pixels(image.overlay).shape == (SIDE // 2, SIDE, 3)


def test_an_image_that_is_gone_says_so():
    found = with_maps(draw())
    for _, images in mapped_images(found):
        assert all("no longer there" in image.overlay.reason for image in images)


def test_the_page_shows_maps_with_scale_and_caveat():
    found = with_maps(draw())
    write_images(found)
    folder = write(found)
    write_report(folder)
    page = (folder / PAGE).read_text()
    assert CAVEATS["gradcam"].replace("'", "&#39;") in page
    assert page.count("Grad-CAM over image") == len(found.maps)
    assert scale().uri in page


def test_results_without_maps_still_make_a_page(reported):
    page = (reported / PAGE).read_text()
    assert "No maps on record" in page
    assert "Grad-CAM over image" not in page


def test_the_scale_goes_from_blue_through_grey_to_orange():
    row = pixels(scale())[0].astype(int)
    assert row[0][2] > row[0][0] + 80
    assert row[-1][0] > row[-1][2] + 80
    assert np.ptp(row[len(row) // 2]) < 10
