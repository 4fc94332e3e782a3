"""Whether a program is whole: checked over its messages alone, before Paddle, which trusts programs, is asked anything.

What is demanded here holds for every program that `paddle.jit.save` writes: each name is declared and written before
it is read, no op but a loop or an update in place writes what another one wrote, blocks are a tree, and no size is
beyond what a network has.
"""

from collections import Counter
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set

from ...errors import InputError, shown
from .allowed_ops import IN_PLACE_OPS, LOOP_OPS, check_ops
from .program import (
    DTYPES,
    TENSOR,
    TENSOR_ARRAY,
    AttrType,
    BlockDesc,
    OpDesc,
    ProgramDesc,
    VarDesc,
    VarType,
    inputs_of,
    outputs_of,
    says_what_tensor,
    tensor_of,
)

_MOST_BLOCKS = 200
_MOST_OPS = 20_000
_MOST_VARIABLES = 100_000
_MOST_ATTR_VALUES = 4_000_000
_LONGEST_NAME = 300
_MOST_AXES = 9
"""What Paddle's dimensions hold."""
_LARGEST_SIZE = 2**31 - 1
_MOST_ELEMENTS = 2**31

_TENSORS = (TENSOR, TENSOR_ARRAY)
_KINDS = (*_TENSORS, VarType.FEED_MINIBATCH, VarType.FETCH_LIST, VarType.STEP_SCOPES, VarType.RAW)


def check_structure(program: ProgramDesc, where: str) -> None:
    """Refuse a program that is damaged, or does more than networks do.

    Args:
        program: as read.
        where: what it is called in messages.

    Raises:
        InputError: it is not whole, has sizes that no network has, or ops that are not allowed.
    """
    check_ops(program, where)
    fault = next(_faults(program), None)
    if fault:
        raise InputError(f"{where} is damaged: {fault}; export the model again")


def fault_of_dims(dims: Sequence[Any]) -> Optional[str]:
    """Why these cannot be the sizes of a tensor, -1 for an open one; None where they can."""
    if len(dims) > _MOST_AXES:
        return f"a tensor of {len(dims)} axes"
    count = 1
    for size in dims:
        if type(size) is not int or not -1 <= size <= _LARGEST_SIZE:
            return f"a size of {shown(size)}"
        count *= max(size, 1)
    return f"a tensor of {count} elements" if count > _MOST_ELEMENTS else None


def _faults(program: ProgramDesc) -> Iterable[str]:
    """Each thing that is wrong with a program; the first one counts, what follows may rest on its not being there."""
    blocks = program.blocks
    if len(blocks) > _MOST_BLOCKS or sum(len(block.ops) for block in blocks) > _MOST_OPS:
        yield f"it has more than {_MOST_BLOCKS} blocks or {_MOST_OPS} ops"
    if sum(len(block.vars) for block in blocks) > _MOST_VARIABLES:
        yield f"it has more than {_MOST_VARIABLES} variables"
    for index, block in enumerate(blocks):
        if block.idx != index or not (block.parent_idx == -1 if index == 0 else 0 <= block.parent_idx < index):
            yield f"its block {index} is in a wrong place"
        for variable in block.vars:
            yield from _faults_of_variable(variable)
        names = Counter(variable.name for variable in block.vars)
        yield from (f"variable '{shown(name)}' is there twice" for name, count in names.items() if count > 1)
    values = 0
    for block in blocks:
        for op in block.ops:
            yield from _faults_of_op(op)
            values += sum(_values_in(attr) for attr in op.attrs)
    if values > _MOST_ATTR_VALUES:
        yield f"its attributes hold {values} values"
    yield from _faults_of_ends(program)
    yield from _Walk(program).faults()


def _faults_of_variable(variable: VarDesc) -> Iterable[str]:
    name = variable.name
    # protobuf gives bytes for a text that is not UTF-8.
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not name.isprintable():
        yield f"a variable is named '{shown(name)}'"
    if variable.type.type not in _KINDS:
        yield f"variable '{shown(name)}' is of kind {variable.type.type}"
    if variable.type.type != TENSOR:
        return
    tensor = tensor_of(variable)
    if not says_what_tensor(variable) or tensor.data_type not in DTYPES:
        yield f"variable '{shown(name)}' has no dtype that networks have"
    fault = fault_of_dims(list(tensor.dims))
    if fault:
        yield f"variable '{shown(name)}' has {fault}"
    if variable.persistable and any(size < 0 for size in tensor.dims):
        yield f"parameter '{shown(name)}' has shape {list(tensor.dims)}"


