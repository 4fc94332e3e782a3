"""Paddle-Lite's opt, always in a child process: it answers many faults by aborting."""

import json
import re
import struct
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, FrozenSet

from ...errors import ToolError
from ...processes.limits import memory_limit
from ...processes.tool import run_tool
from .lite_wheel import PADDLELITE, require_library

_WORKER = Path(__file__).with_name("opt_worker.py")
_TIMEOUT = 300

QUANTISATIONS = {"float32": None, "int16": "QUANT_INT16", "int8": "QUANT_INT8"}


def _ask(name: str = "paddle_lite_opt", **request: Any) -> str:
    request = {**request, "library": str(require_library()), "memory": memory_limit()}
    return run_tool([sys.executable, str(_WORKER), json.dumps(request)], name, _TIMEOUT)


@lru_cache(maxsize=None)
def opt_version() -> str:
    """The version that opt writes into its models, such as "v2.13-rc".

    Raises:
        InputError: there is no Paddle-Lite for this machine.
        ToolError: its library cannot be had, or opt failed.
    """
    return _ask(do="version").strip().splitlines()[-1]


@lru_cache(maxsize=None)
def supported_ops(target: str) -> FrozenSet[str]:
    """The ops that opt has kernels for on `target`, by its own table.

    Raises:
        InputError: there is no Paddle-Lite for this machine.
        ToolError: its library cannot be had, or opt failed, or its table cannot be read.
    """
    lines = _ask(do="list ops", target=target).splitlines()
    titles = [index for index, line in enumerate(lines) if line.split()[:1] == ["OP_name"]]
    if not titles:
        raise ToolError(f"paddle_lite_opt does not list the ops of {target}; install paddlelite=={PADDLELITE}")
    title = lines[titles[0]]
    # Columns are right-aligned. kUnk holds ops without any kernel, although opt counts them as supported
    # (lite/api/tools/opt_base.cc).
    columns = {match.end() - 1 for match in re.finditer(r"\S+", title) if match.group() not in ("OP_name", "kUnk")}
    return frozenset(
        line.split()[0]
        for line in lines[titles[0] + 1 :]
        if line.strip() and any(line[column : column + 1] == "Y" for column in columns)
    )


def run_opt(program: Path, params: Path, output: Path, target: str, weights: str, precision: str) -> None:
    """Write the `.nb` of a program that is fit for `target`.

    Args:
        program, params: as `ExportedModel.save` writes them.
        output: file to write; its name must end in `.nb`.
        target: "arm" or "x86".
        weights: "float32", or "int16" / "int8" to store them smaller; they are expanded at load.
        precision: what to compute in; "fp16" is for arm only, and of "int8" the program says itself what is quantised.

    Raises:
        InputError: there is no Paddle-Lite for this machine.
        ToolError: its library cannot be had, or opt failed or left an incomplete file.
    """
    output_text = _optimise(program, params, output.with_suffix(""), target, weights, precision, "naive_buffer")
    if not output.is_file():
        raise ToolError(f"paddle_lite_opt wrote no model: {output_text.strip().splitlines()[-1:]}")
    size, expected = output.stat().st_size, expected_size(output)
    if size != expected:
        # opt does not look whether its last block reached the disk.
        raise ToolError(f"paddle_lite_opt wrote {size} bytes of a model of {expected}: is the disk full?")


def run_opt_to_program(program: Path, params: Path, folder: Path, target: str, precision: str) -> None:
    """Write what `run_opt` would put into a `.nb` as `model` and `params` in Paddle's format; arguments as there.

    Args:
        folder: to write to.

    Raises:
        InputError: paddlelite is not installed.
        ToolError: opt failed.
    """
    said = _optimise(program, params, folder, target, "float32", precision, "protobuf")
    if not (folder / "model").is_file() or not (folder / "params").is_file():
        raise ToolError(f"paddle_lite_opt wrote no program: {said.strip().splitlines()[-1:]}")


def _optimise(
    program: Path, params: Path, output: Path, target: str, weights: str, precision: str, written_as: str
) -> str:
    return _ask(
        do="optimize",
        program=str(program),
        params=str(params),
        output=str(output),
        target=target,
        quantisation=QUANTISATIONS[weights],
        fp16=precision == "fp16",
        format=written_as,
    )


def expected_size(path: Path) -> int:
    """How many bytes a `.nb` says that it has; -1 if it is cut off before it says so.

    Format (Paddle-Lite's naive buffer, version 2; `SaveModelNaive` in lite/model_parser/model_parser.cc and
    lite/model_parser/flatbuffers): u16 version, 16 characters of opt version, u64 size
    of the topology, topology, two u16 of version and size of a reserved header, u16 size of what
    follows, u16 number of parameters, u32 size of the largest; then for each parameter u32 size
    (itself not counted), u32 offset, data.
    """
    with open(path, "rb") as file:

        def number(code: str) -> int:
            return struct.unpack("<" + code, file.read(struct.calcsize("<" + code)))[0]

        try:
            file.seek(18)
            file.seek(number("Q"), 1)
            file.seek(2, 1)
            file.seek(number("H"), 1)
            file.seek(2, 1)
            count = number("H")
            file.seek(4, 1)
            for _ in range(count):
                file.seek(number("I"), 1)
        except (struct.error, OSError, OverflowError, ValueError):
            # A damaged size may be beyond what a file can have.
            return -1
        return file.tell()
