"""From a trained network to a model that runs and is timed, here and on phones.

The choices that the steps offer stand here, where a command line can name them without loading Paddle.
"""

from dataclasses import dataclass, replace

TARGETS = ("arm", "x86")
"""Processors that a model is converted for."""

FORMATS = {"nb": ".nb", "onnx": ".onnx", "tflite": ".tflite", "ncnn": ".param", "mnn": ".mnn"}
"""What an export is converted to, and how such a file's name ends; ncnn's weights lie beside it in a `.bin`."""

ENGINES = ("lite", "onnx", "litert", "ncnn", "mnn")
"""What runs a converted model: Paddle-Lite, ONNX Runtime, LiteRT, ncnn and MNN, each a format of its own."""

LABEL_MAPS = ("exact", "argmax", "vim", "none")
"""What can make the label map of a converted model; "none" leaves the output as it was exported."""

WEIGHTS = ("float32", "float16", "int16", "int8")
"""What the weights of a converted model are stored in."""

PRECISIONS = ("float32", "fp16", "int8")
"""What a converted model computes in."""

COMPUTED_IN = {"float32": "float32", "fp16": "float16", "int8": "int8"}
"""By precision: what the numbers are called that a model computes in, as the JSON file beside it says."""

OUTPUT_OPS = ("argmax", "softmax", "none")
"""What an export may append to a network."""

POWER_MODES = ("high", "low", "full", "no_bind", "rand_high", "rand_low")
"""How Paddle-Lite chooses cores on a phone."""


@dataclass(frozen=True)
class Limits:
    """How far a converted model may be from what it was converted from.

    Attributes:
        agreement: least share of pixels that must get the same class.
        difference: largest difference of logits, over the largest logit.
        score: most that the mIoU may lose, of 1.
        reason: why the format differs at all.
    """

    agreement: float
    difference: float
    score: float
    reason: str

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{100 * self.agreement:g} % of the pixels of the same class, values within {self.difference:g} of the "
            f"largest one, mIoU within {self.score:g}; {self.reason}"
        )


LIMITS = {
    "float32": Limits(0.9999, 1e-4, 0.001, "the same arithmetic, its sums in another order"),
    "int16": Limits(0.995, 0.01, 0.002, "each weight is rounded to 1/32767 of the largest one of its channel"),
    "int8": Limits(0.95, 0.1, 0.02, "each weight is rounded to 1/127 of the largest one of its channel"),
    "float16": Limits(0.99, 0.05, 0.002, "every product and sum is rounded to 11 bits"),
    "full_int8": Limits(0.97, 0.2, 0.02, "every weight and feature is rounded to 8 bits"),
}
"""By what the numbers of a model are: how its weights are stored, or what it computes in ("float16", "full_int8").

Wide enough for rounding alone in a trained network, narrow enough for a conversion that went wrong. Of three
networks trained on the built-in scenes (PP-MobileSeg-Tiny, SeaFormer-Tiny, MobileSeg with GhostNet) int8 kept 99.47 %
and more of the pixels and the mIoU within 0.0002, int16 99.995 % and more. Random weights, under which the classes of a
pixel lie close together, keep 58 to 95 % with int8.

On ARM, Paddle-Lite v2.13 divides vectors, as sigmoid does, by a reciprocal with one Newton step, which is right to some
16 bits: a network with many of them, such as Lite-HRNet-18, is 3e-5 of its largest value from Paddle there, not 1e-5.
"""


def float32_within(difference: float) -> Limits:
    """The limits of float32 with another largest difference."""
    return replace(LIMITS["float32"], difference=difference)
