"""The page while the service does not answer or returns an error."""

import re

from tests.serve.browser import SENTENCE, Server, Visit, answer_once, expect, image, item, serving, upload

TOKEN = "correct-horse-battery"


def test_while_the_server_is_gone_nothing_is_lost(visit: Visit) -> None:
    with serving() as server:
        page = visit(server)
        upload(page, image(250, "before.png"))
        expect(page.locator("#layer")).to_be_visible()
        server.stop()
        upload(page, image(20, "first.png"), image(20, "second.png"))
        expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
        expect(item(page, 1)).to_have_attribute("data-state", "failed")
        expect(item(page, 2)).to_have_attribute("data-state", "waiting")
        expect(page.locator("#sentence")).to_have_text(SENTENCE)
        page.get_by_role("radio", name="occlusion").check()
        expect(page.locator("#stage-text")).to_have_text("Waiting for the image.")
        expect(page.locator("#image")).to_be_visible()
        page.get_by_role("alert").get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_be_visible()
        server.start()
        page.get_by_role("alert").get_by_role("button", name="Try again").click()
        expect(page.locator("#list [data-state=predicted]")).to_have_count(3)
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator("#layer")).to_have_attribute("alt", re.compile("occlusion"))


def test_other_failures_are_shown_and_can_be_retried(server: Server, visit: Visit) -> None:
    page = visit(server)
    answers = [
        (413, "<html>nginx</html>", "The file is too large for this service."),
        (422, '{"error": {"message": "No such method.", "files": []}}', "No such method."),
        (502, "", "The service answered with status 502."),
    ]
    upload(page, image(250))
    for status, body, said in answers:
        expect(page.locator("#sentence")).to_have_text(SENTENCE)
        page.get_by_role("button", name="Remove this image").click()
        answer_once(page, "predict", status=status, body=body)
        upload(page, image(250))
        expect(page.locator("#sentence")).to_contain_text(said)
        page.get_by_role("button", name="Try again").click()
    expect(page.locator("#sentence")).to_have_text(SENTENCE)


def test_a_busy_service_is_retried_after_its_time(server: Server, visit: Visit) -> None:
    page = visit(server)
    answer_once(page, "predict", status=503, headers={"Retry-After": "1"})
    upload(page, image(250))
    expect(item(page, 0)).to_contain_text("service busy; retrying")
    expect(page.locator("#sentence")).to_have_text(SENTENCE)


def test_a_failed_explanation_leaves_the_prediction_and_can_be_retried(server: Server, visit: Visit) -> None:
    page = visit(server)
    answer_once(page, "explain", status=500, body="no")
    upload(page, image(250))
    expect(page.locator("#stage-text")).to_have_text("No image: The service answered with status 500.")
    expect(page.locator("#sentence")).to_have_text(SENTENCE)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#layer")).to_be_visible()


def test_a_token_is_requested_and_stored_nowhere(visit: Visit) -> None:
    with serving(token=TOKEN) as server:
        page = visit(server)
        field = page.get_by_label("Token")
        expect(field).to_be_focused()
        assert "PNEUMONIA" not in page.content()
        upload(page, image(250))
        expect(item(page, 0)).to_have_attribute("data-state", "waiting")
        field.fill("wrong-token-of-someone")
        field.press("Enter")
        expect(page.locator("#token-text")).to_contain_text("not accepted")
        field.fill("Schlüssel mit ü")
        field.press("Enter")
        expect(page.locator("#token-text")).to_contain_text("plain ASCII characters only")
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
