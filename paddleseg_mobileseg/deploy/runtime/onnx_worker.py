"""Runs a program of Paddle with ONNX Runtime in a process of its own: answers the requests of `lite_worker.py`.

Run by path with the folder of `model.pdmodel` and `model.pdiparams`, and JSON with the options of that worker.
"""

import importlib.util
import os

_spec = importlib.util.spec_from_file_location(
    "lite_worker", os.path.join(os.path.dirname(os.path.abspath(__file__)), "lite_worker.py")
)
lite_worker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lite_worker)

import onnxruntime  # noqa: E402
import paddle2onnx  # noqa: E402

OPSET = 14


class Tensor:
    """An array under the names that Paddle-Lite has for what is done with a tensor."""

    array = None

    def from_numpy(self, array):
        self.array = array

    def numpy(self):
        return self.array


class Predictor:
    def __init__(self, model):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input, self.output = Tensor(), Tensor()

    def get_input(self, index):
        return self.input

    def get_output(self, index):
        return self.output

    def run(self):
        (self.output.array,) = self.session.run(None, {self.session.get_inputs()[0].name: self.input.array})

    def get_version(self):
        return onnxruntime.__version__


def load(folder, options):
    files = (os.path.join(folder, f"model{suffix}") for suffix in (".pdmodel", ".pdiparams"))
    return Predictor(paddle2onnx.export(*files, opset_version=OPSET, enable_onnx_checker=False, verbose=False))


lite_worker.serve(load)
