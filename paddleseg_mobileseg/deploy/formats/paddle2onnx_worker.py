"""Translates a program with paddle2onnx; run by path with program, parameters, file to write, opset, 1 for halves."""

import importlib.util
import os
import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

# paddle2onnx logs to standard output too: keep the answer apart from it.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def translator():
    """Its native module; the package around it would load Paddle, of which nothing is needed."""
    folder = importlib.util.find_spec("paddle2onnx").submodule_search_locations[0]
    name = "paddle2onnx_cpp2py_export"
    (file,) = [file for file in os.listdir(folder) if file.startswith(name) and file.endswith(".so")]
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(program, params, output, opset, half):
    # Opset, whether a newer one may be taken, logs, a check by package onnx, ops that need no runtime of theirs,
    # optimisation, custom ops, engine, calibration, file for large weights, half precision.
    options = int(opset), True, False, False, True, True, {}, "onnxruntime", "", "", half == "1"
    model = translator().export(program, params, *options)
    if not model:
        raise SystemExit("paddle2onnx translated nothing")
    with open(output, "wb") as file:
        file.write(model)
    answers.write("{}\n")


main(*sys.argv[1:])
