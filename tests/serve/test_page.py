import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.data.dicoms import stored_dicom, traces
from tests.serve.browsing import ARGUMENTS, CHROMIUM, Server, film, is_inside, serving
from tests.serve.fakes import FakePredictor, encode
from xray import NOTICE, ONE_SOURCE
from xray.serve.app import make_app
from xray.serve.pages import mount_page, read_assets

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
TOKEN = "correct-horse-battery"
SENTENCE = "Probability of PNEUMONIA 0.87, above the operating point 0.40: called PNEUMONIA."
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    """Open a server's page; in the end nothing may have left the host or have broken the page's own policy."""
    opened: list[tuple[Any, Server, list[str], list[str]]] = []

    def begin(server: Server, width: int = 1280, height: int = 900, **settings: Any) -> Any:
        page = browser.new_context(viewport={"width": width, "height": height}, **settings).new_page()
        page.set_default_timeout(8000)
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        opened.append((page, server, asked, faults))
        page.goto(server.url)
        return page

    yield begin
    for page, server, asked, faults in opened:
        page.context.close()
        assert asked
        assert [url for url in asked if not is_inside(url, server)] == []
        assert faults == []


def upload(page: Any, *films: Any) -> None:
    page.set_input_files("#files", list(films))


def answer_once(page: Any, path: str, **answer: Any) -> None:
    """Answer the next request for a path in the service's place."""
    page.route(f"**/{path}", lambda route: route.fulfill(**answer), times=1)


def item(page: Any, place: int) -> Any:
    return page.get_by_role("option").nth(place)


def widths(page: Any) -> tuple[int, int]:
    found = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return found[0], found[1]


def test_a_film_is_answered_in_words_and_as_a_bar(server: Server, visit: Visit) -> None:
    page = visit(server, reduced_motion="reduce")
    expect(page.locator("#empty")).to_be_visible()
    upload(page, film(250))
    expect(page.locator("#sentence")).to_have_text(SENTENCE)
    expect(page.locator("#performance")).to_have_text(
        "At this point the model found 97% of PNEUMONIA films and left 98% of NORMAL ones alone, on its 466 validation "
        "films."
    )
    expect(page.locator("#near")).to_be_hidden()
    expect(item(page, 0)).to_contain_text("PNEUMONIA-like, 0.87")
    expect(page.locator("#announcer")).to_have_text(f"film.png: {SENTENCE}")
    bar = page.get_by_role("meter", name="Calibrated probability of PNEUMONIA")
    expect(bar).to_have_attribute("aria-valuenow", "0.871")
    track, fill, mark = (page.locator(part).bounding_box() for part in (".track", ".fill", ".mark"))
    assert fill["width"] / track["width"] == pytest.approx(0.87, abs=0.02)
    assert (mark["x"] + mark["width"] / 2 - track["x"]) / track["width"] == pytest.approx(0.4, abs=0.02)


def test_a_film_near_the_operating_point_is_called_so(server: Server, visit: Visit) -> None:
    page = visit(server)
    upload(page, film(107), film(20, "other.png"))
    expect(page.locator("#near")).to_contain_text("close to the operating point")
    item(page, 1).click()
    expect(page.locator("#sentence")).to_contain_text("below the operating point 0.40: called NORMAL.")
    expect(page.locator("#near")).to_be_hidden()


def test_what_the_model_is_and_is_not_for_stands_there_from_the_start(server: Server, visit: Visit) -> None:
    page = visit(server)
    card = page.locator("#card")
    for said in ("10 of 5 patients", "4 NORMAL, 6 PNEUMONIA", "films", "youden", "0123456789ab", "not stated"):
        expect(card).to_contain_text(said)
    for said in (NOTICE, ONE_SOURCE):
        expect(page.locator("header")).to_contain_text(said)
        expect(page.get_by_role("region", name="What it must not be used for")).to_contain_text(said)
    expect(page.locator("#refuses-text")).to_contain_text("cannot tell what is no chest film")


