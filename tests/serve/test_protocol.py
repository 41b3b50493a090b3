"""Connections that are silent, slow, broken, or too many."""

import contextlib
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serve.fakes import grey
from tests.serve.processes import Service, Start
from xray.serve.watch import HEADERS


def test_silent_and_slow_callers_are_let_go(start: Start) -> None:
    service = start("--receive_seconds", "0.4")
    silent, slow_head, slow_body = service.connect(), service.connect(), service.connect()
    slow_head.sendall(b"POST /predict HT")
    slow_body.sendall(
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 1000\r\n\r\n--b"
    )
    assert silent.recv(100) == b""
    assert slow_head.recv(100) == b""
    answer = slow_body.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"too_slow"' in answer
    assert service.predict(grey(0))[0] == 200


def test_what_is_no_http_is_told_so(start: Start) -> None:
    service, told_to = start(), []
    for head in (b"nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
        with service.connect() as connection:
            connection.sendall(head)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 400 ")
        told, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in told.decode().splitlines()[1:])
        body = json.loads(content)
        assert body["error"]["code"] == "bad_request"
        assert body["model_version"] == headers["X-Model-Version"] == "0123456789ab"
        assert body["request_id"] == headers["X-Request-ID"]
        assert headers.items() >= HEADERS.items()
        told_to.append(body["request_id"])
    metrics = service.ask("GET", "/metrics")[2].decode()
    assert 'method="other",route="unknown",status="400"' in metrics
    _, errors = service.stop()
    records = [line for line in map(json.loads, errors.splitlines()) if line.get("status") == 400]
    assert [(record["request_id"], record["code"]) for record in records] == [(i, "bad_request") for i in told_to]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("path", ["/predict", "/none"])
def test_a_body_that_is_no_http_is_logged_as_it_is_answered(start: Start, path: str, at_once: bool) -> None:
    service = start()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    parts = [head.encode() + b"Transfer-Encoding: chunked\r\n\r\n3\r\n--b\r\n", b"zz\r\nabc"]
    with service.connect() as connection:
        for part in [b"".join(parts)] if at_once else parts:
            connection.sendall(part)
            time.sleep(0.1)
        answer = connection.makefile("rb").read()
    status, told = int(answer.split()[1]), json.loads(answer.rpartition(b"\r\n\r\n")[2])
    assert status == 400 or (path == "/none" and status == 404)
    _, errors = service.stop()
    (record,) = [line for line in map(json.loads, errors.splitlines()) if line["event"] == "request"]
    assert (record["status"], record["code"]) == (status, told["error"]["code"])
    assert record["request_id"] == told["request_id"]


def test_who_closes_his_side_after_the_request_reads_the_answer(start: Start) -> None:
    service = start(delay=0.3)
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + grey(255) + b"\r\n--b--\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    head += b"Content-Length: %d\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head % len(body) + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["results"][0]["decision"] == "PNEUMONIA"
    with service.connect() as connection:
        connection.sendall((head % len(body) + body)[:-10])
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read() == b""
    _, errors = service.stop()
    records = [line for line in map(json.loads, errors.splitlines()) if line["event"] == "request"]
    assert [record["status"] for record in records] == [200, 499]


def test_a_head_with_a_body_that_is_no_http_gets_the_head_of_a_400(start: Start) -> None:
    service = start()
    with service.connect() as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")
    _, errors = service.stop()
    assert [json.loads(line)["event"] for line in errors.splitlines()].count("request") == 1
    assert "fault" not in errors
    assert "Fatal" not in errors


