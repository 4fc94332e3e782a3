"""Runs a program with Paddle Inference in a process of its own: answers the requests of `engine_worker.py`.

Run by path with the parameters, the program lying beside them, and JSON with "worker", the path of
`engine_worker.py`, and "device", "cpu", "gpu" or "tensorrt", beside the options of that worker.
"""

import importlib.util
import json
import sys

_spec = importlib.util.spec_from_file_location("engine_worker", json.loads(sys.argv[2])["worker"])
engine_worker = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(engine_worker)

import paddle  # noqa: E402
from paddle import inference  # noqa: E402


class Model:
    version = paddle.__version__

    def __init__(self, config, waits):
        self.predictor = inference.create_predictor(config)
        self.waits = waits
        self.set_input = self.predictor.get_input_handle(self.predictor.get_input_names()[0]).copy_from_cpu
        self.output = self.predictor.get_output_handle(self.predictor.get_output_names()[0]).copy_to_cpu

    def run(self):
        self.predictor.run()
        # A graphics card is only told what to do: without waiting, the time would be that of telling.
        if self.waits:
            paddle.device.cuda.synchronize()


def load(path, options):
    device = options["device"]
    config = inference.Config(path[: -len(".pdiparams")] + ".pdmodel", path)
    config.disable_glog_info()
    config.switch_ir_optim(True)
    config.enable_memory_optim()
    if device == "cpu":
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(options["threads"])
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
    return Model(config, device != "cpu")


engine_worker.serve(load)
