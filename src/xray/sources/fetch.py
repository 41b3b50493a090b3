"""One file over HTTP: taken up again after a break, checked against its MD5 before anyone reads it."""

import hashlib
import json
import re
import shutil
import ssl
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from xray import __version__
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

TIMEOUT_S = (
    30.0  # of silence, for the connection and for every read: a dead server is noticed, a slow one is not cut off
)
ATTEMPTS = 5
FIRST_WAIT_S = 1.0  # doubled after every broken attempt
LONGEST_WAIT_S = 60.0  # a server may ask for more with Retry-After, but a person is waiting at the terminal
CHUNK = 1 << 18
RETRIED_STATUSES = {408, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Origin:
    """What a part file is being filled from; kept beside it so that a later run can tell whether to go on."""

    url: str
    validator: str | None
    total: int | None


class BrokenTransferError(Exception):
    """This attempt failed in a way that another one may mend."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def fetch(url: str, part: Path, md5: str) -> None:
    """Fill `part` with the file at `url`, going on from what an earlier run left there.

    A part that is already whole costs no network at all, so an archive copied there by hand works offline. The part
    is kept when the connection breaks for good and deleted when its checksum is wrong.

    Args:
        url: An http or https address.
        part: The file to fill. A small `.json` beside it records where its bytes came from.
        md5: The MD5 that the whole file must have, in hexadecimal.

    Raises:
        UserError: The address, the network, the disk or the checksum is wrong.
    """
    _check_url(url)
    md5 = _check_md5(md5)
    try:
        if part.is_file() and md5_of(part) == md5:
            return
        _reject_foreign(part)
        _transfer_with_retries(url, part)
        found, size = md5_of(part), part.stat().st_size
        if found != md5:
            discard(part)
    except OSError as error:  # a network failure is a BrokenTransferError or a UserError by now: this one is the disk
        raise UserError(f"{part}: {reason_of(error)}; make the folder writable or free some space") from error
    if found != md5:
        raise UserError(
            f"{url}: the {size:,} bytes received have MD5 {found}, not {md5}, and were deleted; "
            "try again, and check --url and --md5 if it happens twice"
        )


def discard(part: Path) -> None:
    """Delete a part file and the record of where it came from."""
    part.unlink(missing_ok=True)
    _record_of(part).unlink(missing_ok=True)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file in lower-case hexadecimal."""
    # Guards against damage, not against malice: that is what the publisher gives, and what a FIPS build must allow.
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def reason_of(error: BaseException) -> str:
    """Say in a few words what an operating system or network error was."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that never closes
        usable = False
    if not usable:
        raise UserError(f"--url {url!r} is not a web address; give one that begins with https:// or http://")


def _check_md5(md5: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{32}", md5):
        raise UserError(f"--md5 {md5!r} is not an MD5; give its 32 hexadecimal digits")
    return md5.lower()


def _reject_foreign(part: Path) -> None:
    """Reject to overwrite bytes that no earlier run of this program left."""
    if part.exists() and part.stat().st_size and _read_origin(part) is None:
        raise UserError(f"{part} has another MD5 and is no download that was broken off; move it away or delete it")


def _transfer_with_retries(url: str, part: Path) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("download", total=None)
        for attempt in range(ATTEMPTS):
            try:
                _transfer(url, part, progress, task)
                return
            except BrokenTransferError as error:
                if attempt == ATTEMPTS - 1:
                    raise UserError(_gave_up(url, part, error)) from error
                wait_s = min(max(FIRST_WAIT_S * 2**attempt, error.wait_s), LONGEST_WAIT_S)
                note = f"{error}; trying again in {wait_s:.0f} s"
                progress.console.print(note, markup=False, highlight=False, soft_wrap=True)
                time.sleep(wait_s)


def _gave_up(url: str, part: Path, error: BrokenTransferError) -> str:
    kept = part.stat().st_size if part.exists() else 0
    if not kept:
        return f"{url}: {error} ({ATTEMPTS} attempts); check the network, or name a mirror with --url"
    return (
        f"{url}: {error} ({ATTEMPTS} attempts); the {kept:,} bytes received are kept in {part}, "
        "run the same command again to go on from there"
    )


def _transfer(url: str, part: Path, progress: "Progress", task: "TaskID") -> None:
    """Make one attempt; return when the server has no more to send."""
    start, recorded = _resume_point(url, part)
    with _request(url, start, recorded) as response:
        if response.status == 416 and _content_range(response.headers) == (None, start):
            return  # the last attempt broke after the last byte, in a transfer of undeclared length
        begin, origin = _accept(response, url, start, recorded, part)
        wanted = None if origin.total is None else origin.total - begin
        _check_space(part, wanted or 0)
        progress.reset(task, completed=begin, total=origin.total)
        with part.open("ab" if begin else "wb") as file:
            if not begin:  # after the part is empty: old bytes must never meet the new record
                _record_of(part).write_text(json.dumps(asdict(origin)), encoding="utf-8")
            for block in _blocks(response, wanted):
                file.write(block)
                progress.advance(task, len(block))


def _resume_point(url: str, part: Path) -> tuple[int, Origin | None]:
    """Say from which byte to go on; 0 when the part is absent, of another address, or full (and so wrong)."""
    origin = _read_origin(part)
    size = part.stat().st_size if part.exists() else 0
    if origin is None or origin.url != url or (origin.total is not None and size >= origin.total):
        return 0, None
    return size, origin


def _request(url: str, start: int, recorded: Origin | None) -> HTTPResponse | HTTPError:
    """Ask for the file from byte `start` on; an answer of 416 is returned like a good one."""
    headers = {"User-Agent": f"xray/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if recorded is not None and recorded.validator:
            headers["If-Range"] = recorded.validator  # a file that has changed comes whole instead of glued to the old
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)
        return response
    except HTTPError as error:
        if error.code == 416:
            return error
        with error:
            raise _rejection(url, error) from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise UserError(f"{url}: {error.reason.verify_message}; check the clock and the certificates") from error
        reason = error.reason if isinstance(error.reason, str) else reason_of(error.reason)
        raise BrokenTransferError(f"no connection to {urlsplit(url).netloc}: {reason}") from error
    except (ValueError, InvalidURL) as error:  # http.client looks closer at an address than _check_url does
        raise UserError(f"--url {url!r} cannot be asked for: {error}; give a plain web address") from error
    except (OSError, HTTPException) as error:
        raise BrokenTransferError(f"no answer from {urlsplit(url).netloc}: {reason_of(error)}") from error


def _rejection(url: str, error: HTTPError) -> Exception:
    answer = f"the server answered {error.code} {error.reason}".rstrip()
    if error.code in RETRIED_STATUSES:
        wait = error.headers.get("Retry-After", "")
        return BrokenTransferError(answer, wait_s=float(wait) if wait.isdecimal() else 0.0)
    return UserError(f"{url}: {answer}; check the address, or name a mirror with --url")


def _accept(
    response: HTTPResponse | HTTPError, url: str, start: int, recorded: Origin | None, part: Path
) -> tuple[int, Origin]:
    """Say at which byte the body begins and what it is a piece of."""
    if response.status == 200:  # the whole file: asked for, or the server knows no ranges, or its file has changed
        length = response.length if isinstance(response, HTTPResponse) else None
        return 0, Origin(url, _validator(response.headers), length)
    if response.status not in (206, 416):
        raise UserError(f"{url}: the server answered {response.status}, which is no file; check the address")
    given = _content_range(response.headers)
    fits = recorded is not None and given is not None and given[0] == start and recorded.total in (None, given[1])
    if response.status == 416 or recorded is None or given is None or not fits:
        discard(part)
        raise BrokenTransferError("what was received so far does not fit the server's file and was deleted")
    return start, Origin(url, recorded.validator, given[1])


def _content_range(headers: Message) -> tuple[int | None, int] | None:
    """Read `bytes 5-9/10` as (5, 10) and the `bytes */10` of a rejection as (None, 10)."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", headers.get("Content-Range", "").strip())
    if match is None:
        return None
    first, total = match.groups()
    return (None if first is None else int(first)), int(total)


def _validator(headers: Message) -> str | None:
    """Pick what If-Range may carry: a strong ETag, else the date of the file."""
    etag: str = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified")


def _check_space(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted > free:
        raise UserError(f"{part.parent}: {wanted:,} bytes to fetch and {free:,} free; free some space")


def _blocks(response: HTTPResponse | HTTPError, wanted: int | None) -> Iterator[bytes]:
    """Yield the body as it arrives; http.client takes an early end for the end, so the bytes are counted."""
    left = wanted
    while left is None or left > 0:
        try:
            block = response.read1(CHUNK if left is None else min(CHUNK, left))
        except (OSError, HTTPException) as error:
            raise BrokenTransferError(f"the connection broke: {reason_of(error)}") from error
        if not block:
            break
        yield block
        left = None if left is None else left - len(block)
    if left:
        raise BrokenTransferError(f"the connection broke with {left:,} bytes to come")


def _record_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_origin(part: Path) -> Origin | None:
    try:
        return Origin(**json.loads(_record_of(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
