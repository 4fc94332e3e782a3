"""A server on this machine that answers as a list of steps says: truncating, stalling, lying, redirecting."""

import http.server
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

Step = Callable[["Handler"], None]

LONGEST_STALL_S = 5


class Handler(http.server.BaseHTTPRequestHandler):
    server: "FaultyServer"

    def do_GET(self) -> None:
        # To a proxy the whole address is sent.
        path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http") else self.path
        self.server.asked.append((path, self.headers.get("Range"), self.headers.get("If-Range")))
        steps = self.server.steps.get(path, [status(404)])
        number = sum(1 for asked, *_ in self.server.asked if asked == path)
        try:
            steps[min(number, len(steps)) - 1](self)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def head(self, code: int, **headers: Any) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class FaultyServer(http.server.ThreadingHTTPServer):
    """Use it as a context; `steps` has the answers by path, the last of which repeats."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.steps: Dict[str, List[Step]] = {}
        self.asked: List[Tuple[str, Optional[str], Optional[str]]] = []
        self.ended = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "FaultyServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        pass


def status(code: int, text: bytes = b"<html>an error</html>") -> Step:
    def step(handler: Handler) -> None:
        handler.head(code, Content_Length=len(text))
        handler.wfile.write(text)

    return step


def redirect(to: str, code: int = 302) -> Step:
    return lambda handler: handler.head(code, Location=to, Content_Length=0)


def raw(data: bytes) -> Step:
    """Bytes instead of an answer."""
    return lambda handler: handler.wfile.write(data) and None


def stall(handler: Handler) -> None:
    """Answer nothing."""
    handler.server.ended.wait(LONGEST_STALL_S)


def body(
    content: bytes,
    upto: Optional[int] = None,
    length: Any = True,
    ranges: bool = True,
    then: Optional[Step] = None,
    **headers: Any,
) -> Step:
    """Send a file, from where it is asked for.

    Args:
        upto: the byte at which it breaks off.
        length: True for the true one, None for none, else what is claimed.
        ranges: whether Range and If-Range are understood.
        then: what comes after the bytes.
    """

    def step(handler: Handler) -> None:
        start, asked = 0, handler.headers.get("Range")
        validators = {headers.get("ETag"), headers.get("Last_Modified")} - {None}
        if asked and ranges and handler.headers.get("If-Range") in validators:
            start = int(asked[len("bytes="):-1])
            handler.head(
                206, Content_Length=len(content) - start,
                Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}", **headers,
            )
        else:
            claimed = {} if length is None else {"Content_Length": len(content) if length is True else length}
            handler.head(200, **claimed, **headers)
        handler.wfile.write(content[start:upto])
        handler.wfile.flush()
        if then is not None:
            then(handler)

    return step


def trickle(handler: Handler) -> None:
    """A byte now and then."""
    while not handler.server.ended.wait(0.02):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def endless(handler: Handler) -> None:
    """A body without length or end, of which at most 64 MB are sent."""
    handler.head(200)
    for _ in range(1024):
        handler.wfile.write(bytes(1 << 16))


def chunked(content: bytes, whole: bool = True) -> Step:
    def step(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.head(200, Transfer_Encoding="chunked", Connection="close")
        for start in range(0, len(content), 30_000):
            piece = content[start: start + 30_000]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if whole:
            handler.wfile.write(b"0\r\n\r\n")

    return step
