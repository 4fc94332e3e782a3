"""Paddle-Lite's library called through its C++ interface, under any CPython and NumPy.

The module that its wheel brings is bound to CPython 3.6 to 3.10, and under NumPy 2 it computes with inputs of zeros.
The library in that wheel exports its C++ interface too. What is called here, in the binary interface of Itanium's C++
and libstdc++ on x86-64, is as lite/api/paddle_api.h and lite/api/tools/opt_base.h of v2.13-rc declare it.

For processes of their own: the library aborts at many faults, and needs Paddle not to be loaded beside it.
"""

import ctypes
import os
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_float, c_int, c_int64, c_size_t, c_void_p
from typing import Any, Callable, List, Sequence

import numpy as np

_NAMESPACE = "_ZN6paddle8lite_api"
_CONST_NAMESPACE = "_ZNK6paddle8lite_api"
_STRING = "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

_ON_HOST, _NO_BINDING, _NAIVE_BUFFER, _INT16 = 1, 3, 1, 1
_DTYPES = {1: np.float32, 2: np.int8, 3: np.int32, 7: np.int64, 8: np.int16, 9: np.uint8, 10: np.float64}
"""By the numbers of Paddle-Lite's PrecisionType."""


class _String(Structure):
    """std::string."""

    _fields_ = [("data", c_void_p), ("size", c_size_t), ("short", c_char * 16)]

    def start(self) -> None:
        self.data = ctypes.addressof(self) + _String.short.offset


class _Map(Structure):
    """std::map of anything: a comparison without state, the header of its tree, and how many there are."""

    _fields_ = [
        ("compare", c_size_t), ("colour", c_size_t), ("root", c_void_p), ("left", c_void_p), ("right", c_void_p),
        ("size", c_size_t),
    ]

    def start(self) -> None:
        self.left = self.right = ctypes.addressof(self) + _Map.colour.offset


class _Vector(Structure):
    """std::vector of anything; without any, all zero."""

    _fields_ = [("begin", c_void_p), ("end", c_void_p), ("room", c_void_p)]


class _SharedPointer(Structure):
    """std::shared_ptr of anything; of nothing, all zero."""

    _fields_ = [("object", c_void_p), ("count", c_void_p)]


class _ConfigBase(Structure):
    _fields_ = [
        ("model_dir", _String), ("threads", c_int), ("mode", c_int), ("opencl_tune", c_int),
        ("opencl_path", _String), ("opencl_name", _String), ("opencl_precision", c_int),
        ("subgraph_cache_dir", _String), ("subgraph_cache", _Map), ("devices", _Vector), ("properties", _String),
        ("callback", c_void_p), ("model_cache_dir", _String), ("dynamic_shapes", _Map), ("model_cache", _Map),
        ("device", c_int), ("math_threads", c_int), ("metal_path", _String), ("metal_mps", c_bool),
        ("metal_aggressive", c_bool), ("metal_device", c_void_p), ("metal_reuse", c_bool),
        ("discarded_passes", _Vector), ("target_configs", _Map),
    ]  # fmt: skip


class _MobileConfig(Structure):
    _fields_ = [
        ("base", _ConfigBase), ("from_memory", c_bool), ("precision", c_int), ("file", _String), ("buffer", c_void_p),
        ("buffer_size", c_size_t), ("model", _String), ("params", _String),
    ]  # fmt: skip


class _CxxConfig(Structure):
    _fields_ = [
        ("base", _ConfigBase), ("places", _Vector), ("model", _String), ("params", _String),
        ("buffer", _SharedPointer), ("passes", _Vector), ("quantise", c_bool), ("quantisation", c_int),
        ("sparse", c_bool), ("sparse_threshold", c_float), ("warmup_inputs", _Map), ("nnadapter", _String * 4),
    ]  # fmt: skip


class _OptBase(Structure):
    _fields_ = [
        ("half", c_bool), ("config", _CxxConfig), ("places", _Vector), ("output", _String), ("model_type", c_int),
        ("model_set", _String), ("record", c_bool), ("target_ops", _Map), ("all_ops", _Map),
    ]  # fmt: skip


def _start(part: Any) -> None:
    """Do what the constructors of all members do: those that are all zero are so already."""
    if hasattr(part, "start"):
        part.start()
    elif isinstance(part, ctypes.Array):
        for each in part:
            _start(each)
    elif isinstance(part, Structure):
        for name, _ in part._fields_:
            _start(getattr(part, name))


class LiteLibrary:
    """The library of one wheel, loaded.

    Args:
        path: of `lite.so`; what it needs lies in the folder `libs` beside it.

    Raises:
        OSError: it cannot be loaded.
    """

    def __init__(self, path: str):
        # Lazily, because ctypes would look for all that CPython 3.10 had. Those functions are called nowhere.
        process = ctypes.CDLL(None)
        process.dlopen.restype, process.dlerror.restype = c_void_p, ctypes.c_char_p
        handle = process.dlopen(os.fsencode(path), os.RTLD_LAZY | os.RTLD_GLOBAL)
        if not handle:
            raise OSError(process.dlerror().decode(errors="replace"))
        self._library = ctypes.CDLL(path, handle=handle)

    def method(self, name: str, result: Any = None) -> Callable:
        """A function by its mangled name, without the namespace before it."""
        const = name.startswith("K")
        function = getattr(self._library, (_CONST_NAMESPACE if const else _NAMESPACE) + name[const:])
        function.restype = result
        return function


def _string(text: str) -> _String:
    """A std::string for the length of a call: what is called copies it."""
    content = os.fsencode(text)
    made = _String(size=len(content))
    made.kept = ctypes.create_string_buffer(content)
    made.data = ctypes.addressof(made.kept)
    return made


