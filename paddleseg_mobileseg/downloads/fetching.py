"""Files from the web: fetched whole or not at all, resumed where that is safe, and never a web page in their place."""

import fcntl
import hashlib
import json
import os
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, Optional
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tqdm import tqdm

from ..errors import InputError, shown
from ..files import read_regular, synced, write_text
from .addresses import BY_HAND, check_address, keyed_name, mirrored, named

OFFLINE = "MOBILESEG_OFFLINE"
"""The environment variable that, set to 1, keeps everything from being fetched."""

MOST_BYTES = 16 << 30
"""Of one download; the largest data set that PaddleSeg fetches has 4 GB."""

STALL_S = 30.0
"""Without any bytes for so long, or with fewer than `_SLOWEST_BYTES`, a connection is given up."""

_SLOWEST_BYTES = 16 << 10
_CONNECT_S = 15.0

TRIES = 5
"""In a row that brought nothing new."""

_MOST_TRIES = 50
_LONGEST_PAUSE_S = 30.0
_MOST_REDIRECTS = 10
_PIECE = 1 << 18
_START = 512

_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""What servers answer that may answer otherwise a moment later."""


def pause(tries: int) -> float:
    """Seconds to wait after so many tries that brought nothing."""
    return min(2.0 ** (tries - 1), _LONGEST_PAUSE_S)


class _BrokenOff(Exception):
    """It went wrong in a way that may pass; the message says how."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


@dataclass(frozen=True)
class _Note:
    """What a part of a file is of: with this beside it the rest can be asked for, if it is still the same file.

    Attributes:
        name: `keyed_name` of the address, which may have a password in it.
        validator: the server's ETag or date of the file.
        total: bytes of the whole file.
    """

    name: str
    validator: str
    total: int


class _Part:
    """The file that a download grows in, beside the one it becomes."""

    def __init__(self, path: Path, address: str):
        self.file = path.with_name(f"{path.name}.part")
        self._note_file = path.with_name(f"{path.name}.part.json")
        self._name = keyed_name(address)
        self.note: Optional[_Note] = self._read_note()
        self.furthest = self.size()

    def _read_note(self) -> Optional[_Note]:
        with suppress(InputError, ValueError, TypeError):
            note = _Note(**json.loads(read_regular(self._note_file, 1 << 16)))
            if note.name == self._name and isinstance(note.validator, str) and type(note.total) is int:
                return note
        return None

    def size(self) -> int:
        """Bytes that can be built upon: 0 if nothing says what they are of."""
        try:
            size = self.file.stat().st_size
        except FileNotFoundError:
            return 0
        return size if self.note is not None and size <= self.note.total else 0

    def begin(self, headers: Any, total: Optional[int]) -> None:
        """Start at nothing, with the headers of the reply that brings the beginning."""
        self.forget()
        etag, changed = headers.get("ETag", ""), headers.get("Last-Modified", "")
        validator = etag if etag.startswith('"') else changed
        if validator and total:
            self.note = _Note(self._name, validator, total)
            write_text(self._note_file, json.dumps(vars(self.note)))

    def forget(self) -> None:
        """Leave nothing of it."""
        self.note = None
        for path in (self.file, self._note_file):
            with suppress(FileNotFoundError):
                path.unlink()

    def become(self, path: Path) -> None:
        """Give it its name, once it is on the disk: what has that name is never written again."""
        synced(self.file)
        os.replace(self.file, path)
        with suppress(FileNotFoundError):
            self._note_file.unlink()


