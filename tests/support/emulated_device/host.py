"""An adb server of the tests' own, so that nothing of the user's is touched: another port, other keys."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Dict

from .device import EmulatedDevice


def _free_port() -> int:
    """A port below those that the system hands out, so that nobody gets it before the server does.

    Each process begins to look at another one: several may look at the same time.
    """
    for step in range(10_000):
        port = 12_000 + (7 * os.getpid() + step) % 10_000
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            continue
    raise RuntimeError("no port from 12000 to 21999 is free")


class PrivateAdb:
    """A server, until `close`; a context manager.

    Args:
        folder: for its keys and its log.

    Attributes:
        environment: variables under which `adb` and everything that calls it uses this server.
    """

    def __init__(self, folder: Path):
        self.port = _free_port()
        self.environment: Dict[str, str] = {
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "HOME": str(folder),
            "ANDROID_SDK_HOME": str(folder),
            "ADB_VENDOR_KEYS": "",
            "TMPDIR": str(folder),
            # The server looks for emulators on these ports of the host otherwise.
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "0",
            "ADB_MDNS_AUTO_CONNECT": "0",
        }
        self._log = open(folder / "adb-server.log", "wb")
        self._server = subprocess.Popen(
            [shutil.which("adb"), "-P", str(self.port), "nodaemon", "server"],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    self.close()
                    raise RuntimeError(f"the adb server did not start: see {folder}/adb-server.log") from None
                time.sleep(0.05)

    @property
    def pid(self) -> int:
        return self._server.pid

    def adb(self, *arguments: str, timeout: float = 120) -> str:
        """What `adb` says, both streams together."""
        done = subprocess.run(
            ["adb", *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        return done.stdout.decode()

    def connect(self, device: EmulatedDevice) -> str:
        """Make `device` one of the server's; returns what adb says."""
        return self.adb("connect", device.address)

    def disconnect(self, device: EmulatedDevice) -> None:
        self.adb("disconnect", device.address)

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
        self._log.close()

    def __enter__(self) -> "PrivateAdb":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
