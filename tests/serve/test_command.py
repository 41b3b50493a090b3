"""The command serve: what it rejects at the start, what it answers, how it stops."""

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.fakes import FakePredictor, die, grey
from tests.serve.processes import Start
from xray.serve.command import serve
from xray.utils.errors import UserError


def test_it_prints_its_address_answers_and_stops(start: Start) -> None:
    service = start()
    assert "version 0123456789ab" in service.said
    assert "no token" in service.said
    assert "not a medical device" in service.said
    status, headers, content = service.predict(grey(255))
    assert status == 200
    assert json.loads(content)["results"][0]["decision"] == "PNEUMONIA"
    assert {name.lower() for name in headers} >= {"x-model-version", "x-request-id"}
    status, errors = service.stop(signal.SIGINT)
    assert status == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/predict"]
    assert "Jane" not in errors
    assert "127.0.0.1" not in errors


def wait_for_uploads(service, count: int) -> None:
    while f"\nxray_uploads_in_progress {count}.0".encode() not in service.ask("GET", "/metrics")[2]:
        pass


def test_requests_in_progress_finish_when_it_stops(start: Start) -> None:
    service = start(delay=0.5)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.predict, grey(0)) for _ in range(8)]
        wait_for_uploads(service, 8)
        status, errors = service.stop()
        assert [answer.result()[0] for answer in answers] == [200] * 8
    assert status == 0
    assert "Traceback" not in errors


def test_a_request_that_outlasts_the_stop_gets_an_error_in_the_usual_shape(start: Start) -> None:
    service = start(delay=3)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.predict, grey(0))
        wait_for_uploads(service, 1)
        status, errors = service.stop()
        answered, headers, content = answer.result()
    assert (answered, json.loads(content)["error"]["code"]) == (503, "stopped")
    assert headers["retry-after"] == "1"
    assert status == 0
    assert "Exception" not in errors


def test_it_stops_although_a_client_goes_on_sending(start: Start) -> None:
    service = start()
    with service.connect() as sending:
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        sending.sendall(head + b"Content-Length: 100000\r\n\r\n--b\r\n")
        wait_for_uploads(service, 1)
        status, errors = service.stop()
    assert status == 0
    assert "Jane" not in errors


def test_its_workers_end_with_it_even_when_it_is_killed(start: Start) -> None:
    service = start()
    assert service.predict(grey(0))[0] == 200
    children = service.children()
    assert children
    service.process.kill()
    service.process.wait()
    while any(os.path.exists(f"/proc/{child}") and not is_zombie(child) for child in children):  # noqa: PTH110
        pass


def is_zombie(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_rejects_with_503_when_busy_and_loses_nothing(start: Start) -> None:
    service = start("--queue", "4", "--batch", "1", delay=0.1)
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: service.predict(grey(0) + b"x" * 200_000), range(48)))
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 503}
    assert all("retry-after" in headers for status, headers, _ in answers if status == 503)
    assert service.ask("GET", "/health")[0] == 200


def test_an_answer_that_takes_too_long_is_a_503(start: Start) -> None:
    service = start("--answer_seconds", "0.2", delay=0.6)
    status, headers, content = service.predict(grey(0))
    assert (status, headers["retry-after"]) == (503, "1")
    assert json.loads(content)["error"]["code"] == "timed_out"


def test_callers_who_leave_while_sending_do_no_harm(start: Start) -> None:
    service = start(delay=0.05)
    for cut in (10, 150, 230):
        with service.connect() as connection:
            body = (
                b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
                + grey(0)
                + b"\r\n--b--\r\n"
            )
            head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            connection.sendall((head + b"Content-Length: %d\r\n\r\n" % len(body) + body)[:cut])
    assert service.predict(grey(0))[0] == 200
    status, errors = service.stop()
    assert status == 0
    assert "fault" not in errors
    assert [json.loads(line)["status"] for line in errors.splitlines()].count(499) == 2


def test_token_and_limits_are_those_of_the_environment_and_the_options(start: Start) -> None:
    service = start("--file_mb", "100", token="correct-horse-battery")
    assert "token required" in service.said
    assert service.predict(grey(0))[0] == 401
    status, _, content = service.ask("GET", "/model", headers={"Authorization": "Bearer correct-horse-battery"})
    assert status == 200
    limits = json.loads(content)["limits"]
    assert limits["file_bytes"] == 100e6
    assert limits["request_bytes"] == 200e6, "a larger file makes room in the request"


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"file_mb": 40.0, "request_mb": 20.0}, "--request_mb 20 is less than --file_mb 40"),
        ({"request_mb": 600.0}, "--request_mb 600.0 is out of range: .* 512"),
        ({"file_mb": float("inf")}, "--file_mb inf is out of range: .* 512"),
    ],
)
def test_sizes_that_contradict_each_other_are_rejected(sizes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        serve(**sizes)  # type: ignore[arg-type]


def test_workers_that_cannot_start_are_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xray.predictor.open.open_predictor", lambda _path, **options: FakePredictor())
    monkeypatch.setattr("xray.runs.run.find_model", lambda _named: None)
    monkeypatch.setattr("xray.serve.logs.set_up_logs", lambda: None)
    monkeypatch.setattr("xray.serve.workers._work", die)
    with pytest.raises(UserError, match=re.escape("cannot start (one died): raise")):
        serve(port=0)
