"""Exported models: the program, its parameters, and what deploy.yaml says of them."""

from pathlib import Path
from random import Random
from typing import Any, List, Tuple

import yaml
from paddle.base.proto import framework_pb2

from paddleseg_mobileseg.deploy.ir.exported import read_exported
from paddleseg_mobileseg.deploy.ir.io_signature import describe_input
from paddleseg_mobileseg.deploy.lower import lower

from ..case import Files, Kind, Special, Wrong, honest_files
from ..damage import ESCAPES, LYING_SIZES, damage_bytes, damage_tree, to_json
from .configs import YAML_RAW, bomb

PROGRAM, PARAMS, RECIPE = "model.pdmodel", "model.pdiparams", "deploy.yaml"
STOCK_RECIPE = "stock_deploy.yaml"
"""As PaddleSeg's own export writes it, without the checksum that ours has."""

_OPS = (
    "save",
    "save_combine",
    "load",
    "load_combine",
    "print",
    "py_func",
    "while",
    "conditional_block",
    "assign",
    "assign_value",
    "fill_constant",
    "gaussian_random",
    "read_file",
    "listen_and_serv",
    "send",
    "c_allreduce_sum",
    "reshape2",
    "concat",
    "softmax",
    "matmul_v2",
    "conv2d",
    "top_k_v2",
    "run_program",
    "custom_op",
    "feed",
    "fetch",
    "",
    ESCAPES,
    "x" * 20_000,
)


def _messages(message: Any) -> List[Any]:
    """A protobuf message and all that are in it."""
    found = [message]
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            repeated = field.label == field.LABEL_REPEATED
            found += [inner for each in (value if repeated else [value]) for inner in _messages(each)]
    return found


def _other_value(random: Random, field: Any) -> Any:
    if field.type == field.TYPE_ENUM:
        return random.choice(field.enum_type.values).number
    if field.type == field.TYPE_BOOL:
        return random.random() < 0.5
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return random.choice((0.0, -1.0, 1e38, float("nan"), float("inf")))
    if field.type == field.TYPE_STRING:
        return random.choice(("", "x", ESCAPES, "feed", "x" * 20_000, "../../marker", "marker", *_OPS[:8]))
    if field.type == field.TYPE_BYTES:
        return b"\xff" * 10
    value = random.choice((0, 1, -1, 2, 3, 7, 10**6, *LYING_SIZES))
    if field.type in (field.TYPE_UINT32, field.TYPE_UINT64):
        return value & (2**31 - 1)
    bits = 63 if field.type == field.TYPE_INT64 else 31
    return min(max(value, -(2**bits)), 2**bits - 1)


def _change_field(random: Random, program: Any) -> str:
    message = random.choice(_messages(program))
    fields = [field for field, _ in message.ListFields()] or list(message.DESCRIPTOR.fields)
    field = random.choice(fields)
    what = random.choice(("changed", "changed", "removed", "repeated"))
    repeated = field.label == field.LABEL_REPEATED
    if what == "removed":
        if repeated and len(getattr(message, field.name)):
            del getattr(message, field.name)[random.randrange(len(getattr(message, field.name)))]
        else:
            message.ClearField(field.name)
    elif field.type == field.TYPE_MESSAGE:
        if repeated and len(getattr(message, field.name)):
            values = getattr(message, field.name)
            copy = type(values[0])()
            copy.CopyFrom(random.choice(list(values)))
            values.add().CopyFrom(copy)
        what = "repeated"
    elif repeated:
        values = getattr(message, field.name)
        if what == "repeated" or not len(values):
            values.extend([_other_value(random, field)] * random.choice((1, 1, 6, 1000)))
        else:
            values[random.randrange(len(values))] = _other_value(random, field)
    else:
        setattr(message, field.name, _other_value(random, field))
    return f"{what} {message.DESCRIPTOR.name}.{field.name}"


