"""What is tried of each combination, one function a column: it returns the figure of a success, or raises."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np

from paddleseg_mobileseg.errors import ToolError

from .combinations import REGISTRY_PADDLESEG
from .trial import ITERATIONS, SHAPE, Trial, labels_below

LOSS, GOLDEN, MIOU, LABELS = 1e-4, 5e-5, 1e-4, 0.9999
"""Largest difference of a loss, of logits over the largest, of an mIoU; least share of equal labels."""


@dataclass(frozen=True)
class Step:
    """A column of the table.

    Attributes:
        meaning: what its figure is.
        attempt: called with the trial and that of the reference.
        after: the step whose files it needs.
    """

    name: str
    meaning: str
    attempt: Callable[[Trial, Trial], str]
    after: str = ""


def _at_most(value: float, most: float, what: str) -> str:
    if not value <= most:
        raise ToolError(f"{what}: {value:.1e}, at most {most:g} is allowed")
    return f"{value:.1e}"


def _equal_labels(seen: np.ndarray, expected: np.ndarray) -> str:
    if seen.shape != expected.shape:
        raise ToolError(f"labels of shape {list(seen.shape)}, those of the reference have {list(expected.shape)}")
    return _at_least(float(np.mean(seen == expected)))


def _at_least(share: float) -> str:
    if not share >= LABELS:
        raise ToolError(f"{100 * share:.4f} % of the labels agree, at least {100 * LABELS:g} % must")
    return f"{100 * share:.3f} %"


def _imports(trial: Trial, reference: Trial) -> str:
    """The versions that were asked for are those that are loaded."""
    found = trial.probe("imports")
    wanted = trial.combination
    for name, version in (("python", wanted.python), ("paddle", wanted.paddle), ("numpy", wanted.numpy)):
        if not f"{found[name]}.".startswith(f"{version}."):
            raise ToolError(f"{name} {found[name]} is loaded instead of {version}")
    if not f"{wanted.opencv}.".startswith(f"{found['opencv']}."):
        raise ToolError(f"OpenCV {found['opencv']} is loaded instead of {wanted.opencv}")
    if wanted.paddleseg != REGISTRY_PADDLESEG and Path(found["paddleseg"]).parent != trial.checkout:
        raise ToolError(f"PaddleSeg is loaded from {found['paddleseg']}")
    return f"{trial.server.environment.megabytes()} MB"


def _golden(trial: Trial, reference: Trial) -> str:
    found = trial.probe("golden")
    return _at_most(max(found.values()), GOLDEN, max(found, key=found.__getitem__))


def _curve(losses: Dict[int, float], reference: Trial, first: int) -> str:
    """The largest difference from the reference's losses, from iteration `first` on."""
    expected = reference.losses("run")
    if sorted(losses) != list(range(first, ITERATIONS + 1)):
        raise ToolError(f"losses of the iterations {sorted(losses)}")
    return _at_most(max(abs(value - expected[number]) for number, value in losses.items()), LOSS, "losses differ")


def _train(trial: Trial, reference: Trial) -> str:
    return _curve(trial.train("run"), reference, 1)


def _resume(trial: Trial, reference: Trial) -> str:
    return _curve(trial.train("resumed", "--resume_model", reference.checkpoint(10)), reference, 11)


def _resume_there(trial: Trial, reference: Trial) -> str:
    name = f"resumed-{trial.combination.name}"
    return _curve(reference.train(name, "--resume_model", trial.checkpoint(10)), reference, 11)


def _weights(reference: Trial) -> Path:
    """Those of the golden vectors: after so short a training every pixel would get the same class."""
    return reference.task / "rebuilt.pdparams"


def _val(trial: Trial, reference: Trial) -> str:
    difference = abs(trial.val(_weights(reference))["miou"] - reference.scores()["miou"])
    return _at_most(difference, MIOU, "mIoU differs")


def _predict(trial: Trial, reference: Trial) -> str:
    return _equal_labels(trial.predict(_weights(reference)), labels_below(reference.folder / "seen"))


def _export(trial: Trial, reference: Trial) -> str:
    said = trial.export(_weights(reference))
    if not (trial.folder / "export" / "model.pdmodel").is_file():
        raise ToolError("no .pdmodel was written")
    return _at_least(said["agreement"]["pixel_agreement"])


