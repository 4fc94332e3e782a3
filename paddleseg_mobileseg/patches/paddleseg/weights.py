"""PaddleSeg's loading of checkpoints and its export, where this plugin's networks want more care."""

import functools
from typing import Any, Optional

from ...checkpoints.loading import load_weights
from ...models.distillation import MultiResolutionDistillation
from ...models.output_op import check_output_op
from ...models.segmentor import MobileSegmentor
from ..patch import Patch, lookup, replace_everywhere


def _stock_loader() -> Any:
    return lookup("paddleseg.utils.utils", "load_entire_model")


def _load_whole() -> None:
    stock = _stock_loader()

    @functools.wraps(stock)
    def guarded(model, pretrained: Optional[str]):
        if pretrained is None or not isinstance(model, (MobileSegmentor, MultiResolutionDistillation)):
            return stock(model, pretrained)
        load_weights(model, pretrained)

    replace_everywhere(stock, guarded)


PARTIAL_WEIGHTS = Patch(
    name="partial_weights",
    what="a checkpoint that does not fit one of this plugin's networks is loaded in part, with a warning",
    upstream="paddleseg/utils/utils.py, load_entire_model and load_pretrained_model: what differs is only warned of",
    detect=lambda: callable(_stock_loader()),
    apply=_load_whole,
)


def _wrapped_model() -> Any:
    return lookup("paddleseg.deploy.export", "WrappedModel")


def _refuse_op_on_labels() -> None:
    wrapped = _wrapped_model()
    wrap = wrapped.__init__

    @functools.wraps(wrap)
    def guarded(self, model, output_op):
        check_output_op(model, output_op)
        wrap(self, model, output_op)

    wrapped.__init__ = guarded


ARGMAX_OF_LABELS = Patch(
    name="argmax_of_labels",
    what="export appends argmax or softmax to VIM's label map: row numbers instead of labels, silently",
    upstream="paddleseg/deploy/export.py, WrappedModel, which tools/export.py wraps around every model",
    detect=lambda: callable(_wrapped_model()),
    apply=_refuse_op_on_labels,
)

PATCHES = [PARTIAL_WEIGHTS, ARGMAX_OF_LABELS]
