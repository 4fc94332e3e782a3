"""`python -m faults cpp`: needs clang with libFuzzer (Debian and Ubuntu: apt-get install clang libclang-rt-dev)."""

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Tuple

from paddleseg_mobileseg.errors import InputError, ToolError
from paddleseg_mobileseg.files import scratch_folder
from paddleseg_mobileseg.processes.tool import last_words, run_tool

TARGETS: Dict[str, Tuple[str, ...]] = {
    "arguments": ("options.cc",),
    "files": ("files.cc", "inputs.cc", "options.cc"),
    "device": ("device.cc", "json.cc", "report.cc", "statistics.cc"),
    "json": ("json.cc",),
    "preprocess": (),
    "labels": (),
}
"""The sources of `deploy/cpp/bench` that each target of `faults/cpp` is built with."""

HERE = Path(__file__).parents[1] / "cpp"
SOURCES = HERE.parents[1] / "deploy" / "cpp"
_FLAGS = ["-std=c++17", "-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-pthread"]
_DICTIONARY = re.compile(r'"(--[a-z-]+)"')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=int, default=600, help="for each target (default: 600)")
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), default=list(TARGETS), help="default: all")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer (default: 1)")
    parser.add_argument("--found", type=Path, default=Path("output/faults"), help="folder for inputs that end badly")


def run(args: argparse.Namespace) -> int:
    """Build and run each target; print what it did; 1 if one found something."""
    if shutil.which("clang++") is None:
        raise InputError("there is no clang++ on the PATH: apt-get install clang libclang-rt-dev")
    args.found.mkdir(parents=True, exist_ok=True)
    bad = 0
    with scratch_folder() as scratch:
        for name in args.targets:
            bad += not _fuzz(name, _build(name, scratch), args, scratch)
    return 1 if bad else 0


def _build(name: str, folder: Path) -> Path:
    program = folder / f"fuzz_{name}"
    sources = [HERE / f"{name}.cc", *(SOURCES / "bench" / source for source in TARGETS[name])]
    folders = [f"-I{SOURCES / 'include'}", f"-I{SOURCES / 'bench'}"]
    run_tool(["clang++", *_FLAGS, *folders, *map(str, sources), "-o", str(program)], f"clang++ of {name}", 600)
    return program


def _fuzz(name: str, program: Path, args: argparse.Namespace, scratch: Path) -> bool:
    corpus = scratch / f"corpus_{name}"
    corpus.mkdir()
    command = [
        str(program),
        f"-max_total_time={args.seconds}",
        f"-seed={args.seed}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={args.found / name}_",
    ]
    if name == "arguments":
        command.append(f"-dict={_write_dictionary(scratch)}")
    log = args.found / f"{name}.log"
    with open(log, "wb") as file:
        status = subprocess.run(
            [*command, str(corpus)], stdout=file, stderr=file, env={**os.environ, "TMPDIR": str(scratch)}
        ).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    executions = re.search(r"number_of_executed_units:\s*(\d+)", said)
    if executions is None and status == 0:
        raise ToolError(f"the target {name} did not run: {last_words(said)}; see {log}")
    count = executions.group(1) if executions else "unknown"
    print(f"{name}: {count} executions, {'nothing found' if status == 0 else f'a fault: see {log}'}", flush=True)
    return status == 0


def _write_dictionary(scratch: Path) -> Path:
    """The flags, so that the command line need not be guessed letter by letter."""
    flags = sorted(set(_DICTIONARY.findall((SOURCES / "bench" / "options.cc").read_text(encoding="utf-8"))))
    path = scratch / "flags.dict"
    path.write_text("".join(f'"{flag}\\x00"\n' for flag in flags) + '"1,3,8,8\\x00"\n"8,8\\x00"\n')
    return path
