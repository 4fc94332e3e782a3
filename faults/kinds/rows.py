"""Rows of benchmark results, which hold what a record does: JSON held against a schema."""

import json
from pathlib import Path
from random import Random
from typing import Tuple

from benchmarks.results import Result
from benchmarks.suites.registry import read_file

from ..case import Files, Kind, Wrong, honest_files
from ..damage import damage_bytes, damage_tree, to_json


class Rows(Kind):
    """A file of one row."""

    mentions = ("rows.jsonl",)

    def honest(self) -> Files:
        return dict(honest_files("rows.jsonl"))

    def damage(self, random: Random) -> Tuple[str, Files]:
        data = honest_files("rows.jsonl")["rows.jsonl"]
        if random.random() < 0.3:
            what, data = damage_bytes(random, data)
        else:
            what, tree = damage_tree(random, json.loads(data))
            data = (to_json(tree) + "\n").encode("utf-8", "surrogatepass")
        return what, {"rows.jsonl": data}

    def attempt(self, folder: Path) -> None:
        for row in read_file(folder / "rows.jsonl"):
            if not isinstance(row, Result) or not isinstance(row.rounds, list):
                raise Wrong("a row that is no result")
