"""The suite of engines: its tables, from made-up results, and what it does where an engine fails."""

from dataclasses import replace

import pytest

from benchmarks.__main__ import main
from benchmarks.report import make_report, markdown
from benchmarks.results import Result, ResultsFile
from benchmarks.suites.engines.arm import WHEELS, arm_engines
from benchmarks.suites.engines.cases import AARCH64, LABEL_MAP, NETWORK, EngineCase, cases
from benchmarks.suites.engines.measuring import EnginesMeasuring
from benchmarks.suites.engines.repeated import repeated, swaps
from benchmarks.suites.engines.report import (
    arm_section,
    conversion_table,
    count_table,
    counted_cases,
    own_table,
    rate_table,
    time_table,
)
from benchmarks.suites.latency.measured import ratio
from benchmarks.suites.registry import CASE_TYPES, SUITES, read_file
from paddleseg_mobileseg.errors import ToolError
from support.bench_program import need
from support.benchmark_measurements import ENVIRONMENT, SETTINGS, record_of, scored


def case_of(network, engine, label_map="exact", **facts):
    return EngineCase(network, 512, 512, 150, label_map, engine, **facts)


def timed(network, engine, network_ms, labels_ms=(), **facts):
    """A result of the host with one sample a round."""
    case = case_of(network, engine, "exact" if labels_ms else "argmax", **facts)
    record = record_of(case, network_ms, labels_ms)
    record = replace(
        record,
        configuration=replace(record.configuration, engine=engine),
        environment=replace(record.environment, versions={engine: "2"}),
    )
    return Result.of_record("engines", case, range(len(network_ms)), record, SETTINGS, 1.0)


HOST = [
    timed("pp_mobileseg_tiny", "paddle-lite", [80.0, 90.0], [1.0, 1.0]),
    timed("pp_mobileseg_tiny", "paddle-lite", [300.0, 320.0]),
    timed("pp_mobileseg_tiny", "ncnn", [26.0, 29.0], [1.0, 1.0]),
    timed("seaformer_tiny", "ncnn", [20.0, 22.0], [2.0, 2.0]),
]


def counted(network, engine, millions, agreement=1.0, **facts):
    """A result of the emulated core; one number is of a network that makes its own labels."""
    case = case_of(network, engine, "exact" if len(millions) > 1 else "argmax", arch=AARCH64, **facts)
    scores = {name: [1e6 * number] for name, number in zip((NETWORK, LABEL_MAP), millions)}
    result = scored("engines", case, scores, agreement=agreement)
    versions = {engine: "1", "qemu": "7.2"}
    environment = replace(ENVIRONMENT, device=AARCH64, cpu="cortex-a76 under QEMU", versions=versions)
    details = {"multiply_adds": 710_000_000, "bytes": 5_920_000}
    return replace(result, environment=environment, details=details)


ARM = [
    counted("pp_mobileseg_tiny", "mnn", (320.0, 5.5)),
    counted("pp_mobileseg_tiny", "onnxruntime", (284.0, 6.0), agreement=0.5),
    counted("pp_mobileseg_tiny", "onnxruntime", (2900.0,)),
]


def test_every_engine_stands_beside_paddle_lite():
    table = time_table([each for each in HOST if each.case.label_map == "exact"])
    assert table.titles == ["network", "Paddle-Lite", "ncnn"]
    assert table.rows == [
        ["SeaFormer-Tiny", "-", "23.0 (-)"],
        ["PP-MobileSeg-Tiny", "86.0 (1.00)", "28.5 (0.33)"],
    ]
    own = own_table(HOST, ratio)
    assert (own.titles, own.rows) == (["network", "Paddle-Lite"], [["PP-MobileSeg-Tiny", "0.28"]])


def test_a_second_run_bears_the_order_out_up_to_ties():
    first = [
        timed("pp_mobileseg_tiny", "paddle-lite", [80.0], [1.0]),
        timed("pp_mobileseg_tiny", "ncnn", [50.0], [1.0]),
        timed("pp_mobileseg_tiny", "mnn", [40.0], [1.0]),
        timed("seaformer_tiny", "ncnn", [20.0], [1.0]),
        timed("seaformer_tiny", "mnn", [20.5], [1.0]),
    ]
    times = [80.0, 40.0, 50.0, 20.5, 20.0]
    second = [timed(each.case.network, each.case.engine, [ms], [1.0]) for each, ms in zip(first, times)]
    assert swaps(first, first) == []
    (swap,) = swaps(first, second)
    assert swap[:4] == ("pp_mobileseg_tiny", 1, "ncnn", "mnn")
    assert swap.shares == pytest.approx((51 / 41, 41 / 51))
    text = repeated(first, second)
    assert "puts the engines in the same order up to ties of 10 %, with one thread in 1 of 2 networks." in text
    assert text.endswith("in both runs: PP-MobileSeg-Tiny: ncnn and MNN (1.24, 0.80).")