def fetch(url: str, path: Path, progress: bool = True, most_bytes: int = MOST_BYTES) -> None:
    """Fetch a file.

    It grows in `PATH.part`, which stays where the connection breaks off and the server says which file it is of (by
    ETag or Last-Modified), so that the next call goes on from there. A proxy is taken from the usual variables.

    Args:
        url: of http or https; `MOBILESEG_MIRROR` may put another server in its place.
        path: of the file, in a folder that is there; only one process may do this at a time (`one_process`).
        progress: show a progress bar on stderr.
        most_bytes: a larger file is refused.

    Raises:
        InputError: it cannot be had whole, it is a web page, or nothing may be fetched; the message says why.
    """
    check_address(url)
    source = mirrored(url)
    if os.environ.get(OFFLINE, "0") not in ("", "0"):
        raise InputError(f"{OFFLINE} is set, and {named(source)} would have to be fetched; {BY_HAND}")
    print(f"fetching {named(source)}", file=sys.stderr)
    part = _Part(path, source)
    try:
        _fetch_into(part, source, progress, most_bytes)
        part.become(path)
    except InputError:
        if part.note is None:
            part.forget()
        raise
    except OSError as error:
        part.forget()  # it may have filled the disk
        raise InputError(f"cannot fetch {named(url)}: {error.strerror or shown(error, 200)}; {BY_HAND}") from error
    except BaseException:
        if part.note is None:
            part.forget()
        raise


def _fetch_into(part: _Part, source: str, progress: bool, most_bytes: int) -> None:
    """Try until the part is whole, as long as tries bring something."""
    in_vain = 0
    for number in range(1, _MOST_TRIES + 1):
        try:
            _try_once(part, source, progress, most_bytes)
            return
        except _BrokenOff as error:
            size = part.size()
            in_vain = 0 if size > part.furthest else in_vain + 1
            part.furthest = max(size, part.furthest)
            if in_vain == TRIES or number == _MOST_TRIES:
                kept = f"; {size} bytes are kept, and the next call goes on from there" if size else ""
                raise _unfetched(source, f"{error}, after {number} tries{kept}") from error
            print(f"{error}: trying again" + (f" from byte {size} on" if size else ""), file=sys.stderr)
            time.sleep(pause(in_vain + 1))
    raise AssertionError("the last try neither returns nor goes on")


def _try_once(part: _Part, source: str, progress: bool, most_bytes: int) -> None:
    start = part.size()
    if part.note is not None and start == part.note.total:
        return
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers.update({"Range": f"bytes={start}-", "If-Range": part.note.validator})
    with _reply(source, headers) as reply:
        total = _total_of(reply, part, start, source)
        if reply.status_code == 200:
            start = 0
            part.begin(reply.headers, total)
        if total is not None and total > most_bytes:
            raise _refused(part, source, f"it has {total} bytes, more than the {most_bytes} that are taken")
        bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, disable=None if progress else True)
        with bar, open(part.file, "ab") as file:
            _write_body(reply, file, bar, part, source, most_bytes)
        size = part.file.stat().st_size
        if total is not None and size != total:
            raise _BrokenOff(f"it ends after {size} of {total} bytes")
        _check_start(part, source)


def _total_of(reply: requests.Response, part: _Part, start: int, source: str) -> Optional[int]:
    """How many bytes the whole file has, None if the server does not say; its answer must be one to go on with."""
    status, headers = reply.status_code, reply.headers
    if status == 200:
        length = headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
    if status in (206, 416) and start:
        expected = f"bytes {start}-{part.note.total - 1}/{part.note.total}"
        etag = headers.get("ETag", part.note.validator)
        same = etag == part.note.validator or not part.note.validator.startswith('"')
        if status == 206 and headers.get("Content-Range") == expected and same:
            return part.note.total
        part.forget()
        raise _BrokenOff("the file has changed since its first part was fetched")
    if status in _PASSING:
        raise _BrokenOff(f"the server answers {status} {shown(reply.reason)}")
    raise _unfetched(source, f"the server answers {status} {shown(reply.reason)}")


