"""The list of images on the page: adding, selecting and removing them."""

from typing import Any

import numpy as np

from tests.serve.browser import Server, Visit, expect, image, item, upload
from tests.serve.fakes import encode


def test_several_images_are_sent_two_at_a_time_at_most_and_selected_by_keyboard(server: Server, visit: Visit) -> None:
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
    upload(page, *(image(20 * n, f"{n}.png") for n in range(1, 9)))
    expect(page.locator("#list [data-state=predicted]")).to_have_count(8)
    assert 1 <= most <= 2
    images = page.get_by_role("radiogroup", name="Images").get_by_role("radio")
    images.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(images.nth(2)).to_be_checked()
    expect(page.locator("#name")).to_have_text("3.png")
    page.keyboard.press("Delete")
    expect(images).to_have_count(7)
    expect(page.locator("#name")).to_have_text("4.png")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_focused()
    expect(page.locator("#name")).to_have_text("2.png")
    for left in range(6, -1, -1):
        page.get_by_role("button", name="Remove this image").click()
        expect(images).to_have_count(left)
    expect(page.locator("#empty")).to_be_visible()


def test_images_are_dropped_and_pasted_and_their_names_are_text(server: Server, visit: Visit) -> None:
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
        list(image(250)["buffer"]),
    )
    expect(page.locator("#list [data-state=predicted]")).to_have_count(2)
    expect(item(page, 0)).to_contain_text("<img src=x onerror=alert(1)>.png")
    expect(item(page, 1)).to_contain_text("pasted.png")


def test_names_of_files_are_not_sent(server: Server, visit: Visit) -> None:
    page = visit(server)
    with page.expect_response("**/predict") as answered:
        upload(page, image(250, "Jane_Doe_1950.png"))
    assert answered.value.json()["results"][0]["file"] == "image"
    expect(page.locator("#name")).to_have_text("Jane_Doe_1950.png")


def test_files_that_are_no_images_are_reported_and_others_predicted(server: Server, visit: Visit) -> None:
    page = visit(server)
    whole = image(20)
    noise = np.random.default_rng(0).integers(0, 256, (99, 99), np.uint8)
    torn = encode(noise)[:4000]
    upload(
        page,
        {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"},
        {"name": "torn.png", "mimeType": "image/png", "buffer": torn},
        {"name": "empty.png", "mimeType": "image/png", "buffer": b""},
        whole,
    )
    refused = "failed: The service cannot use this file: not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM."
    expect(item(page, 0)).to_contain_text(refused)
    expect(item(page, 1)).to_contain_text("failed: The service cannot use this file")
    expect(item(page, 2)).to_contain_text("it is empty")
    expect(item(page, 3)).to_contain_text("NORMAL-like")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()
    assert "0." not in page.locator("#chosen").inner_text()
