"""`mobileseg import-weights`: a published checkpoint to this plugin's names, or back."""

import sys
from typing import Mapping, Optional

import numpy as np
from paddle import nn

from ..checkpoint import read_checkpoint, write_checkpoint
from ..errors import InputError
from ..weights import rename_tensors
from ..zoo import MODELS, build_model

EXAMPLE = "mobileseg import-weights model.pdparams pp_mobileseg_tiny.pdparams"

_CLASSIFIERS = ("head.classifier.weight", "decode_head.conv_seg.weight")


def add_arguments(parser) -> None:
    parser.add_argument("checkpoint", help="the .pdparams file to read")
    parser.add_argument("output", help="the .pdparams file to write")
    parser.add_argument("--model", help="name of `mobileseg models`; found out from the tensors by default")
    parser.add_argument(
        "--to",
        choices=["plugin", "paddleseg"],
        default="plugin",
        help="whose names to write (default: this plugin's)",
    )


def _owner(tensors: Mapping[str, np.ndarray], name: Optional[str], source: str) -> nn.Layer:
    """The network of the table that the tensors belong to: the named one, or the one of most like shapes."""
    classifier = next((tensors[key] for key in _CLASSIFIERS if key in tensors), None)
    if classifier is None:
        raise InputError(
            f"checkpoint {source} has no classifier ({' or '.join(_CLASSIFIERS)}), so it is no PP-MobileSeg segmentor"
        )
    names = [name] if name else [model.name for model in MODELS]
    candidates = [build_model(candidate, classifier.shape[0]) for candidate in names]
    shapes = sorted(value.shape for value in tensors.values())

    def unlike(network: nn.Layer) -> int:
        own = sorted(tuple(tensor.shape) for tensor in network.state_dict().values())
        return len(set(own) ^ set(shapes)) + abs(len(own) - len(shapes))

    return min(candidates, key=unlike)


def run(args) -> None:
    tensors = read_checkpoint(args.checkpoint)
    network = _owner(tensors, args.model, args.checkpoint)
    renamed = rename_tensors(network, tensors, args.to)
    write_checkpoint(args.output, renamed)
    print(f"{len(renamed)} tensors renamed, none left over", file=sys.stderr)
    print(args.output)
