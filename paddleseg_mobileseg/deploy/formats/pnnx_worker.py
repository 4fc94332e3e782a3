"""Converts ONNX with pnnx; run by path with the program, the files to read and to write, input shape, 1 for fp16."""

import os
import stat
import subprocess
import sys
import tempfile


def main(pnnx, model, param, weights, shape, half):
    os.chmod(pnnx, os.stat(pnnx).st_mode | stat.S_IXUSR)
    # pnnx also writes what its network looks like halfway, in PyTorch's and its own terms.
    with tempfile.TemporaryDirectory() as folder:
        others = [f"{what}={folder}/{what}" for what in ("pnnxparam", "pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy")]
        shape = f"inputshape=[{shape.replace('x', ',')}]"
        command = [pnnx, model, f"ncnnparam={param}", f"ncnnbin={weights}", shape, f"fp16={half}", *others]
        status = subprocess.run(command, stdout=sys.stderr).returncode
    if status:
        raise SystemExit(f"pnnx ended with status {status}")
    print("{}")


main(*sys.argv[1:])
