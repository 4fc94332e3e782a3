"""Runs a `.nb` with Paddle-Lite in a process of its own: answers JSON requests, one a line, on standard input.

Run by path with the `.nb` as its argument. Arrays travel through .npy files.
"""

import json
import os
import sys
import time

# Run by path, Python looks for modules beside this file first; they are the plugin's and not meant to be found here.
sys.path.pop(0)

# Paddle-Lite logs to standard output too: keep the answers apart from it.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402
from paddlelite.lite import MobileConfig, create_paddle_predictor  # noqa: E402


def answer(content):
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def load(path):
    config = MobileConfig()
    config.set_model_from_file(path)
    return create_paddle_predictor(config)


class Session:
    """A loaded model and the inputs that it is timed with."""

    def __init__(self, path):
        self.predictor = load(path)
        self.inputs = []
        self.position = 0

    def timed_run(self, array):
        """Milliseconds of one inference; setting the input is not in it."""
        self.predictor.get_input(0).from_numpy(array)
        start = time.perf_counter()
        self.predictor.run()
        return (time.perf_counter() - start) * 1e3

    def run(self, input, output):
        took = self.timed_run(np.load(input))
        np.save(output, self.predictor.get_output(0).numpy())
        return {"ms": took}

    def set_inputs(self, paths):
        self.inputs = [np.load(path) for path in paths]
        self.position = 0
        return {}

    def time(self, settling, runs):
        for _ in range(settling):
            self.timed_run(self.inputs[self.position])
        samples = []
        for _ in range(runs):
            samples.append(self.timed_run(self.inputs[self.position]))
            self.position = (self.position + 1) % len(self.inputs)
        return {"ms": samples}


def main():
    start = time.perf_counter()
    session = Session(sys.argv[1])
    answer({"init_ms": (time.perf_counter() - start) * 1e3, "version": session.predictor.get_version()})
    requests = {"run": session.run, "set inputs": session.set_inputs, "time": session.time}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(requests[request.pop("do")](**request))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


main()
