"""Pictures, labels and lists whatever their names are made of, and files that only look like pictures."""

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from paddleseg.transforms import Compose
from PIL import Image

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.classes import unnamed
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.command_line import one_line
from paddleseg_mobileseg.data.image_file import read_image
from paddleseg_mobileseg.data.samples import CheckedSamples, file_fault, files_problem
from paddleseg_mobileseg.opencv_files import read_pixels, write_pixels
from paddleseg_mobileseg.report.predictions import write_prediction
from support.small_data import HEIGHT, WIDTH, config, write_config, write_data

NAME = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("flags", [cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE, cv2.IMREAD_UNCHANGED])
def test_pixels_are_those_of_opencv(tmp_path, suffix, flags):
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # lies on its side
    Image.fromarray(image).save(tmp_path / f"plain{suffix}", exif=exif)
    expected = cv2.imread(str(tmp_path / f"plain{suffix}"), flags)
    shutil.copy(tmp_path / f"plain{suffix}", tmp_path / f"{NAME}{suffix}")
    for name in ("plain", NAME):
        found = read_pixels(tmp_path / f"{name}{suffix}", flags)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / f"{name}{suffix}"), flags), expected)
    assert cv2.imwrite(str(tmp_path / f"again{NAME}.png"), expected)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / f"again{NAME}.png"), cv2.IMREAD_UNCHANGED), expected)


def test_what_cannot_be_read_or_written_is_told(tmp_path):
    assert cv2.imread(str(tmp_path / NAME)) is None and read_pixels(tmp_path / "a\0b") is None
    (tmp_path / f"{NAME}.png").write_bytes(b"")
    assert cv2.imread(str(tmp_path / f"{NAME}.png")) is None
    image = np.zeros((2, 2, 3), np.uint8)
    assert not write_pixels(tmp_path / NAME / "x.png", image) and not write_pixels(tmp_path / f"x.{NAME}", image)


def renamed(folder):
    """The data of `write_data`, with a name that is no UTF-8 for the first training sample."""
    write_data(folder)
    for suffix in ("jpg", "png"):
        (folder / f"train0.{suffix}").rename(folder / f"{NAME}.{suffix}")
    rows = (folder / "train.txt").read_bytes()
    (folder / "train.txt").write_bytes(rows.replace(b"train0", os.fsencode(NAME)))
    return write_config(folder / "config.yml", config(folder))


def test_samples_and_overlays_of_any_name(tmp_path):
    renamed(tmp_path)
    image = read_image(tmp_path / f"{NAME}.jpg")
    assert image.shape == (HEIGHT, WIDTH, 3)
    seen = Compose([])({"img": str(tmp_path / f"{NAME}.jpg")})["img"]
    np.testing.assert_array_equal(seen.transpose(1, 2, 0), image)
    written = write_prediction(f"{NAME}.png", np.zeros((HEIGHT, WIDTH), np.int32), unnamed(2), tmp_path, image)
    assert [path.name for path in written] == [f"{NAME}.png"] * 2 and all(path.is_file() for path in written)


def test_lists_name_files_of_any_bytes(tmp_path, capsys):
    path = renamed(tmp_path)
    assert main(["check-data", "--config", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["train_dataset"]["problems"] == []
    (tmp_path / f"{NAME}.png").unlink()
    assert main(["check-data", "--config", path, "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["train_dataset"]["problems"]
    assert problem["what"] == f"{tmp_path}/{NAME}.png cannot be opened: No such file or directory"


PRINT = """
import sys
from paddleseg_mobileseg.command_line import exit_status
from paddleseg_mobileseg.errors import InputError
def run():
    print("caf\\udce9 \\u2192 \\x41")
    raise InputError("caf\\udce9 \\x1b[31m " + "y" * 9999)
sys.exit(exit_status(run))
"""


@pytest.mark.parametrize(
    "locale, printed",
    [
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"caf\xe9 \\u2192 A\n"),
        ({"LC_ALL": "C.UTF-8"}, "→".encode().join([b"caf\xe9 ", b" A\n"])),
    ],
    ids=["C", "UTF-8"],
)
def test_names_are_printed_as_they_are_in_any_locale(locale, printed):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHONIO"))}
    done = subprocess.run([sys.executable, "-c", PRINT], env={**environment, **locale}, capture_output=True)
    assert done.returncode == 2 and done.stdout == printed
    assert done.stderr.startswith(b"error: caf\\udce9 \\x1b[31m yyy") and 4000 < len(done.stderr) < 4100


def test_errors_are_short_and_without_escape_codes():
    assert one_line(InputError("a\n  b\x1b]0;x\x07")) == "a b\\x1b]0;x\\x07"


def big_png(path, side=20_000):
    """A whole PNG of 400 million pixels in 50 KB."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(side * (side // 8 + 1)), 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def special(folder, kind):
    path = folder / f"{kind}.png"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        big_png(path)
    return path


@pytest.mark.parametrize(
    "kind, message",
    [
        ("fifo", "is no regular file"),
        ("device", "is no regular file"),
        ("folder", "is no regular file"),
        ("huge", "has more than 178956970 pixels; cut it into tiles, or make it smaller"),
    ],
)
@pytest.mark.parametrize("thorough", [True, False])
def test_what_only_looks_like_a_picture(tmp_path, kind, message, thorough):
    write_data(tmp_path)
    path = special(tmp_path, kind)
    assert file_fault(str(path), thorough) == message
    with pytest.raises(InputError, match=message):
        read_image(path, thorough)
    for files in ((path, tmp_path / "train0.png"), (tmp_path / "train0.jpg", path)):
        assert files_problem(list(map(str, files)), thorough).what == f"{path} {message}"


def test_sizes_are_compared_before_anything_is_decoded(tmp_path, monkeypatch):
    write_data(tmp_path)
    Image.new("L", (4000, 3000)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("it was decoded"))
    problem = files_problem([str(tmp_path / "large.png"), str(tmp_path / "train0.png")], thorough=True)
    assert problem.kind == "sizes differ" and "is 4000x3000 and its label" in problem.what


def test_list_with_nul_and_list_that_is_no_file(tmp_path, capsys):
    write_data(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"train\0.jpg train0.png\n")
    path = write_config(tmp_path / "config.yml", config(tmp_path))
    assert main(["check-data", "--config", path]) == 2
    assert "train\\x00.jpg cannot be opened: its name holds a NUL" in capsys.readouterr().out
    (tmp_path / "train.txt").write_bytes(b"\x1b]0;x\x07.jpg train0.png\n")
    assert main(["check-data", "--config", path]) == 2
    assert "/\\x1b]0;x\\x07.jpg cannot be opened: No such file" in capsys.readouterr().out
    (tmp_path / "train.txt").unlink()
    os.mkfifo(tmp_path / "train.txt")
    assert main(["check-data", "--config", path]) == 2
    assert f"error: the list {tmp_path}/train.txt is no regular file" in capsys.readouterr().err


def test_training_ends_at_a_picture_that_is_no_file(tmp_path):
    write_data(tmp_path)

    class Rows:
        file_list = [[str(special(tmp_path, "fifo")), str(tmp_path / "train0.png")]]

        def __len__(self):
            return 1

        def __getitem__(self, index):
            pytest.fail("it was opened")

    with pytest.raises(InputError, match="train_dataset: .*fifo.png is no regular file"):
        CheckedSamples(Rows(), "train_dataset")[0]
