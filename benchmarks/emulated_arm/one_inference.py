"""Runs a model twice and marks the second inference: for a Python that has NumPy and the engine only.

Run by path with the worker program of the engine, the model, the worker's options as JSON, an .npy file of the input,
an .npy file for the output, and the number of the call that marks.
"""

import ctypes
import json
import os
import runpy
import sys
import types

import numpy as np

worker, path, options, given, result, mark = sys.argv[1:]


def serve(load):
    """Stands in for the `serve` of `engine_worker.py`, to which the worker gives what loads its models."""
    model = load(path, json.loads(options))
    array = np.load(given)
    system_call = ctypes.CDLL(None).syscall
    model.set_input(array)
    model.run()
    # Engines use the memory of their input for other things once they have read it.
    model.set_input(array)
    system_call(int(mark))
    model.run()
    system_call(int(mark))
    output = model.output()
    channels_last = getattr(model, "channels_last", False) and output.ndim == 4
    np.save(result, output.transpose(0, 3, 1, 2) if channels_last else output)
    print("version:", model.version, file=sys.stderr)


sys.modules["engine_worker"] = types.SimpleNamespace(serve=serve)
sys.path[0] = os.path.dirname(worker)
runpy.run_path(worker)
