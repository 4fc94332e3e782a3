"""Converts ONNX with MNN; run by path with the file to read, the file to write, and more options of mnnconvert."""

import os
import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

# mnnconvert logs to standard output: keep the answer apart from it.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# The native module; the command around it, MNN.tools.mnnconvert, reports each conversion to a server.
import _tools  # noqa: E402


def main(model, output, *options):
    command = ["mnnconvert", "-f", "ONNX", "--modelFile", model, "--MNNModel", output, "--bizCode", "mobileseg"]
    _tools.mnnconvert([*command, *options])
    if not os.path.isfile(output) or not os.path.getsize(output):
        raise SystemExit("mnnconvert wrote nothing")
    answers.write("{}\n")


main(*sys.argv[1:])