def test_instructions_stand_beside_the_limit():
    exact = ARM[:2]
    assert count_table(exact).titles == ["network", "multiply-adds, G", "ONNX Runtime", "MNN"]
    assert count_table(exact).rows == [["PP-MobileSeg-Tiny", "0.71", "284.0", "320.0"]]
    assert rate_table(exact).rows == [["PP-MobileSeg-Tiny", "0.71", "2.50", "2.22"]]
    assert counted_cases(ARM).rows == [
        ["PP-MobileSeg-Tiny", "ONNX Runtime", "exact", "float32", "284.0", "6.0", "290.0", "2.50", "50.0000 %", "5.92"],
        ["PP-MobileSeg-Tiny", "MNN", "exact", "float32", "320.0", "5.5", "325.5", "2.22", "100.0000 %", "5.92"],
        [
            *("PP-MobileSeg-Tiny", "ONNX Runtime", "argmax", "float32", "284.0", "2616.0 (difference)", "2900.0", "-"),
            *("100.0000 %", "5.92"),
        ],
    ]


def test_half_precision_stands_beside_the_exact_label_map():
    found = cases(["pp_mobileseg_tiny"], (512, 512), 150, ["mnn"], ["exact", "argmax"], [1], AARCH64, with_half=True)
    assert [(case.label_map, case.precision) for case in found] == [
        ("exact", "float32"), ("exact", "fp16"), ("argmax", "float32"),
    ]  # fmt: skip


def test_half_precision_has_a_limit_of_its_own():
    half = counted("pp_mobileseg_tiny", "mnn", (160.0, 5.5), precision="fp16")
    _, blocks = arm_section([*ARM, half])
    tables = {block.heading: block.content for block in blocks}
    title = "Network in half precision, million instructions (multiply-adds an instruction, limit 8)"
    assert tables[title].rows == [["PP-MobileSeg-Tiny", "0.71", "160.0 (4.44)"]]
    assert tables["Multiply-adds an instruction (limit 4)"].rows == rate_table(ARM[:2]).rows


def test_the_conversion_is_told_once_a_model():
    facts = {"conversion_seconds": 1.26, "bytes": 5_920_000}
    results = [replace(each, details={**each.details, **facts}) for each in HOST]
    again = replace(results[0], case=replace(results[0].case, threads=2), details={**facts, "conversion_seconds": 9.0})
    table = conversion_table([*results, again])
    assert table.titles == ["network", "Paddle-Lite", "ncnn"]
    assert table.rows == [
        ["PP-MobileSeg-Tiny", "1.3 s, 5.92", "1.3 s, 5.92"],
        ["SeaFormer-Tiny", "-", "1.3 s, 5.92"],
    ]


def test_both_are_reported_and_kept(tmp_path):
    path = tmp_path / "engines.jsonl"
    file = ResultsFile(path, CASE_TYPES)
    for result in [*HOST, *ARM]:
        file.append(result)
    assert read_file(path) == [*HOST, *ARM]
    text = markdown(make_report(read_file(path), SUITES, with_plots=False))
    assert "they are no times" in text and "## engines, aarch64" in text
    assert "Timed in Paddle-Lite 2, ncnn 2 on a processor, 2 cores, 2024-01-02. Rounds: 2, runs in each: 1" in text
    assert "Counted in ONNX Runtime 1, MNN 1 on cortex-a76 under QEMU 7.2, one thread, at 512x512" in text
    suite = SUITES["engines"]
    assert suite.figure(ARM[1]).by_round == {0: 290.0} and suite.figure(HOST[3]).by_round == {0: 22.0, 1: 24.0}


def test_what_an_engine_cannot_run_is_left_out(monkeypatch, capsys):
    good, refused, crashing = (case_of("pp_mobileseg_tiny", engine) for engine in ("paddle-lite", "ncnn", "mnn"))

    class Models:
        images = []

        def make_all(self, cases):
            return {refused: ToolError("no such layer")}

    class Double(EnginesMeasuring):
        """A double of the engines, one of which dies."""

        def require(self, engine):
            pass

        def take_turn(self, case, number):
            if case == crashing:
                raise ToolError("died of SIGSEGV")
            return case, number

    double = Double("engines", [good, refused, crashing], {}, Models())
    double.prepare()
    assert double.cases == [good, crashing]
    turns = [(case, number) for number in (0, 1) for case in double.cases]
    assert list(double.measure(turns, lambda text: None)) == [(good, 0), (good, 1)]
    assert capsys.readouterr().err.splitlines() == [
        "warning: pp_mobileseg_tiny with exact in ncnn is left out: no such layer",
        "warning: pp_mobileseg_tiny with exact in MNN is left out: died of SIGSEGV",
    ]


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--threads", "0"], "--threads takes numbers of 1 or more, not 0"),
        (["--precision", "fp16"], "--precision has kernels on ARM only, and this host has none to time: give --arch"),
        (["--clock", "cpu"], "--clock cpu adds up what all threads take, which is no latency: give --threads 1"),
    ],
)
def test_choices_that_say_nothing_are_refused(tmp_path, capsys, flags, message):
    places = ["--output", str(tmp_path / "out.jsonl"), "--models", str(tmp_path / "models")]
    assert main(["run", "engines", *flags, *places]) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_paddle_lite_is_counted_only_where_its_library_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("PADDLE_LITE_DIR", raising=False)
    assert set(arm_engines(None)) <= set(WHEELS) and {"onnxruntime", "ncnn", "mnn"} <= set(arm_engines(None))
    library = tmp_path / "lib" / "libpaddle_light_api_shared.so"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little"))
    need("cmake", "gcc", "aarch64-linux-gnu-g++", "qemu-aarch64")
    assert arm_engines(tmp_path)[0] == "paddle-lite"
