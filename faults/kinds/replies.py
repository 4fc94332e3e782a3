"""What a worker answers, through a child that prints what it is given."""

import json
from pathlib import Path
from random import Random
from typing import Tuple

from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import Predictor

from ..case import Files, Kind, honest_files
from ..damage import damage_bytes, damage_tree, to_json
from .converted import METADATA, MODEL

_PROGRAM = b"""
import os, sys
folder = os.path.dirname(os.path.abspath(__file__))
def say(name):
    with open(os.path.join(folder, name), "rb") as file:
        sys.stdout.buffer.write(file.read())
    sys.stdout.flush()
say("greeting")
for line in sys.stdin:
    say("answer")
"""


class WorkerReplies(Kind):
    """The greeting of a predictor's worker and its answer to `time`."""

    mentions = ("small.nb", "paddle-lite", "worker")
    starts_programs = True

    def honest(self) -> Files:
        timing = {"network_ms": [1.0, 2.0], "label_map_ms": [None, None], "peak_bytes": 5}
        return {
            **honest_files(MODEL, METADATA),
            "worker.py": _PROGRAM,
            "greeting": b'{"init_ms": 1.0, "version": "1"}\n',
            "answer": json.dumps(timing).encode() + b"\n",
        }

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        name = random.choice(("greeting", "answer"))
        if random.random() < 0.4:
            what, files[name] = damage_bytes(random, files[name])
        elif random.random() < 0.8:
            what, tree = damage_tree(random, json.loads(files[name]))
            files[name] = (to_json(tree) + "\n").encode("utf-8", "surrogatepass")
        else:
            what = "another line"
            files[name] = random.choice(
                (b"\n", b"null\n", b"[]\n", b'{"error": 5}\n', b'{"error": "\\u001b[2J' + b"x" * 100_000 + b'"}\n',
                 b"x" * 20_000_000 + b"\n", b"\xff\n", b"5\n", b'"error"\n')
            )
        # A worker that says nothing is stopped after minutes: the end of the line is never lost here.
        files[name] += b"\n"
        return f"{name}: {what}", files

    def attempt(self, folder: Path) -> None:
        metadata = read_metadata(folder / MODEL)
        with Predictor(folder / MODEL, metadata, "paddle-lite", folder / "worker.py") as predictor:
            timing = predictor.time(2)
            float(sum(timing.network_ms))
