"""The steps of the demo, one after the other, each on what the one before it wrote."""

import json
import os
import shutil
import sys
import time
import warnings
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
import yaml
from paddleseg.cvlibs import SegBuilder
from tqdm import tqdm

from ..checkpoints.loading import load_weights
from ..config.reader import build, load_config
from ..data.known_classes import classes_of, known_classes
from ..data.synthetic import SyntheticScenes
from ..deploy import LIMITS
from ..deploy.compare import compare
from ..deploy.convert import Conversion, convert
from ..deploy.export import export_model
from ..deploy.runtime.bench import bench
from ..deploy.runtime.lite_wheel import require_library
from ..deploy.runtime.opt import opt_version
from ..deploy.runtime.predictor import HOST_TARGET
from ..deploy.runtime.records import host_environment
from ..deploy.runtime.versions import versions
from ..errors import InputError, MobilesegError, ToolError
from ..evaluation import score
from ..files import write_text
from ..paths import CONFIGS
from ..segmenter import open_network
from .commands import mobileseg_script
from .evaluation import evaluate_checkpoint
from .images import write_images
from .report import render
from .training import train

CONFIG = CONFIGS / "demo" / "pp_mobileseg_tiny_scenes_256x192_500.yml"
MODEL = "pp_mobileseg_tiny"
TARGETS = ("x86", "arm")
OUTPUT_OPS = {"logits": "none", "labels": "argmax"}
"""What is exported, and what PaddleSeg calls the op that makes it."""
CONVERTED = "labels"
"""The export that is converted; conversion replaces what makes its labels."""
LABEL_MAPS = ("exact", "argmax")
"""What makes the label map of a converted model: the runtime behind it, or its own graph."""

SCORE_TOLERANCE = LIMITS["float32"].score
"""How far the converted model's mIoU may be from the checkpoint's."""

SCHEMA = 2
"""Of `demo.json`."""

_MARK = "# Written by `mobileseg demo`: its config with every override in it.\n"
_WRITTEN = ("config.yml", "demo.json", "report.html", "logs", "train", "exported", "lite", "images")


@dataclass(frozen=True)
class Plan:
    """How much of everything the demo does.

    Attributes:
        iters: training iterations; None for the config's.
        size: height and width of a scene; None for the config's.
        batch: scenes of an iteration, on all processes together.
        val_scenes: held out to choose the checkpoint by.
        test_scenes: held out to score it on.
        images: test scenes that become files, to compare and time on and to show.
        evaluations: evaluations during training.
        repeats: timed runs of each model.
    """

    iters: Optional[int] = None
    size: Optional[Tuple[int, int]] = None
    batch: int = 8
    val_scenes: int = 64
    test_scenes: int = 200
    images: int = 12
    evaluations: int = 5
    repeats: int = 100


FULL = Plan()
QUICK = Plan(iters=8, size=(64, 96), val_scenes=4, test_scenes=8, images=3, evaluations=2, repeats=10)
"""To see that every step works; the network learns nothing worth looking at."""


def run_demo(
    output: Union[str, Path],
    seed: int = 0,
    processes: Optional[int] = None,
    plan: Plan = FULL,
    command: str = "run_demo",
) -> Dict[str, Any]:
    """Train, evaluate, export, convert, compare and time; write `report.html` and `demo.json`.

    Args:
        output: folder for everything that is written: a new one, an empty one, or that of an earlier demo.
        seed: of the scenes, the weights and the training.
        processes: how many to train on; None for two where there are two cores.
        plan: how much to do.
        command: how it was called, for the report.

    Returns:
        What `demo.json` holds.

    Raises:
        InputError: an argument cannot be used, or something is not installed.
        ToolError: a step failed; the message names it and its log.
    """
    require_library()
    mobileseg_script()
    processes = processes or min(2, len(os.sched_getaffinity(0)))
    content = demo_config(seed, processes, plan)
    output = prepare_output(Path(output))
    write_text(output / "config.yml", _MARK + yaml.safe_dump(content, sort_keys=False))
    clock = _Clock(output / "logs")
    found, labels, scenes = _steps(output, seed, processes, plan, clock)
    result = {
        "schema": SCHEMA,
        "model": MODEL,
        "command": command,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "environment": asdict(host_environment({**versions(), "opt": opt_version()})),
        "seed": seed,
        "processes": processes,
        "iters": content["iters"],
        "size": content["train_dataset"]["size"],
        "scenes": {"train": content["train_dataset"]["count"], "val": plan.val_scenes, "test": plan.test_scenes},
        "seconds": clock.seconds,
        **found,
        "report": str(output / "report.html"),
    }
    write_text(output / "demo.json", json.dumps(result, indent=2) + "\n")
    write_text(output / "report.html", render(result, scenes, labels, plan.images))
    return result


