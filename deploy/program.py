"""Exported models: the program (`.pdmodel`), its parameters (`.pdiparams`) and what `deploy.yaml` says of them."""

import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import yaml
from google.protobuf.message import DecodeError
from paddle.base.proto import framework_pb2

from ..errors import InputError
from ..files import atomic_path

ProgramDesc = framework_pb2.ProgramDesc
BlockDesc = framework_pb2.BlockDesc
OpDesc = framework_pb2.OpDesc
VarDesc = framework_pb2.VarDesc
VarType = framework_pb2.VarType
AttrType = framework_pb2.AttrType

DTYPES = {
    VarType.BOOL: np.dtype(np.bool_),
    VarType.UINT8: np.dtype(np.uint8),
    VarType.INT8: np.dtype(np.int8),
    VarType.INT16: np.dtype(np.int16),
    VarType.INT32: np.dtype(np.int32),
    VarType.INT64: np.dtype(np.int64),
    VarType.FP16: np.dtype(np.float16),
    VarType.FP32: np.dtype(np.float32),
    VarType.FP64: np.dtype(np.float64),
}
VAR_TYPES = {dtype: var_type for var_type, dtype in DTYPES.items()}

_ATTR_FIELDS = {
    AttrType.INT: "i",
    AttrType.FLOAT: "f",
    AttrType.STRING: "s",
    AttrType.BOOLEAN: "b",
    AttrType.LONG: "l",
    AttrType.INTS: "ints",
    AttrType.FLOATS: "floats",
    AttrType.STRINGS: "strings",
    AttrType.BOOLEANS: "bools",
    AttrType.LONGS: "longs",
}


def inputs_of(op: OpDesc, slot: Optional[str] = None) -> List[str]:
    """Names of the variables that `op` reads, from all its slots or from one."""
    return [name for var in op.inputs if slot in (None, var.parameter) for name in var.arguments]


def outputs_of(op: OpDesc, slot: Optional[str] = None) -> List[str]:
    """Names of the variables that `op` writes, to all its slots or to one."""
    return [name for var in op.outputs if slot in (None, var.parameter) for name in var.arguments]


def clear_input(op: OpDesc, slot: str) -> None:
    """Leave `slot` without variables."""
    for var in op.inputs:
        if var.parameter == slot:
            del var.arguments[:]


def has_attr(op: OpDesc, name: str) -> bool:
    return any(attr.name == name for attr in op.attrs)


def get_attr(op: OpDesc, name: str, default: Any = None) -> Any:
    """Value of an attribute: a number, a text, or a list of them."""
    for attr in op.attrs:
        if attr.name == name and attr.type in _ATTR_FIELDS:
            value = getattr(attr, _ATTR_FIELDS[attr.type])
            return value if isinstance(value, (bool, int, float, str)) else list(value)
    return default


def set_attr(op: OpDesc, name: str, value: Any, attr_type: int) -> None:
    """Set an attribute, whatever it was before; `attr_type` is one of `AttrType`."""
    for index, attr in enumerate(op.attrs):
        if attr.name == name:
            del op.attrs[index]
            break
    attr = op.attrs.add(name=name, type=attr_type)
    field = _ATTR_FIELDS[attr_type]
    if isinstance(value, (list, tuple)):
        getattr(attr, field).extend(value)
    else:
        setattr(attr, field, value)


def dims_of(var: VarDesc) -> List[int]:
    """Sizes of a tensor variable; -1 where only running tells."""
    return list(var.type.lod_tensor.tensor.dims)


def set_tensor(var: VarDesc, dims: Sequence[int], dtype: Optional[np.dtype] = None) -> None:
    """Change what a variable's description says of its sizes and, where given, its dtype."""
    tensor = var.type.lod_tensor.tensor
    del tensor.dims[:]
    tensor.dims.extend(int(size) for size in dims)
    if dtype is not None:
        tensor.data_type = VAR_TYPES[np.dtype(dtype)]


@dataclass
class Preprocessing:
    """How a picture becomes the network's input: RGB, resized to it, then `(pixel / 255 - mean) / std` per channel."""

    mean: Tuple[float, ...]
    std: Tuple[float, ...]