def test_old_models_without_records_are_told_so(visit: Visit) -> None:
    with serving(decision=None, training=None, has_grad_cam=False) as server:
        page = visit(server)
        upload(page, film(250))
        expect(page.locator("#performance")).to_have_text("How well the model does at this point is not on record.")
        expect(page.locator("#card")).to_contain_text("not on record")
        expect(page.get_by_role("radio")).to_have_count(1)
        expect(page.locator("#layer")).to_have_attribute("alt", re.compile("occlusion"))


def test_the_heatmap_lies_over_the_film_and_the_slider_blends_it(server: Server, visit: Visit) -> None:
    page = visit(server)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    upload(page, {"name": "film.png", "mimeType": "image/png", "buffer": encode(pixels)})
    expect(page.locator("#layer")).to_be_visible()
    sizes = page.evaluate("[film, layer].map((i) => [i.naturalWidth, i.naturalHeight])")
    assert sizes == [[90, 60], [90, 60]]
    assert page.locator("#film").bounding_box() == page.locator("#layer").bounding_box()
    slider = page.get_by_role("slider", name="Heatmap over the film")
    for key, shown, opacity in (("Home", "0%", "0"), ("ArrowRight", "5%", "0.05"), ("End", "100%", "1")):
        slider.press(key)
        expect(page.locator("#blend-value")).to_have_text(shown)
        for layer in ("#layer", "#scale"):
            expect(page.locator(layer)).to_have_css("opacity", opacity)
    expect(page.locator("#scale-negative")).to_have_text("speaks for NORMAL")
    expect(page.locator("#scale-positive")).to_have_text("speaks for PNEUMONIA")
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


def test_several_films_are_sent_one_by_one_and_chosen_by_keyboard(server: Server, visit: Visit) -> None:
    page = visit(server)
    under_way, most = 0, 0

    def begin(request: Any) -> None:
        nonlocal under_way, most
        if request.method == "POST":
            under_way += 1
            most = max(most, under_way)

    def end(request: Any) -> None:
        nonlocal under_way
        under_way -= request.method == "POST"

    page.on("request", begin)
    page.on("requestfinished", end)
    page.on("requestfailed", end)
    upload(page, *(film(20 * n, f"{n}.png") for n in range(1, 9)))
    expect(page.locator("#list [data-state=predicted]")).to_have_count(8)
    assert 1 <= most <= 2
    films = page.get_by_role("listbox", name="Films")
    films.focus()
    films.press("ArrowDown")
    films.press("ArrowDown")
    expect(item(page, 2)).to_have_attribute("aria-selected", "true")
    expect(films).to_have_attribute("aria-activedescendant", item(page, 2).get_attribute("id"))
    expect(page.locator("#name")).to_have_text("3.png")
    films.press("Delete")
    expect(page.get_by_role("option")).to_have_count(7)
    expect(page.locator("#name")).to_have_text("4.png")
    films.press("End")
    films.press("Delete")
    expect(page.locator("#name")).to_have_text("7.png")
    films.press("Home")
    films.press("Enter")
    expect(page.locator("#name")).to_be_focused()
    expect(page.locator("#name")).to_have_text("1.png")
    for left in range(5, -1, -1):
        page.get_by_role("button", name="Remove this film").click()
        expect(page.get_by_role("option")).to_have_count(left)
    expect(page.locator("#empty")).to_be_visible()


def test_the_page_is_worked_with_tab_alone(server: Server, visit: Visit) -> None:
    page = visit(server)
    upload(page, film(250))
    expect(page.locator("#layer")).to_be_visible()
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.type"))
        style = "getComputedStyle(document.activeElement.matches('#files') ? files.labels[0] : document.activeElement)"
        assert page.evaluate(f"{style}.outlineStyle") == "solid", reached
    assert reached[:5] == ["files", "list", "remove", "radio", "blend"]


