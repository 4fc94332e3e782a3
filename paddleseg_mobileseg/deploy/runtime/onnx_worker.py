"""Runs an `.onnx` with ONNX Runtime, as `engine_worker.py` says."""

import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from engine_worker import serve  # noqa: E402, I001  first: it keeps what engines print apart from the answers
import onnxruntime  # noqa: E402


class Model:
    version = onnxruntime.__version__

    def __init__(self, path, options):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options["threads"]
        settings.inter_op_num_threads = 1
        # Its messages about a graph that it could not simplify would be taken for the reason of a failure.
        settings.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def set_input(self, array):
        self.feed = {self.name: array}

    def run(self):
        (self.result,) = self.session.run(None, self.feed)

    def output(self):
        return self.result


serve(Model)