@dataclass
class ExportedModel:
    """A static graph with one input and one output.

    Attributes:
        folder: where it was read from.
        program: its ProgramDesc.
        params: arrays of its persistable variables, by name.
        preprocessing: from deploy.yaml; None where there is no such file.
    """

    folder: Path
    program: ProgramDesc
    params: Dict[str, np.ndarray]
    preprocessing: Optional[Preprocessing]

    @property
    def block(self):
        """The main block."""
        return self.program.blocks[0]

    @property
    def input_name(self) -> str:
        return next(outputs_of(op)[0] for op in self.block.ops if op.type == "feed")

    @property
    def output_name(self) -> str:
        return next(inputs_of(op)[0] for op in self.block.ops if op.type == "fetch")

    def variables(self) -> Dict[str, VarDesc]:
        """The main block's variables by name."""
        return {var.name: var for var in self.block.vars}

    def op_counts(self) -> Dict[str, int]:
        """How often each kind of op occurs, in all blocks, feed and fetch left out."""
        kinds = Counter(op.type for block in self.program.blocks for op in block.ops)
        return {kind: kinds[kind] for kind in sorted(kinds) if kind not in ("feed", "fetch")}

    def copy(self) -> "ExportedModel":
        """The same model with a program of its own; the arrays are shared, nobody writes into them."""
        program = ProgramDesc()
        program.CopyFrom(self.program)
        return ExportedModel(self.folder, program, dict(self.params), self.preprocessing)

    def save(self, folder: Union[str, Path]) -> Tuple[Path, Path]:
        """Write `model.pdmodel` and `model.pdiparams` into `folder`.

        Raises:
            InputError: the folder cannot be written.
        """
        paths = Path(folder) / "model.pdmodel", Path(folder) / "model.pdiparams"
        with atomic_path(paths[0]) as scratch:
            scratch.write_bytes(self.program.SerializeToString())
        write_params(paths[1], self.params)
        return paths


def _persistables(program: ProgramDesc) -> Iterator[VarDesc]:
    for var in program.blocks[0].vars:
        if var.persistable and var.type.type == VarType.LOD_TENSOR:
            yield var


class _Cursor:
    """Reads a parameter file front to back and never past its end."""

    def __init__(self, path: Path):
        self.path = path
        self.data = path.read_bytes()
        self.at = 0
        self.tensor = ""

    def damaged(self, what: str) -> InputError:
        return InputError(f"{self.path} cannot be used: {what} at '{self.tensor}'; export the model again")

    def take(self, size: int) -> memoryview:
        if size < 0 or self.at + size > len(self.data):
            raise self.damaged("it is cut short or damaged")
        self.at += size
        return memoryview(self.data)[self.at - size : self.at]

    def number(self, code: str) -> int:
        return struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]


def read_params(path: Path, program: ProgramDesc) -> Dict[str, np.ndarray]:
    """Read the combined parameter file of `program`.

    The format is Paddle's `save_combine`: the persistable tensors in the order of their sorted names,
    each as version, level-of-detail table, TensorDesc and raw data, without its name.

    Raises:
        InputError: the file is missing or damaged, or belongs to another program.
    """
    variables = sorted(_persistables(program), key=lambda var: var.name)
    if not variables:
        return {}
    try:
        cursor = _Cursor(path)
    except OSError as error:
        raise InputError(f"cannot read the parameters {path}: {error.strerror}; export the model again") from error
    params = {}
    for var in variables:
        cursor.tensor = var.name
        array = _read_tensor(cursor)
        if list(array.shape) != dims_of(var):
            raise cursor.damaged(f"it holds shape {list(array.shape)} where the program has {dims_of(var)}")
        params[var.name] = array
    if cursor.at != len(cursor.data):
        raise cursor.damaged("it holds more than the program's parameters")
    return params


def _read_tensor(cursor: _Cursor) -> np.ndarray:
    if cursor.number("I") != 0:
        raise cursor.damaged("it has an unknown version")
    for _ in range(cursor.number("Q")):
        cursor.take(cursor.number("Q"))
    if cursor.number("I") != 0:
        raise cursor.damaged("it has an unknown tensor version")
    description = VarType.TensorDesc()
    try:
        description.ParseFromString(bytes(cursor.take(cursor.number("i"))))
    except DecodeError as error:
        raise cursor.damaged("its description is damaged") from error
    if description.data_type not in DTYPES:
        raise cursor.damaged(f"{VarType.Type.Name(description.data_type)} is no dtype that Paddle-Lite reads")
    dtype, dims = DTYPES[description.data_type], list(description.dims)
    if any(size < 0 for size in dims):
        raise cursor.damaged(f"it has shape {dims}")
    size = dtype.itemsize
    for dim in dims:
        size *= dim
    return np.frombuffer(cursor.take(size), dtype=dtype).reshape(dims)


