"""The prediction and the heatmap of an image on the page."""

import re
from typing import Any

import numpy as np
import pytest

from tests.data.dicoms import stored_dicom, traces
from tests.serve.browser import SENTENCE, Server, Visit, expect, image, item, serving, upload
from tests.serve.fakes import encode, stripes, usual_images
from xray import NOTICE, ONE_SOURCE


def test_a_prediction_is_shown_as_text_and_as_a_bar(server: Server, visit: Visit) -> None:
    page = visit(server, reduced_motion="reduce")
    expect(page.locator("#empty")).to_be_visible()
    upload(page, image(250))
    expect(page.locator("#sentence")).to_have_text(SENTENCE)
    expect(page.locator("#performance")).to_have_text(
        "At this threshold, on 466 validation images: sensitivity 97% (PNEUMONIA), specificity 98% (NORMAL)."
    )
    expect(page.locator("#near")).to_be_hidden()
    expect(item(page, 0)).to_contain_text("PNEUMONIA-like, 0.87")
    expect(page.locator("#announcer")).to_have_text(f"image.png: {SENTENCE}")
    bar = page.get_by_role("meter", name="Probability of PNEUMONIA")
    expect(bar).to_have_attribute("aria-valuenow", "0.871")
    track, fill, mark = (page.locator(part).bounding_box() for part in (".track", ".fill", ".mark"))
    assert fill["width"] / track["width"] == pytest.approx(0.87, abs=0.02)
    assert (mark["x"] + mark["width"] / 2 - track["x"]) / track["width"] == pytest.approx(0.4, abs=0.02)


def test_a_probability_near_the_threshold_is_marked(server: Server, visit: Visit) -> None:
    page = visit(server)
    upload(page, image(107), image(20, "other.png"))
    expect(page.locator("#near")).to_contain_text("close to the threshold")
    item(page, 1).click()
    expect(page.locator("#sentence")).to_contain_text("below the threshold 0.40: predicted NORMAL.")
    expect(page.locator("#near")).to_be_hidden()


def test_training_data_and_limits_of_use_are_shown_from_the_start(server: Server, visit: Visit) -> None:
    page = visit(server)
    card = page.locator("#card")
    for said in ("10 of 5 patients", "4 NORMAL, 6 PNEUMONIA", "images", "youden", "0123456789ab", "not stated"):
        expect(card).to_contain_text(said)
    for said in (NOTICE, ONE_SOURCE):
        expect(page.locator("header")).to_contain_text(said)
        expect(page.get_by_role("region", name="What it must not be used for")).to_contain_text(said)
    expect(page.locator("#rejects-text")).to_contain_text("no check for images that are not chest X-rays")


def test_figures_of_the_test_take_precedence_over_those_of_validation(visit: Visit) -> None:
    decision = {"rule": "youden", "sensitivity": 0.97, "specificity": 1.0, "images": 466, "patients": 352}
    tested = {
        "images": 559,
        "patients": 336,
        "sensitivity": {"value": 0.95, "low": 0.93, "high": 0.97},
        "specificity": {"value": 0.62, "low": None, "high": None},
    }
    with serving(decision=decision | {"test": tested}) as server:
        page = visit(server)
        upload(page, image(250))
        expect(page.locator("#performance")).to_have_text(
            "At this threshold, on 559 test images: sensitivity 95%, 95% interval 93% to 97% (PNEUMONIA), specificity "
            "62% (NORMAL)."
        )


def test_missing_records_of_old_models_are_stated(visit: Visit) -> None:
    with serving(decision=None, training=None, has_grad_cam=False) as server:
        page = visit(server)
        upload(page, image(250))
        expect(page.locator("#performance")).to_have_text(
            "The model's sensitivity and specificity at this threshold were not recorded."
        )
        expect(page.locator("#card")).to_contain_text("not recorded")
        expect(page.locator("#methods").get_by_role("radio")).to_have_count(1)
        expect(page.locator("#layer")).to_have_attribute("alt", re.compile("occlusion"))


