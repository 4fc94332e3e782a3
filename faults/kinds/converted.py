"""Converted models and the JSON file beside them."""

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Tuple

import numpy as np

from paddleseg_mobileseg.deploy.android.bench_binary import model_arguments
from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.predictor import LitePredictor

from ..case import Files, Kind, Wrong, honest_files
from ..damage import damage_bytes, damage_tree, to_json

MODEL, METADATA = "small.nb", "small.nb.json"


class MetadataFile(Kind):
    """`.nb.json`, beside an honest model that is not loaded."""

    mentions = (MODEL,)

    def honest(self) -> Files:
        return dict(honest_files(MODEL, METADATA))

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        way = random.choice(("bytes", "tree", "tree", "tree", "model"))
        if way == "model":
            what, data = damage_bytes(random, files[MODEL])
            files[MODEL] = data
            return f"model {what}", files
        if way == "bytes":
            what, files[METADATA] = damage_bytes(random, files[METADATA])
        else:
            what, tree = damage_tree(random, json.loads(files[METADATA]))
            files[METADATA] = to_json(tree).encode("utf-8", "surrogatepass")
        return what, files

    def attempt(self, folder: Path) -> None:
        metadata = read_metadata(folder / MODEL)
        if hashlib.sha256((folder / MODEL).read_bytes()).hexdigest() != hashlib.sha256(self._model()).hexdigest():
            raise Wrong("a damaged model passed for the one that the JSON file names")
        if not all(isinstance(word, str) for word in model_arguments(metadata)):
            raise Wrong("an argument that is no text")

    def _model(self) -> bytes:
        return honest_files(MODEL)[MODEL]


class Model(Kind):
    """`.nb` that a stranger damaged, with a JSON file that agrees: Paddle-Lite must load it, in its own process."""

    mentions = (MODEL,)
    starts_programs = True

    def honest(self) -> Files:
        return dict(honest_files(MODEL, METADATA))

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        what, files[MODEL] = damage_bytes(random, files[MODEL], list(honest_files("model.pdiparams").values()))
        metadata = json.loads(files[METADATA])
        metadata["sha256"], metadata["bytes"] = hashlib.sha256(files[MODEL]).hexdigest(), len(files[MODEL])
        if random.random() < 0.2:
            side = random.choice((1, 8, 17, 2048))
            metadata["input"]["shape"][2:] = [side, side]
            metadata["input"]["preprocessing"] = None
            what += ", another input shape"
        files[METADATA] = json.dumps(metadata).encode()
        return what, files

    def attempt(self, folder: Path) -> None:
        with LitePredictor(folder / MODEL) as predictor:
            expected = predictor.metadata
            output = predictor.run(np.zeros(expected.input.shape, np.float32))
        if not isinstance(output, np.ndarray):
            raise Wrong(f"a {type(output).__name__} for an output")
