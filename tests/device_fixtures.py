"""An emulated phone that adb is connected to, and small models for it.

The tests run the real program, for aarch64, linked with the test double of Paddle-Lite; or with the real library
where PADDLE_LITE_DIR names one for aarch64, and then with what `mobileseg convert` makes.
"""

import atexit
import json
import os
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import paddle
import pytest
from emulated_device import EmulatedDevice, PrivateAdb
from exports import FOLDER, export
from mobileseg_bench_program import build_program, double_model, need, real_lite_dir
from paddle import nn

from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path, sha256_of

HEIGHT, WIDTH, CLASSES, STRIDE = 32, 64, 6, 8


@lru_cache(maxsize=None)
def private_adb():
    folder = FOLDER / "adb"
    folder.mkdir()
    server = PrivateAdb(folder)
    atexit.register(server.close)
    return server


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
    assert children_named("adb") == [adb_server.pid]


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
    running = {phone.address: phone.processes() for phone in phones}
    for phone in phones:
        adb_environment.disconnect(phone)
        phone.close()
    assert not any(running.values()), running


@pytest.fixture
def phone(attach):
    return attach()


@pytest.fixture
def program():
    """mobileseg_bench for aarch64, with its library beside it."""
    need("qemu-aarch64", "cc")
    return build_program("aarch64")


class Squares(nn.Layer):
    """Logits [1, CLASSES, HEIGHT, WIDTH] from the mean colours of squares: what the test double computes too."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2D(STRIDE, STRIDE)
        self.classifier = nn.Conv2D(3, CLASSES, 1)

    def forward(self, x):
        logits = self.classifier(self.pool(x))
        return [nn.functional.interpolate(logits, [HEIGHT, WIDTH], mode="bilinear", align_corners=False)]


@lru_cache(maxsize=None)
def squares(seed):
    random = np.random.RandomState(seed)
    weights, bias = random.randn(CLASSES, 3), random.randn(CLASSES) * 0.2
    return np.float32(weights), np.float32(bias)


@lru_cache(maxsize=None)
def exported_squares(seed):
    """The exported network, ending in labels as PaddleSeg exports do."""
    network, (weights, bias) = Squares(), squares(seed)
    network.classifier.weight.set_value(paddle.to_tensor(weights.reshape(CLASSES, 3, 1, 1)))
    network.classifier.bias.set_value(paddle.to_tensor(bias))
    return export(network, FOLDER / f"squares{seed}", [1, 3, HEIGHT, WIDTH], "argmax")


@lru_cache(maxsize=None)
def _converted(seed):
    nb = FOLDER / f"squares{seed}.nb"
    convert(exported_squares(seed), nb, "arm")
    return nb


def write_model(path, seed=0, **behaviour):
    """A model of `exported_squares` at `path`, with its JSON file.

    With the real library it is what `convert` made; then `behaviour` of the double cannot be had.
    """
    source = _converted(seed)
    shutil.copy(metadata_path(source), metadata_path(path))
    if real_lite_dir("aarch64"):
        if behaviour:
            pytest.skip("faults are asked of the test double, and PADDLE_LITE_DIR names the real library")
        shutil.copy(source, path)
        return path
    weights, bias = squares(seed)
    double_model(path, weights.tolist(), bias.tolist(), STRIDE, **behaviour)
    change_metadata(path, sha256=sha256_of(path), bytes=path.stat().st_size)
    return path


def change_metadata(nb, **changes):
    path = metadata_path(nb)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "squares.nb")


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def children_named(name):
    """Process numbers of this process' own children of that name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue
        if f"({name})" in text and int(text.rpartition(")")[2].split()[1]) == os.getpid():
            found.append(int(folder.name))
    return found


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
