"""Paddle in a process of its own, for programs that may be anybody's: answers requests on standard input.

Run by path. A request is a line of JSON with the key "do"; what it is about follows as raw bytes, "bytes" of them:
first the program ("program" bytes), then the arrays that "arrays" lists as [dtype, shape]. An answer has the same form.
What Paddle refuses is the answer "refused", with Paddle's own words.
"""

import json
import os
import sys

# Run by path, Python looks for modules beside this file first; they are the plugin's and not meant to be found here.
sys.path.pop(0)

# Paddle logs to standard output too: keep the answers apart from it.
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import numpy as np  # noqa: E402

LONGEST_WORDS = 20_000

graphs = {}


def import_paddle():
    """After the greeting: the caller has something else to do meanwhile, such as loading it too."""
    global paddle, core
    import paddle
    from paddle.base import core

    paddle.enable_static()


def answer(content, arrays=()):
    arrays = [np.ascontiguousarray(array).reshape(array.shape) for array in arrays]
    content = {**content, "arrays": [[array.dtype.str, array.shape] for array in arrays]}
    content["bytes"] = sum(array.nbytes for array in arrays)
    answers.write(json.dumps(content).encode() + b"\n")
    for array in arrays:
        answers.write(array.data if array.nbytes else b"")
    answers.flush()


def arrays_of(listed, data):
    arrays = []
    for dtype, shape in listed:
        size = np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(data[:size], dtype).reshape(shape))
        data = data[size:]
    return arrays


def infer(program, arrays, outputs):
    """Sizes of the outputs of a program's only op."""
    # Its blocks do not keep a program alive.
    program = paddle.static.Program.parse_from_string(program)
    block = program.desc.block(0)
    block.op(0).infer_shape(block)
    answer({"dims": [list(block.find_var(name.encode()).shape()) for name in outputs]})


def evaluate(program, arrays, names, fetch):
    """The outputs of a program's only op."""
    outputs = paddle.static.Executor(paddle.CPUPlace()).run(
        paddle.static.Program.parse_from_string(program),
        feed=dict(zip(names, arrays)),
        fetch_list=fetch,
        scope=core.Scope(),
    )
    missing = [name for name, output in zip(fetch, outputs) if output is None]
    if missing:
        raise ValueError(f"it gives no value to {missing[0]}")
    answer({}, outputs)


def load(program, arrays, graph, names):
    """Keep a program with its parameters."""
    scope = core.Scope()
    for name, array in zip(names, arrays):
        scope.var(name).get_tensor().set(array, paddle.CPUPlace())
    # An executor remembers programs by what they look like, and not what belongs to them: one for each.
    executor = paddle.static.Executor(paddle.CPUPlace())
    graphs[graph] = (executor, paddle.static.Program.parse_from_string(program), scope)
    answer({})


def run(program, arrays, graph, input, fetch):
    """Variables of a program that was loaded."""
    executor, program, scope = graphs[graph]
    answer({}, executor.run(program, feed={input: arrays[0]}, fetch_list=fetch, scope=scope))


def ready(program, arrays):
    """Paddle is loaded."""
    answer({})


def main():
    requests = {"ready": ready, "infer": infer, "evaluate": evaluate, "load": load, "run": run}
    answer({})
    import_paddle()
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            # At once: Paddle's threads may still be busy with what nobody waits for any more.
            os._exit(0)
        request = json.loads(line)
        data = memoryview(sys.stdin.buffer.read(request.pop("bytes", 0)))
        do, size, listed = (request.pop(key) for key in ("do", "program", "arrays"))
        for graph in request.pop("forget"):
            graphs.pop(graph, None)
        try:
            requests[do](bytes(data[:size]), arrays_of(listed, data[size:]), **request)
        except Exception as error:  # Paddle raises whatever its C++ side is mapped to
            answer({"refused": f"{type(error).__name__}: {error}"[:LONGEST_WORDS]})


if __name__ == "__main__":
    main()