def test_the_heatmap_lies_over_the_image_and_the_slider_blends_it(server: Server, visit: Visit) -> None:
    page = visit(server)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    upload(page, {"name": "image.png", "mimeType": "image/png", "buffer": encode(pixels)})
    expect(page.locator("#layer")).to_be_visible()
    sizes = page.evaluate("[image, layer].map((i) => [i.naturalWidth, i.naturalHeight])")
    assert sizes == [[90, 60], [90, 60]]
    assert page.locator("#image").bounding_box() == page.locator("#layer").bounding_box()
    slider = page.get_by_role("slider", name="Heatmap over the image")
    for key, shown, opacity in (("Home", "0%", "0"), ("ArrowRight", "5%", "0.05"), ("End", "100%", "1")):
        slider.press(key)
        expect(page.locator("#blend-value")).to_have_text(shown)
        for layer in ("#layer", "#scale"):
            expect(page.locator(layer)).to_have_css("opacity", opacity)
    expect(page.locator("#scale-negative")).to_have_text("supports NORMAL")
    expect(page.locator("#scale-positive")).to_have_text("supports PNEUMONIA")
    assert re.fullmatch(r"−[\d.]+", page.locator("#scale-low").inner_text())
    assert re.fullmatch(r"\+[\d.]+ logit", page.locator("#scale-high").inner_text())
    by_grad_cam = page.locator("#caveat").inner_text()
    with page.expect_response("**/explain") as answered:
        page.get_by_role("radio", name="occlusion").check()
    assert answered.value.json()["heat"]["method"] == "occlusion"
    expect(page.locator("#layer")).to_have_attribute("alt", re.compile("occlusion"))
    assert len({by_grad_cam, page.locator("#caveat").inner_text(), ""}) == 3


def test_the_scale_has_the_colours_of_the_map(server: Server, visit: Visit) -> None:
    page = visit(server)
    shown = page.evaluate("""async () => {
      const image = await createImageBitmap(await (await fetch('page/scale.png')).blob(), {premultiplyAlpha: 'none'});
      const canvas = new OffscreenCanvas(image.width, 1).getContext('2d');
      canvas.drawImage(image, 0, 0);
      return [0, 127, 255].map((x) => [...canvas.getImageData(x, 0, 1, 1).data]);
    }""")
    from xray.explain.overlay import colours

    # Browsers keep colours multiplied by their opacity, which rounds them.
    assert np.abs(np.array(shown)[[0, 2]] - colours(np.array([-1.0, 1.0]))).max() <= 2
    assert shown[1][3] <= 2


def test_dicom_is_shown_as_the_service_reads_it(server: Server, visit: Visit) -> None:
    page = visit(server)
    pixels = np.random.default_rng(0).integers(0, 4096, (48, 64), np.uint16)
    upload(page, {"name": "IM0001", "mimeType": "", "buffer": stored_dicom(pixels, bits=12).getvalue()})
    expect(page.locator("#layer")).to_be_visible()
    assert page.evaluate("[image.naturalWidth, image.naturalHeight]") == [64, 48]
    assert not [trace for trace in traces() if trace in page.content()]


def test_a_rejection_is_explained_without_a_probability(visit: Visit) -> None:
    _, known = usual_images()
    with serving(ood=known) as server:
        page = visit(server)
        expect(page.locator("#rejects-text")).to_contain_text("are rejected")
        upload(page, {"name": "stripes.png", "mimeType": "image/png", "buffer": encode(stripes())})
        expect(page.locator("#predicted")).to_have_text("Rejected, without a probability")
        expect(page.locator("#image")).to_be_visible()
        for part in ("#bar", "#layer", "#heat", "#near"):
            expect(page.locator(part)).to_be_hidden()
        assert not re.search(r"\d\.\d\d|-like", page.locator("#chosen").inner_text())
        expect(item(page, 0)).to_contain_text("rejected: its outlines")


def test_numbers_as_text(server: Server, visit: Visit) -> None:
    page = visit(server)

    def said(call: str) -> Any:
        return page.evaluate(f"async () => (await import(new URL('page/text.js', location))).{call}")

    assert said("probability(0.99999)") == "more than 0.99"
    assert said("probability(0)") == "less than 0.01"
    assert said("probability(0.994)") == "0.99"
    assert said("withDigits(0.4999, 0.502)") == ["0.500", "0.502"]
    assert said("withDigits(0.4999, 0.5001)") == ["0.4999", "0.5001"]
    assert said("withDigits(0.5, 0.5)") == ["0.50", "0.50"]
    assert said("withDigits(0.9999, 0.999)") == ["more than 0.999", "0.999"]
    assert said("percent(1)") == "100%"
    assert said("percent(0.9999)") == "more than 99.9%"
    assert said("percent(0.0001)") == "less than 0.1%"
    assert said("percent(0.9857)") == "98.6%"
    assert said("logit(1.7612)") == "1.8"
    exactly = {"probability": 0.5, "threshold": 0.5, "decision": "B"}
    assert "at the threshold 0.50: predicted B" in said(f"prediction({exactly}, ['A', 'B'])")
    assert [said(f"isClose({exactly | {'probability': p}})") for p in (0, 0.32, 0.34, 0.66, 0.68, 1)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