def _faults_of_op(op: OpDesc) -> Iterable[str]:
    for slots in (op.inputs, op.outputs):
        if len({slot.parameter for slot in slots}) < len(slots):
            yield f"{op.type} has an input or output twice"
        if any(not isinstance(text, str) for slot in slots for text in (slot.parameter, *slot.arguments)):
            yield f"{op.type} has a name that is no text"
    names = [attr.name for attr in op.attrs]
    if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        yield f"{op.type} has an attribute twice, or one without a name"
    for attr in op.attrs:
        if attr.type == AttrType.BLOCKS or (attr.type == AttrType.BLOCK) != (attr.name == "sub_block"):
            yield f"{op.type} has an attribute '{shown(attr.name)}' that is a block"
        if attr.type == AttrType.STRING and not isinstance(attr.s, str):
            yield f"{op.type} has a text '{shown(attr.name)}' that is not in UTF-8"
    if any(attr.type == AttrType.BLOCK for attr in op.attrs) != (op.type in LOOP_OPS):
        yield f"{op.type} lacks its block, or has one"


def _values_in(attr: Any) -> int:
    lists = (attr.ints, attr.floats, attr.strings, attr.bools, attr.longs, attr.float64s, attr.scalars)
    return sum(map(len, lists)) + len(attr.s) + sum(map(len, attr.strings))


def _faults_of_ends(program: ProgramDesc) -> Iterable[str]:
    """What is wrong with its one input and its one output."""
    if any(op.type in ("feed", "fetch") for block in program.blocks[1:] for op in block.ops):
        yield "a loop has an input or output of the program"
    variables = {variable.name: variable for variable in program.blocks[0].vars}
    for op in program.blocks[0].ops:
        if op.type not in ("feed", "fetch"):
            continue
        given, taken = inputs_of(op, "X"), outputs_of(op, "Out")
        if len(given) != 1 or len(taken) != 1 or given != inputs_of(op) or taken != outputs_of(op):
            yield f"its {op.type} has no name"
            return
        inner, outer = (taken[0], given[0]) if op.type == "feed" else (given[0], taken[0])
        kind = VarType.FEED_MINIBATCH if op.type == "feed" else VarType.FETCH_LIST
        if inner not in variables or variables[inner].type.type != TENSOR or variables[inner].persistable:
            yield f"its {op.type} is of '{shown(inner)}', which is no tensor"
        if outer not in variables or variables[outer].type.type != kind:
            yield f"its {op.type} lacks its list"


class _Walk:
    """The ops in the order in which they run, with what has been written before each."""

    def __init__(self, program: ProgramDesc):
        self._program = program
        self._entered: Set[int] = {0}
        self._declared: List[Dict[str, VarDesc]] = [
            {variable.name: variable for variable in block.vars} for block in program.blocks
        ]

    def faults(self) -> Iterable[str]:
        known = {name for name, variable in self._declared[0].items() if variable.persistable}
        known |= {name for name, variable in self._declared[0].items() if variable.type.type not in _TENSORS}
        yield from self._block(0, [0], known)
        if len(self._entered) < len(self._program.blocks):
            yield "it has a block that no op enters"

    def _block(self, index: int, path: List[int], known: Set[str]) -> Iterable[str]:
        """A block's faults; `path` leads from the main block to it, `known` grows by what it writes."""
        block: BlockDesc = self._program.blocks[index]
        writers: Counter = Counter()
        for op in block.ops:
            for name in (*inputs_of(op), *outputs_of(op)):
                if not any(name in self._declared[each] for each in path):
                    yield f"{op.type} names a variable '{shown(name)}' that is not there"
                    return
            missing = [name for name in inputs_of(op) if name not in known]
            if missing and index == 0 and op.type not in LOOP_OPS:
                yield f"{op.type} reads '{shown(missing[0])}' before it is written"
            if op.type in LOOP_OPS:
                yield from self._inner(op, index, path, known)
            elif index == 0:
                yield from self._written(op, writers)
            known.update(outputs_of(op))

    def _inner(self, op: OpDesc, index: int, path: List[int], known: Set[str]) -> Iterable[str]:
        inner = next(attr.block_idx for attr in op.attrs if attr.type == AttrType.BLOCK)
        if not 0 < inner < len(self._program.blocks) or inner in self._entered:
            yield f"{op.type} enters block {inner}, which is not there or entered twice"
            return
        if self._program.blocks[inner].parent_idx != index:
            yield f"{op.type} enters block {inner} of another block"
            return
        self._entered.add(inner)
        yield from self._block(inner, [*path, inner], set(known))

    def _written(self, op: OpDesc, writers: Counter) -> Iterable[str]:
        """What `op`, which enters no block, may not write in the main block."""
        read = set(inputs_of(op))
        for name in outputs_of(op):
            variable = self._declared[0][name]
            if op.type not in ("feed", "fetch") and variable.type.type not in (*_TENSORS, VarType.STEP_SCOPES):
                yield f"{op.type} writes '{shown(name)}', which is no tensor"
            if variable.type.type not in _TENSORS:
                continue
            if name in read and op.type not in IN_PLACE_OPS:
                yield f"{op.type} writes '{shown(name)}', which it reads"
            if variable.persistable and op.type not in IN_PLACE_OPS:
                yield f"{op.type} writes the parameter '{shown(name)}'"
            if writers[name] and op.type not in IN_PLACE_OPS:
                yield f"{op.type} writes '{shown(name)}', which another op wrote"
            writers[name] += 1
