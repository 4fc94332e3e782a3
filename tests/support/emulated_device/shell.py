"""The shell service: commands of the host's `sh`, as processes of the device."""

import os
import signal
import struct
import subprocess
import threading

from .transport import Closed, Stream

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
_PACKET = struct.Struct("<BI")


def run_shell(command: str, stream: Stream, environment: dict, cwd: str, with_status: bool) -> None:
    """Run `command`, and end it with SIGHUP when the host closes the stream, as adb's daemon does.

    Args:
        command: for `sh -c`.
        stream: the host's.
        environment, cwd: of the process.
        with_status: the newer protocol, which tells stdout, stderr and the exit status apart. In the older one
            all is one text, and there is no status.
    """
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if with_status else subprocess.STDOUT,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    pipes = [(STDOUT, process.stdout)] + [(STDERR, process.stderr)] * with_status
    writers = [threading.Thread(target=_forward, args=(pipe, kind, stream, with_status), daemon=True)
               for kind, pipe in pipes]
    reader = threading.Thread(target=_feed, args=(process, stream, with_status), daemon=True)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    status = process.wait()
    if with_status and not stream.closed.is_set():
        stream.write(_PACKET.pack(EXIT, 1) + bytes([status if status >= 0 else 0x80 | -status]))


def _forward(pipe, kind: int, stream: Stream, with_status: bool) -> None:
    with pipe:
        while True:
            data = os.read(pipe.fileno(), 1 << 16)
            if not data:
                return
            try:
                stream.write((_PACKET.pack(kind, len(data)) if with_status else b"") + data)
            except Closed:
                return


def _feed(process: subprocess.Popen, stream: Stream, with_status: bool) -> None:
    try:
        while True:
            if with_status:
                kind, size = _PACKET.unpack(stream.read(_PACKET.size))
                data = stream.read(size)
            else:
                kind, data = STDIN, stream.read(1)
            if kind == STDIN:
                process.stdin.write(data)
                process.stdin.flush()
            elif kind == CLOSE_STDIN:
                process.stdin.close()
    except (OSError, ValueError):  # it reads no more
        pass
    except Closed:
        # Only the process that the daemon started gets the signal: what that one left behind stays.
        if process.poll() is None:
            process.send_signal(signal.SIGHUP)
