"""Runs a program with Paddle Inference in a process of its own: answers the requests of `lite_worker.py`.

Run by path with the parameters, the program lying beside them, and JSON with "worker", the path of
`lite_worker.py`, and "device", "cpu", "gpu" or "tensorrt", beside the options of that worker.
"""

import importlib.util
import json
import sys

_spec = importlib.util.spec_from_file_location("lite_worker", json.loads(sys.argv[2])["worker"])
lite_worker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lite_worker)

import paddle  # noqa: E402
from paddle import inference  # noqa: E402


class _Tensor:
    """A tensor of the predictor under the names that Paddle-Lite has for what is done with it."""

    def __init__(self, handle):
        self.from_numpy, self.numpy = handle.copy_from_cpu, handle.copy_to_cpu


class Predictor:
    def __init__(self, config, waits):
        self.predictor = inference.create_predictor(config)
        self.waits = waits

    def get_input(self, index):
        return _Tensor(self.predictor.get_input_handle(self.predictor.get_input_names()[index]))

    def get_output(self, index):
        return _Tensor(self.predictor.get_output_handle(self.predictor.get_output_names()[index]))

    def run(self):
        self.predictor.run()
        # A graphics card is only told what to do: without waiting, the time would be that of telling.
        if self.waits:
            paddle.device.cuda.synchronize()

    def get_version(self):
        return paddle.__version__


def load(path, options):
    device = json.loads(sys.argv[2])["device"]
    config = inference.Config(path[: -len(".pdiparams")] + ".pdmodel", path)
    config.disable_glog_info()
    config.switch_ir_optim(True)
    config.enable_memory_optim()
    if device == "cpu":
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(1)
    else:
        config.enable_use_gpu(256, 0)
    if device == "tensorrt":
        config.enable_tensorrt_engine(
            workspace_size=1 << 30,
            max_batch_size=1,
            min_subgraph_size=3,
            precision_mode=inference.PrecisionType.Float32,
            use_static=False,
            use_calib_mode=False,
        )
    return Predictor(config, device != "cpu")


lite_worker.serve(load)
