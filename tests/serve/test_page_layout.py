"""The page on small screens, in light and dark, and by keyboard."""

import pytest

from tests.serve.browser import Server, Visit, expect, image, item, upload, widths

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgba(colour).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (rgba(colour)[3] > 250) return colour;
    }
    return 'white';
  };
  return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility({visibilityProperty: true})
    && !e.closest('.stage') && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).map((e) => {
      const [a, b] = [luminance(getComputedStyle(e).color), luminance(ground(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.textContent];
    });
}"""


def test_tab_reaches_every_control(server: Server, visit: Visit) -> None:
    page = visit(server)
    upload(page, image(250))
    expect(page.locator("#layer")).to_be_visible()
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.type"))
        style = "getComputedStyle(document.activeElement.matches('#files') ? files.labels[0] : document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid", reached
    assert reached[:5] == ["files", "radio", "remove", "radio", "blend"]


def test_a_phone_scrolls_in_one_direction_only(server: Server, visit: Visit) -> None:
    page = visit(server, 360, 740, has_touch=True, is_mobile=True)
    assert widths(page) == (360, 360)
    upload(page, image(250, "a" * 200 + ".png"), image(20, "b.png"))
    expect(page.locator("#layer")).to_be_visible()
    assert widths(page) == (360, 360)
    item(page, 1).tap()
    expect(page.locator("#name")).to_have_text("b.png")
    expect(page.locator("#predicted")).to_be_in_viewport()
    heights = page.evaluate(
        "[...document.querySelectorAll('button, #files + label, #list label, fieldset label, #blend')]"
        ".filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(server: Server, visit: Visit, scheme: str) -> None:
    page = visit(server, color_scheme=scheme)
    upload(page, image(250), {"name": "x", "mimeType": "", "buffer": b"no image"}, image(20, "b.png"))
    expect(item(page, 2)).to_have_attribute("data-state", "predicted")
    expect(page.locator("#layer")).to_be_visible()
    red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (red < 64) == (scheme == "dark")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 30
    assert [pair for pair in found if pair[0] < 4.5] == []


def test_the_stage_keeps_its_place_while_images_change(server: Server, visit: Visit) -> None:
    page = visit(server)
    page.route("**/explain", lambda route: None)
    upload(page, image(250), image(20, "b.png"))
    expect(page.locator("#stage-text")).to_have_text("Loading the image.")
    before = page.locator("#stage").bounding_box()
    page.unroute("**/explain")
    item(page, 1).click()
    expect(page.locator("#layer")).to_be_visible()
    assert page.locator("#stage").bounding_box() == before
