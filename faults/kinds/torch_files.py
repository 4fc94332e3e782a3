"""Checkpoints that PyTorch writes, of either format."""

import io
import zipfile
from random import Random
from typing import Dict, Tuple

from ..case import Files, honest_files
from ..damage import damage_bytes
from ..pickles import damage_pickle
from .checkpoints import Paddle

_DATE = (1980, 1, 1, 0, 0, 0)


def _members(data: bytes) -> Dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _archive(members: Dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, compression)
    return file.getvalue()


class Zip(Paddle):
    """An archive with a pickle and one member a storage."""

    file = "small.pth"
    mentions = (file,)

    def damage(self, random: Random) -> Tuple[str, Files]:
        data = honest_files(self.file)[self.file]
        way = random.choice(("bytes", "pickle", "pickle", "members", "headers"))
        if way == "bytes":
            what, data = damage_bytes(random, data, list(honest_files("small.pdparams", "small_legacy.pth").values()))
        elif way == "pickle":
            members = _members(data)
            name = next(name for name in members if name.endswith("data.pkl"))
            what, members[name] = damage_pickle(random, members[name])
            data = _archive(members)
        elif way == "members":
            what, data = self._members(random, _members(data))
        else:
            what, data = _headers(random, data)
        return what, {self.file: data}

    def _members(self, random: Random, members: Dict[str, bytes]) -> Tuple[str, bytes]:
        name = random.choice(list(members))
        what = random.choice(("removed", "emptied", "bomb", "renamed", "damaged", "added", "compressed"))
        compression = zipfile.ZIP_STORED
        if what == "removed":
            del members[name]
        elif what == "emptied":
            members[name] = b""
        elif what == "bomb":
            members[name], compression = b"\0" * (50 << 20), zipfile.ZIP_DEFLATED
        elif what == "renamed":
            other = random.choice(("../../marker", "/tmp/marker", "data.pkl", "x/data/0", "\x1b[2J"))
            members[other] = members.pop(name)
        elif what == "damaged":
            members[name] = damage_bytes(random, members[name])[1]
        elif what == "added":
            members[random.choice(("other/data.pkl", "archive/data/99", "archive/byteorder"))] = b"big"
        else:
            compression = zipfile.ZIP_DEFLATED
        return f"member {what}", _archive(members, compression)


def _headers(random: Random, data: bytes) -> Tuple[str, bytes]:
    """Lies in the headers of the members, the table at the end, or its end mark."""
    signature, size = random.choice(((b"PK\3\4", 30), (b"PK\1\2", 46), (b"PK\5\6", 22)))
    starts = [at for at in range(len(data) - size) if data[at : at + 4] == signature] or [0]
    at = random.choice(starts) + random.randrange(4, size)
    value = random.choice((b"\0", b"\xff", b"\xff\xff", b"\xff\xff\xff\xff", b"\1", b"\x80\x80"))
    return "lying zip header", data[:at] + value + data[at + len(value):]


class Legacy(Paddle):
    """A stream of pickles and the raw storages behind them."""

    file = "small_legacy.pth"
    mentions = (file,)
