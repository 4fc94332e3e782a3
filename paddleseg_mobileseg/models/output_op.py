"""Which op an export may append to a network."""

from ..errors import InputError
from .distillation import MultiResolutionDistillation
from .heads import VIM


def check_output_op(model, output_op: str) -> None:
    """Refuse to append argmax or softmax, which want logits, to a network that exports a label map.

    Raises:
        InputError: the model's upsampling is VIM, and `output_op` is not "none".
    """
    if output_op != "none" and isinstance(getattr(model, "upsample", None), VIM):
        network = "model.student" if isinstance(model, MultiResolutionDistillation) else "model"
        raise InputError(
            f"--output_op {output_op} would ruin the output: VIM already gives a label map when exported; "
            f"type --output_op none, or turn VIM off with --opts {network}.upsample.type=Bilinear"
        )
