"""Paddle 2.6 converts a method to a static graph once for all layers of a class, as its cache means to."""

from inspect import unwrap

from paddle.jit.dy2static import utils
from paddle.jit.dy2static.program_translator import FunctionCache


def convert_methods_once() -> None:
    """Let Paddle's cache of converted functions go by the function of a method.

    It goes by the bound method, which is another one at each call, so that `SeaBlock.forward` is converted for each of
    a network's blocks and again at each export: half the time of an export, of which a run makes a hundred. The
    programs are the same to the last byte. Newer Paddles, in which few of the tests run, are left alone.
    """
    if not hasattr(utils, "recover_globals_attribute"):
        return
    convert = FunctionCache.convert_with_cache

    def convert_with_cache(self, function):
        method = getattr(function, "__func__", function)
        static = convert(self, method)
        # A converted function has a copy of its module's names, of which a test may have replaced some.
        utils.recover_globals_attribute(unwrap(method), static)
        return static

    FunctionCache.convert_with_cache = convert_with_cache