def _convert(target: str) -> Callable[[Trial, Trial], str]:
    def attempt(trial: Trial, reference: Trial) -> str:
        written = trial.convert(target).read_bytes()
        same = written == (reference.folder / f"{target}.nb").read_bytes()
        return f"{len(written) >> 10} kB, {'same' if same else 'other'} bytes"

    return attempt


def _compare(trial: Trial, reference: Trial) -> str:
    return _compared(trial, trial.folder / "export", "--nb", trial.folder / "x86.nb")


def _compared(trial: Trial, export: Path, *flags: Any) -> str:
    said = json.loads(trial.mobileseg("compare", export, "--random", 2, "--json", *flags))
    return _at_least(min(each["pixel_agreement"] for each in said["inputs"]))


def _stock_train(trial: Trial, reference: Trial) -> str:
    flags = ["--device", "cpu", "--seed", 1, "--iters", 2, "--log_iters", 1, "--save_interval", 2]
    printed = trial.tool("train", *flags, "--save_dir", trial.folder / "stock")
    losses = [float(value) for value in re.findall(r"iter: \d+/2, loss: ([\d.]+)", printed)]
    if len(losses) != 2 or not (trial.folder / "stock" / "iter_2" / "model.pdparams").is_file():
        raise ToolError(f"{len(losses)} losses were printed, and two expected, with a checkpoint")
    expected = reference.losses("run")
    # Printed with four digits.
    return _at_most(max(abs(losses[index] - expected[index + 1]) for index in range(2)), LOSS + 5e-5, "losses differ")


def _stock_val(trial: Trial, reference: Trial) -> str:
    printed = trial.tool("val", "--device", "cpu", "--model_path", _weights(reference))
    found = re.search(r"mIoU: ([\d.]+)", printed)
    if not found:
        raise ToolError("no mIoU was printed")
    return _at_most(abs(float(found.group(1)) - reference.scores()["miou"]), MIOU + 5e-5, "mIoU differs")


def _stock_predict(trial: Trial, reference: Trial) -> str:
    out = trial.folder / "stock-seen"
    flags = ["--device", "cpu", "--image_path", trial.task / "val.txt", "--save_dir", out]
    trial.tool("predict", "--model_path", _weights(reference), *flags)
    return _equal_labels(labels_below(out), labels_below(reference.folder / "seen"))


def _stock_export(trial: Trial, reference: Trial) -> str:
    out = trial.folder / "stock-export"
    flags = ["--input_shape", *SHAPE, "--output_op", "none", "--save_dir", out]
    trial.tool("export", "--model_path", _weights(reference), *flags)
    if not (out / "model.pdmodel").is_file():
        raise ToolError("no .pdmodel was written")
    return _compared(trial, out)


STEPS: Tuple[Step, ...] = (
    Step("import", "the versions that were asked for are loaded; size of the environment", _imports),
    Step("golden", f"logits of the six published networks, largest difference over largest value, below {GOLDEN:g}",
         _golden, "import"),
    Step("train", f"{ITERATIONS} iterations of AdamW; largest difference of a loss from the reference's, at most "
         f"{LOSS:g}", _train, "import"),
    Step("resume", "from the reference's checkpoint at half, with the optimizer's state; the same figure", _resume,
         "import"),
    Step("resumed there", "its own checkpoint at half, resumed in the reference; the same figure", _resume_there,
         "train"),
    Step("val", f"difference of the mIoU from the reference's, of one checkpoint, at most {MIOU:g}", _val, "import"),
    Step("predict", "labels equal to the reference's, of one checkpoint", _predict, "import"),
    Step("export", "a .pdmodel; its labels equal to the checkpoint's", _export, "import"),
    Step("arm", "`convert --target arm`; whether the .nb is byte for byte the reference's", _convert("arm"), "export"),
    Step("x86", "`convert --target x86`; the same", _convert("x86"), "export"),
    Step("compare", "labels of the x86 .nb in Paddle-Lite equal to those of the export in this Paddle", _compare,
         "x86"),
    Step("stock train", "PaddleSeg's own tools/train.py, two iterations; difference of the losses, which it prints to "
         "four digits", _stock_train, "import"),
    Step("stock val", "tools/val.py; difference of the mIoU, which it prints to four digits", _stock_val, "import"),
    Step("stock predict", "tools/predict.py; labels equal to the reference's", _stock_predict, "import"),
    Step("stock export", "tools/export.py; labels in Paddle-Lite equal to those in this Paddle", _stock_export,
         "import"),
)
