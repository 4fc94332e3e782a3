"""The emulated phone: a loopback port, a scratch folder, and what it says about itself."""

import atexit
import errno
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, List, Optional

from .shell import run_shell
from .sync import SyncService
from .transport import Closed, Link, Stream

FEATURES = "shell_v2,cmd,stat_v2"
# Of the commands that Android's toybox has and the driver has a use for.
COMMANDS = "cat chmod cp echo kill ls md5sum mkdir mv printf rm rmdir sha256sum sleep stat touch wc".split()
# Prefixes of absolute paths on the device. The host's shell knows nothing of them, so they are replaced in commands.
MAPPED = ("/data/local/tmp", "/proc/cpuinfo", "/sys/devices")

PROPERTIES = {
    "ro.product.manufacturer": "Example",
    "ro.product.model": "Emulated One",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.build.version.release": "12",
    "ro.build.version.sdk": "31",
    "ro.soc.model": "EM855",
}
CPUINFO = """processor\t: 0
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x51
CPU part\t: 0x805

processor\t: 1
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x51
CPU part\t: 0x804
"""
BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  status: {status}
  health: 2
  present: true
  level: {level}
  scale: 100
  voltage: 4213
  temperature: {temperature}
  technology: Li-ion
"""


@lru_cache(maxsize=None)
def _exec_hook() -> Optional[str]:
    """The library that starts programs for aarch64 in qemu; None where the host needs none or cannot have it."""
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if os.uname().machine == "aarch64" or qemu is None or shutil.which("cc") is None:
        return None
    folder = tempfile.mkdtemp(prefix="emulated-device-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = Path(folder) / "run_aarch64.so"
    source = Path(__file__).with_name("run_aarch64.c")
    definitions = [f'-DQEMU="{qemu}"', '-DSYSROOT="/usr/aarch64-linux-gnu"']
    subprocess.run(["cc", "-shared", "-fPIC", *definitions, str(source), "-o", str(library), "-ldl"], check=True)
    return str(library)


class EmulatedDevice:
    """A phone at `address`, until `close`; a context manager.

    Args:
        root: the folder for its files; made if missing. Its path must be free of characters that mean something
            to a shell, since it replaces the device's own paths inside of quotes too.
        authorized: False for a phone whose user does not allow this computer.
        features: of the daemon; without "shell_v2" it is as one of Android 6.

    Attributes:
        address: "127.0.0.1:PORT", which is its serial number.
        properties: what `getprop` prints; change it before use.
        free_bytes: what is left for pushed files.
        before_command: called with each shell command before it starts.
        before_write: called with the bytes pushed so far before each part of a pushed file is written.
        commands: every shell command that came, as it came.
        pushed: the paths of the files that came; to forget them, clear it.
    """

    def __init__(self, root: Path, authorized: bool = True, features: str = FEATURES):
        self.root = Path(root)
        assert all(c.isalnum() or c in "/_-." for c in str(self.root)), self.root
        self.authorized, self.features, self.answers = authorized, features, True
        self.properties = dict(PROPERTIES)
        self.free_bytes = 3 * 2**30
        self.before_command: Callable[[str], None] = lambda command: None
        self.before_write: Callable[[int], None] = lambda size: None
        self.commands: List[str] = []
        self.pushed: List[str] = []
        self._pushed_bytes = 0
        self._mark = f"EMULATED_DEVICE={uuid.uuid4().hex}"
        self._lay_out()
        self._connections: List[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _lay_out(self) -> None:
        for name in ("data/local/tmp", "system/bin", "proc"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in COMMANDS:
            link = self.root / "system/bin" / name
            if not link.is_symlink():
                link.symlink_to(shutil.which(name))
        self.cpuinfo(CPUINFO)
        self.battery()
        self.setting("low_power", "0")
        self.thermal_status(0)
        self.script("settings", f'/bin/cat "{self.root}/system/$1_$2_$3"')
        self.script("dumpsys", f'/bin/cat "{self.root}/system/dumpsys_$1"')
        self.script("getprop", f'/bin/cat "{self.root}/system/properties"')
        self.script("df", f'/bin/cat "{self.root}/system/df"')

    def script(self, name: str, text: str) -> None:
        """Put a command on the device's PATH, in the place of one that is there."""
        path = self.root / "system/bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def cpuinfo(self, text: str) -> None:
        (self.root / "proc/cpuinfo").write_text(text)

    def battery(self, level: int = 80, temperature_c: float = 27.0, status: int = 2) -> None:
        text = BATTERY.format(level=level, temperature=round(10 * temperature_c), status=status)
        (self.root / "system/dumpsys_battery").write_text(text)

    def thermal_status(self, status: int) -> None:
        (self.root / "system/dumpsys_thermalservice").write_text(f"IsStatusOverride: false\nThermal Status: {status}\n")

    def setting(self, name: str, value: str) -> None:
        (self.root / f"system/get_global_{name}").write_text(value + "\n")

    @property
    def banner(self) -> str:
        return f"device::ro.product.name=emulated;ro.product.model=Emulated;features={self.features}"

    def host_path(self, path: str) -> Path:
        """Where a path of the device lies on the host."""
        return self.root / path.lstrip("/")

    def files(self) -> List[str]:
        """Everything below /data/local/tmp, relative to it."""
        folder = self.host_path("/data/local/tmp")
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

    def processes(self) -> List[str]:
        """Command lines of the processes that run on the device, those included that outlived their shell."""
        return list(self._running().values())

    def _running(self) -> Dict[int, str]:
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = words.decode(errors="replace")
            except OSError:
                continue
        return found

    def serve(self, service: str, stream: Stream) -> None:
        """Run one service that the host opened."""
        name, _, argument = service.partition(":")
        if name == "sync":
            SyncService(stream, self.host_path, self._receive).run()
        elif name.split(",")[0] == "shell":
            self._shell(argument, stream, with_status="v2" in name.split(","))

    def _receive(self, path: str, size: int) -> None:
        if path not in self.pushed:
            self.pushed.append(path)
        self.before_write(self._pushed_bytes)
        if size > self.free_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.free_bytes -= size
        self._pushed_bytes += size

    def _shell(self, command: str, stream: Stream, with_status: bool) -> None:
        self.commands.append(command)
        self.before_command(command)
        lines = "".join(f"[{name}]: [{value}]\n" for name, value in self.properties.items())
        (self.root / "system/properties").write_text(lines)
        kilobytes = self.free_bytes // 1024
        (self.root / "system/df").write_text(
            "Filesystem     1K-blocks  Used Available Use% Mounted on\n"
            f"/dev/block/dm-5 {2 * kilobytes} {kilobytes} {kilobytes} 50% /data\n"
        )
        for path in MAPPED:
            command = command.replace(path, str(self.root) + path)
        mark, value = self._mark.split("=")
        environment = {"PATH": str(self.root / "system/bin"), "HOME": "/", mark: value}
        hook = _exec_hook()
        if hook:
            environment["LD_PRELOAD"] = hook
        run_shell(command, stream, environment, str(self.root), with_status)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Small messages go to and fro; each would wait 40 ms for the one before it to be acknowledged.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            threading.Thread(target=Link(connection, self).run, daemon=True).start()

    def unplug(self) -> None:
        """Pull it out: every connection ends, and there are no new ones."""
        for sock in [self._listener, *self._connections]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def unplug_now(self) -> None:
        """As `unplug`, from within `before_command` or `before_write`."""
        self.unplug()
        raise Closed

    def close(self) -> None:
        """As `unplug`; and whatever still runs there ends."""
        self.unplug()
        for process in self._running():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def __enter__(self) -> "EmulatedDevice":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
