"""Programs that hold nothing but a label map, for Paddle-Lite on this host."""

from pathlib import Path
from typing import Sequence

import paddle

from paddleseg_mobileseg.deploy.convert import write_model
from paddleseg_mobileseg.deploy.ir.exported import ExportedModel
from paddleseg_mobileseg.deploy.ir.program import ProgramDesc
from paddleseg_mobileseg.deploy.ir.static_graph import static_mode
from paddleseg_mobileseg.deploy.ir.tensors import OutputTensor
from paddleseg_mobileseg.deploy.label_tail import tail_program
from paddleseg_mobileseg.deploy.lower import LoweredModel
from paddleseg_mobileseg.deploy.runtime.metadata import metadata_path
from paddleseg_mobileseg.deploy.runtime.predictor import HOST_TARGET
from paddleseg_mobileseg.files import atomic_folder

from ...cache import key_of, sources_key


def _passing_on(shape: Sequence[int]) -> ExportedModel:
    """A program that gives its input: what an exact label map has in front of it."""
    main = paddle.static.Program()
    with static_mode(), paddle.static.program_guard(main, paddle.static.Program()), paddle.utils.unique_name.guard():
        logits = paddle.static.data("logits", list(shape), "float32")
        program = paddle.static.normalize_program(main, [logits], [paddle.scale(logits, 1.0)])
    return ExportedModel(Path("logits"), ProgramDesc.FromString(program.desc.serialize_to_string()), {}, None)


def model_of(way: str, shape: Sequence[int], size: Sequence[int], root: Path) -> Path:
    """A `.nb` for this host that makes label maps of `size` out of logits of `shape`, made where it is missing.

    Args:
        way: one of `WAYS`.
        shape: of the logits, [1, classes, h, w].
        size: height and width of the label map.
        root: of the folder of conversions; what other sources or versions make gets a folder of its own there.
    """
    shape, size = list(shape), list(size)
    name = f"{way}_{'x'.join(map(str, shape[1:]))}_to_{size[0]}x{size[1]}"
    nb = root / "label_maps" / key_of(sources_key(__name__)) / f"{name}.nb"
    if not metadata_path(nb).is_file():
        with atomic_folder(nb.parent) as scratch:
            _write(way, shape, size, scratch / nb.name)
            for name in ("model.pdmodel", "model.pdiparams"):
                (scratch / name).unlink()
    return nb


def _write(way: str, shape: Sequence[int], size: Sequence[int], nb: Path) -> None:
    if way == "exact":
        program = _passing_on(shape)
        output = OutputTensor(program.output_name, "logits", "float32", shape, "exact", size, False)
    else:
        program = tail_program(way, shape, size, align_corners=False)
        output = OutputTensor(program.output_name, "labels", "int32", [shape[0], *size], way)
    write_model(LoweredModel(program, program, output, {}, way), nb, HOST_TARGET)
