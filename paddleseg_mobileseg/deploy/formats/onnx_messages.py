"""The messages of an `.onnx` file, as far as they are changed here: onnx/onnx.proto, without the package onnx.

Fields that are not named keep what they hold. protobuf comes with Paddle.
"""

from typing import Any, Dict, Tuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto

_MESSAGES: Dict[str, Dict[str, Tuple[int, Any, bool]]] = {
    "Tensor": {
        "dims": (1, int, True),
        "data_type": (2, int, False),
        "float_data": (4, float, True),
        "int64_data": (7, int, True),
        "name": (8, str, False),
        "raw_data": (9, bytes, False),
    },
    "Attribute": {
        "name": (1, str, False),
        "i": (3, int, False),
        "t": (5, "Tensor", False),
        "type": (20, int, False),
    },
    "Node": {
        "input": (1, str, True),
        "output": (2, str, True),
        "name": (3, str, False),
        "op_type": (4, str, False),
        "attribute": (5, "Attribute", True),
    },
    "Value": {"name": (1, str, False)},
    "Graph": {"node": (1, "Node", True), "initializer": (5, "Tensor", True), "output": (12, "Value", True)},
    "Model": {"graph": (7, "Graph", False)},
}
"""Of each message its fields: number, type, and whether there are several."""

_SCALARS = {
    int: _Field.TYPE_INT64, float: _Field.TYPE_FLOAT, str: _Field.TYPE_STRING, bytes: _Field.TYPE_BYTES,
}
_FLOAT, _INT64 = 1, 7
_TYPES = {"float32": _FLOAT, "uint8": 2, "int8": 3, "int32": 6, "int64": _INT64}
"""By NumPy's names."""

_ATTRIBUTE_INT = 2


def _message_types() -> Dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="mobileseg_onnx.proto", package="mobileseg_onnx", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, several) in fields.items():
            label = _Field.LABEL_REPEATED if several else _Field.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                made.type, made.type_name = _Field.TYPE_MESSAGE, f".mobileseg_onnx.{kind}"
            else:
                made.type = _SCALARS[kind]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"mobileseg_onnx.{name}") for name in _MESSAGES}
    # protobuf 5 has no other way, and 3 has not this one.
    made = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    return {name: made(descriptor) for name, descriptor in found.items()}


_TYPES_OF_MESSAGES = _message_types()
Model, Node, Tensor = (_TYPES_OF_MESSAGES[name] for name in ("Model", "Node", "Tensor"))


def tensor_of(array: np.ndarray, name: str) -> Any:
    """A constant of float32, int8, uint8, int32 or int64."""
    data = np.ascontiguousarray(array).tobytes()
    return Tensor(dims=array.shape, data_type=_TYPES[array.dtype.name], name=name, raw_data=data)


def array_of(tensor: Any) -> np.ndarray:
    """The numbers of a constant of one of those types; of another one an empty array."""
    names = {number: name for name, number in _TYPES.items()}
    if tensor.raw_data and tensor.data_type in names:
        flat = np.frombuffer(tensor.raw_data, names[tensor.data_type])
    else:
        flat = np.array(tensor.int64_data if tensor.data_type == _INT64 else tensor.float_data, np.float32)
    return flat.reshape(tensor.dims) if flat.size == np.prod(tensor.dims) else flat[:0]


def node_of(kind: str, inputs: Any, output: str, **integers: int) -> Any:
    """An op with one result, named by it, and with attributes that are integers."""
    node = Node(op_type=kind, input=inputs, output=[output], name=f"{kind}.{output}")
    for name, value in integers.items():
        node.attribute.add(name=name, i=value, type=_ATTRIBUTE_INT)
    return node
