"""The commands of a user in one environment, with everything that they write in one folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from PIL import Image

from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.files import read_regular, write_text
from paddleseg_mobileseg.training.records import LOSSES_FILE

from .combinations import Combination
from .server import Server

HEIGHT, WIDTH, ITERATIONS = 64, 96, 20
"""Of the pictures that are trained on, and of that training."""
SHAPE = (1, 3, HEIGHT, WIDTH)
_SCORES = "scores.json"


@dataclass(frozen=True)
class Trial:
    """One combination.

    Attributes:
        folder: for its results and `log.txt`, what every command wrote.
        task: pictures, first weights and the config, as the reference wrote them.
        server: runs commands in the combination's environment.
        checkout: of PaddleSeg, whose `tools` are run.
    """

    combination: Combination
    server: Server
    folder: Path
    task: Path
    checkout: Optional[Path] = None

    def mobileseg(self, *command: Any) -> str:
        """What a command of `mobileseg` prints.

        Raises:
            ToolError: it failed, in its own words.
        """
        return self.server.run([*map(str, command)], self.folder / "log.txt")

    def probe(self, *command: Any) -> Dict[str, Any]:
        """What a function of `versions.probe` finds."""
        return json.loads(self.mobileseg(*command).splitlines()[-1])

    @property
    def config(self) -> List[Any]:
        return ["--config", self.task / "config.yml"]

    def train(self, name: str, *arguments: Any) -> Dict[int, float]:
        """Train into the folder `name`; the loss of each iteration."""
        out = self.folder / name
        self.mobileseg("train", *self.config, "--device", "cpu", "--seed", 1, "--save_interval", 10, "--save_dir", out,
                       *arguments)
        return self.losses(name)

    def losses(self, name: str) -> Dict[int, float]:
        """Of a training that was done."""
        _, *rows = read_regular(self.folder / name / LOSSES_FILE, 1 << 20).decode().splitlines()
        return {int(row.split(",")[0]): float(row.split(",")[1]) for row in rows}

    def checkpoint(self, iteration: int) -> Path:
        return self.folder / "run" / f"iter_{iteration}"

    def val(self, weights: Path) -> Dict[str, Any]:
        """The scores of a checkpoint on the pictures of `task`; they are kept."""
        said = self.mobileseg("val", *self.config, "--device", "cpu", "--model_path", weights, "--json")
        write_text(self.folder / _SCORES, said)
        return self.scores()

    def scores(self) -> Dict[str, Any]:
        """Those that `val` kept."""
        return json.loads(read_regular(self.folder / _SCORES, 1 << 20))

    def predict(self, weights: Path) -> np.ndarray:
        """The labels of the pictures of `task`: [N, H, W]."""
        out = self.folder / "seen"
        self.mobileseg("predict", *self.config, "--device", "cpu", "--model_path", weights, "--image_path",
                       self.task / "val.txt", "--save_dir", out)
        return labels_below(out)

    def export(self, weights: Path) -> Dict[str, Any]:
        """Write the program of a checkpoint, and say what the command says."""
        return json.loads(self.mobileseg("export", *self.config, "--model_path", weights, "--input_shape", *SHAPE,
                                         "--save_dir", self.folder / "export", "--json"))

    def convert(self, target: str) -> Path:
        """Convert the exported program."""
        path = self.folder / f"{target}.nb"
        self.mobileseg("convert", self.folder / "export", "--target", target, "--output", path)
        return path

    def tool(self, name: str, *arguments: Any) -> str:
        """PaddleSeg's own script, from its checkout, with the plugin."""
        if self.checkout is None:
            raise ToolError(f"no checkout of PaddleSeg {self.combination.paddleseg}: --paddleseg names one")
        return self.mobileseg("run", self.checkout / "tools" / f"{name}.py", *self.config, *arguments)


def labels_below(folder: Path) -> np.ndarray:
    """The label maps that a prediction wrote: [N, H, W]."""
    paths = sorted((folder / "pseudo_color_prediction").glob("*.png"))
    if not paths:
        raise ToolError("no label map was written")
    return np.stack([np.asarray(Image.open(path)) for path in paths])