def test_films_are_dropped_and_pasted_and_their_names_are_text(server: Server, visit: Visit) -> None:
    page = visit(server)
    page.evaluate(
        """(bytes) => {
          const holding = (name) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            return data;
          };
          const dropped = holding('<img src=x onerror=alert(1)>.png');
          window.dispatchEvent(new DragEvent('drop', {dataTransfer: dropped}));
          window.dispatchEvent(new ClipboardEvent('paste', {clipboardData: holding('pasted.png')}));
        }""",
        list(film(250)["buffer"]),
    )
    expect(page.locator("#list [data-state=predicted]")).to_have_count(2)
    expect(item(page, 0)).to_contain_text("<img src=x onerror=alert(1)>.png")
    expect(item(page, 1)).to_contain_text("pasted.png")


def test_dicom_is_shown_as_the_service_reads_it(server: Server, visit: Visit) -> None:
    page = visit(server)
    pixels = np.random.default_rng(0).integers(0, 4096, (48, 64), np.uint16)
    upload(page, {"name": "IM0001", "mimeType": "", "buffer": stored_dicom(pixels, bits=12).getvalue()})
    expect(page.locator("#layer")).to_be_visible()
    assert page.evaluate("[film.naturalWidth, film.naturalHeight]") == [64, 48]
    assert not [trace for trace in traces() if trace in page.content()]


def test_a_refusal_is_explained_and_shows_no_probability(visit: Visit) -> None:
    from xray.familiarity import fit_familiarity

    rng = np.random.default_rng(0)
    base = np.linspace(40, 200, 32)[None, :, None] + np.linspace(-30, 30, 32)[None, None]
    films = np.clip(base + rng.normal(0, 6, (300, 32, 32)) + rng.normal(0, 8, (300, 1, 1)), 0, 255).astype(np.uint8)
    known = fit_familiarity(films[:200], films[200:])
    assert known is not None
    stripes = np.zeros((32, 32), np.uint8)
    stripes[::2] = 255
    with serving(familiarity=known.as_dict()) as server:
        page = visit(server)
        expect(page.locator("#refuses-text")).to_contain_text("are refused")
        upload(page, {"name": "stripes.png", "mimeType": "image/png", "buffer": encode(stripes)})
        expect(page.locator("#call")).to_have_text("Refused, without a probability")
        expect(page.locator("#film")).to_be_visible()
        for part in ("#bar", "#layer", "#heat", "#near"):
            expect(page.locator(part)).to_be_hidden()
        assert not re.search(r"\d\.\d\d|-like", page.locator("#chosen").inner_text())
        expect(item(page, 0)).to_contain_text("refused: its outlines")


def test_while_the_server_is_gone_nothing_is_lost(visit: Visit) -> None:
    with serving() as server:
        page = visit(server)
        upload(page, film(250, "before.png"))
        expect(page.locator("#layer")).to_be_visible()
        server.stop()
        upload(page, film(20, "first.png"), film(20, "second.png"))
        expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
        expect(item(page, 1)).to_have_attribute("data-state", "failed")
        expect(item(page, 2)).to_have_attribute("data-state", "waiting")
        expect(page.locator("#sentence")).to_have_text(SENTENCE)
        page.get_by_role("radio", name="occlusion").check()
        expect(page.locator("#stage-text")).to_have_text("The picture follows.")
        expect(page.locator("#film")).to_be_visible()
        page.get_by_role("alert").get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_be_visible()
        server.start()
        page.get_by_role("alert").get_by_role("button", name="Try again").click()
        expect(page.locator("#list [data-state=predicted]")).to_have_count(3)
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator("#layer")).to_have_attribute("alt", re.compile("occlusion"))