def write_params(path: Union[str, Path], params: Dict[str, np.ndarray]) -> None:
    """Write `params` as `read_params` reads them.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as scratch, open(scratch, "wb") as file:
        for name in sorted(params):
            array = np.ascontiguousarray(params[name]).reshape(params[name].shape)
            description = VarType.TensorDesc(data_type=VAR_TYPES[array.dtype], dims=array.shape).SerializeToString()
            file.write(struct.pack("<IQIi", 0, 0, 0, len(description)))
            file.write(description)
            file.write(array.tobytes())


class _DeployYamlLoader(yaml.SafeLoader):
    """SafeLoader that also takes the tuples which `yaml.dump` writes for a config made in Python."""


_DeployYamlLoader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node, deep=True)
)


def _read_deploy_yaml(path: Path) -> Dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_DeployYamlLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot read {path}: {reason}; export the model again") from error
    section = content.get("Deploy") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise InputError(f"{path} has no section 'Deploy'; export the model again")
    return section


def _read_preprocessing(path: Path, transforms: Any) -> Preprocessing:
    """Mean and std of the last `Normalize` in deploy.yaml's transforms; PaddleSeg's own defaults where it has none."""
    normalize = None
    for transform in transforms or []:
        if isinstance(transform, dict) and transform.get("type") == "Normalize":
            normalize = transform
    if normalize is None:
        # Without Normalize PaddleSeg feeds the pixels 0 ... 255 as they are.
        return Preprocessing((0.0,) * 3, (1 / 255,) * 3)
    try:
        mean, std = (tuple(float(v) for v in normalize.get(key, (0.5,) * 3)) for key in ("mean", "std"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: mean and std of Normalize must be three numbers each") from error
    if len(mean) != 3 or len(std) != 3 or 0 in std:
        raise InputError(f"{path}: mean and std of Normalize must be three numbers each, and no std may be 0")
    return Preprocessing(mean, std)


def _find_program(folder: Path, section: Dict[str, Any]) -> Tuple[Path, Path]:
    program = folder / str(section.get("model", "model.pdmodel"))
    if program.suffix == ".pdmodel" and not program.is_file():
        others = sorted(folder.glob("*.pdmodel"))
        program = others[0] if len(others) == 1 and "model" not in section else program
    if program.suffix != ".pdmodel" or not program.is_file():
        programs = sorted(path.name for path in folder.glob("*.json"))
        if programs:
            raise InputError(
                f"{folder} holds {programs[0]}, which Paddle 3 writes and Paddle-Lite's opt cannot read: "
                "export again with paddlepaddle 2.6, or with FLAGS_enable_pir_api=0 in the environment"
            )
        raise InputError(f"{folder} holds no program {program.name}; give the folder that `mobileseg export` wrote")
    return program, folder / str(section.get("params", program.with_suffix(".pdiparams").name))


def _read_program(path: Path) -> ProgramDesc:
    program = ProgramDesc()
    try:
        program.ParseFromString(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except DecodeError as error:
        raise InputError(f"{path} is cut short or is no Paddle program; export the model again") from error
    if not program.blocks or not program.blocks[0].ops:
        raise InputError(f"{path} is an empty program; export the model again")
    for kind, word in (("feed", "input"), ("fetch", "output")):
        count = sum(op.type == kind for op in program.blocks[0].ops)
        if count != 1:
            raise InputError(f"{path} has {count} {word}s; a segmentation network for Paddle-Lite must have one")
    return program


def read_exported(folder: Union[str, Path]) -> ExportedModel:
    """Read a folder that PaddleSeg's `tools/export.py` or `mobileseg export` wrote.

    The names of the files come from `deploy.yaml`; without one, the folder must hold a single `.pdmodel`.

    Raises:
        InputError: a file is missing, damaged, or of a kind that Paddle-Lite cannot read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder that `mobileseg export` wrote")
    recipe = folder / "deploy.yaml"
    section = _read_deploy_yaml(recipe) if recipe.is_file() else {}
    program_path, params_path = _find_program(folder, section)
    program = _read_program(program_path)
    return ExportedModel(
        folder=folder,
        program=program,
        params=read_params(params_path, program),
        preprocessing=_read_preprocessing(recipe, section.get("transforms")) if section else None,
    )