def _add_op(random: Random, program: Any) -> str:
    """An op of another type somewhere, over variables that are there."""
    block = program.blocks[0]
    ops = list(block.ops)
    copy = framework_pb2.OpDesc()
    copy.CopyFrom(random.choice(ops))
    copy.type = random.choice(_OPS)
    names = [var.name for var in block.vars]
    for var in [*copy.inputs, *copy.outputs]:
        del var.arguments[:]
        var.arguments.append(random.choice(names))
    if copy.type.startswith(("save", "load")):
        copy.attrs.add(name="file_path", type=framework_pb2.STRING, s="marker")
        del copy.inputs[:], copy.outputs[:]
        copy.inputs.add(parameter="X", arguments=[random.choice(names)])
    if copy.type in ("while", "conditional_block"):
        copy.attrs.add(name="sub_block", type=framework_pb2.BLOCK, block_idx=random.choice((0, 0, 1, -1)))
    at = random.randrange(len(ops) + 1)
    rest = [framework_pb2.OpDesc.FromString(op.SerializePartialToString()) for op in ops]
    rest.insert(at, copy)
    del block.ops[:]
    block.ops.extend(rest)
    return f"op {copy.type[:20]!r} added"


def _in_place(random: Random, program: Any) -> str:
    """An op that writes what it reads, or what another one wrote."""
    op = random.choice(program.blocks[0].ops)
    names = [var.name for var in program.blocks[0].vars]
    for var in op.outputs:
        for index in range(len(var.arguments)):
            var.arguments[index] = random.choice(names)
    return f"outputs of {op.type} moved"


def _nest(random: Random, program: Any) -> str:
    block = program.blocks.add(idx=1, parent_idx=random.choice((0, 1, -1, 5)))
    block.ops.extend(program.blocks[0].ops)
    program.blocks[0].ops[random.randrange(len(program.blocks[0].ops))].attrs.add(
        name="sub_block", type=framework_pb2.BLOCK, block_idx=random.choice((0, 1, 7))
    )
    return "a block in a block"


class Program(Kind):
    """`.pdmodel`, read and made fit for Paddle-Lite, which asks Paddle for shapes and values."""

    mentions = (PROGRAM, PARAMS, RECIPE)
    starts_programs = True

    def honest(self) -> Files:
        return dict(honest_files(PROGRAM, PARAMS, RECIPE))

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        if random.random() < 0.25:
            what, files[PROGRAM] = damage_bytes(random, files[PROGRAM], [files[PARAMS]])
            return what, files
        program = framework_pb2.ProgramDesc.FromString(files[PROGRAM])
        ways = (_change_field, _change_field, _change_field, _add_op, _in_place, _nest)
        what = ", ".join(random.choice(ways)(random, program) for _ in range(random.choice((1, 1, 2, 4))))
        files[PROGRAM] = program.SerializePartialToString()
        return what, files

    def attempt(self, folder: Path) -> None:
        lower(folder)


class Params(Program):
    """`.pdiparams`."""

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        what, files[PARAMS] = damage_bytes(random, files[PARAMS], [files[PROGRAM], *honest_files("small.pth").values()])
        return what, files


class DeployYaml(Program):
    """deploy.yaml, as far as the description of the input goes."""

    def __init__(self) -> None:
        self._described: Any = None

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        if random.random() < 0.5:
            files[RECIPE] = honest_files(STOCK_RECIPE)[STOCK_RECIPE]
        way = random.choice(("cut", "bytes", "tree", "tree", "bomb", "special"))
        if way == "cut":
            what, files[RECIPE] = way, files[RECIPE][: random.randrange(len(files[RECIPE]))]
        elif way == "bytes":
            what, files[RECIPE] = damage_bytes(random, files[RECIPE], list(honest_files("config.yml").values()))
        elif way == "tree":
            what, tree = damage_tree(random, yaml.safe_load(files[RECIPE]), YAML_RAW)
            files[RECIPE] = to_json(tree).encode("utf-8", "surrogatepass")
        elif way == "bomb":
            levels, width = random.choice((3, 9, 30)), random.choice((2, 9))
            alias = f"Deploy: {{transforms: *a{levels - 1}}}\n"
            what, files[RECIPE] = "alias bomb", (bomb(levels, width) + alias).encode()
        else:
            what = "another thing in its place"
            others = (Special("fifo"), Special("folder"), Special("link", "/dev/zero"), b"", b"\0")
            files[RECIPE] = random.choice(others)
        return what, files

    def attempt(self, folder: Path) -> None:
        described = describe_input(read_exported(folder))
        # The campaign reads the honest file first, and both of them say the same.
        self._described = self._described or described
        if described == self._described or not (folder / RECIPE).is_file():
            return
        text = (folder / RECIPE).read_bytes()
        ours, stock = honest_files(RECIPE, STOCK_RECIPE).values()
        promise = ours.splitlines()[0]
        if text.startswith(promise) or stock.startswith(text):
            raise Wrong(f"a deploy.yaml of {len(text)} bytes, cut off or changed, is accepted with other contents")
