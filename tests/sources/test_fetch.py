import hashlib
import json
import shutil
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from xray.sources import fetch as module
from xray.sources.fetch import discard, fetch, md5_of
from xray.utils.errors import UserError

BODY = bytes(range(256)) * 4000  # about 1 MB: several reads
MD5 = hashlib.md5(BODY).hexdigest()


@dataclass(frozen=True)
class Reply:
    """How the server answers one request."""

    body: bytes = BODY
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    cut: int | None = None  # drop the connection after so many bytes of the body
    status: int | None = None  # answer this, with nothing in it
    headers: tuple[tuple[str, str], ...] = ()
    length: bool = True
    silent: bool = False
    slam: bool = False  # drop the connection without any answer


@dataclass
class Server:
    """Answers with `script`, one reply a request, then with `usual`; remembers the headers it was sent."""

    port: int = 0
    usual: Reply = Reply()
    script: deque[Reply] = field(default_factory=deque)
    requests: list[dict[str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/archive.npz?download=1"

    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.requests]


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(dict(self.headers))
            reply = server.script.popleft() if server.script else server.usual
            self.close_connection = True
            if reply.silent:
                server.stopping.wait(5)
            elif reply.status is not None:
                self.send_response(reply.status)
                self.finish_headers(reply.headers)
            elif not reply.slam:
                self.send_file(reply)

        def send_file(self, reply: Reply) -> None:
            start = self.range_start(reply)
            headers = list(reply.headers)
            if start is not None and start >= len(reply.body):
                self.send_response(416)
                self.finish_headers((("Content-Range", f"bytes */{len(reply.body)}"),))
                return
            rest = reply.body[start or 0 :]
            self.send_response(200 if start is None else 206)
            names = {"ETag": reply.etag, "Last-Modified": reply.modified}
            headers += [(name, value) for name, value in names.items() if value is not None]
            if reply.length:
                headers.append(("Content-Length", str(len(rest))))
            if start is not None and not any(name == "Content-Range" for name, _ in headers):
                headers.append(("Content-Range", f"bytes {start}-{len(reply.body) - 1}/{len(reply.body)}"))
            self.finish_headers(headers)
            self.wfile.write(rest[: reply.cut])

        def range_start(self, reply: Reply) -> int | None:
            asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
            if asked is None or not reply.ranges or condition not in (None, reply.etag, reply.modified):
                return None
            return int(asked.removeprefix("bytes=").removesuffix("-"))

        def finish_headers(self, headers: Any) -> None:
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(state))
    state.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    state.stopping.set()
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture(autouse=True)
def quick_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(module, "TIMEOUT_S", 5.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "set.npz.part"


def leave_behind(
    part: Path, url: str, size: int, validator: str | None = '"one"', total: int | None = len(BODY)
) -> None:
    """Put in place what a transfer of BODY leaves when it breaks after `size` bytes."""
    part.write_bytes(BODY[:size])
    record = {"url": url, "validator": validator, "total": total}
    part.with_name(part.name + ".json").write_text(json.dumps(record))


def test_whole_file_in_one_request(server: Server, part: Path) -> None:
    fetch(server.url, part, MD5.upper())
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None]
    assert server.requests[0]["User-Agent"].startswith("xray/")


def test_without_a_declared_length(server: Server, part: Path) -> None:
    server.usual = Reply(length=False)
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY


def test_break_half_way_is_resumed(server: Server, part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.script.extend([Reply(cut=500_000), Reply(cut=100_000)])
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None, "bytes=500000-", "bytes=600000-"]
    assert [headers.get("If-Range") for headers in server.requests] == [None, '"one"', '"one"']
    assert "the connection broke with 424,000 bytes to come; trying again" in capsys.readouterr().err


def test_later_run_goes_on(server: Server, part: Path) -> None:
    leave_behind(part, server.url, 700_000)
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == ["bytes=700000-"]


def test_weak_etag_gives_way_to_the_date(server: Server, part: Path) -> None:
    date = "Mon, 01 Jan 2024 00:00:00 GMT"
    server.usual = Reply(etag='W/"one"', modified=date)
    server.script.append(replace(server.usual, cut=1000))
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.requests[1]["If-Range"] == date


def test_no_validator_still_resumes(server: Server, part: Path) -> None:
    server.usual = Reply(etag=None)
    server.script.append(replace(server.usual, cut=1000))
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None, "bytes=1000-"]
    assert "If-Range" not in server.requests[1]


def test_server_without_ranges_starts_again(server: Server, part: Path) -> None:
    server.usual = Reply(ranges=False)
    server.script.append(Reply(ranges=False, cut=500_000))
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None, "bytes=500000-"]


def test_file_changed_on_the_server_starts_again(server: Server, part: Path) -> None:
    leave_behind(part, server.url, 700_000, validator='"older"')
    part.write_bytes(b"x" * 700_000)
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert len(server.requests) == 1


def test_part_of_another_address_starts_again(server: Server, part: Path) -> None:
    leave_behind(part, "http://127.0.0.1/another", 700_000)
    part.write_bytes(b"x" * 700_000)
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None]


@pytest.mark.parametrize("size", [len(BODY), len(BODY) + 5])
def test_full_but_wrong_part_starts_again(server: Server, part: Path, size: int) -> None:
    leave_behind(part, server.url, 0)
    part.write_bytes(b"x" * size)
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None]


def test_range_past_the_end_starts_again(server: Server, part: Path) -> None:
    leave_behind(part, server.url, 0, total=None)
    part.write_bytes(b"x" * (len(BODY) + 5))
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [f"bytes={len(BODY) + 5}-", None]