def _steps(
    output: Path, seed: int, processes: int, plan: Plan, clock: "_Clock"
) -> Tuple[Dict[str, Any], np.ndarray, SyntheticScenes]:
    """All that is done, and what it gave: the part of the result, the predicted label maps, the test scenes."""
    config, logs, lite = output / "config.yml", output / "logs", output / "lite"
    test_opts = ["val_dataset.mode=test", f"val_dataset.count={plan.test_scenes}"]
    with clock.step("train"):
        training = train(config, output / "train", logs, processes, seed, plan.evaluations)
    checkpoint = Path(training["checkpoint"])
    with clock.step("evaluate"):
        scores = evaluate_checkpoint(config, checkpoint, test_opts, plan.test_scenes, logs / "evaluate.log")
    with clock.step("export"):
        exports = export(config, checkpoint, output / "exported")
    with clock.step("convert"):
        conversions = convert_all(output / "exported", lite)
    with clock.step("compare"):
        scenes = build(load_config(config, opts=test_opts, needs=("val_dataset",)), "val_dataset")
        images = write_images(scenes, range(plan.images), output / "images")
        agreements = agree(conversions, images)
        converted, labels = score_converted(model_file(lite, "exact", "x86"), scenes, plan.images)
        check_scores(scores["miou"], converted["miou"])
    with clock.step("bench"):
        timed = [model_file(lite, label_map, "x86") for label_map in LABEL_MAPS]
        records = bench(timed, images=images, repeats=plan.repeats)
    found = {
        "training": training,
        "checkpoint_scores": scores,
        "converted_scores": converted,
        "exports": exports,
        "models": [
            {"file": str(model.path), **asdict(model.metadata)} for models in conversions.values() for model in models
        ],
        "agreements": agreements,
        "latency": [json.loads(record.to_json()) for record in records],
    }
    return found, labels, scenes


def prepare_output(output: Path) -> Path:
    """Make the folder, or take away what an earlier demo wrote into it; its absolute path.

    Raises:
        InputError: it holds something else, or cannot be written.
    """
    output = output.absolute()
    mark = output / "config.yml"
    try:
        if output.is_dir() and any(output.iterdir()):
            if not mark.is_file() or not mark.read_text(errors="replace").startswith(_MARK):
                raise InputError(f"{output} is not empty and not of an earlier demo; choose another --output")
            for name in _WRITTEN:
                item = output / name
                shutil.rmtree(item) if item.is_dir() else item.unlink(missing_ok=True)
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {output}: {error.strerror}; choose another --output") from error
    return output


