"""The command serve: what it rejects to start with, what it answers, how it stops."""

import json
import select
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.fakes import grey
from tests.serve.processes import Start
from xray.serve.command import serve
from xray.utils.errors import UserError


def test_tells_where_it_listens_answers_and_stops(start: Start) -> None:
    service = start()
    assert "version 0123456789ab" in service.said
    assert "no token" in service.said
    assert "not a medical device" in service.said
    status, headers, content = service.predict(grey(255))
    assert status == 200
    assert json.loads(content)["results"][0]["decision"] == "PNEUMONIA"
    assert {name.lower() for name in headers} >= {"x-model-version", "x-request-id"}
    status, errors = service.stop()
    assert status == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/predict"]
    assert "Jane" not in errors
    assert "127.0.0.1" not in errors


def test_requests_under_way_end_when_it_stops(start: Start) -> None:
    service = start(delay=0.5)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.predict, grey(0)) for _ in range(8)]
        time.sleep(0.3)
        status, _ = service.stop()
        assert [answer.result()[0] for answer in answers] == [200] * 8
    assert status == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_who_is_still_sending_when_it_stops_is_told_so(start: Start, chunked: bool) -> None:
    def part(data: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(data), data) if chunked else data

    service = start()
    head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000"
    with service.connect() as sending:
        kind = b"Content-Type: multipart/form-data; boundary=b"
        sending.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n" + kind + b"\r\n" + head + b"\r\n\r\n")
        sending.sendall(part(b'--b\r\nContent-Disposition: form-data; name="files"; filename="Jane.png"\r\n\r\n'))
        while b"\nxray_requests_under_way 1.0" not in service.ask("GET", "/metrics")[2]:
            time.sleep(0.05)
        with ThreadPoolExecutor(1) as pool:
            stopped = pool.submit(service.stop)
            while not select.select([sending], [], [], 0.05)[0]:
                sending.sendall(part(b"a"))
            status, errors = stopped.result()
        answer = b""
        while received := sending.recv(65536):
            answer += received
    assert status == 0
    assert b" 503 " in answer.partition(b"\r\n")[0]
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["code"] == "stopped"
    assert b"x-request-id" in answer.lower()
    (record,) = [line for line in map(json.loads, errors.splitlines()) if line.get("route") == "/predict"]
    assert (record["status"], record["code"]) == (503, "stopped")


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_it_ends_whoever_does_not_read_or_goes_on_sending(start: Start, signals: list[signal.Signals]) -> None:
    service = start(head_seconds=60)
    with service.connect() as unread, service.connect() as sending:
        unread.sendall(b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        sending.sendall(head + b"Content-Length: 100000\r\n\r\n--b\r\n")
        while b"\nxray_requests_under_way 1.0" not in service.ask("GET", "/metrics")[2]:
            time.sleep(0.05)
        for number in signals[:-1]:
            service.process.send_signal(number)
            time.sleep(0.3)
        status, errors = service.stop(signals[-1])
        assert sending.makefile("rb").read().startswith(b"HTTP/1.1 503 ")
    assert status == 0
    assert "Traceback" not in errors
    assert "Exception" not in errors


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


def test_sizes_count_as_received_without_a_length(start: Start) -> None:
    service = start("--file_mb", "0.1", "--request_mb", "0.2")

    def chunks() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(50):
            yield b"x" * 10_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, _, content = service.ask("POST", "/predict", chunks(), headers)  # type: ignore[arg-type]
    assert status == 413
    assert json.loads(content)["error"]["files"][0]["index"] == 0


def test_callers_who_leave_do_no_harm(start: Start) -> None:
    service = start(delay=0.05)
    for cut in (10, 150, 230):
        with service.connect() as connection:
            body = (
                b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
                + grey(0)
                + b"\r\n--b--\r\n"
            )
            head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            connection.sendall((head + b"Content-Length: %d\r\n\r\n" % len(body) + body)[: cut if cut < 200 else None])
    assert service.predict(grey(0))[0] == 200
    status, errors = service.stop()
    assert status == 0
    assert "fault" not in errors
    assert [json.loads(line)["status"] for line in errors.splitlines() if "/predict" in line].count(499) == 1


def test_the_token_comes_from_the_environment(start: Start) -> None:
    service = start(token="correct-horse-battery")
    assert "a token is needed" in service.said
    assert service.predict(grey(0))[0] == 401
    assert service.ask("GET", "/model", headers={"Authorization": "Bearer correct-horse-battery"})[0] == 200


@pytest.mark.parametrize(("file_mb", "request_bytes"), [(1.0, 64e6), (100.0, 200e6), (400.0, 512e6)])
def test_a_larger_file_makes_room_in_the_request(start: Start, file_mb: float, request_bytes: float) -> None:
    service = start("--file_mb", str(file_mb))
    limits = json.loads(service.ask("GET", "/model")[2])["limits"]
    assert limits["file_bytes"] == file_mb * 1e6
    assert limits["request_bytes"] == request_bytes


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"file_mb": 40.0, "request_mb": 20.0}, "--request_mb 20 is less than --file_mb 40"),
        ({"request_mb": 600.0}, "--request_mb 600.0 is out of range: .* 512"),
        ({"file_mb": 600.0}, "--file_mb 600.0 is out of range: .* 512"),
    ],
)
def test_sizes_that_nothing_could_meet_are_told(sizes: dict[str, float], told: str) -> None:
    with pytest.raises(UserError, match=told):
        serve(**sizes)  # type: ignore[arg-type]
