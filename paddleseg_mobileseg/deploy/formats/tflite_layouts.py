"""Variables of a program as tensors of LiteRT, whose images have their channels last."""

from typing import Dict, List, Sequence, Tuple

import numpy as np

from ..ir.edit import Edit
from ..ir.exported import ExportedModel
from ..ir.program import DTYPES, tensor_of
from .tflite_graph import TfliteGraph

PLAIN, IMAGE = "plain", "image"
"""How a tensor lies: as in the program, or [N, H, W, C] for what is [N, C, H, W] there."""

TO_IMAGE, TO_PLAIN = (0, 2, 3, 1), (0, 3, 1, 2)


class Tensors:
    """The tensors that stand for the variables of a program, each in the layout that it was made in or is asked for.

    Args:
        model: a lowered program.
        graph: to put them into.
    """

    def __init__(self, model: ExportedModel, graph: TfliteGraph):
        self.edit, self.graph = Edit(model), graph
        self._known: Dict[Tuple[str, str], int] = {}
        self._native: Dict[str, str] = {}

    def dims(self, name: str) -> List[int]:
        """The sizes of a variable, as the program has them."""
        return self.edit.dims(name)

    def dtype(self, name: str) -> str:
        return str(DTYPES[tensor_of(self.edit.variables[name]).data_type])

    def native(self, name: str) -> str:
        """The layout that a variable was made in; a parameter has either."""
        return self._native.get(name, IMAGE)

    def output(self, name: str, layout: str) -> Tuple[Sequence[int], str, str]:
        """Shape, dtype and name of a variable that an op is to write."""
        return self.laid_out(self.dims(name), layout), self.dtype(name), name

    @staticmethod
    def laid_out(dims: Sequence[int], layout: str) -> List[int]:
        return [dims[axis] for axis in TO_IMAGE] if layout == IMAGE else list(dims)

    def define(self, name: str, layout: str, tensor: int) -> None:
        """Say which tensor a variable is."""
        self._known[name, layout] = tensor
        self._native[name] = layout

    def alias(self, name: str, source: str) -> None:
        """Let a variable be another one."""
        for layout in (PLAIN, IMAGE):
            if (source, layout) in self._known:
                self._known[name, layout] = self._known[source, layout]
        self._native[name] = self.native(source)

    def get(self, name: str, layout: str) -> int:
        """A variable's tensor in a layout, turned into it where it has another; IMAGE is for four axes alone."""
        if (name, layout) not in self._known:
            array = self.edit.parameter(name)
            if array is not None:
                array = array.transpose(TO_IMAGE) if layout == IMAGE else array
                self._known[name, layout] = self.graph.constant(array, name)
            else:
                axes, other = (TO_IMAGE, PLAIN) if layout == IMAGE else (TO_PLAIN, IMAGE)
                self._known[name, layout] = self.turned(self._known[name, other], axes, name)
        return self._known[name, layout]

    def turned(self, tensor: int, axes: Sequence[int], name: str) -> int:
        """A tensor with its axes in another order."""
        shape = self.graph.shape(tensor)
        turned = [shape[axis] for axis in axes]
        if [axis for axis in axes if shape[axis] > 1] == [axis for axis in sorted(axes) if shape[axis] > 1]:
            return self.reshaped(tensor, turned, name)
        order = self.graph.constant(np.asarray(axes, np.int32), "axes")
        written = [(turned, self.graph.dtype(tensor), name)]
        return self.graph.op("TRANSPOSE", [tensor, order], written, "TransposeOptions")[0]

    def reshaped(self, tensor: int, shape: Sequence[int], name: str) -> int:
        """A tensor of another shape."""
        if self.graph.shape(tensor) == list(shape):
            return tensor
        sizes = np.asarray(shape, np.int32)
        to, dtype = self.graph.constant(sizes, "shape"), self.graph.dtype(tensor)
        return self.graph.op("RESHAPE", [tensor, to], [(shape, dtype, name)], "ReshapeOptions", newShape=sizes)[0]
