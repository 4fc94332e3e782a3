"""Images a second in training: this plugin's PP-MobileSeg beside PaddleSeg's own, same weights, same batch."""

import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import paddle
from tqdm import tqdm

from paddleseg_mobileseg.checkpoints.published_names import published_names
from paddleseg_mobileseg.data.synthetic import SyntheticScenes
from paddleseg_mobileseg.deploy.runtime.records import host_environment
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.files import scratch_folder
from paddleseg_mobileseg.models.zoo import build_model, find_model
from paddleseg_mobileseg.processes.worker import Worker

from .results_file import ResultsFile, read_results
from .tables import CLOCKS, Table

SUITE = "training"
NETWORKS = ("pp_mobileseg_tiny", "pp_mobileseg_base")
IMPLEMENTATIONS = {"plugin": "this plugin", "paddleseg": "PaddleSeg"}
_WORKER = Path(__file__).with_name("training_worker.py")
_NUM_CLASSES = 150
_TIMEOUT = 1800


@dataclass(frozen=True)
class TrainingSettings:
    """How training is timed.

    Attributes:
        batch: images in a step.
        height, width: of an image.
        rounds: turns of each network and implementation.
        steps: recorded in a turn.
        warmup: steps before them.
        core: what to bind to; None leaves that to the system.
        clock: "wall", or "cpu" for the time that a process had its core.
    """

    batch: int = 4
    height: int = 256
    width: int = 256
    rounds: int = 5
    steps: int = 3
    warmup: int = 1
    core: Optional[int] = None
    clock: str = "wall"


@dataclass(frozen=True)
class TrainingSpeed:
    """One network in one implementation.

    Attributes:
        step_ms: forward pass, cross entropy, backward pass and AdamW, by round.
        losses: of the first steps, warm-up included.
    """

    network: str
    implementation: str
    step_ms: Dict[int, List[float]]
    losses: List[float]
    environment: Dict[str, Any]
    settings: Dict[str, Any]

    @property
    def images_per_second(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.settings["batch"] * 1e3 / ms for ms in self.round_medians().values())

    def round_medians(self) -> Dict[int, float]:
        """Median milliseconds of a step in each round."""
        return {number: statistics.median(steps) for number, steps in self.step_ms.items()}


def measure_training(results: ResultsFile, settings: TrainingSettings, networks: Sequence[str] = NETWORKS) -> None:
    """Measure what the results file does not hold yet, each turn in a process of its own.

    Raises:
        InputError: the file holds results of other settings, or of another suite.
        ToolError: training failed.
    """
    strange = [name for name in networks if name not in NETWORKS]
    if strange:
        raise InputError(f"PaddleSeg has no {strange[0]} of its own to compare with; choose from {', '.join(NETWORKS)}")
    chosen = {key: value for key, value in asdict(settings).items() if key != "rounds"}
    if any(row.get("suite") != SUITE or row["settings"] != chosen for row in results.rows):
        raise InputError("the results file holds results of other settings or suites: choose another --output")
    done = {(row["network"], row["implementation"], row["round"]) for row in results.rows}
    turns = [(name, by, number) for number in range(settings.rounds) for name in networks for by in IMPLEMENTATIONS]
    turns = [(name, by, number) for name, by, number in turns if (name, by, number) not in done]
    environment = asdict(host_environment({"paddle": paddle.__version__, **versions()}, settings.core))
    with scratch_folder() as folder:
        batch = _write_batch(settings, folder)
        checkpoints = {name: _write_checkpoint(name, folder) for name in networks}
        for name, by, number in tqdm(turns, desc=SUITE, unit="turn", disable=None, leave=False):
            options = {
                "network": name,
                "implementation": by,
                "checkpoint": str(checkpoints[name]),
                "batch": str(batch),
                "num_classes": _NUM_CLASSES,
                **{key: chosen[key] for key in ("core", "clock", "warmup", "steps")},
            }
            command = [sys.executable, str(_WORKER), json.dumps(options)]
            with Worker(command, f"training of {name}", _TIMEOUT) as worker:
                row = {"suite": SUITE, "network": name, "implementation": by, "round": number, **worker.greeting}
            results.append({**row, "environment": environment, "settings": chosen})


def _write_batch(settings: TrainingSettings, folder: Path) -> Path:
    scenes = SyntheticScenes(size=(settings.height, settings.width), count=settings.batch)
    images, labels = zip(*(scenes.scene(index) for index in range(settings.batch)))
    path = folder / "batch.npz"
    normalised = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    np.savez(path, images=normalised, labels=np.stack(labels).astype(np.int64))
    return path


def _write_checkpoint(name: str, folder: Path) -> Path:
    """Random weights under PaddleSeg's names."""
    paddle.seed(0)
    state = build_model(name, _NUM_CLASSES).state_dict()
    names = published_names(state)["paddleseg"]
    path = folder / f"{name}.pdparams"
    paddle.save({names[own]: tensor for own, tensor in state.items()}, str(path))
    return path


def read_speeds(path: Path) -> List[TrainingSpeed]:
    """The results of the training suite that a file holds; none in a file of another suite.

    Raises:
        InputError: the file cannot be read.
    """
    grouped: Dict[Tuple[str, str], List[Dict[str, Any]]] = {}
    for row in read_results(path):
        if row.get("suite") == SUITE:
            grouped.setdefault((row["network"], row["implementation"]), []).append(row)
    return [
        TrainingSpeed(
            network=name,
            implementation=by,
            step_ms={row["round"]: row["step_ms"] for row in rows},
            losses=rows[0]["losses"],
            environment=rows[0]["environment"],
            settings=rows[0]["settings"],
        )
        for (name, by), rows in grouped.items()
    ]


def training_setting(speeds: Sequence[TrainingSpeed]) -> str:
    """Where, when and how."""
    environment, settings = speeds[0].environment, speeds[0].settings
    return (
        f"Measured with Paddle {environment['versions']['paddle']} on {environment['device']} ({environment['cpu']}), "
        f"core {settings['core']}, {environment['date'][:10]}: {len(speeds[0].step_ms)} rounds of {settings['steps']} "
        f"steps with {settings['batch']} images of {settings['width']}x{settings['height']}, {_NUM_CLASSES} classes, "
        "cross entropy and AdamW, the same weights and images for both, nothing dropped. "
        f"{CLOCKS[settings['clock']]}"
    )


def training_table(speeds: Sequence[TrainingSpeed]) -> Table:
    """One row a network and implementation; ratios are within rounds, to PaddleSeg's own."""
    stock = {speed.network: speed for speed in speeds if speed.implementation == "paddleseg"}
    rows = []
    for speed in speeds:
        rows.append(
            [
                find_model(speed.network).title,
                IMPLEMENTATIONS[speed.implementation],
                f"{speed.images_per_second:.2f}",
                f"{statistics.median(speed.round_medians().values()):.0f}",
                _speed_ratio(speed, stock.get(speed.network)),
                f"{speed.losses[0]:.6f}",
                f"{speed.losses[-1]:.6f}",
            ]
        )
    titles = ["network", "of", "images a second", "a step, ms", "speed over PaddleSeg's", "first loss", "last loss"]
    return Table(titles, [False, False] + [True] * 5, rows)


def _speed_ratio(speed: TrainingSpeed, base: Optional[TrainingSpeed]) -> str:
    if base is None:
        return "-"
    mine, others = speed.round_medians(), base.round_medians()
    common = [others[number] / mine[number] for number in mine if number in others]
    return f"{statistics.median(common):.2f}" if common else "-"
