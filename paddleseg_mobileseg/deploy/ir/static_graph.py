"""Paddle's own executor and shape inference, for whole programs and for single ops."""

import re
from contextlib import contextmanager
from typing import Dict, Iterator, List, Sequence

import numpy as np
import paddle
from paddle.base import core

from ...errors import InputError
from .exported import ExportedModel
from .program import OpDesc, ProgramDesc, VarDesc, dims_of, inputs_of, outputs_of


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
    return f"{op.group(1)}: {message}" if op else message


def _does_not_take(model: ExportedModel, shape: Sequence[int], error: Exception) -> InputError:
    return InputError(
        f"{model.folder} does not take an input of {list(shape)} ({reason(error)}); "
        "choose a larger size or multiples of 32"
    )


class StaticGraph:
    """An exported model, run by Paddle on the CPU: the reference for everything that Paddle-Lite gives."""

    def __init__(self, model: ExportedModel):
        self.model = model
        self._scope = core.Scope()
        place = paddle.CPUPlace()
        with static_mode():
            self._program = paddle.static.Program.parse_from_string(model.program.SerializeToString())
            self._executor = paddle.static.Executor(place)
        for name, array in model.params.items():
            self._scope.var(name).get_tensor().set(array, place)

    def run(self, batch: np.ndarray) -> np.ndarray:
        """The output for `batch`, float32 of the network's input shape.

        Raises:
            InputError: the network does not take this shape.
        """
        try:
            with static_mode():
                (output,) = self._executor.run(
                    self._program,
                    feed={self.model.input_name: batch},
                    fetch_list=[self.model.output_name],
                    scope=self._scope,
                )
        except Exception as error:  # Paddle raises whatever its C++ side is mapped to
            raise _does_not_take(self.model, batch.shape, error) from error
        return output


def _single_op_program(op: OpDesc, model: ExportedModel, variables: Dict[str, VarDesc]) -> paddle.static.Program:
    program = ProgramDesc()
    # Paddle converts the ops of a program that does not say its versions as if it were an old one.
    program.version.CopyFrom(model.program.version)
    program.op_version_map.CopyFrom(model.program.op_version_map)
    block = program.blocks.add(idx=0, parent_idx=-1)
    block.ops.add().CopyFrom(op)
    for name in dict.fromkeys(inputs_of(op) + outputs_of(op)):
        block.vars.add().CopyFrom(variables[name])
        block.vars[-1].persistable = False
    with static_mode():
        return paddle.static.Program.parse_from_string(program.SerializeToString())


def infer_shapes(op: OpDesc, model: ExportedModel, variables: Dict[str, VarDesc]) -> Dict[str, List[int]]:
    """Sizes of the outputs of `op` from the sizes of its inputs, as far as they follow without running it.

    Args:
        op: an op of `model`'s main block.
        model: the model it belongs to.
        variables: the main block's variables by name.

    Raises:
        InputError: the sizes do not fit the op, so that the network does not take its input shape.
    """
    block = _single_op_program(op, model, variables).desc.block(0)
    try:
        block.op(0).infer_shape(block)
    except Exception as error:
        raise _does_not_take(model, dims_of(variables[model.input_name]), error) from error
    return {
        name: list(block.find_var(name.encode()).shape())
        for name in outputs_of(op)
        if variables[name].type.type == variables[name].type.LOD_TENSOR
    }


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
    """
    program = _single_op_program(op, model, variables)
    with static_mode():
        outputs = paddle.static.Executor(paddle.CPUPlace()).run(
            program,
            feed={name: values[name] for name in inputs_of(op)},
            fetch_list=list(fetch),
            scope=core.Scope(),
        )
    return dict(zip(fetch, outputs))
