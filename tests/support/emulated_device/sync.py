"""The sync service: the files of the device, for `adb push` and `adb pull`."""

import errno
import os
import stat
import struct
from pathlib import Path
from typing import Callable

from .transport import Closed, Stream

_REQUEST = struct.Struct("<4sI")
_STAT = struct.Struct("<4sIII")
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")
_CHUNK = 64 * 1024


class SyncService:
    """Answers one stream.

    Args:
        stream: the host's.
        host_path: where a path of the device lies on the host.
        receive: called with the path and the number of bytes before each part of a pushed file is written; may raise
            OSError, as for a full disk, or Closed.
    """

    def __init__(self, stream: Stream, host_path: Callable[[str], Path], receive: Callable[[str, int], None]):
        self._stream, self._host_path, self._receive = stream, host_path, receive

    def run(self) -> None:
        requests = {
            b"STAT": self._stat,
            b"STA2": lambda path: self._stat2(b"STA2", os.stat, path),
            b"LST2": lambda path: self._stat2(b"LST2", os.lstat, path),
            b"LIST": self._list,
            b"SEND": self._send,
            b"RECV": self._recv,
        }
        while True:
            name, size = _REQUEST.unpack(self._stream.read(_REQUEST.size))
            if name == b"QUIT":
                return
            argument = self._stream.read(size).decode()
            if name not in requests:
                self._fail(f"unknown command {name.decode(errors='replace')}")
                return
            requests[name](argument)

    def _fail(self, message: str) -> None:
        text = message.encode()
        self._stream.write(_REQUEST.pack(b"FAIL", len(text)) + text)

    def _stat(self, path: str) -> None:
        try:
            found = os.lstat(self._host_path(path))
            self._stream.write(_STAT.pack(b"STAT", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime)))
        except OSError:
            self._stream.write(_STAT.pack(b"STAT", 0, 0, 0))

    def _stat2(self, name: bytes, function: Callable, path: str) -> None:
        try:
            it = function(self._host_path(path))
        except OSError as error:
            self._stream.write(_STAT2.pack(name, error.errno or errno.EIO, *[0] * 10))
            return
        facts = it.st_dev, it.st_ino, it.st_mode, it.st_nlink, it.st_uid, it.st_gid, it.st_size
        times = int(it.st_atime), int(it.st_mtime), int(it.st_ctime)
        self._stream.write(_STAT2.pack(name, 0, *facts, *times))

    def _list(self, path: str) -> None:
        folder = self._host_path(path)
        for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
            it, text = os.lstat(folder / name), name.encode()
            header = struct.pack("<4s4I", b"DENT", it.st_mode, it.st_size & 0xFFFFFFFF, int(it.st_mtime), len(text))
            self._stream.write(header + text)
        self._stream.write(struct.pack("<4s4I", b"DONE", 0, 0, 0, 0))

    def _send(self, argument: str) -> None:
        path, mode = argument.rsplit(",", 1)
        target = self._host_path(path)
        fault, file = None, None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = open(target, "wb")
        except OSError as error:
            fault = f"couldn't create file: {error.strerror}"
        try:
            while True:
                name, size = _REQUEST.unpack(self._stream.read(_REQUEST.size))
                if name == b"DONE":
                    break
                if name != b"DATA":
                    raise Closed
                data = self._stream.read(size)
                # After a fault the rest is still on its way and has to be taken.
                if fault is None:
                    try:
                        self._receive(path, len(data))
                        file.write(data)
                    except OSError as error:
                        fault = f"write failed: {error.strerror}"
        finally:
            if file:
                file.close()
        if fault is None:
            os.utime(target, (size, size))
            os.chmod(target, stat.S_IMODE(int(mode)))
            self._stream.write(_REQUEST.pack(b"OKAY", 0))
        else:
            target.unlink(missing_ok=True)
            self._fail(fault)

    def _recv(self, path: str) -> None:
        try:
            with open(self._host_path(path), "rb") as file:
                for data in iter(lambda: file.read(_CHUNK), b""):
                    self._stream.write(_REQUEST.pack(b"DATA", len(data)) + data)
        except OSError as error:
            self._fail(f"open failed: {error.strerror}")
            return
        self._stream.write(_REQUEST.pack(b"DONE", 0))
