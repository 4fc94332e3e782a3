"""Runs a `.nb` with Paddle-Lite, as `engine_worker.py` says; "library" in its options is the path of Paddle-Lite's."""

import sys

# Run by path, Python looks for modules beside this file first; at the end they hide nothing.
sys.path.append(sys.path.pop(0))

from engine_worker import serve  # noqa: E402, I001  first: it keeps what engines print apart from the answers

from lite_library import LiteLibrary, Predictor  # noqa: E402


class Model:
    def __init__(self, path, options):
        self.predictor = Predictor(LiteLibrary(options["library"]), path)
        self.version = self.predictor.get_version()
        self.run = self.predictor.run

    def set_input(self, array):
        self.predictor.get_input(0).from_numpy(array)

    def output(self):
        return self.predictor.get_output(0).numpy()


serve(Model)