def test_a_broken_body_after_the_answer_is_no_request_of_its_own(start: Start) -> None:
    service = start()
    with service.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.3)
        connection.sendall(b"ZZZ\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    _, errors = service.stop()
    assert [json.loads(line)["event"] for line in errors.splitlines()].count("request") == 1


def test_who_closes_his_side_after_several_requests_reads_all_answers(start: Start) -> None:
    service = start(delay=0.2)
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + grey(0) + b"\r\n--b--\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    first = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with service.connect() as connection:
        connection.sendall(first + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        connection.shutdown(socket.SHUT_WR)
        started = time.monotonic()
        answers = connection.makefile("rb").read()
    assert answers.count(b"HTTP/1.1 200 ") == 3
    # Not after the patience for a next request.
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("target", ["http://x/health", "HTTPS://example.org:8000/health", "http://x/none", "http://x"])
def test_a_path_with_its_address_is_that_path(start: Start, target: str) -> None:
    service = start()
    status = 404 if "none" in target else 200
    with service.connect() as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 %d " % status)


def test_the_longest_silent_make_room_for_others(start: Start) -> None:
    service = start(head_seconds=60, connections=10)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(service.connect())
        kept.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += kept.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        silent = [stack.enter_context(service.connect()) for _ in range(60)]
        for connection in silent:
            connection.sendall(b"GET /health HT")
        assert service.ask("GET", "/health")[0] == 200
        assert service.predict(grey(0))[0] == 200
        # With an answer behind it a connection is as silent as one that never asked.
        assert kept.recv(1000) == b""
        silent[-1].sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert silent[-1].recv(1000).startswith(b"HTTP/1.1 200 ")


def open_files(service: Service) -> float:
    return float(service.ask("GET", "/metrics")[2].decode().partition("\nprocess_open_fds ")[2].split()[0])


@pytest.mark.parametrize("connections", [5, 1000])
def test_who_reads_no_answers_is_let_go_and_keeps_nobody_out(start: Start, connections: int) -> None:
    service = start(connections=connections)
    before = open_files(service)
    with contextlib.ExitStack() as stack:
        unread = [stack.enter_context(service.connect()) for _ in range(5)]
        for connection in unread:
            with contextlib.suppress(OSError):  # where it is closed for others while it sends
                connection.sendall(b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert service.ask("GET", "/health")[0] == 200
        deadline = time.monotonic() + 15
        while open_files(service) > before and time.monotonic() < deadline:
            time.sleep(0.1)
        read = []
        for connection in unread:
            answers = b""
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(1 << 20):
                    answers += part
            read.append(answers.count(b"HTTP/1.1 200"))
        assert all(number < 1000 for number in read)
        assert service.predict(grey(0))[0] == 200
    assert service.stop()[0] == 0


def test_of_many_that_come_at_once_all_may_ask(start: Start) -> None:
    service = start(head_seconds=60, connections=10, grace=30)
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(service.connect()) for _ in range(30)]
        time.sleep(0.3)
        for connection in crowd:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert [connection.recv(1000).split()[1] for connection in crowd] == [b"200"] * 30


def test_a_closing_connection_whose_rest_is_unread_is_let_go(start: Start) -> None:
    service = start()
    before = open_files(service)
    with contextlib.ExitStack() as stack:
        # With answers to so many requests the rest of some lies below asyncio's mark, and of some above.
        for number in range(120, 360, 4):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.connect(("127.0.0.1", service.port))
            head = b"GET /docs HTTP/1.1\r\nHost: x\r\n"
            with contextlib.suppress(OSError):
                connection.sendall((head + b"\r\n") * number + head + b"Connection: close\r\n\r\n")
        deadline = time.monotonic() + 20
        while open_files(service) > before and time.monotonic() < deadline:
            time.sleep(0.1)
        assert open_files(service) <= before


def test_requests_under_way_are_not_closed_for_others(start: Start) -> None:
    service = start(delay=1.0, connections=10)
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as stack:
        answer = pool.submit(service.predict, grey(255))
        time.sleep(0.3)
        for _ in range(30):
            stack.enter_context(service.connect())
        assert answer.result()[0] == 200


def test_beyond_the_limit_of_requests_the_server_rejects(start: Start) -> None:
    service = start("--receive_seconds", "5", connections=5)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(service.connect())
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                b"Content-Length: 1000\r\n\r\n"
            )
            time.sleep(0.1)  # until the head has been read
        status, _, content = service.ask("GET", "/health")
    assert (status, content) == (503, b"Service Unavailable")


def test_a_wish_for_another_protocol_is_answered_in_this_one(start: Start) -> None:
    service = start()
    description = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "eA==",
    }
    assert service.ask("GET", "/health", headers=description)[0] == 200
    assert service.ask("GET", "/predict", headers=description)[0] == 405
    assert service.ask("GET", "/none", headers=description)[0] == 404
    _, errors = service.stop()
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["request"] * 3
