"""What the worker programs of all engines share: they answer JSON requests, one a line, on standard input.

A worker is run by path with two arguments: the model, and JSON with "threads"; "core", the core to bind to;
"label_maps", how to make the label map that belongs to an inference: the path of the compiled label core, the size of
the map and the rule of its corners; null for either. "clock" says whose time counts: "wall", or "cpu" for the time
that this process had a core. What else the JSON holds is the engine's own. Arrays travel through .npy files.

It loads an engine's package and NumPy, and nothing of this plugin, so that any Python can run it. It gives `serve` a
function that makes a model of the two arguments, with

    set_input(array)   float32 [N, C, H, W]; copying it is not timed
    run()              what is timed
    output()           the array that the last run made; not timed
    version            of the engine
    channels_last      true where an output of four axes is [N, H, W, C]; may be left out
"""

import importlib.util
import json
import os
import sys
import time

# Engines log to standard output too: keep the answers apart from it.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def answer(content):
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def peak_memory():
    """The most bytes that this process has held in memory.

    getrusage would count the process that started this one too: its memory is ours until our program is loaded.
    """
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


class LabelMaps:
    """Label maps of low-resolution logits, made in this process as an application would."""

    def __init__(self, clock, core, size, align_corners):
        self.clock = clock
        # Importing the plugin would load Paddle beside Paddle-Lite.
        spec = importlib.util.spec_from_file_location("_upsample_labels", core)
        self.core = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.core)
        self.size = size
        self.align_corners = align_corners

    def timed_run(self, logits, channels_last):
        """Milliseconds of the label maps of logits [N, C, h, w] or [N, h, w, C]; making room for them is not in it."""
        batch, *image = logits.shape
        classes, height, width = (image[-1], *image[:-1]) if channels_last else image
        labels = np.zeros((batch, *self.size), np.uint8 if classes <= 256 else np.uint16)
        start = self.clock()
        for one, out in zip(logits, labels):
            self.core.upsample_labels(
                one, 4, classes, height, width, channels_last, out, out.itemsize, *self.size, self.align_corners, 1
            )
        return (self.clock() - start) * 1e3


class Session:
    """A loaded model and the inputs that it is timed with."""

    def __init__(self, model, clock, label_maps):
        self.model = model
        self.channels_last = getattr(model, "channels_last", False)
        self.clock = clock
        self.label_maps = label_maps
        self.inputs = []
        self.position = 0

    def timed_run(self, array):
        """Milliseconds of one inference and of its label map, None without one; copying arrays is not in them."""
        self.model.set_input(array)
        start = self.clock()
        self.model.run()
        network = (self.clock() - start) * 1e3
        if self.label_maps is None:
            return network, None
        return network, self.label_maps.timed_run(self.model.output(), self.channels_last)

    def run(self, input, output):
        network, label_map = self.timed_run(np.load(input))
        result = self.model.output()
        np.save(output, result.transpose(0, 3, 1, 2) if self.channels_last and result.ndim == 4 else result)
        return {"network_ms": network, "label_map_ms": label_map}

    def set_inputs(self, paths):
        self.inputs = [np.load(path) for path in paths]
        self.position = 0
        return {}

    def time(self, uncounted, runs):
        for _ in range(uncounted):
            self.timed_run(self.inputs[self.position])
        samples = []
        for _ in range(runs):
            samples.append(self.timed_run(self.inputs[self.position]))
            self.position = (self.position + 1) % len(self.inputs)
        return {
            "network_ms": [network for network, _ in samples],
            "label_map_ms": [label_map for _, label_map in samples],
            "peak_bytes": peak_memory(),
        }


def serve(load):
    """Answer requests about the model that `load` makes of the two arguments, until standard input ends."""
    path, options = sys.argv[1], json.loads(sys.argv[2])
    if options["core"] is not None:
        os.sched_setaffinity(0, [options["core"]])
    clock = CLOCKS[options["clock"]]
    label_maps = LabelMaps(clock, **options["label_maps"]) if options["label_maps"] else None
    start = clock()
    session = Session(load(path, options), clock, label_maps)
    answer({"init_ms": (clock() - start) * 1e3, "version": session.model.version})
    requests = {"run": session.run, "set inputs": session.set_inputs, "time": session.time}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(requests[request.pop("do")](**request))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
