"""Drives Paddle-Lite's opt in a process of its own; run by path, with a request in JSON as its argument."""

import json
import resource
import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from lite_library import LiteLibrary, Opt  # noqa: E402


def main(request):
    for kind, most in ((resource.RLIMIT_DATA, request["memory"]), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    opt = Opt(LiteLibrary(request["library"]))
    if request["do"] == "version":
        print(opt.version())
        return
    if request.get("fp16"):
        # Read by set_valid_places, so it must come first.
        opt.enable_fp16()
    opt.set_valid_places(request["target"])
    if request["do"] == "list ops":
        opt.print_supported_ops()
        return
    opt.set_model_file(request["program"])
    opt.set_param_file(request["params"])
    opt.set_model_type(request["format"])
    opt.set_optimize_out(request["output"])
    if request.get("quantisation"):
        opt.set_quant_model(True)
        opt.set_quant_type(request["quantisation"])
    opt.run()


main(json.loads(sys.argv[1]))
