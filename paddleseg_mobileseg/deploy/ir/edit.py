"""Changing the main block of a program op by op: who writes and reads a variable, and new ones beside them."""

from collections import defaultdict
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from .exported import ExportedModel
from .program import (
    TENSOR,
    VAR_TYPES,
    AttrType,
    OpDesc,
    dims_of,
    inputs_of,
    outputs_of,
    set_attr,
    set_tensor,
    tensor_of,
)


class Edit:
    """A program without loops that is being rewritten in place.

    Its ops are taken out, changed as a list, and put back by `close`. What is not reached by the output any more is
    left to `keep_what_is_needed`.

    Args:
        model: its input shape fixed, and every variable's sizes known.
    """

    def __init__(self, model: ExportedModel):
        self.model = model
        self.ops: List[OpDesc] = [OpDesc.FromString(op.SerializeToString()) for op in model.block.ops]
        self.variables = model.variables()
        self.index()

    def index(self) -> None:
        """Bring producers and readers up to date after a change of `ops`."""
        self.producers: Dict[str, OpDesc] = {}
        self._readers: Dict[str, List[OpDesc]] = defaultdict(list)
        for op in self.ops:
            for name in dict.fromkeys(inputs_of(op)):
                self._readers[name].append(op)
            # A batch norm in evaluation names its statistics as outputs too, and leaves them as they are.
            for name in set(outputs_of(op)) - set(inputs_of(op)):
                self.producers[name] = op

    def readers(self, name: str) -> List[OpDesc]:
        """The ops that read a variable, in their order; the one that fetches the result is among them."""
        return self._readers[name]

    def only_reader(self, name: str) -> Optional[OpDesc]:
        """The op that alone reads a variable; None where several do, or none does."""
        readers = self._readers[name]
        return readers[0] if len(readers) == 1 else None

    def dims(self, name: str) -> List[int]:
        return dims_of(self.variables[name])

    def parameter(self, name: str) -> Optional[np.ndarray]:
        """The array of a parameter that no op writes; None for anything else."""
        return None if name in self.producers else self.model.params.get(name)

    def new_parameter(self, base: str, array: np.ndarray) -> str:
        """A parameter of its own; its name begins with `base`.

        Args:
            array: float32.
        """
        name = self._free(base)
        variable = self.model.block.vars.add(name=name, persistable=True)
        variable.type.type = TENSOR
        tensor_of(variable).data_type = VAR_TYPES[np.dtype(np.float32)]
        set_tensor(variable, array.shape)
        self.variables[name] = variable
        self.model.params[name] = np.ascontiguousarray(array, np.float32)
        return name

    def new_variable(self, like: str, dims: Sequence[int]) -> str:
        """A variable of the dtype of another one; its name begins with that one's."""
        name = self._free(like)
        variable = self.model.block.vars.add()
        variable.CopyFrom(self.variables[like])
        variable.name, variable.persistable = name, False
        set_tensor(variable, dims)
        self.variables[name] = variable
        return name

    def _free(self, base: str) -> str:
        number = 0
        while f"{base}.{number}" in self.variables:
            number += 1
        return f"{base}.{number}"

    def read_through_reshape(self, op: OpDesc, name: str) -> None:
        """Put a reshape to the same shape before an op that reads a variable, so that opt joins nothing over it.

        Paddle-Lite reshapes in place, so no number moves.
        """
        dims = self.dims(name)
        same = self.new_variable(name, dims)
        position = next(index for index, each in enumerate(self.ops) if each is op)
        self.ops.insert(position, new_op("reshape", {"X": [name]}, {"Out": [same]}, shape=dims))
        set_input(op, name, same)

    def close(self) -> None:
        """Put the ops back into the program."""
        self.model.set_ops(self.ops)


def new_op(kind: str, inputs: Dict[str, List[str]], outputs: Dict[str, List[str]], **attributes: Any) -> OpDesc:
    """An op.

    Args:
        kind: its type.
        inputs, outputs: names of variables by parameter.
        attributes: numbers, truth values, texts, and lists of whole numbers.
    """
    op = OpDesc(type=kind)
    for parameter, names in inputs.items():
        op.inputs.add(parameter=parameter, arguments=names)
    for parameter, names in outputs.items():
        op.outputs.add(parameter=parameter, arguments=names)
    for name, value in attributes.items():
        set_attr(op, name, value, _attribute_type(value))
    return op


def _attribute_type(value: Any) -> int:
    if isinstance(value, list):
        return AttrType.INTS
    return {bool: AttrType.BOOLEAN, int: AttrType.INT, float: AttrType.FLOAT, str: AttrType.STRING}[type(value)]


def copied(op: OpDesc, inputs: Dict[str, List[str]], outputs: Dict[str, List[str]]) -> OpDesc:
    """An op with the attributes of another one, and other variables for some of its parameters."""
    copy = OpDesc.FromString(op.SerializeToString())
    for slots, changed in ((copy.inputs, inputs), (copy.outputs, outputs)):
        for slot in slots:
            if slot.parameter in changed:
                slot.arguments[:] = changed[slot.parameter]
    return copy


def set_input(op: OpDesc, old: str, new: str) -> None:
    """Let an op read `new` wherever it reads `old`."""
    for slot in op.inputs:
        slot.arguments[:] = [new if name == old else name for name in slot.arguments]


def set_output(op: OpDesc, parameter: str, name: str) -> None:
    """Let an op write one of its outputs to another variable."""
    for slot in op.outputs:
        if slot.parameter == parameter:
            slot.arguments[:] = [name]
