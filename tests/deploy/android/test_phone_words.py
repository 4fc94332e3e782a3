"""What a phone and its program say is anybody's words: each wrong one is an error of one line."""

import copy
import json

import pytest

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.deploy.android.adb import Adb
from paddleseg_mobileseg.deploy.android.bench_binary import SCHEMA, DeviceBinary
from paddleseg_mobileseg.deploy.android.phone import parse_battery, parse_free_bytes, parse_thermal_status
from paddleseg_mobileseg.deploy.android.report import check_report
from paddleseg_mobileseg.processes.tool import Finished

RESULT = {"dtype": "float32", "shape": [1, 2, 3, 4], "digest": "d", "digests": ["d"]}
PASSES = {
    "network_ms": [1.5],
    "label_map_ms": [],
    "cores": [3],
    "migrations": 0,
    "cpu_time_ms": 1.25,
    "voluntary_switches": 0,
    "involuntary_switches": 1,
}
REPORT = {
    "schema": SCHEMA,
    "program": {"version": "1", "build_id": None},
    "library_version": "v",
    "library_build_id": None,
    "configuration": {"power_mode": "high"},
    "init_ms": 1,
    "first": {"network_ms": 2.5, "label_map_ms": None},
    "warmup": dict(PASSES),
    "samples": dict(PASSES),
    "peak_memory_bytes": 5,
    "placement": {"allowed_cores": [3], "before": [{"cpu": 3, "khz": 1}], "after": []},
    "output": RESULT,
    "label_map": None,
    "classes_present": None,
    "device": {"temperature_c": {}},
    "something newer": 1,
}


def adb_that_answers(stdout):
    adb = Adb.__new__(Adb)
    adb._run = lambda arguments, timeout, doing: Finished(0, stdout, "")
    adb.is_usable = lambda serial: True
    return adb


@pytest.mark.parametrize("status", ["²", "9" * 5000, "x", "", "-1"])
def test_exit_status_that_is_no_number(status):
    with pytest.raises(ToolError, match="as the status of `ls`") as caught:
        adb_that_answers(f"out\nmobileseg-status:{status}\n").shell("phone", ["ls"])
    assert len(str(caught.value)) < 200
    assert adb_that_answers("out\nmobileseg-status:137\n").shell("phone", ["ls"]) == Finished(137, "out\n", "")


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000])
def test_numbers_that_are_none_are_unknown(number):
    assert parse_free_bytes(f"a Available\nb {number}\n") is None
    assert parse_battery(f"  level: {number}\n  scale: 100\n") == {"scale": 100}


@pytest.mark.parametrize(
    "text, status",
    [
        ("IsStatusOverride: false\nThermal Status: 2\nCached temperatures:\n", 2),
        ("Can't find service: thermalservice\n", None),
        ("Thermal Status: 7\n", None),
        ("Thermal Status: none\n", None),
    ],
)
def test_thermal_status_that_android_tells_or_not(text, status):
    assert parse_thermal_status(text) == status


class _Folder:
    serial = "phone"

    def put(self, path, name, executable=False):
        return name

    def run_path(self, name):
        return name


class _Program:
    path, libraries = "program", {}


def answer(stdout):
    adb = adb_that_answers(stdout)
    adb.run_program = lambda *arguments: Finished(0, stdout, "")
    settings = type("Settings", (), {"arguments": lambda self: [], "timeout": 1})()
    return DeviceBinary(adb, _Folder(), _Program(), settings).run([])


@pytest.mark.parametrize("stdout", ["[" * 100_000, "3", '{"schema": ' + "9" * 5000 + "}", '{"schema"', "[]"])
def test_answer_that_is_no_report(stdout):
    with pytest.raises(ToolError, match="instead of JSON") as caught:
        answer(stdout)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "way, value, message",
    [
        ("samples", None, "samples is None and not an object"),
        ("samples.network_ms", ["fast"], r"samples.network_ms\[0\] is 'fast' and not of type float"),
        ("init_ms", "soon", "init_ms is 'soon' and not of type float"),
        ("output.dtype", "object", "there is no element type 'object'"),
        ("output.shape", [-1], "a result has no elements"),
        ("program", {}, "program.version is missing"),
        ("samples.cores", ["big"], r"samples.cores\[0\] is 'big' and not of type int"),
        ("placement.before", [{"cpu": 0}], r"placement.before\[0\].khz is missing"),
        ("peak_memory_bytes", ..., "peak_memory_bytes is missing"),
    ],
)
def test_report_with_a_fault(way, value, message):
    check_report(REPORT)
    report = copy.deepcopy(REPORT)
    *above, last = way.split(".")
    section = report[above[0]] if above else report
    if value is ...:
        del section[last]
    else:
        section[last] = value
    with pytest.raises(ToolError, match=f"on phone gave a report that cannot be read: {message}"):
        answer(json.dumps(report))
