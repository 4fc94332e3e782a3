"""Phones for the tests: the real adb with a server of its own, and emulated devices that it is connected to."""

import shutil
from dataclasses import dataclass

import pytest

from paddleseg_mobileseg.cli import main
from support.bench_program import build_program, need
from support.emulated_device import EmulatedDevice
from support.phones import private_adb, write_model
from support.processes import children_named, wait_until


@pytest.fixture
def adb_server():
    """The real adb, with a server of the tests' own."""
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed: apt-get install adb")
    return private_adb()


@pytest.fixture
def adb_environment(adb_server, monkeypatch):
    """adb in this process uses the server of the tests; afterwards no adb is left."""
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb_server.port))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    yield adb_server
    wait_until(lambda: children_named("adb") == [adb_server.pid])


@pytest.fixture
def attach(adb_environment, tmp_path):
    """Connects emulated phones; afterwards nothing may run on any of them."""
    phones = []

    def attach_one(**how):
        phone = EmulatedDevice(tmp_path / f"phone{len(phones)}", **how)
        phones.append(phone)
        adb_environment.connect(phone)
        return phone

    yield attach_one
    try:
        # The last program has been told to end, but a busy machine may not have come to it.
        wait_until(lambda: not any(phone.processes() for phone in phones))
    finally:
        for phone in phones:
            adb_environment.disconnect(phone)
            phone.close()


@pytest.fixture
def phone(attach):
    return attach()


@pytest.fixture
def program():
    """mobileseg_bench for aarch64, with its library beside it."""
    need("qemu-aarch64", "cc")
    return build_program("aarch64")


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "squares.nb")


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    def error(self):
        """The one line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if not line.startswith("warning: ")]
        assert len(lines) == 1 and lines[0].startswith("error: "), self.err
        return lines[0]

    def warnings(self):
        return [line for line in self.err.splitlines() if line.startswith("warning: ")]


@pytest.fixture
def device_command(capfd):
    """`mobileseg device ...` in this process."""

    def run(*words):
        capfd.readouterr()
        status = main(["device", *map(str, words)])
        return Said(status, *capfd.readouterr())

    return run


@pytest.fixture
def bench_command(device_command, program):
    """`mobileseg device bench` with the program of the tests and few runs; flags given later count."""
    flags = ["--program", program, "--warmup", "1", "--repeats", "4", "--rounds", "2", "--cool-down", "0"]
    return lambda *words: device_command("bench", *flags, *words)


@pytest.fixture
def predict_command(device_command, program):
    return lambda *words: device_command("predict", "--program", program, *words)
