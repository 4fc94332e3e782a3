"""The transport of adb's protocol: messages with a header of 24 bytes, and the streams that they carry."""

import queue
import struct
import threading
from typing import Optional, Tuple

CNXN, AUTH, OPEN, OKAY, WRTE, CLSE = (struct.unpack("<I", name)[0] for name in
                                      (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE"))
VERSION = 0x01000001
MAX_PAYLOAD = 256 * 1024
AUTH_TOKEN = 1

_HEADER = struct.Struct("<6I")


class Closed(Exception):
    """The other end closed the stream or the connection."""


def receive_exactly(connection, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except OSError as error:
            raise Closed from error
        if not part:
            raise Closed
        data += part
    return bytes(data)


def receive_message(connection) -> Tuple[int, int, int, bytes]:
    """Command, two arguments, and the payload."""
    command, first, second, size, _, magic = _HEADER.unpack(receive_exactly(connection, _HEADER.size))
    if magic != command ^ 0xFFFFFFFF:
        raise Closed
    return command, first, second, receive_exactly(connection, size)


def encode_message(command: int, first: int, second: int, payload: bytes = b"") -> bytes:
    # The checksum is that of the oldest protocol; this version's peers do not look at it.
    return _HEADER.pack(command, first, second, len(payload), sum(payload), command ^ 0xFFFFFFFF) + payload


class Stream:
    """One service that the host opened. Reads block; a write blocks until the host took the one before it."""

    def __init__(self, link: "Link", own: int, remote: int):
        self._link, self._own, self._remote = link, own, remote
        self._received: "queue.Queue[Optional[bytes]]" = queue.Queue()
        self._unread = b""
        self._may_write = threading.Semaphore(1)
        self.closed = threading.Event()

    def deliver(self, payload: bytes) -> None:
        self._received.put(payload)
        self._link.send(OKAY, self._own, self._remote)

    def acknowledged(self) -> None:
        self._may_write.release()

    def closed_by_host(self) -> None:
        self.closed.set()
        self._received.put(None)
        self._may_write.release()

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            Closed: the host closed the stream.
        """
        while len(self._unread) < size:
            payload = self._received.get()
            if payload is None:
                raise Closed
            self._unread += payload
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), self._link.max_payload):
            self._may_write.acquire()
            if self.closed.is_set():
                raise Closed
            self._link.send(WRTE, self._own, self._remote, data[start:start + self._link.max_payload])

    def close(self) -> None:
        if not self.closed.is_set():
            self._may_write.acquire()  # the last write must be taken first: a close may overtake it in the host
            self._link.send(CLSE, self._own, self._remote)
            self.closed.set()


class Link:
    """One connection of an adb server: greets it, and runs what it opens, each service in a thread of its own.

    Args:
        connection: a connected socket.
        device: gives `banner`, `authorized`, `answers` and `serve(service, stream)`.
    """

    def __init__(self, connection, device):
        self._connection, self._device = connection, device
        self._sending = threading.Lock()
        self._streams = {}
        self._last = 0
        self.max_payload = MAX_PAYLOAD

    def send(self, command: int, first: int, second: int, payload: bytes = b"") -> None:
        try:
            with self._sending:
                self._connection.sendall(encode_message(command, first, second, payload))
        except OSError as error:
            raise Closed from error

    def run(self) -> None:
        """Until the connection ends; then every service is told that its stream is closed."""
        try:
            while True:
                self._handle(*receive_message(self._connection))
        except Closed:
            pass
        finally:
            self._connection.close()
            for stream in list(self._streams.values()):
                stream.closed_by_host()

    def _handle(self, command: int, first: int, second: int, payload: bytes) -> None:
        if command == CNXN:
            self.max_payload = min(MAX_PAYLOAD, second)
            if self._device.answers and not self._device.authorized:
                self.send(AUTH, AUTH_TOKEN, 0, bytes(20))
            elif self._device.answers:
                self.send(CNXN, VERSION, MAX_PAYLOAD, self._device.banner.encode())
        elif command == AUTH:
            # A phone asks anew after every signature it does not know, until the public key comes; then it waits
            # for its user.
            if first == 2:
                self.send(AUTH, AUTH_TOKEN, 0, bytes(20))
        elif command == OPEN:
            self._open(first, payload.rstrip(b"\0").decode())
        elif second in self._streams:
            stream = self._streams[second]
            if command == OKAY:
                stream.acknowledged()
            elif command == WRTE:
                stream.deliver(payload)
            elif command == CLSE:
                stream.closed_by_host()
                del self._streams[second]

    def _open(self, remote: int, service: str) -> None:
        self._last += 1
        stream = self._streams[self._last] = Stream(self, self._last, remote)
        self.send(OKAY, self._last, remote)
        threading.Thread(target=self._serve, args=(service, stream), daemon=True).start()

    def _serve(self, service: str, stream: Stream) -> None:
        try:
            self._device.serve(service, stream)
            stream.close()
        except Closed:
            pass
