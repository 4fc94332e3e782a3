"""Integers of 8 bits in an `.onnx` file: marks become ONNX's ops of quantisation, as ONNX Runtime joins them.

Its optimiser makes one int8 kernel of a convolution between DequantizeLinear of all that it reads (image, weights and
bias) and QuantizeLinear of what it writes, where nothing else stands between them
(onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selectors.cc).
"""

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Set

import numpy as np

from ...files import atomic_path
from ..ir.integers import LARGEST
from ..passes.integers_spelt_out import Integers
from .onnx_messages import Model, array_of, node_of, tensor_of

_MARK = "Round"
_ZERO = 128
"""The integer for zero where there are signs: ONNX Runtime computes with uint8, or with it and int8 mixed."""

_MOST_OF_BIAS = 2**30
"""Steps that a bias may have: as many again are left for the sum."""


def write_integers(path: Path, integers: Mapping[str, Integers]) -> None:
    """Put ops of quantisation into a file that paddle2onnx wrote, in place of marks.

    Args:
        path: of the file; it is written again.
        integers: by the name of what a mark writes, as `spell_out_integers` gives them.

    Raises:
        InputError: the file cannot be written.
    """
    model = Model.FromString(path.read_bytes())
    _Graph(model.graph, integers).rewrite()
    with atomic_path(path) as scratch:
        scratch.write_bytes(model.SerializeToString())


class _Graph:
    """A graph whose marks are being replaced.

    Attributes:
        nodes: what stands in place of the graph's.
        constants: their arrays by name.
        readers: by the name of a variable.
        steps: by the name of what a DequantizeLinear writes.
    """

    def __init__(self, graph: Any, integers: Mapping[str, Integers]):
        self.graph, self.integers = graph, integers
        self.nodes: List[Any] = []
        self.constants: Dict[str, np.ndarray] = {each.name: array_of(each) for each in graph.initializer}
        self.readers: Dict[str, List[Any]] = {}
        self.steps: Dict[str, np.ndarray] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def rewrite(self) -> None:
        for node in self.graph.node:
            self._note_constant(node)
        # Sums that have become biases.
        gone: Set[str] = set()
        for node in self.graph.node:
            if node.op_type == _MARK and node.output[0] in self.integers:
                self._mark(node)
            elif node.output[0] not in gone:
                if node.op_type == "Conv" and all(name in self.steps for name in node.input):
                    gone.update(self._take_bias(node))
                self.nodes.append(node)
        self._keep_what_is_needed()

    def _note_constant(self, node: Any) -> None:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    self.constants[node.output[0]] = array_of(attribute.t)
        if node.op_type == "Reshape" and all(name in self.constants for name in node.input):
            array, shape = (self.constants[name] for name in node.input)
            # A 0 would stand for a size of `array`.
            if array.size and 0 not in shape:
                self.constants[node.output[0]] = array.reshape([int(size) for size in shape])

    def _mark(self, mark: Any) -> None:
        source, result = mark.input[0], mark.output[0]
        steps, axis, unsigned = self.integers[result]
        attributes: Dict[str, int] = {}
        stored = f"{result}.integers"
        if axis is None:
            scale = self._constant(f"{result}.scale", steps.reshape([]))
            zero = self._constant(f"{result}.zero", np.array(0 if unsigned else _ZERO, np.uint8))
            self.nodes.append(node_of("QuantizeLinear", [source, scale, zero], stored))
        else:
            steps = self._large_enough(result, steps)
            scale = self._constant(f"{result}.scale", steps)
            zero = self._constant(f"{result}.zero", np.zeros(len(steps), np.int8))
            self._constant(stored, _integers_of(self.constants[source], steps, axis))
            attributes["axis"] = axis
        self.nodes.append(node_of("DequantizeLinear", [stored, scale, zero], result, **attributes))
        self.steps[result] = steps

    def _large_enough(self, weights: str, steps: np.ndarray) -> np.ndarray:
        """Steps of weights with which the bias fits into int32: its step is theirs times that of the image.

        What a channel of zeros adds is its bias alone, and beside such a bias weights do not count.
        """
        for convolution in self.readers[weights]:
            bias = self._bias_behind(convolution)
            if bias is not None and convolution.input[0] in self.steps:
                least = np.abs(bias).astype(np.float64) / (float(self.steps[convolution.input[0]][0]) * _MOST_OF_BIAS)
                steps = np.maximum(steps, least.astype(np.float32))
        return np.where(steps > 0, steps, np.float32(1))

    def _take_bias(self, convolution: Any) -> List[str]:
        """Make the sum behind a convolution its bias, in int32; gives the names of what is not computed any more."""
        bias = self._bias_behind(convolution)
        if bias is None:
            return []
        name = convolution.output[0]
        # ONNX Runtime takes the bias to be in this step, whatever is said of it.
        steps = self.steps[convolution.input[0]] * self.steps[convolution.input[1]]
        stored = self._constant(f"{name}.bias", np.rint(bias / steps.astype(np.float64)).astype(np.int32))
        scale = self._constant(f"{name}.bias.scale", steps)
        self.nodes.append(node_of("DequantizeLinear", [stored, scale], f"{name}.bias.value", axis=0))
        convolution.input.append(f"{name}.bias.value")
        convolution.output[0] = self.readers[name][0].output[0]
        return [convolution.output[0]]

    def _bias_behind(self, convolution: Any) -> Optional[np.ndarray]:
        """What the only reader of a convolution's result adds to its channels, [C]; None where there is no such."""
        name = convolution.output[0]
        readers = self.readers.get(name, [])
        if convolution.op_type != "Conv" or len(convolution.input) != 2 or len(readers) != 1:
            return None
        return self._bias(name, readers[0])

    def _bias(self, name: str, reader: Any) -> Optional[np.ndarray]:
        others = [each for each in reader.input if each != name]
        if reader.op_type != "Add" or len(others) != 1 or others[0] not in self.constants:
            return None
        array = self.constants[others[0]]
        # [1, C, 1, 1] or [C, 1, 1].
        channels = array.shape[-3] if array.ndim >= 3 else 0
        return array.ravel().astype(np.float32) if channels and channels == array.size else None

    def _constant(self, name: str, array: np.ndarray) -> str:
        self.graph.initializer.append(tensor_of(array, name))
        return name

    def _keep_what_is_needed(self) -> None:
        needed = {output.name for output in self.graph.output}
        kept: List[Any] = []
        for node in reversed(self.nodes):
            if any(name in needed for name in node.output):
                needed.update(node.input)
                kept.append(node)
        # The graph's own messages would be emptied with it.
        copies = [type(node).FromString(node.SerializeToString()) for node in reversed(kept)]
        del self.graph.node[:]
        self.graph.node.extend(copies)


def _integers_of(weights: np.ndarray, steps: np.ndarray, axis: int) -> np.ndarray:
    shape = [-1 if each == axis else 1 for each in range(weights.ndim)]
    with np.errstate(invalid="ignore", divide="ignore"):
        units = weights.astype(np.float64) / steps.reshape(shape).astype(np.float64)
    units = np.where(np.isfinite(units), units, 0.0)
    return np.clip(np.copysign(np.floor(np.abs(units) + 0.5), units), -LARGEST, LARGEST).astype(np.int8)
