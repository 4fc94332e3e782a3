"""From a trained network to the static graph that conversion starts from, checked against the network itself."""

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Union

import numpy as np
import paddle
from paddle import nn
from paddleseg.deploy.export import WrappedModel

from ..classes import Classes, classes_list
from ..errors import InputError, ToolError
from ..files import atomic_folder
from ..models.output_op import check_output_op
from . import OUTPUT_OPS, float32_within
from .ir.deploy_yaml import deploy_yaml
from .ir.static_graph import reason
from .runtime.agreement import Agreement, measure_agreement, total_agreement

MAX_DIFFERENCE = 1e-5
"""Largest difference between the static graph and the network, over the largest value."""

_PROBE_SIZES = ((256, 256), (192, 320))
"""Heights and widths to compare at, where the exported graph leaves them open."""

_EXPORT_STAGE = "PADDLESEG_EXPORT_STAGE"


_REFUSED = re.compile(r"(\w+)\(\): argument .* must be Value, but got Variable")
"""What a function says that is in C++ only, and not in the table of `patches.old_programs`."""


class NoOldProgram(ToolError):
    """This Paddle does not write the kind of program that opt reads, which Paddle 2.6 does."""

    def __init__(self, why: str):
        super().__init__(
            f"Paddle {paddle.__version__} cannot write a .pdmodel of this network, which Paddle-Lite needs: {why}; "
            "`mobileseg export` does it with a Paddle 2.6.2 that it keeps for that"
        )


@dataclass(frozen=True)
class Export:
    """What was written, and how well it agrees with the network.

    Attributes:
        folder: holds `files`.
        files: program, parameters and deployment description.
        input_shape: [N, C, H, W], -1 where it is open.
        output_op: what was appended to the network.
        output_dtype: of the output that was seen, "int32" for a label map.
        agreement: of the static graph's output with the network's, over all the inputs that were tried.
    """

    folder: Path
    files: List[str]
    input_shape: List[int]
    output_op: str
    output_dtype: str
    agreement: Agreement


class _Whole(nn.Layer):
    """A network as the root of a static graph of its own, so that the network itself stays as it is."""

    def __init__(self, model: nn.Layer):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)


def export_model(
    model: nn.Layer,
    save_dir: Union[str, Path],
    input_shape: Optional[Sequence[int]] = None,
    output_op: str = "argmax",
    transforms: Optional[List[Any]] = None,
    file_name: str = "model",
    description_name: str = "deploy.yaml",
    classes: Optional[Classes] = None,
) -> Export:
    """Write the static graph of a network as PaddleSeg's tools/export.py does, and compare it with the network.

    Args:
        model: any PaddleSeg model; its mode is left as it was.
        save_dir: gets `model.pdmodel`, `model.pdiparams` and `deploy.yaml`, all of them or none.
        input_shape: [N, C, H, W], -1 for an open size; None leaves N, H and W open, as PaddleSeg does.
        output_op: "argmax" or "softmax" over the classes is appended, "none" leaves the output as it is.
        transforms: the preprocessing of a config, written into deploy.yaml.
        file_name: of program and parameters.
        description_name: of the description.
        classes: names and colours, written into deploy.yaml, for whoever uses the network.

    Raises:
        InputError: the network does not take the shape, VIM's label map would be ruined by `output_op`, or the
            folder cannot be written.
        ToolError: the static graph gives something else than the network; `NoOldProgram` where this Paddle cannot
            write one that opt reads.
    """
    if output_op not in OUTPUT_OPS:
        raise InputError(f"there is no output op '{output_op}'; choose from {', '.join(OUTPUT_OPS)}")
    check_output_op(model, output_op)
    shape = _input_shape(input_shape)
    with _export_stage(), _evaluation(model), atomic_folder(save_dir) as scratch:
        root = _Whole(model) if output_op == "none" else WrappedModel(model, output_op)
        root.eval()
        probes = _probes(shape)
        expected = [_run(root, probe, model) for probe in probes]
        _save(root, shape, scratch / file_name, model)
        agreement = _agreement(scratch / file_name, probes, expected)
        description = {
            "model": f"{file_name}.pdmodel",
            "params": f"{file_name}.pdiparams",
            "transforms": transforms,
            "input_shape": shape,
            "output_op": output_op,
            "output_dtype": str(expected[0].dtype),
        }
        if classes is not None:
            description["classes"] = classes_list(classes)
        (scratch / description_name).write_text(deploy_yaml(description), encoding="utf-8")
    return Export(
        folder=Path(save_dir),
        files=[description["model"], description["params"], description_name],
        input_shape=shape,
        output_op=output_op,
        output_dtype=description["output_dtype"],
        agreement=agreement,
    )


