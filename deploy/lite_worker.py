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


def timed_run(predictor, array):
    """Milliseconds of one inference; setting the input is not in it."""
    predictor.get_input(0).from_numpy(array)
    start = time.perf_counter()
    predictor.run()
    return (time.perf_counter() - start) * 1e3


def handle(predictor, request):
    if request["do"] == "run":
        took = timed_run(predictor, np.load(request["input"]))
        np.save(request["output"], predictor.get_output(0).numpy())
        return {"ms": took}
    arrays = [np.load(path) for path in request["inputs"]]
    return {"ms": [timed_run(predictor, arrays[run % len(arrays)]) for run in range(request["runs"])]}


def main():
    start = time.perf_counter()
    predictor = load(sys.argv[1])
    answer({"init_ms": (time.perf_counter() - start) * 1e3, "version": predictor.get_version()})
    for line in sys.stdin:
        try:
            answer(handle(predictor, json.loads(line)))
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


main()
