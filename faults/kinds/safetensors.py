"""Checkpoints as safetensors: a size, a table in JSON, the numbers."""

import json
import struct
from random import Random
from typing import Tuple

from ..case import Files, honest_files
from ..damage import LYING_SIZES, damage_bytes, damage_tree, to_json
from .checkpoints import Paddle


class Safetensors(Paddle):
    """`.safetensors`."""

    file = "small.safetensors"
    mentions = (file,)

    def damage(self, random: Random) -> Tuple[str, Files]:
        data = honest_files(self.file)[self.file]
        way = random.choice(("bytes", "table", "table", "table", "size", "places"))
        if way == "bytes":
            what, data = damage_bytes(random, data, list(honest_files("small.pdparams").values()))
            return what, {self.file: data}
        (size,) = struct.unpack_from("<Q", data)
        table, numbers = data[8 : 8 + size], data[8 + size:]
        if way == "size":
            lie = random.choice((*LYING_SIZES, size - 1, size + 1, len(data)))
            return "lying size of the table", {self.file: struct.pack("<Q", lie) + table + numbers}
        tree = json.loads(table)
        if way == "table":
            what, tree = damage_tree(random, tree)
        else:
            what = "places in the file"
            entry = tree[random.choice([name for name in tree if name != "__metadata__"])]
            places = (0, 4, 8, len(numbers), len(numbers) + 4, 2**40, 2**64 - 1, -4)
            entry["data_offsets"] = [random.choice(places), random.choice(places)]
            if random.random() < 0.5:
                entry["shape"] = random.choice(([2**40, 2**40], [0], [-1], [], [2**63], [1] * 70, [0, 2**62]))
            if random.random() < 0.5:
                entry["dtype"] = random.choice(("F32", "F64", "U8", "BF16", "F8_E4M3", "O", "\x1b[2J"))
        table = to_json(tree).encode("utf-8", "surrogatepass")
        return what, {self.file: struct.pack("<Q", len(table)) + table + numbers}
