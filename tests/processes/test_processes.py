import json
import sys
import time

import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.processes.tool import last_words, run_tool
from paddleseg_mobileseg.processes.worker import Worker

ECHO = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    exec(request["code"])
    print(json.dumps({"heard": request["code"]}), flush=True)
"""


def python(code):
    return [sys.executable, "-c", code]


@pytest.fixture
def worker():
    with Worker(python(ECHO), "the echo", timeout=20) as worker:
        yield worker


def test_gives_everything_that_a_tool_says():
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    assert run_tool(python(code), "a tool", timeout=20).split() == ["one", "two"]


def test_sets_the_environment_of_a_tool():
    said = run_tool(python("import os; print(os.environ['THREADS'])"), "a tool", 20, {"THREADS": "1"})
    assert said.strip() == "1"


@pytest.mark.parametrize(
    "code, message",
    [
        ("print('no such op'); raise SystemExit(3)", "a tool ended with status 3: no such op"),
        ("import os; os.abort()", "a tool died of SIGABRT: it printed nothing"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "a tool died of SIGSEGV"),
    ],
)
def test_the_end_of_a_tool_becomes_an_error(code, message):
    with pytest.raises(ToolError, match=message):
        run_tool(python(code), "a tool", timeout=20)


def test_a_tool_that_hangs_is_stopped():
    with pytest.raises(ToolError, match="did not end within 0.5 s"):
        run_tool(python("import time; time.sleep(60)"), "a tool", timeout=0.5)


def test_a_tool_that_is_not_there_is_named():
    with pytest.raises(ToolError, match="cannot start a tool .*no-such-program"):
        run_tool(["./no-such-program"], "a tool", timeout=20)


@pytest.mark.parametrize(
    "output, words",
    [
        ("", "it printed nothing"),
        ("first\nlast\n\n", "last"),
        ("[F 11/20 16:32:41.4 ...op_desc.h:118 GetAttr] Check failed: threshold\nstack\n", "Check failed: threshold"),
        ("loading\nError: 1 ops are not supported\nabort", "Error: 1 ops are not supported"),
    ],
)
def test_the_line_that_tells_most_is_chosen(output, words):
    assert last_words(output) == words


def test_a_worker_answers_again_and_again(worker):
    assert worker.greeting == {"ready": True}
    for code in ("pass", "1 + 1"):
        assert worker.ask({"code": code}, timeout=20) == {"heard": code}


def test_a_worker_may_talk_on_standard_error(worker):
    assert worker.ask({"code": "print('x' * 10**6, file=sys.stderr)"}, timeout=20)


def test_a_worker_that_dies_is_an_error_with_its_last_words(worker):
    code = "import os; print('Check failed: shape', file=sys.stderr, flush=True); os.abort()"
    with pytest.raises(ToolError, match="the echo died of SIGABRT: Check failed: shape"):
        worker.ask({"code": code}, timeout=20)


def test_a_worker_that_hangs_is_stopped(worker):
    start = time.monotonic()
    with pytest.raises(ToolError, match="the echo did not answer within 0.5 s"):
        worker.ask({"code": "import time; time.sleep(60)"}, timeout=0.5)
    assert time.monotonic() - start < 30
    with pytest.raises(ToolError, match="has been stopped"):
        worker.ask({"code": "pass"}, timeout=20)


def test_a_worker_that_fails_to_start_is_an_error():
    with pytest.raises(ToolError, match="the echo ended with status 1: ImportError: no engine"):
        Worker(python("raise ImportError('no engine')"), "the echo", timeout=20)


def test_an_answer_with_an_error_is_an_error():
    code = f"print({json.dumps(json.dumps({'error': 'No space left on device'}))}, flush=True); input()"
    with pytest.raises(ToolError, match="the echo failed: No space left on device"):
        Worker(python(code), "the echo", timeout=20)
