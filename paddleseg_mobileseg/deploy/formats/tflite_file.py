"""`.tflite`, written from the program itself, in the schema that LiteRT's own package ships.

The converters that there are begin with TensorFlow, or pin twenty packages for themselves.
"""

from pathlib import Path

from ...files import atomic_path
from ..ir.exported import ExportedModel
from ..runtime.packages import LITERT
from .converter import Converter, Names
from .tflite_graph import TfliteGraph
from .tflite_layouts import IMAGE, PLAIN, Tensors
from .tflite_ops import TRANSLATIONS, NoTranslation


def write_tflite(program: ExportedModel, output: Path, weights: str, precision: str) -> Names:
    """Write a program for LiteRT; its tensors keep their names, and those of four axes have their channels last.

    Raises:
        InputError: the file cannot be written.
        ToolError: LiteRT lacks an op.
    """
    unknown = sorted(set(program.op_counts()) - set(TRANSLATIONS))
    if unknown:
        kinds = ", ".join(unknown)
        raise NoTranslation(f"there is no translation of {kinds} for LiteRT; choose another format, or --labels exact")
    graph = TfliteGraph(half_weights=weights == "float16", half_precision=precision == "fp16")
    tensors = Tensors(program, graph)
    name = program.input_name
    tensors.define(name, IMAGE, graph.tensor(*tensors.output(name, IMAGE)))
    done = set()
    for op in tensors.edit.ops:
        if op.type not in ("feed", "fetch") and id(op) not in done:
            done |= {id(each) for each in TRANSLATIONS[op.type](tensors, op) or ()}
    result = program.output_name
    layout = IMAGE if len(tensors.dims(result)) == 4 else PLAIN
    last = tensors.get(result, layout)
    with atomic_path(output) as scratch:
        scratch.write_bytes(graph.finish([tensors.get(name, IMAGE)], [last], "paddleseg_mobileseg"))
    return Names(name, result, "NHWC")


CONVERTER = Converter(
    "tflite",
    (LITERT,),
    write_tflite,
    weights=("float32", "float16"),
    from_onnx=False,
)