def test_files_that_are_no_films_are_told_and_others_go_on(server: Server, visit: Visit) -> None:
    page = visit(server)
    whole = film(20)
    noise = np.random.default_rng(0).integers(0, 256, (99, 99), np.uint8)
    torn = encode(noise)[:4000]
    upload(
        page,
        {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"},
        {"name": "torn.png", "mimeType": "image/png", "buffer": torn},
        {"name": "empty.png", "mimeType": "image/png", "buffer": b""},
        whole,
    )
    expect(item(page, 0)).to_contain_text("failed: The service cannot use this file: neither JPEG, PNG nor DICOM.")
    expect(item(page, 1)).to_contain_text("failed: The service cannot use this file")
    expect(item(page, 2)).to_contain_text("it is empty")
    expect(item(page, 3)).to_contain_text("NORMAL-like")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert "0." not in page.locator("#chosen").inner_text()


def test_other_answers_are_told_and_can_be_asked_for_again(server: Server, visit: Visit) -> None:
    page = visit(server)
    answers = [
        (413, "<html>nginx</html>", "The file is too large for this service."),
        (408, '{"error": {"message": "Too slow.", "files": []}}', "Too slow."),
        (422, '{"error": "of another kind"}', "The file cannot be read as a chest film."),
        (502, "", "The service answered with status 502."),
    ]
    upload(page, film(250))
    for status, body, said in answers:
        expect(page.locator("#sentence")).to_have_text(SENTENCE)
        page.get_by_role("button", name="Remove this film").click()
        answer_once(page, "predict", status=status, body=body)
        upload(page, film(250))
        expect(page.locator("#sentence")).to_contain_text(said)
        page.get_by_role("button", name="Try again").click()
    expect(page.locator("#sentence")).to_have_text(SENTENCE)


def test_a_busy_service_is_asked_again_after_its_time(server: Server, visit: Visit) -> None:
    page = visit(server)
    answer_once(page, "predict", status=503, headers={"Retry-After": "1"})
    upload(page, film(250))
    expect(item(page, 0)).to_contain_text("the service is busy; asking again")
    expect(page.locator("#sentence")).to_have_text(SENTENCE)


def test_a_picture_that_fails_leaves_the_verdict_and_can_be_asked_for_again(server: Server, visit: Visit) -> None:
    page = visit(server)
    answer_once(page, "explain", status=500, body="no")
    upload(page, film(250))
    expect(page.locator("#stage-text")).to_have_text("No picture: The service answered with status 500.")
    expect(page.locator("#sentence")).to_have_text(SENTENCE)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#layer")).to_be_visible()


def test_a_token_is_asked_for_and_kept_nowhere(visit: Visit) -> None:
    with serving(token=TOKEN) as server:
        page = visit(server)
        field = page.get_by_label("Token")
        expect(field).to_be_focused()
        assert "PNEUMONIA" not in page.content()
        upload(page, film(250))
        expect(item(page, 0)).to_have_attribute("data-state", "waiting")
        field.fill("wrong-token-of-someone")
        field.press("Enter")
        expect(page.locator("#token-text")).to_contain_text("not accepted")
        field.fill("Schlüssel mit ü")
        field.press("Enter")
        expect(page.locator("#token-text")).to_contain_text("plain characters only")
        field.fill(TOKEN)
        field.press("Enter")
        expect(page.locator("#sentence")).to_have_text(SENTENCE)
        expect(page.locator("#token")).to_be_hidden()
        expect(page.locator("#layer")).to_be_visible()
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        assert page.context.cookies() == []
        assert TOKEN not in page.content()
        page.reload()
        expect(page.get_by_label("Token")).to_be_visible()


def test_names_of_files_are_not_sent(server: Server, visit: Visit) -> None:
    page = visit(server)
    with page.expect_response("**/predict") as answered:
        upload(page, film(250, "Jane_Doe_1950.png"))
    assert answered.value.json()["results"][0]["file"] == "film"
    expect(page.locator("#name")).to_have_text("Jane_Doe_1950.png")


def test_a_phone_scrolls_in_one_direction_only(server: Server, visit: Visit) -> None:
    page = visit(server, 360, 740, has_touch=True, is_mobile=True)
    assert widths(page) == (360, 360)
    upload(page, film(250, "a" * 200 + ".png"), film(20, "b.png"))
    expect(page.locator("#layer")).to_be_visible()
    assert widths(page) == (360, 360)
    item(page, 1).tap()
    expect(page.locator("#name")).to_have_text("b.png")
    expect(page.locator("#call")).to_be_in_viewport()
    heights = page.evaluate(
        "[...document.querySelectorAll('button, #files + label, #list li, fieldset label, #blend')]"
        ".filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(server: Server, visit: Visit, scheme: str) -> None:
    page = visit(server, color_scheme=scheme)
    upload(page, film(250), {"name": "x", "mimeType": "", "buffer": b"no film"}, film(20, "b.png"))
    expect(item(page, 2)).to_have_attribute("data-state", "predicted")
    expect(page.locator("#layer")).to_be_visible()
    red = page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (red < 64) == (scheme == "dark")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 30
    assert [pair for pair in found if pair[0] < 4.5] == []


def test_the_stage_keeps_its_place_while_films_change(server: Server, visit: Visit) -> None:
    page = visit(server)
    page.route("**/explain", lambda route: None)
    upload(page, film(250), film(20, "b.png"))
    expect(page.locator("#stage-text")).to_have_text("The picture is being made.")
    before = page.locator("#stage").bounding_box()
    page.unroute("**/explain")
    item(page, 1).click()
    expect(page.locator("#layer")).to_be_visible()
    assert page.locator("#stage").bounding_box() == before


def test_figures_in_words(server: Server, visit: Visit) -> None:
    page = visit(server)

    def said(call: str) -> Any:
        return page.evaluate(f"async () => (await import(new URL('page/words.js', location))).{call}")

    assert said("probability(0.99999)") == "more than 0.99"
    assert said("probability(0)") == "less than 0.01"
    assert said("probability(0.994)") == "0.99"
    assert said("told(0.4999, 0.502)") == ["0.500", "0.502"]
    assert said("told(0.4999, 0.5001)") == ["0.4999", "0.5001"]
    assert said("told(0.5, 0.5)") == ["0.50", "0.50"]
    assert said("told(0.9999, 0.999)") == ["more than 0.999", "0.999"]
    assert said("percent(1)") == "100%"
    assert said("percent(0.9999)") == "more than 99.9%"
    assert said("percent(0.0001)") == "less than 0.1%"
    assert said("percent(0.9857)") == "98.6%"
    assert said("logit(1.7612)") == "1.8"
    exactly = {"probability": 0.5, "threshold": 0.5, "decision": "B"}
    assert "at the operating point 0.50: called B" in said(f"verdict({exactly}, ['A', 'B'])")
    assert [said(f"isClose({exactly | {'probability': p}})") for p in (0, 0.32, 0.34, 0.66, 0.68, 1)] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_files_of_the_page_are_asked_about_each_time_and_sent_once() -> None:
    app = make_app(FakePredictor())
    mount_page(app)
    with TestClient(app) as client:
        for path, kind in (
            ("/", "text/html; charset=utf-8"),
            ("/page/page.js", "text/javascript; charset=utf-8"),
            ("/page/page.css", "text/css; charset=utf-8"),
            ("/page/icon.svg", "image/svg+xml"),
            ("/page/scale.png", "image/png"),
        ):
            first = client.get(path)
            assert (first.status_code, first.headers["content-type"]) == (200, kind)
            assert first.headers["cache-control"] == "no-cache"
            assert "script-src 'self'" in first.headers["content-security-policy"]
            again = client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
            assert (again.status_code, again.content) == (304, b"")
            assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
            assert client.head(path).headers["etag"] == first.headers["etag"]
        assert client.get("/page/none.js").status_code == 404
        assert client.get("/page/index.html").status_code == 404
        assert client.get("/page/..%2fapp.py").status_code == 404
        assert "/page/{name}" not in client.get("/openapi.json").text


def test_the_page_names_no_address_and_writes_nothing_inline() -> None:
    for name, asset in read_assets().items():
        text = asset.content.decode()
        assert not re.search(r"(?<!xmlns=\")https?://|//cdn|@import", text), name
        assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|localStorage|sessionStorage|indexedDB", text), name
