"""Programs that hold nothing but a label map, run by Paddle-Lite, and their timings side by side."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import numpy as np
import paddle

from paddleseg_mobileseg.deploy.convert import write_model
from paddleseg_mobileseg.deploy.ir.exported import ExportedModel
from paddleseg_mobileseg.deploy.ir.program import ProgramDesc
from paddleseg_mobileseg.deploy.ir.static_graph import static_mode
from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.deploy.label_tail import tail_program
from paddleseg_mobileseg.deploy.lower import LoweredModel
from paddleseg_mobileseg.deploy.runtime.bench import LiteRun
from paddleseg_mobileseg.deploy.runtime.predictor import HOST_TARGET, LitePredictor
from paddleseg_mobileseg.deploy.runtime.records import Record, flat, ratio
from paddleseg_mobileseg.files import scratch_folder

WAYS = ("exact", "argmax", "vim")
"""What is timed: `upsample_labels`, interpolation of all classes and argmax, VIM."""


def _passing_on(shape: Sequence[int]) -> ExportedModel:
    """A program that gives its input: what an exact label map has in front of it."""
    main = paddle.static.Program()
    with static_mode(), paddle.static.program_guard(main, paddle.static.Program()), paddle.utils.unique_name.guard():
        logits = paddle.static.data("logits", list(shape), "float32")
        program = paddle.static.normalize_program(main, [logits], [paddle.scale(logits, 1.0)])
    return ExportedModel(Path("logits"), ProgramDesc.FromString(program.desc.serialize_to_string()), {}, None)


def write_way(way: str, shape: Sequence[int], size: Sequence[int], folder: Path) -> Path:
    """A `.nb` for this host that makes label maps of `size` out of logits of `shape`, [1, classes, h, w]."""
    size = list(size)
    if way == "exact":
        program = _passing_on(shape)
        output = OutputTensor(program.output_name, "logits", "float32", list(shape), "exact", size, False)
    else:
        program = tail_program(way, shape, size, align_corners=False)
        output = OutputTensor(program.output_name, "labels", "int32", [shape[0], *size], way)
    nb = folder / f"{way}.nb"
    write_model(LoweredModel(program, program, output, {}, way), nb, HOST_TARGET)
    return nb


def time_tails(logits: np.ndarray, size: Sequence[int], fed: str, rounds: int, repeats: int) -> Dict[str, Any]:
    """Time all ways on the same logits, taking turns.

    Args:
        logits: float32 [1, classes, h, w].
        size: height and width of the label map.
        fed: what the logits are, in words.
        rounds: turns of each way.
        repeats: runs in a turn; the exact one, which is short, gets ten times as many.

    Returns:
        "records", JSON objects by way; "ratios", time over that of the exact way, the median over the rounds;
        "equal", the share of pixels that are labelled as by interpolation and argmax in Paddle-Lite.
    """
    with scratch_folder() as folder, ExitStack() as opened:
        runs, labels = {}, {}
        for way in WAYS:
            (folder / way).mkdir()
            predictor = opened.enter_context(LitePredictor(write_way(way, logits.shape, size, folder / way)))
            labels[way] = predictor.metadata.output.labels(predictor.run(logits))
            runs[way] = LiteRun(predictor, [logits], fed)
            runs[way].warm_up(1)
        for _ in range(rounds):
            for way, run in runs.items():
                run.take_turn(repeats * (10 if way == "exact" else 1))
        records = {way: run.record() for way, run in runs.items()}
    return {
        "records": {way: json.loads(record.to_json()) for way, record in records.items()},
        "ratios": {way: ratio(_label_map_alone(records[way]), _label_map_alone(records["exact"])) for way in WAYS},
        "equal": {way: float((labels[way] == labels["argmax"]).mean()) for way in WAYS},
    }


def _label_map_alone(record: Record) -> Record:
    """The record without the network: passing the logits on is no part of an exact label map."""
    if not record.label_map_ms:
        return record
    return Record(**{**record.__dict__, "network_ms": record.label_map_ms, "label_map_ms": []})


def milliseconds(result: Dict[str, Any], way: str, statistic: Callable[[List[float]], float]) -> float:
    """A statistic over the samples of one way's label map."""
    record = result["records"][way]
    return statistic(flat(record["label_map_ms"] or record["network_ms"]))
