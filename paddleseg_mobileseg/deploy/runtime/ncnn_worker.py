"""Runs a `.param`, whose `.bin` lies beside it, with ncnn, as `engine_worker.py` says."""

import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from engine_worker import serve  # noqa: E402, I001  first: it keeps what engines print apart from the answers
import numpy as np  # noqa: E402
import ncnn  # noqa: E402


class Model:
    version = ncnn.__version__

    def __init__(self, path, options):
        self.net = ncnn.Net()
        settings = self.net.opt
        settings.num_threads = options["threads"]
        settings.use_vulkan_compute = False
        # ncnn takes halves of one kind or the other unless it is told not to, on x86 as well.
        half = options["precision"] == "float16"
        settings.use_fp16_packed = settings.use_fp16_storage = settings.use_fp16_arithmetic = half
        settings.use_bf16_storage = False
        if self.net.load_param(path) or self.net.load_model(path[: -len(".param")] + ".bin"):
            raise RuntimeError(f"ncnn cannot load {path}")
        # Not the first of its outputs: pnnx leaves blobs that nothing reads, which ncnn counts among them.
        self.input, self.result = options["input"], options["output"]

    def set_input(self, array):
        if len(array) != 1:
            raise ValueError("ncnn takes one image at a time")
        # A copy of its own: the Mat does not keep the array.
        self.image = ncnn.Mat(array[0]).clone()

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.input, self.image)
        status, self.mat = extractor.extract(self.result)
        if status:
            raise RuntimeError(f"ncnn ended with status {status}")

    def output(self):
        return np.array(self.mat)[np.newaxis]


serve(Model)
