"""Labels and lists of files, as `mobileseg check-data` and training read them."""

from pathlib import Path
from random import Random
from typing import List, Tuple

import numpy as np
from paddleseg.datasets import Dataset

from paddleseg_mobileseg.data.check import SplitReport, check_dataset
from paddleseg_mobileseg.data.samples import CheckedSamples
from paddleseg_mobileseg.errors import InputError

from ..case import Files, Kind, Special, Wrong, honest_files
from ..damage import ESCAPES, damage_bytes
from ..pngs import blank, damage_png

_LIST = "list.txt"
_ROW = "picture.png label.png\n"


class Label(Kind):
    """A label beside an honest picture."""

    mentions = ("label.png", "picture.png", _LIST, "train_dataset")

    def honest(self) -> Files:
        return {**honest_files("picture.png", "label.png"), _LIST: _ROW.encode()}

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        way = random.choice(("bytes", "chunks", "chunks", "special", "other"))
        if way == "bytes":
            what, files["label.png"] = damage_bytes(random, files["label.png"], [files["picture.png"]])
        elif way == "chunks":
            what, files["label.png"] = damage_png(random, files["label.png"])
        elif way == "special":
            what = "no regular file"
            files["label.png"] = random.choice(
                (Special("fifo"), Special("folder"), Special("link", "/dev/zero"), Special("link", "label.png"), b"")
            )
        else:
            what = "another picture"
            others = honest_files("picture.jpg", "picture.bmp", "rows.jsonl", "small.pdparams", "picture.png")
            files["label.png"] = random.choice(list(others.values()))
            if random.random() < 0.3:
                side = random.choice((5000, 20_000))
                files["label.png"] = blank(side, side)
        return what, files

    def attempt(self, folder: Path) -> None:
        _check(folder)


def _check(folder: Path) -> None:
    """Check the data set, then read its first sample as training does."""
    try:
        dataset = Dataset(
            mode="train", dataset_root=str(folder), transforms=[], num_classes=4, train_path=str(folder / _LIST)
        )
    except Exception as error:
        raise InputError(f"{folder / _LIST}: {' '.join(str(error).split())[:300]}") from error
    report = check_dataset(dataset, "train_dataset", workers=1)
    _check_report(report)
    checked = CheckedSamples(dataset, "train_dataset")
    checked[0]
    if report.problems:
        raise InputError(report.problems[0].what)


def _check_report(report: SplitReport) -> None:
    pixels = int(report.class_pixels.sum()) + report.ignored_pixels
    if report.samples and not report.problems and not pixels:
        raise Wrong("a data set without problems and without pixels")
    if np.any(report.class_pixels < 0):
        raise Wrong("a negative number of pixels")


class FileList(Label):
    """The list, whose rows may name anything."""

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        if random.random() < 0.3:
            what, files[_LIST] = damage_bytes(random, (_ROW * 3).encode(), [files["label.png"]])
            return what, files
        if random.random() < 0.15:
            files[_LIST] = random.choice((Special("fifo"), Special("folder"), Special("link", "/dev/zero"),
                                          Special("link", _LIST), b"", b"\n" * 1000))
            return "no regular file", files
        files.update({"fifo.png": Special("fifo"), "folder.png": Special("folder"),
                      "zero.png": Special("link", "/dev/zero"), "\udcff.png": files["picture.png"]})
        names: Tuple[bytes, ...] = (
            b"picture.png",
            b"label.png",
            b"missing.png",
            b"fifo.png",
            b"folder.png",
            b"zero.png",
            b"/dev/zero",
            b"/dev/stdin",
            b"/proc/self/mem",
            b"a\0b.png",
            b"\xff.png",
            b"../../../../etc/passwd",
            b"x" * 5000,
            b"x" * 300_000,
            b"http://localhost:1/x.png",
            ESCAPES.encode("utf-8", "surrogatepass"),
            b"",
            b"$(touch marker)",
            b";touch marker",
        )
        rows: List[bytes] = []
        for _ in range(random.choice((1, 2, 5))):
            count = random.choice((0, 1, 2, 2, 2, 2, 3, 50))
            separator = random.choice((b" ", b" ", b" ", b"\t", b"  ", b","))
            rows.append(separator.join(random.choice(names) for _ in range(count)))
        files[_LIST] = random.choice((b"\n", b"\n", b"\r\n", b"\r", b"\n\n")).join(rows)
        return "rows", files
