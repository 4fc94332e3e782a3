"""The ops that a program may hold: those that segmentation networks are made of, and nothing else.

Paddle has some 800. Among them are ops that write and read files (`save`, `load_combine`), open connections
(`listen_and_serv`, `send`, `c_allreduce_sum`), call back into Python (`py_func`), print, run other programs
(`run_program`) and wait for ever, so an export that may be anybody's is held against this list before Paddle sees it.
None of these here does more than to compute tensors from tensors; loops, of which Paddle's export of the label map VIM
is made, may run long and are run under a time limit.
"""

from collections import Counter

from ...errors import InputError, shown
from .program import ProgramDesc

_GROUPS = {
    "ends": "feed fetch",
    "convolutions": """
        conv2d conv3d depthwise_conv2d conv2d_transpose depthwise_conv2d_transpose deformable_conv unfold fold
        pixel_shuffle pixel_unshuffle channel_shuffle shuffle_channel space_to_depth affine_channel
    """,
    "pooling": "pool2d pool3d max_pool2d_with_index unpool",
    "normalisation": """
        batch_norm sync_batch_norm layer_norm instance_norm group_norm norm p_norm frobenius_norm dropout
    """,
    "activations": """
        relu relu6 leaky_relu prelu elu celu selu gelu silu swish hard_swish hard_sigmoid sigmoid logsigmoid tanh
        tanh_shrink hard_shrink softshrink thresholded_relu brelu mish softplus softsign maxout softmax log_softmax
    """,
    "products": "matmul matmul_v2 mul bmm dot mv addmm einsum",
    "arithmetic": """
        elementwise_add elementwise_sub elementwise_mul elementwise_div elementwise_max elementwise_min elementwise_pow
        elementwise_mod elementwise_floordiv elementwise_fmax elementwise_fmin scale sum abs sqrt rsqrt square pow exp
        expm1 log log2 log10 log1p floor ceil round sign sin cos erf reciprocal clip cumsum cumprod increment lerp
    """,
    "comparisons": """
        equal not_equal less_than less_equal greater_than greater_equal equal_all logical_and logical_or logical_not
        logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor isnan_v2 isinf_v2 isfinite_v2 is_empty assert
    """,
    "reductions": """
        reduce_mean reduce_sum reduce_max reduce_min reduce_amax reduce_amin reduce_prod reduce_all reduce_any mean
        logsumexp arg_max arg_min top_k top_k_v2 argsort
    """,
    "forms": """
        reshape reshape2 transpose transpose2 flatten flatten2 flatten_contiguous_range squeeze squeeze2 unsqueeze
        unsqueeze2 concat split stack unstack unbind slice strided_slice crop_tensor expand expand_v2 expand_as
        expand_as_v2 tile pad pad2d pad3d roll flip reverse tril_triu meshgrid shape size cast assign
    """,
    "picking": """
        gather gather_nd scatter scatter_nd_add index_select index_sample take_along_axis put_along_axis index_put
        set_value where where_index masked_select one_hot one_hot_v2 unique
    """,
    "resizing": """
        bilinear_interp bilinear_interp_v2 nearest_interp nearest_interp_v2 bicubic_interp bicubic_interp_v2
        linear_interp linear_interp_v2 trilinear_interp trilinear_interp_v2 grid_sampler affine_grid
    """,
    "constants": """
        fill_constant fill_constant_batch_size_like fill_any_like fill_zeros_like fill_any assign_value range linspace
        eye diag_v2 uniform_random gaussian_random
    """,
    "loops": """
        while conditional_block select_input select_output write_to_array read_from_array lod_array_length
        tensor_array_to_tensor
    """,
}

ALLOWED_OPS = frozenset(op for group in _GROUPS.values() for op in group.split())

LOOP_OPS = frozenset({"while", "conditional_block"})
"""Those that enter a block."""

IN_PLACE_OPS = frozenset({"batch_norm", "sync_batch_norm", "increment", "set_value", "write_to_array", *LOOP_OPS})
"""Those that may write what they read, or what was written before."""

_MOST_NAMED = 5


def check_ops(program: ProgramDesc, where: str) -> None:
    """Refuse a program with ops that are not allowed, in whichever of its blocks.

    Args:
        program: as read.
        where: what it is called in messages.

    Raises:
        InputError: it has some; the message names the first few.
    """
    kinds = Counter(op.type for block in program.blocks for op in block.ops)
    unknown = [kind for kind in sorted(kinds, key=shown) if kind not in ALLOWED_OPS]
    if not unknown:
        return
    named = ", ".join(f"{shown(kind, 40)} ({kinds[kind]})" for kind in unknown[:_MOST_NAMED])
    more = f" and {len(unknown) - _MOST_NAMED} more kinds" if len(unknown) > _MOST_NAMED else ""
    raise InputError(
        f"{where} has ops that are not among those of segmentation networks: {named}{more}; such ops can write files, "
        "open connections or run programs, so nothing of it was run. If they belong to your network, open an issue of "
        "this plugin that names them"
    )
