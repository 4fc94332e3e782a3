"""Child processes: what they say, and how each way of ending becomes an error."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.processes import logged
from paddleseg_mobileseg.processes.logged import run_logged
from paddleseg_mobileseg.processes.tool import last_words, run_tool
from paddleseg_mobileseg.processes.worker import Worker
from support.processes import wait_until

# A tool that does what it should is given as long as a busy machine may need.
PATIENT = 300

ECHO = """
import json, os, sys
print(json.dumps({"pid": os.getpid()}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    exec(request["code"])
    print(json.dumps({"heard": request["code"]}), flush=True)
"""


def python(code):
    return [sys.executable, "-c", code]


@pytest.fixture
def worker():
    with Worker(python(ECHO), "the echo", timeout=PATIENT) as worker:
        yield worker


def test_gives_everything_that_a_tool_says():
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    assert run_tool(python(code), "a tool", timeout=PATIENT).split() == ["one", "two"]


def test_sets_the_environment_of_a_tool():
    said = run_tool(python("import os; print(os.environ['THREADS'])"), "a tool", PATIENT, {"THREADS": "1"})
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
        run_tool(python(code), "a tool", timeout=PATIENT)


def test_a_tool_that_hangs_is_stopped():
    with pytest.raises(ToolError, match="did not end within 0.5 s"):
        run_tool(python("import time; time.sleep(3000)"), "a tool", timeout=0.5)


def test_an_argument_with_a_zero_byte_is_named():
    """Such as the name of a phone that adb gave."""
    with pytest.raises(ToolError, match=r"cannot start adb \(adb\): embedded null byte in \['-s', 'SERI\\x00AL'\]"):
        run_tool(["adb", "-s", "SERI\0AL"], "adb", PATIENT)


def test_a_tool_that_is_not_there_is_named():
    with pytest.raises(ToolError, match="cannot start a tool .*no-such-program"):
        run_tool(["./no-such-program"], "a tool", timeout=PATIENT)


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
    assert worker.greeting == {"pid": worker.greeting["pid"]} and runs(worker.greeting["pid"])
    for code in ("pass", "1 + 1"):
        assert worker.ask({"code": code}, timeout=PATIENT) == {"heard": code}


def test_a_worker_may_talk_on_standard_error(worker):
    assert worker.ask({"code": "print('x' * 10**6, file=sys.stderr)"}, timeout=PATIENT)


def test_a_worker_that_dies_is_an_error_with_its_last_words(worker):
    code = "import os; print('Check failed: shape', file=sys.stderr, flush=True); os.abort()"
    with pytest.raises(ToolError, match="the echo died of SIGABRT: Check failed: shape"):
        worker.ask({"code": code}, timeout=PATIENT)


def test_a_worker_that_hangs_is_stopped(worker):
    with pytest.raises(ToolError, match="the echo did not answer within 0.5 s"):
        worker.ask({"code": "import time; time.sleep(3000)"}, timeout=0.5)
    assert not runs(worker.greeting["pid"])
    with pytest.raises(ToolError, match="has been stopped"):
        worker.ask({"code": "pass"}, timeout=PATIENT)


@pytest.mark.parametrize(
    "code, message",
    [
        ("bytearray(1 << 30)", "ended with status 1: MemoryError"),
        ("open('f', 'wb').write(bytes(2 << 20)); raise SystemExit(3)", "ended with status 1: OSError.*File too large"),
        ("os.abort()", "died of SIGABRT"),
    ],
)
def test_a_worker_gets_no_more_than_its_limits(code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Worker(python(ECHO), "the echo", PATIENT, memory=1 << 29, file_bytes=1 << 20) as worker:
        with pytest.raises(ToolError, match=f"the echo {message}"):
            worker.ask({"code": code}, timeout=PATIENT)
    assert not list(tmp_path.glob("core*"))


def test_raw_bytes_go_behind_a_request_and_an_answer():
    code = """
import json, sys
print("{}", flush=True)
request = json.loads(sys.stdin.buffer.readline())
data = sys.stdin.buffer.read(request["bytes"])
print(json.dumps({"bytes": 2 * len(data)}), flush=True)
sys.stdout.buffer.write(2 * data)
sys.stdout.flush()
sys.stdin.read()
"""
    data = bytes(range(256)) * 4000
    with Worker(python(code), "the echo", PATIENT) as worker:
        assert worker.exchange({}, [data[:1000], data[1000:]], PATIENT, most=3_000_000) == ({}, 2 * data)
    with Worker(python(code), "the echo", PATIENT) as worker:
        with pytest.raises(ToolError, match="the echo announced 2048000 bytes where at most 100 are wanted"):
            worker.exchange({}, [data], PATIENT, most=100)


def test_a_worker_that_does_not_listen_is_stopped():
    with Worker(python("print('{}', flush=True); import time; time.sleep(3000)"), "the echo", PATIENT) as worker:
        with pytest.raises(ToolError, match="the echo did not listen within 0.5 s and was stopped"):
            worker.exchange({}, [bytes(10**7)], timeout=0.5, most=0)


def test_a_worker_that_fails_to_start_is_an_error():
    with pytest.raises(ToolError, match="the echo ended with status 1: ImportError: no engine"):
        Worker(python("raise ImportError('no engine')"), "the echo", timeout=PATIENT)


def test_an_answer_with_an_error_is_an_error():
    code = f"print({json.dumps(json.dumps({'error': 'No space left on device'}))}, flush=True); input()"
    with pytest.raises(ToolError, match="the echo failed: No space left on device"):
        Worker(python(code), "the echo", timeout=PATIENT)


def test_a_command_gives_its_output_and_its_lines(tmp_path):
    seen = []
    code = "import sys; print('answer'); sys.stderr.write('one\\rtwo\\nthree\\n')"
    assert run_logged(python(code), "it", tmp_path / "log", on_line=seen.append) == "answer\n"
    assert seen == ["one", "two", "three"]


@pytest.mark.parametrize(
    "code, reason",
    [
        ("import sys; sys.exit('error: the disk is full')", "the disk is full"),
        ("print('x', file=__import__('sys').stderr); raise KeyError('gone')", "KeyError: 'gone'"),
        ("import os; os.abort()", "it printed nothing"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path, code, reason):
    with pytest.raises(ToolError) as caught:
        run_logged(python(code), "it", tmp_path / "log")
    assert str(caught.value) == f"it failed: {reason}; its log is {tmp_path / 'log'}"


def test_a_command_that_stalls_is_stopped_with_its_workers(tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    # The hour without a word begins when the worker is there, however long that took.
    clock = SimpleNamespace(monotonic=lambda: 3600.0 * pid.is_file(), sleep=time.sleep)
    monkeypatch.setattr(logged, "time", clock)
    monkeypatch.setattr(logged, "_STOP_SECONDS", 1)
    worker = "import time; time.sleep(3000)"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True)\n"
        "print(f'launch proc_id:{child.pid} idx:0', flush=True)\n"
        f"with open({str(tmp_path / 'part')!r}, 'w') as file:\n    file.write(str(child.pid))\n"
        f"os.rename({str(tmp_path / 'part')!r}, {str(pid)!r})\n"
        "time.sleep(3000)\n"
    )
    with pytest.raises(ToolError, match="printed nothing for 600 s"):
        run_logged(python(code), "it", tmp_path / "log", stall_timeout=600)
    wait_until(lambda: not runs(int(pid.read_text())))


def runs(pid):
    """Whether a process still does anything; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
