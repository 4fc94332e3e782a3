"""`mobileseg import-weights`: a published checkpoint to this plugin's names, or back."""

import sys
from typing import Mapping, Optional

import numpy as np
from paddle import nn

from ..checkpoints.loading import fitting_tensors, rename_tensors
from ..checkpoints.reader import read_checkpoint, write_checkpoint
from ..errors import InputError
from ..models.zoo import MODELS, build_model

EXAMPLE = "mobileseg import-weights SeaFormer_T.pth seaformer_tiny.safetensors"

_CLASSIFIERS = ("head.classifier.weight", "decode_head.conv_seg.weight", "cls_seg.weight")

_PRETRAINING_HEADS = ("linear.weight", "linear.bias")
"""The classifier of SeaFormer's ImageNet checkpoints, which no segmentor has a place for."""

_MOST_CLASSES = 10_000


def add_arguments(parser) -> None:
    parser.add_argument(
        "checkpoint", help="the .safetensors, .pdparams or PyTorch file to read, of a segmentor or a backbone"
    )
    parser.add_argument(
        "output", help="the file to write: .safetensors, which holds nothing that could run, or .pdparams"
    )
    parser.add_argument("--model", help="name of `mobileseg models`; found out from the tensors by default")
    parser.add_argument(
        "--to",
        choices=["plugin", "paddleseg", "pytorch"],
        default="plugin",
        help="whose names to write: this plugin's (default), PaddleSeg's, or those of SeaFormer's PyTorch code",
    )


def _owner(tensors: Mapping[str, np.ndarray], name: Optional[str], source: str) -> nn.Layer:
    """The network of the table that the tensors belong to: the named one, or the one that most of them fit.

    Tensors without a segmentor's classifier are taken for a backbone's.
    """
    classifier = next((tensors[key] for key in _CLASSIFIERS if key in tensors), None)
    # A network of so many classes is built next.
    if classifier is not None and not (classifier.ndim == 4 and classifier.size and len(classifier) <= _MOST_CLASSES):
        raise InputError(
            f"the classifier of {source} has the shape {list(classifier.shape)}, which no network's has; "
            "give the checkpoint of a model that `mobileseg models` lists"
        )
    best, most = None, 0
    for candidate in [name] if name else [model.name for model in MODELS]:
        network = build_model(candidate, 2 if classifier is None else classifier.shape[0])
        if classifier is None:
            network = getattr(network, "backbone", None)
            if not hasattr(network, "feat_channels"):
                continue
        fitting = fitting_tensors(network, tensors)
        if name or fitting > most:
            best, most = network, fitting
        if most == len(tensors):
            break
    if best is None:
        raise InputError(
            f"no tensor of {source} has a name and shape of {name or 'any model of `mobileseg models`'}; "
            "give the checkpoint of a model that is listed there"
        )
    return best


def run(args) -> None:
    tensors = read_checkpoint(args.checkpoint)
    left_out = [name for name in _PRETRAINING_HEADS if name in tensors]
    for name in left_out:
        del tensors[name]
    network = _owner(tensors, args.model, args.checkpoint)
    renamed = rename_tensors(network, tensors, args.to)
    write_checkpoint(args.output, renamed)
    rest = f"left out: {', '.join(left_out)}, the classifier of the pretraining" if left_out else "none left over"
    print(f"{len(renamed)} tensors renamed, {rest}", file=sys.stderr)
    print(args.output)
