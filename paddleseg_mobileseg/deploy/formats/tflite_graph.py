"""The graph of a `.tflite` file under construction: tensors, constants and ops in LiteRT's own schema.

The schema is the flatbuffer of tensorflow/lite/schema/schema.fbs, for which ai-edge-litert ships the classes.
"""

import importlib
from types import ModuleType
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_TYPES = {"float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32", "int64": "INT64", "bool": "BOOL"}

_VERSIONS = {"RESIZE_BILINEAR": 3, "RESIZE_NEAREST_NEIGHBOR": 3, "DEQUANTIZE": 2}
"""Of ops whose first version lacks what is used of them here: centres at halves, weights in halves."""

_HALF_PRECISION = "reduced_precision_support", b"fp16accfp16"
"""An entry of a model's metadata, by which XNNPACK takes halves for factors and sums where a processor has them."""

_HALVED_FROM = 256
"""Numbers that a constant must have to be stored in halves: the few of a bias are not worth an op."""


class TfliteGraph:
    """One subgraph.

    Args:
        half_weights: store weights in half precision; an op widens them when the model is loaded.
        half_precision: let XNNPACK compute in half precision on processors that can.
    """

    def __init__(self, half_weights: bool = False, half_precision: bool = False):
        self.schema: ModuleType = importlib.import_module("ai_edge_litert.schema_py_generated")
        self._flatbuffers: ModuleType = importlib.import_module("flatbuffers")
        self._half_weights, self._half_precision = half_weights, half_precision
        self._tensors: List[Any] = []
        self._buffers: List[Any] = [self.schema.BufferT()]
        self._codes: Dict[str, int] = {}
        self._operators: List[Any] = []
        self._constants: Dict[Tuple[str, Tuple[int, ...], bytes], int] = {}

    def tensor(self, shape: Sequence[int], dtype: str, name: str, buffer: int = 0) -> int:
        """A new tensor's number.

        Args:
            dtype: as NumPy names it.
            name: for people.
            buffer: of its content; 0 for what an op writes.
        """
        made = self.schema.TensorT()
        made.name, made.shape, made.buffer = name, np.asarray(shape, np.int32), buffer
        made.type = getattr(self.schema.TensorType, _TYPES[dtype])
        self._tensors.append(made)
        return len(self._tensors) - 1

    def shape(self, tensor: int) -> List[int]:
        return [int(size) for size in self._tensors[tensor].shape]

    def dtype(self, tensor: int) -> str:
        """As NumPy names it."""
        kinds = {getattr(self.schema.TensorType, kind): name for name, kind in _TYPES.items()}
        return kinds[self._tensors[tensor].type]

    def constant(self, array: np.ndarray, name: str) -> int:
        """The number of a tensor with this content, float32 or of whole numbers; equal ones are one."""
        array = np.ascontiguousarray(array)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            half = self._half_weights and array.dtype == np.float32 and array.size >= _HALVED_FROM
            stored = array.astype(np.float16) if half else array
            made = self.tensor(array.shape, str(stored.dtype), name, self._buffer(stored.tobytes()))
            if half:
                (made,) = self.op("DEQUANTIZE", [made], [(array.shape, "float32", f"{name}.wide")])
            self._constants[key] = made
        return self._constants[key]

    def _buffer(self, content: bytes) -> int:
        """The number of a new buffer."""
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(content, np.uint8)
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[Tuple[Sequence[int], str, str]],
        options: Optional[str] = None,
        **settings: Any,
    ) -> List[int]:
        """Append an op.

        Args:
            kind: of BuiltinOperator.
            inputs: numbers of tensors.
            outputs: shape, dtype and name of each.
            options: the table of `settings`, such as "Conv2DOptions".

        Returns:
            The numbers of the outputs.
        """
        made = self.schema.OperatorT()
        made.opcodeIndex = self._codes.setdefault(kind, len(self._codes))
        made.inputs = np.asarray(inputs, np.int32)
        written = [self.tensor(*each) for each in outputs]
        made.outputs = np.asarray(written, np.int32)
        if options is not None:
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            made.builtinOptions = getattr(self.schema, f"{options}T")()
            for name, value in settings.items():
                setattr(made.builtinOptions, name, value)
        self._operators.append(made)
        return written

    def finish(self, inputs: Sequence[int], outputs: Sequence[int], description: str) -> bytes:
        """The file."""
        schema = self.schema
        subgraph = schema.SubGraphT()
        subgraph.name, subgraph.tensors, subgraph.operators = "main", self._tensors, self._operators
        subgraph.inputs, subgraph.outputs = np.asarray(inputs, np.int32), np.asarray(outputs, np.int32)
        model = schema.ModelT()
        model.version, model.description = _SCHEMA_VERSION, description
        if self._half_precision:
            model.metadata = [schema.MetadataT()]
            model.metadata[0].name, model.metadata[0].buffer = _HALF_PRECISION[0], self._buffer(_HALF_PRECISION[1])
        model.subgraphs, model.buffers = [subgraph], self._buffers
        model.operatorCodes = [self._code(kind) for kind in self._codes]
        builder = self._flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _code(self, kind: str) -> Any:
        code = self.schema.OperatorCodeT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, kind)
        # Programs older than the hundred-and-twenty-eighth op read the number here.
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = _VERSIONS.get(kind, 1)
        return code