def test_range_at_the_end_leaves_it_to_the_checksum(server: Server, part: Path) -> None:
    leave_behind(part, server.url, 0, total=None)
    part.write_bytes(b"x" * len(BODY))
    with pytest.raises(UserError, match="MD5"):
        fetch(server.url, part, MD5)
    assert server.ranges_asked() == [f"bytes={len(BODY)}-"]
    assert list(part.parent.iterdir()) == []


@pytest.mark.parametrize("given", ["bytes 0-9/10", f"bytes 1000-{len(BODY)}/{len(BODY) + 1}", "bytes 1000-/*", "junk"])
def test_wrong_content_range_starts_again(server: Server, part: Path, given: str) -> None:
    server.script.extend([Reply(cut=1000), Reply(headers=(("Content-Range", given),))])
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert server.ranges_asked() == [None, "bytes=1000-", None]


def test_whole_part_needs_no_network(part: Path) -> None:
    part.write_bytes(BODY)
    fetch("http://127.0.0.1:9/nobody", part, MD5)
    assert part.read_bytes() == BODY


def test_bytes_of_unknown_origin_are_not_overwritten(server: Server, part: Path) -> None:
    part.write_bytes(b"somebody's work")
    with pytest.raises(UserError, match="move it away") as caught:
        fetch(server.url, part, MD5)
    assert str(part) in str(caught.value)
    assert part.read_bytes() == b"somebody's work"
    assert server.requests == []


def test_wrong_checksum_deletes_the_part(server: Server, part: Path) -> None:
    with pytest.raises(UserError, match=f"have MD5 {MD5}, not {'0' * 32}, and were deleted"):
        fetch(server.url, part, "0" * 32)
    assert list(part.parent.iterdir()) == []


def test_404_is_final(server: Server, part: Path) -> None:
    server.usual = Reply(status=404)
    with pytest.raises(UserError, match="404 Not Found") as caught:
        fetch(server.url, part, MD5)
    assert server.url in str(caught.value)
    assert len(server.requests) == 1
    assert list(part.parent.iterdir()) == []


def test_answer_that_is_no_file(server: Server, part: Path) -> None:
    server.usual = Reply(status=204)
    with pytest.raises(UserError, match="204"):
        fetch(server.url, part, MD5)


def test_busy_server_is_asked_again_when_it_says(
    server: Server, part: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    after = [(("Retry-After", value),) for value in ("7", "3600", "Mon, 01 Jan 2024 00:00:00 GMT")]
    server.script.extend([Reply(status=503, headers=headers) for headers in after])
    fetch(server.url, part, MD5)
    assert part.read_bytes() == BODY
    assert waits == [7.0, 60.0, 0.04]
    assert "503 Service Unavailable; trying again in 7 s" in capsys.readouterr().err


def test_connection_that_always_drops_ends_and_keeps_the_part(server: Server, part: Path) -> None:
    server.usual = Reply(cut=1000)
    before = time.monotonic()
    with pytest.raises(UserError, match="5,000 bytes received are kept in") as caught:
        fetch(server.url, part, MD5)
    assert time.monotonic() - before < 5
    assert str(part) in str(caught.value)
    assert len(server.requests) == 5
    assert part.read_bytes() == BODY[:5000]
    server.usual = Reply()
    fetch(server.url, part, MD5)
    assert server.ranges_asked()[-1] == "bytes=5000-"
    assert part.read_bytes() == BODY


def test_no_answer_at_all(server: Server, part: Path) -> None:
    server.usual = Reply(slam=True)
    with pytest.raises(UserError, match="no answer from 127"):
        fetch(server.url, part, MD5)
    assert len(server.requests) == 5


def test_silent_server_times_out(server: Server, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.05)
    server.usual = Reply(silent=True)
    with pytest.raises(UserError, match="timed out"):
        fetch(server.url, part, MD5)


def test_rejected_connection_names_the_place_and_the_mend(part: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody else can take the port, and it rejects
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UserError) as caught:
            fetch(f"http://127.0.0.1:{port}/x", part, MD5)
    message = str(caught.value)
    assert f"no connection to 127.0.0.1:{port}: Connection rejected" in message
    assert "--url" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "file:///etc/hostname", "archive.npz", "", "http://", "http://a:b/", "http://[::1/"]
)
def test_bad_address(part: Path, url: str) -> None:
    with pytest.raises(UserError, match="--url"):
        fetch(url, part, MD5)


def test_address_that_cannot_be_sent(part: Path) -> None:
    with pytest.raises(UserError, match="cannot be asked for"):
        fetch("http://127.0.0.1/a b", part, MD5)


@pytest.mark.parametrize("md5", ["", "abc", "g" * 32, "0" * 33])
def test_bad_checksum_option(part: Path, md5: str) -> None:
    with pytest.raises(UserError, match="32 hexadecimal digits"):
        fetch("http://127.0.0.1:9/x", part, md5)


def test_too_little_space_is_seen_before_the_transfer(
    server: Server, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError, match="1,024,000 bytes to fetch and 1,000 free"):
        fetch(server.url, part, MD5)
    assert not part.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_one_line(server: Server, part: Path) -> None:
    part.symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left on device"):
        fetch(server.url, part, MD5)


def test_discard_takes_the_record_too(part: Path) -> None:
    leave_behind(part, "http://127.0.0.1/x", 10)
    discard(part)
    discard(part)
    assert list(part.parent.iterdir()) == []


def test_md5_of(part: Path) -> None:
    part.write_bytes(BODY)
    assert md5_of(part) == MD5