def _input_shape(given: Optional[Sequence[int]]) -> List[int]:
    shape = [-1, 3, -1, -1] if given is None else list(given)
    if len(shape) != 4 or any(size < 1 and size != -1 for size in shape):
        raise InputError(f"input shape {shape} must be four sizes, N C H W, such as 1 3 512 512")
    return shape


def _probes(shape: Sequence[int]) -> List[np.ndarray]:
    """Random images of the shape, of several sizes where it leaves the size open; float32, normalised."""
    defaults = [(1, 3, *size) for size in _PROBE_SIZES]
    sizes = {tuple(d if s == -1 else s for s, d in zip(shape, default)): None for default in defaults}
    random = np.random.default_rng(0)
    return [random.standard_normal(size, dtype=np.float32) for size in sizes]


@contextmanager
def _export_stage() -> Iterator[None]:
    """The variable by which PaddleSeg's models, VIM among them, know that they are being exported."""
    before = os.environ.get(_EXPORT_STAGE)
    os.environ[_EXPORT_STAGE] = "True"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_EXPORT_STAGE]
        else:
            os.environ[_EXPORT_STAGE] = before


@contextmanager
def _evaluation(model: nn.Layer) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        if was_training:
            model.train()


def _run(root: nn.Layer, probe: np.ndarray, model: nn.Layer) -> np.ndarray:
    try:
        with paddle.no_grad():
            return root(paddle.to_tensor(probe))[0].numpy()
    except Exception as error:  # Paddle raises whatever its C++ side is mapped to
        height, width = probe.shape[2:]
        hint = "" if height % 32 == width % 32 == 0 else "; try a height and width that are multiples of 32"
        raise InputError(
            f"{type(model).__name__} does not take an input of {list(probe.shape)}: {reason(error)}{hint}"
        ) from error


def _save(root: nn.Layer, shape: List[int], path: Path, model: nn.Layer) -> None:
    spec = paddle.static.InputSpec(shape=shape, dtype="float32")
    try:
        paddle.jit.save(paddle.jit.to_static(root, input_spec=[spec], full_graph=True), str(path))
    except OSError:
        raise
    except Exception as error:
        refused = _REFUSED.search(str(error))
        if refused:
            raise NoOldProgram(f"its {refused.group(1)} takes values of the new kind of program only") from error
        raise InputError(
            f"{type(model).__name__} cannot be exported at input shape {shape}: {reason(error)}"
        ) from error
    if not path.with_suffix(".pdmodel").is_file():
        if os.environ.get("FLAGS_enable_pir_api") != "0":
            raise ToolError(
                f"Paddle {paddle.__version__} did not write {path.name}.pdmodel, which Paddle-Lite needs, since "
                "FLAGS_enable_pir_api is on: unset it, and import paddleseg_mobileseg before paddle"
            )
        raise NoOldProgram("it wrote another kind of program")


def _agreement(path: Path, probes: List[np.ndarray], expected: List[np.ndarray]) -> Agreement:
    try:
        graph = paddle.jit.load(str(path))
        graph.eval()
        outputs = [graph(paddle.to_tensor(probe)) for probe in probes]
    except Exception as error:
        raise InputError(
            f"the exported {path.name} cannot be read back ({reason(error)}); is the disk full?"
        ) from error
    outputs = [(each[0] if isinstance(each, (list, tuple)) else each).numpy() for each in outputs]
    agreement = total_agreement(
        [
            measure_agreement(reference, output, f"an input of {list(probe.shape)}")
            for reference, output, probe in zip(expected, outputs, probes)
        ]
    )
    fault = agreement.fault(float32_within(MAX_DIFFERENCE))
    if fault:
        raise ToolError(f"the static graph does not give what the network gives: {fault}; nothing was written")
    return agreement
