"""Runs an `.mnn` with MNN, as `engine_worker.py` says."""

import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from engine_worker import serve  # noqa: E402, I001  first: it keeps what engines print apart from the answers
import numpy as np  # noqa: E402
import MNN  # noqa: E402


class Model:
    version = MNN.version()

    def __init__(self, path, options):
        self.net = MNN.Interpreter(path)
        # MNN's "low" is half precision where a processor has it; "normal" may be, and "high" never is.
        precision = "low" if options["precision"] == "float16" else "high"
        settings = {"backend": "CPU", "numThread": options["threads"], "precision": precision}
        self.session = self.net.createSession(settings)
        self.input = self.net.getSessionInput(self.session)
        self.result = self.net.getSessionOutput(self.session)

    def set_input(self, array):
        given = MNN.Tensor(array.shape, MNN.Halide_Type_Float, array, MNN.Tensor_DimensionType_Caffe)
        self.input.copyFrom(given)

    def run(self):
        self.net.runSession(self.session)

    def output(self):
        shape, kind = self.result.getShape(), self.result.getDataType()
        empty = np.zeros(shape, np.float32 if kind == MNN.Halide_Type_Float else np.int32)
        copy = MNN.Tensor(shape, kind, empty, MNN.Tensor_DimensionType_Caffe)
        self.result.copyToHostTensor(copy)
        return np.array(copy.getNumpyData()).reshape(shape)


serve(Model)