class Opt:
    """paddle_lite_opt."""

    def __init__(self, library: LiteLibrary):
        self._library, self._opt = library, _OptBase()
        _start(self._opt)
        self._opt.model_type = _NAIVE_BUFFER
        config = self._opt.config
        config.quantisation, config.sparse_threshold = _INT16, 0.6
        _construct_base(library, config.base)
        self._call("19InitSupportedOpInfoEv")

    def _call(self, name: str, *args: Any) -> None:
        self._library.method(f"7OptBase{name}")(byref(self._opt), *args)

    def version(self) -> str:
        text = _String()
        self._library.method("7OptBase10OptVersionB5cxx11Ev")(byref(text), byref(self._opt))
        return ctypes.string_at(text.data, text.size).decode()

    def enable_fp16(self) -> None:
        self._opt.half = True

    def set_valid_places(self, places: str) -> None:
        self._call(f"14SetValidPlacesERK{_STRING}", byref(_string(places)))

    def set_model_file(self, path: str) -> None:
        self._call(f"12SetModelFileERK{_STRING}", byref(_string(path)))

    def set_param_file(self, path: str) -> None:
        self._call(f"12SetParamFileERK{_STRING}", byref(_string(path)))

    def set_model_type(self, kind: str) -> None:
        self._call(f"12SetModelTypeE{_STRING}", byref(_string(kind)))

    def set_optimize_out(self, stem: str) -> None:
        self._call(f"14SetOptimizeOutERK{_STRING}", byref(_string(stem)))

    def set_quant_model(self, quantise: bool) -> None:
        self._call("13SetQuantModelEb", c_bool(quantise))

    def set_quant_type(self, kind: str) -> None:
        self._call(f"12SetQuantTypeERK{_STRING}", byref(_string(kind)))

    def print_supported_ops(self) -> None:
        self._call("17PrintSupportedOpsEv")

    def run(self) -> None:
        self._call("3RunEv")


def _construct_base(library: LiteLibrary, base: _ConfigBase) -> None:
    library.method("10ConfigBaseC1ENS0_9PowerModeEi")(byref(base), c_int(_NO_BINDING), c_int(1))


class Tensor:
    """An input or output of a predictor, through arrays."""

    def __init__(self, library: LiteLibrary, pointer: c_void_p):
        self._library, self._tensor = library, pointer

    def from_numpy(self, array: np.ndarray) -> None:
        """Make this the tensor's content.

        Args:
            array: float32.
        """
        array = np.ascontiguousarray(array, np.float32)
        dims = (c_int64 * array.ndim)(*array.shape)
        begin = ctypes.addressof(dims)
        end = begin + ctypes.sizeof(dims)
        self._library.method("6Tensor6ResizeERKSt6vectorIlSaIlEE")(self._tensor, byref(_Vector(begin, end, end)))
        data = self._library.method("K6Tensor12mutable_dataIfEEPT_NS0_10TargetTypeE", c_void_p)
        ctypes.memmove(data(self._tensor, c_int(_ON_HOST)), array.ctypes.data, array.nbytes)

    def shape(self) -> List[int]:
        dims = _Vector()
        self._library.method("K6Tensor5shapeEv")(byref(dims), self._tensor)
        count = ((dims.end or 0) - (dims.begin or 0)) // ctypes.sizeof(c_int64)
        # Some bytes of a vector stay behind at each call, which cost less than looking for the function that frees.
        return list((c_int64 * count).from_address(dims.begin)) if count else []

    def numpy(self) -> np.ndarray:
        """A copy of the content."""
        precision = self._library.method("K6Tensor9precisionEv", c_int)(self._tensor)
        array = np.empty(self.shape(), _DTYPES[precision])
        data = self._library.method("K6Tensor4dataIvEEPKT_v", c_void_p)(self._tensor)
        ctypes.memmove(array.ctypes.data, data, array.nbytes)
        return array


_GET_INPUT, _GET_OUTPUT, _RUN, _GET_VERSION = 0, 1, 2, 5
"""Where the virtual functions of PaddlePredictor stand."""


class Predictor:
    """A `.nb`, loaded.

    Args:
        path: of the model.
    """

    def __init__(self, library: LiteLibrary, path: str):
        self._library = library
        config = _MobileConfig()
        _start(config)
        _construct_base(library, config.base)
        library.method(f"12MobileConfig19set_model_from_fileERK{_STRING}")(byref(config), byref(_string(path)))
        self._predictor = _SharedPointer()
        create = "21CreatePaddlePredictorINS0_12MobileConfigEEESt10shared_ptrINS0_15PaddlePredictorEERKT_"
        library.method(create)(byref(self._predictor), byref(config))
        self._functions = ctypes.cast(self._predictor.object, POINTER(POINTER(c_void_p)))[0]

    def _call(self, index: int, *args: Any) -> None:
        kinds: Sequence[Any] = [type(each) for each in args]
        ctypes.CFUNCTYPE(None, *kinds)(self._functions[index])(*args)

    def _tensor(self, index: int, which: int) -> Tensor:
        made = c_void_p()
        self._call(index, c_void_p(ctypes.addressof(made)), c_void_p(self._predictor.object), c_int(which))
        return Tensor(self._library, made)

    def get_input(self, index: int) -> Tensor:
        return self._tensor(_GET_INPUT, index)

    def get_output(self, index: int) -> Tensor:
        return self._tensor(_GET_OUTPUT, index)

    def run(self) -> None:
        self._call(_RUN, c_void_p(self._predictor.object))

    def get_version(self) -> str:
        text = _String()
        self._call(_GET_VERSION, c_void_p(ctypes.addressof(text)), c_void_p(self._predictor.object))
        return ctypes.string_at(text.data, text.size).decode()