def _write_body(
    reply: requests.Response, file: Any, bar: tqdm, part: _Part, source: str, most_bytes: int
) -> None:
    # `read1` gives what has come; before urllib3 2.2 only whole pieces can be had, and a trickle is not noticed.
    read = getattr(reply.raw, "read1", reply.raw.read)
    window, in_window, checked = time.monotonic(), 0, file.tell() > 0
    while True:
        try:
            piece = read(_PIECE, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            kind = "nothing came" if isinstance(error, urllib3.exceptions.ReadTimeoutError) else "the connection broke"
            raise _BrokenOff(f"{kind} after {file.tell()} bytes") from error
        if not piece:
            return
        file.write(piece)
        bar.update(len(piece))
        in_window += len(piece)
        if not checked and file.tell() >= _START:
            file.flush()
            _check_start(part, source)
            checked = True
        if file.tell() > most_bytes:
            raise _refused(part, source, f"it is longer than the {most_bytes} bytes that are taken")
        if time.monotonic() - window > STALL_S:
            if in_window < _SLOWEST_BYTES:
                raise _BrokenOff(f"hardly anything came after {file.tell()} bytes")
            window, in_window = time.monotonic(), 0


def _check_start(part: _Part, source: str) -> None:
    """Refuse a page or an error in words that a server gives with a status of success."""
    with open(part.file, "rb") as file:
        start = file.read(_START)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise _refused(part, source, "it is empty")
    if text[:1] in (b"<", b"{", b"[") and b"\0" not in start:
        kind = "a web page or XML" if text[:1] == b"<" else "JSON"
        raise _refused(part, source, f"it is {kind}, not a file of weights or data: {shown(text, 60)}")


def _unfetched(url: str, reason: str) -> InputError:
    return InputError(f"cannot fetch {named(url)}: {reason}; {BY_HAND}")


def _refused(part: _Part, url: str, reason: str) -> InputError:
    part.forget()
    return _unfetched(url, reason)


@contextmanager
def _reply(url: str, headers: Dict[str, str]) -> Iterator[requests.Response]:
    """The answer to a request, redirects followed: nowhere but to http and https, and not from https to http."""
    asked = url
    for _ in range(_MOST_REDIRECTS + 1):
        reply = _answer(url, asked, headers)
        if not reply.is_redirect:
            with reply:
                yield reply
            return
        reply.close()
        try:
            target = urljoin(url, reply.headers["Location"])
        except ValueError as error:
            raise _unfetched(asked, "it redirects to what is no address") from error
        check_address(target)
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
            raise _unfetched(asked, f"it leads to {named(target)}, which is not encrypted")
        url = target
    raise _unfetched(asked, f"it redirects more than {_MOST_REDIRECTS} times")


def _answer(url: str, asked: str, headers: Dict[str, str]) -> requests.Response:
    session = requests.Session()
    try:
        request = session.prepare_request(requests.Request("GET", url, headers=headers))
        settings = session.merge_environment_settings(request.url, {}, True, None, None)
        # Not by the session: that would read what comes with a redirect, however long it is.
        adapter = session.get_adapter(request.url)
        return adapter.send(request, timeout=(min(_CONNECT_S, STALL_S), STALL_S), **settings)
    except requests.Timeout as error:
        raise _BrokenOff("the server does not answer") from error
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise _unfetched(asked, shown(error, 200)) from error
    except requests.ConnectionError as error:
        cause = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(cause, urllib3.exceptions.NewConnectionError):
            raise _unfetched(asked, shown(str(cause).rpartition(": ")[2], 200)) from error
        raise _BrokenOff("the server hung up") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError, ValueError) as error:
        raise _unfetched(asked, shown(error, 200)) from error


@contextmanager
def one_process(folder: Path) -> Iterator[None]:
    """Keep other processes out of the block while this one fetches into a folder, which is made if it is not there.

    The processes of one training ask for the same file at the same time: one fetches it, the others wait.
    """
    handle = _locked(folder)
    try:
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        # A network drive may know no locks; then each fetches it, and the last one's stays.
        with suppress(OSError):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"another process fetches into {folder}: waiting for it", file=sys.stderr)
                fcntl.flock(handle, fcntl.LOCK_EX)
        # The one before may have failed and taken the empty folder away.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(folder)):
                return handle
        os.close(handle)
