"""Paddle's own executor and shape inference, for whole programs and for single ops, in the worker of this process."""

import re
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Sequence

import numpy as np
import paddle

from ...errors import InputError, shown
from .exported import ExportedModel
from .paddle_process import Refused, paddle_process
from .program import TENSOR, OpDesc, ProgramDesc, VarDesc, dims_of, inputs_of, outputs_of
from .structure import fault_of_dims

_OP_TIMEOUT = 60
_RUN_TIMEOUT = 300
_LOOP_TIMEOUT = 120
"""Seconds for a program with loops, which networks for phones have none of but PaddleSeg's VIM."""


@contextmanager
def static_mode() -> Iterator[None]:
    """Paddle's static-graph mode, and the mode there was afterwards."""
    was_dynamic = paddle.in_dynamic_mode()
    paddle.enable_static()
    try:
        yield
    finally:
        if was_dynamic:
            paddle.disable_static()


def reason(error: Exception) -> str:
    """What Paddle's many-lined errors come down to: "(InvalidArgument) ..." up to its hint, with the op's name."""
    text = " ".join(str(error).split())
    start = max(text.rfind("(InvalidArgument)"), 0)
    op = re.search(r"\[operator < (\S+) > error\]", text)
    message = text[start:].split(" [Hint:")[0][:300]
    return shown(f"{op.group(1)}: {message}" if op else message, 400)


def _does_not_take(model: ExportedModel, shape: Sequence[int], error: Exception) -> InputError:
    return InputError(
        f"{model.folder} does not take an input of {list(shape)} ({reason(error)}); "
        "choose a larger size or multiples of 32"
    )


class StaticGraph:
    """An exported model, run by Paddle on the CPU: the reference for everything that Paddle-Lite gives.

    Raises:
        InputError: Paddle does not take the program.
    """

    def __init__(self, model: ExportedModel):
        self.model = model
        self._program = model.program.SerializeToString()
        self._timeout = _LOOP_TIMEOUT if model.has_loops() else _RUN_TIMEOUT
        self._number = paddle_process.number()
        self._loaded_at = 0
        self._load()

    def _load(self) -> None:
        """Give the worker the program, unless it has it."""
        if self._loaded_at == paddle_process.started():
            return
        names, arrays = list(self.model.params), list(self.model.params.values())
        try:
            paddle_process.ask(
                str(self.model.folder), _RUN_TIMEOUT, "load", self._program, arrays, graph=self._number, names=names
            )
        except Refused as error:
            raise InputError(
                f"{self.model.folder} cannot be used: Paddle says {reason(error)}; export the model again"
            ) from error
        self._loaded_at = paddle_process.started()

    def __del__(self) -> None:
        if hasattr(self, "_loaded_at"):
            paddle_process.forget(self._number)

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, float32 of the network's input shape.

        Raises:
            InputError: the network does not take this shape, or is damaged.
        """
        return self.values(batch, [self.model.output_name])[0]

    def values(self, batch: np.ndarray, names: Sequence[str]) -> List[np.ndarray]:
        """What variables of the main block hold after a run on `batch`, which is as of `run`.

        Raises:
            InputError: as of `run`.
        """
        self._load()
        try:
            _, values = paddle_process.ask(
                str(self.model.folder),
                self._timeout,
                "run",
                arrays=[batch],
                gives=len(names),
                graph=self._number,
                input=self.model.input_name,
                fetch=list(names),
            )
        except Refused as error:
            raise _does_not_take(self.model, batch.shape, error) from error
        return values


def _single_op_program(op: OpDesc, model: ExportedModel, variables: Dict[str, VarDesc]) -> bytes:
    program = ProgramDesc()
    # Paddle converts the ops of a program that does not say its versions as if it were an old one.
    program.version.CopyFrom(model.program.version)
    program.op_version_map.CopyFrom(model.program.op_version_map)
    block = program.blocks.add(idx=0, parent_idx=-1)
    block.ops.add().CopyFrom(op)
    for name in dict.fromkeys(inputs_of(op) + outputs_of(op)):
        block.vars.add().CopyFrom(variables[name])
        block.vars[-1].persistable = False
    return program.SerializeToString()


def infer_shapes(op: OpDesc, model: ExportedModel, variables: Dict[str, VarDesc]) -> Dict[str, List[int]]:
    """Sizes of the outputs of `op` from the sizes of its inputs, as far as they follow without running it.

    Args:
        op: an op of `model`'s main block.
        model: the model it belongs to.
        variables: the main block's variables by name.

    Raises:
        InputError: the sizes do not fit the op, so that the network does not take its input shape.
    """
    outputs = [name for name in outputs_of(op) if variables[name].type.type == TENSOR]
    program = _single_op_program(op, model, variables)
    try:
        answer, _ = paddle_process.ask(f"{op.type} of {model.folder}", _OP_TIMEOUT, "infer", program, outputs=outputs)
    except Refused as error:
        raise _does_not_take(model, dims_of(variables[model.input_name]), error) from error
    return dict(zip(outputs, _sizes(answer.get("dims"), len(outputs), model)))


def _sizes(listed: Any, count: int, model: ExportedModel) -> List[List[int]]:
    """The sizes of `count` variables, which the worker gave and which are held against what sizes can be.

    Raises:
        InputError: they cannot.
    """
    good = isinstance(listed, list) and len(listed) == count
    if not good or not all(isinstance(dims, list) and fault_of_dims(dims) is None for dims in listed):
        raise InputError(f"{model.folder} is damaged: an op gives a tensor of no size; export the model again")
    return listed


def evaluate(
    op: OpDesc,
    model: ExportedModel,
    variables: Dict[str, VarDesc],
    values: Dict[str, np.ndarray],
    fetch: Sequence[str],
) -> Dict[str, np.ndarray]:
    """Run one op on known inputs with Paddle's own kernel, so that the result is bit-equal to running it later.

    Args:
        op, model, variables: as of `infer_shapes`.
        values: an array for every input of `op`.
        fetch: names of the outputs to give.

    Raises:
        InputError: the op does not take them.
    """
    program, names = _single_op_program(op, model, variables), list(dict.fromkeys(inputs_of(op)))
    arrays = [values[name] for name in names]
    where, fetch = f"{op.type} of {model.folder}", list(fetch)
    try:
        _, outputs = paddle_process.ask(
            where, _OP_TIMEOUT, "evaluate", program, arrays, gives=len(fetch), names=names, fetch=fetch
        )
    except Refused as error:
        raise _does_not_take(model, dims_of(variables[model.input_name]), error) from error
    return dict(zip(fetch, outputs))
