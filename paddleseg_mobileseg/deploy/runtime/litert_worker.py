"""Runs a `.tflite` with LiteRT, as `engine_worker.py` says; its images have their channels last."""

import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from engine_worker import serve  # noqa: E402, I001  first: it keeps what engines print apart from the answers
import ai_edge_litert  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402


class Model:
    version = ai_edge_litert.__version__
    channels_last = True

    def __init__(self, path, options):
        self.interpreter = Interpreter(model_path=path, num_threads=options["threads"])
        self.interpreter.allocate_tensors()
        (self.input,), (self.result,) = self.interpreter.get_input_details(), self.interpreter.get_output_details()

    def set_input(self, array):
        self.interpreter.set_tensor(self.input["index"], array.transpose(0, 2, 3, 1))

    def run(self):
        self.interpreter.invoke()

    def output(self):
        return self.interpreter.get_tensor(self.result["index"])


serve(Model)
