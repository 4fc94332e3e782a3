"""Inside an environment: its Python imports everything once, and each command is run by a fork of that process.

Importing takes longer than most commands. Lines of JSON come in, each with the command's arguments and the files that
its output goes to; one line goes out when it has ended.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Dict, List

import cv2
import numpy as np
import paddle
import paddleseg
from PIL import Image

import paddleseg_mobileseg
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.data.scenes import CLASSES, draw_scene
from paddleseg_mobileseg.files import write_text
from support.golden import NAMES, fill, golden_input, golden_logits, relative_difference
from versions.trial import HEIGHT, ITERATIONS, WIDTH

_COUNTS = {"train": 16, "val": 4}


def imports() -> Dict[str, Any]:
    """The versions that are really loaded."""
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "paddle": paddle.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "paddleseg": str(Path(paddleseg.__file__).parent),
        "plugin": str(Path(paddleseg_mobileseg.__file__).parent),
    }


def golden() -> Dict[str, Any]:
    """How far each network is from what the published code computed, over the largest value."""
    found = {}
    for name in NAMES:
        model = fill(paddleseg_mobileseg.build_model(name, 150))
        with paddle.no_grad():
            logits = model.logits(paddle.to_tensor(golden_input(96, 160))).numpy()
        found[name] = relative_difference(logits, golden_logits(name, 96, 160))
    return found


def task(folder: str) -> Dict[str, Any]:
    """Write what all combinations train on: pictures, labels, first weights and a config in which nothing is random."""
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    for split, count in _COUNTS.items():
        for index in range(count):
            image, label = draw_scene(np.random.default_rng((len(split), index)), HEIGHT, WIDTH)
            Image.fromarray(image).save(place / f"{split}{index}.png")
            Image.fromarray(label).save(place / f"{split}{index}_label.png")
        lines = [f"{split}{index}.png {split}{index}_label.png\n" for index in range(count)]
        write_text(place / f"{split}.txt", "".join(lines))
    model = {
        "type": "MobileSegmentor",
        "num_classes": len(CLASSES),
        "backbone": {"type": "StrideFormer_Tiny", "drop_path_rate": 0.0},
        "neck": {"type": "AAM", "output_stride": 16},
        "head": {"type": "SegHead", "dropout": 0.0},
        "upsample": {"type": "Bilinear"},
    }
    paddle.seed(1)
    built = paddleseg_mobileseg.build_model("pp_mobileseg_tiny", len(CLASSES))
    paddle.save(built.state_dict(), str(place / "first.pdparams"))
    paddle.save(fill(built).state_dict(), str(place / "rebuilt.pdparams"))
    data = {
        "type": "Dataset",
        "dataset_root": str(place),
        "num_classes": len(CLASSES),
        "transforms": [{"type": "Normalize"}],
    }
    config = {
        "batch_size": 4,
        "iters": ITERATIONS,
        "train_dataset": {**data, "mode": "train", "train_path": str(place / "train.txt")},
        "val_dataset": {**data, "mode": "val", "val_path": str(place / "val.txt")},
        "optimizer": {"type": "AdamW", "weight_decay": 0.01},
        # Its own number of steps, so that a shorter training begins in the same way.
        "lr_scheduler": {
            "type": "PolynomialDecay", "learning_rate": 0.001, "end_lr": 0.0, "power": 1.0, "decay_steps": ITERATIONS,
        },
        "loss": {"types": [{"type": "CrossEntropyLoss"}], "coef": [1]},
        "model": {**model, "pretrained": str(place / "first.pdparams")},
    }
    # JSON is YAML.
    write_text(place / "config.yml", json.dumps(config, indent=1))
    return {}


_OWN = {"imports": imports, "golden": golden, "task": task}


def _command(arguments: List[str]) -> int:
    """`mobileseg` with these arguments, or a function of this module, whose result is printed as JSON."""
    if arguments[0] not in _OWN:
        return main(arguments)
    print(json.dumps(_OWN[arguments[0]](*arguments[1:])))
    return 0


def _forked(arguments: List[str], stdout: str, stderr: str) -> int:
    """The id of a process, with a group of its own, that runs a command and ends."""
    process = os.fork()
    if process:
        os.setpgid(process, process)
        return process
    status = 1
    try:
        for number, path in ((1, stdout), (2, stderr)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        status = _command(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def serve() -> None:
    """Run commands one after the other until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        request = json.loads(line)
        deadline = time.monotonic() + request.pop("seconds")
        process = _forked(**request)
        ended, status = os.waitpid(process, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(0.05)
            ended, status = os.waitpid(process, os.WNOHANG)
        if not ended:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        answers.write(json.dumps({"status": code if ended else None}) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