def demo_config(seed: int, processes: int, plan: Plan) -> Dict[str, Any]:
    """The demo's config with the plan in it, so that every later command needs no overrides.

    Raises:
        InputError: a number is out of range.
    """
    plain = load_config(CONFIG).dic
    iters = plain["iters"] if plan.iters is None else plan.iters
    if iters < 1 or seed < 0:
        raise InputError(f"--iters takes a number of 1 or more and --seed one of 0 or more, not {iters} and {seed}")
    if processes < 1 or plan.batch % processes:
        raise InputError(f"--processes must divide the batch of {plan.batch} scenes, and {processes} does not")
    opts = [f"lr_scheduler.warmup_iters={max(1, iters // 15)}", f"train_dataset.count={iters * plan.batch}"]
    opts += [f"val_dataset.count={plan.val_scenes}"]
    for section in ("train_dataset", "val_dataset"):
        size = list(plan.size or plain[section]["size"])
        opts += [f"{section}.seed={seed}", f"{section}.size={size}"]
    return load_config(CONFIG, iters=iters, batch_size=plan.batch // processes, opts=opts).dic


def export(config: Path, checkpoint: Path, folder: Path) -> List[Dict[str, Any]]:
    """Export the checkpoint with logits and with labels as its output, as `mobileseg export` does."""
    content = load_config(config)
    model = build(content, "model", SegBuilder(content))
    load_weights(model, checkpoint)
    input_shape = [1, 3, *content.val_dataset_cfg["size"]]
    exports = []
    for kind, output_op in OUTPUT_OPS.items():
        transforms, classes = content.val_dataset_cfg["transforms"], classes_of(content)
        exported = export_model(model, folder / kind, input_shape, output_op, transforms, classes=classes)
        total = {**asdict(exported.agreement), "pixel_agreement": exported.agreement.pixel_agreement}
        exports.append({"kind": kind, **asdict(exported), "folder": str(exported.folder), "agreement": total})
    return exports


def model_file(folder: Path, label_map: str, target: str) -> Path:
    """Where a converted model goes; the one that an application wants has the plain name."""
    return folder / (f"{MODEL}_{target}.nb" if label_map == "exact" else f"{MODEL}_{label_map}_{target}.nb")


def convert_all(exported: Path, folder: Path) -> Dict[str, List[Conversion]]:
    """Convert with either label map, for both targets; the export is lowered once for each label map."""
    conversions: Dict[str, List[Conversion]] = {label_map: [] for label_map in LABEL_MAPS}
    jobs = [(label_map, target) for label_map in LABEL_MAPS for target in TARGETS]
    for label_map, target in tqdm(jobs, desc="convert", unit="model", disable=None, leave=False):
        done = conversions[label_map]
        source = done[0].lowered if done else exported / CONVERTED
        done.append(convert(source, model_file(folder, label_map, target), target, labels=label_map))
    return conversions


def agree(conversions: Dict[str, List[Conversion]], images: List[Path]) -> List[Dict[str, Any]]:
    """Paddle against Paddle-Lite on the same images.

    Raises:
        ToolError: they do not agree.
    """
    found = []
    for label_map, models in conversions.items():
        host = next(model for model in models if model.metadata.target == HOST_TARGET)
        comparison = compare(host.lowered, host.path, images=images)
        fault = comparison.total.fault()
        if fault:
            raise ToolError(f"Paddle-Lite and Paddle disagree with the {label_map} label map: {fault}")
        found.append(comparison.to_dict())
    return found


def score_converted(nb: Path, scenes: SyntheticScenes, kept: int) -> Tuple[Dict[str, Any], np.ndarray]:
    """Score a model converted for x86: its scores with the confusion matrix, and so many label maps, [N, H, W]."""
    labels: List[np.ndarray] = []
    with open_network(nb) as network:
        found = score(
            network,
            scenes,
            known_classes(type(scenes).__name__),
            progress="evaluate .nb",
            on_labels=lambda index, each: labels.append(each.astype(np.uint8)) if index < kept else None,
        )
    return found.to_dict(confusion=True), np.stack(labels)


def check_scores(checkpoint: float, converted: float) -> None:
    """The converted model must be as good as what was trained.

    Raises:
        ToolError: it is not.
    """
    if abs(checkpoint - converted) > SCORE_TOLERANCE:
        raise ToolError(
            f"the converted model scores mIoU {converted:.4f} on the test scenes and the checkpoint {checkpoint:.4f}: "
            "please report this with the log"
        )


class _Clock:
    """Announces the steps, times them, and sends what is printed in them to logs."""

    def __init__(self, logs: Path):
        self.logs = logs
        self.seconds: Dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step; an error in it says which step it was and where the logs are."""
        self.logs.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        try:
            with _said_into(self.logs / f"{name}.log"):
                yield
        except MobilesegError as error:
            where = "" if str(self.logs) in str(error) else f"; the log is {self.logs / name}.log"
            raise type(error)(f"demo, step {name}: {error}{where}") from error
        self.seconds[name] = time.perf_counter() - start
        print(f"{name:<9} done in {self.seconds[name]:.1f} s", file=sys.stderr)


@contextmanager
def _said_into(log: Path) -> Iterator[None]:
    """Send what Paddle prints, warns and logs to a file; `sys.stderr`, for progress bars, stays where it was.

    Paddle's C++ side writes to file descriptor 2, whatever `sys.stderr` is.
    """
    before = sys.stderr
    before.flush()
    with os.fdopen(os.dup(2), "w") as terminal, open(log, "a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        try:
            with redirect_stdout(file), warnings.catch_warnings():
                warnings.showwarning = lambda message, category, *_: print(f"{category.__name__}: {message}", file=file)
                yield
        finally:
            sys.stderr = before
            os.dup2(terminal.fileno(), 2)
