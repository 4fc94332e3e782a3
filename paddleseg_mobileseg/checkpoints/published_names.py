"""The names that published checkpoints give to this plugin's tensors.

Names are mapped by one list of rules from this plugin's names to the published ones; the way back is
the same table read the other way round, so the two cannot disagree.
"""

import re
from typing import Callable, Dict, Iterable, List, Sequence, Tuple, Union

Rule = Tuple[str, Union[str, Callable[["re.Match"], str]]]

# SEA blocks are named alike in PaddleSeg's StrideFormer and in both SeaFormers.
_SEA_RULES: Sequence[Rule] = (
    (r"\.attn\.downsample\.conv\.", ".attn.stride_conv.0."),
    (r"\.attn\.downsample\.bn\.", ".attn.stride_conv.1."),
    (r"\.attn\.query\.", ".attn.to_q."),
    (r"\.attn\.key\.", ".attn.to_k."),
    (r"\.attn\.value\.", ".attn.to_v."),
    (r"\.attn\.(row|column)_query_position\.", r".attn.pos_emb_\1q."),
    (r"\.attn\.(row|column)_key_position\.", r".attn.pos_emb_\1k."),
    (r"\.attn\.(row|column)_project\.", r".attn.proj_encode_\1.1."),
    (r"\.attn\.project\.", ".attn.proj.1."),
    (r"\.attn\.detail_depthwise\.", ".attn.dwconv."),
    (r"\.attn\.detail_pointwise\.", ".attn.pwconv."),
    (r"\.mlp\.expand\.", ".mlp.fc1."),
    (r"\.mlp\.depthwise\.", ".mlp.dwconv."),
    (r"\.mlp\.project\.", ".mlp.fc2."),
    (r"(\.(?:to_q|to_k|to_v|1|dwconv|pwconv|fc1|fc2))\.conv\.", r"\1.c."),
)

_HEAD_RULES: Sequence[Rule] = (
    (r"^head\.fuse\.", "decode_head.linear_fuse."),
    (r"^head\.classifier\.", "decode_head.conv_seg."),
)

_PP_MOBILESEG_RULES: Sequence[Rule] = (
    (r"^backbone\.stem\.conv\.", "backbone.smb1.conv.c."),
    (r"^backbone\.stem\.bn\.", "backbone.smb1.conv.bn."),
    (r"^backbone\.stage(\d)\.(\d+)\.", r"backbone.smb\1.blocks.\2."),
    (r"(blocks\.\d+)\.expand\.conv\.", r"\1.expand_conv.c."),
    (r"(blocks\.\d+)\.expand\.bn\.", r"\1.expand_conv.bn."),
    (r"(blocks\.\d+)\.depthwise\.conv\.", r"\1.bottleneck_conv.c."),
    (r"(blocks\.\d+)\.depthwise\.bn\.", r"\1.bottleneck_conv.bn."),
    (r"(blocks\.\d+)\.project\.conv\.", r"\1.linear_conv.c."),
    (r"(blocks\.\d+)\.project\.bn\.", r"\1.linear_conv.bn."),
    (r"\.se\.reduce\.", ".mid_se.conv1."),
    (r"\.se\.expand\.", ".mid_se.conv2."),
    *_SEA_RULES,
    (r"^backbone\.attention3\.", "backbone.trans1.transformer_blocks."),
    (r"^backbone\.attention4\.", "backbone.trans2.transformer_blocks."),
    *_HEAD_RULES,
)

_AAM_LISTS = {
    "backbone.inj_module.embedding_list": ("neck.detail8.", "neck.detail16.", "neck.semantics32."),
    "backbone.inj_module.act_embedding_list": ("neck.gate8.", "neck.gate16.", "neck.gate32."),
}

_SEAFORMER_RULES: Sequence[Rule] = (
    *_SEA_RULES,
    (r"^(backbone\.(?:stem|stage).*)\.conv\.", r"\1.c."),
    (r"^backbone\.stem\.", "backbone.smb1.stem_block.0."),
    (r"^neck\.fuse\.(\d+)\.detail\.", lambda match: f"decode_head.fuse{int(match[1]) + 1}.local_embedding."),
    (r"^neck\.fuse\.(\d+)\.gate\.", lambda match: f"decode_head.fuse{int(match[1]) + 1}.global_act."),
    (r"\._mean$", ".running_mean"),
    (r"\._variance$", ".running_var"),
    *_HEAD_RULES,
)

# From SeaFormer's own names to those of PaddleSeg's port.
_SEAFORMER_PORT_RULES: Sequence[Rule] = (
    (r"^decode_head\.conv_seg\.", "cls_seg."),
    (r"^decode_head\.", ""),
    (r"\.(?:c|conv)\.weight$", "._conv.weight"),
    (r"\.bn\.", "._batch_norm."),
    (r"\.running_mean$", "._mean"),
    (r"\.running_var$", "._variance"),
)


def _apply(rules: Sequence[Rule], names: Iterable[str]) -> Dict[str, str]:
    mapped = {}
    for name in names:
        published = name
        for pattern, replacement in rules:
            published = re.sub(pattern, replacement, published)
        mapped[name] = published
    return mapped


def _pp_mobileseg(names: List[str]) -> Dict[str, str]:
    """PaddleSeg keeps the AAM's layers in two lists without the strides they lack, so the position of a
    layer depends on which others there are.
    """
    rules = list(_PP_MOBILESEG_RULES)
    for published, prefixes in _AAM_LISTS.items():
        present = [prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)]
        rules += [("^" + re.escape(prefix), f"{published}.{position}.") for position, prefix in enumerate(present)]
    return _apply(rules, names)


def _seaformer(names: List[str]) -> Dict[str, str]:
    """SeaFormer numbers a block's layers with the activations between them, and its attentions from one up."""
    attentions = sorted({match[0] for match in (re.match(r"backbone\.attention\d\.", name) for name in names) if match})
    rules = [
        ("^" + re.escape(prefix), f"backbone.trans{number}.transformer_blocks.")
        for number, prefix in enumerate(attentions, start=1)
    ]
    expanded = {name.partition("expand.")[0] for name in names if name.startswith("backbone.stage")}

    def block_layer(match: "re.Match") -> str:
        block, stage, position, layer = match.groups()
        layers = ["expand", "depthwise", "project"] if block in expanded else ["depthwise", "project"]
        return f"backbone.smb{stage}.layer{int(position) + 1}.conv.{2 * layers.index(layer)}."

    rules += [*_SEAFORMER_RULES, (r"^(backbone\.stage(\d)\.(\d+)\.)(expand|depthwise|project)\.", block_layer)]
    return _apply(rules, names)


def published_names(names: Iterable[str]) -> Dict[str, Dict[str, str]]:
    """The published name of each of this plugin's, by naming.

    Args:
        names: of a whole segmentor's tensors, under this plugin's names.

    Returns:
        "paddleseg" for PP-MobileSeg; "pytorch" (SeaFormer's own) and "paddleseg" (PaddleSeg's port of it) for
        SeaFormer. Another network keeps its names under "paddleseg".
    """
    names = list(names)
    if any(name.startswith("backbone.stage5.") for name in names):
        pytorch = _seaformer(names)
        port = _apply(_SEAFORMER_PORT_RULES, pytorch.values())
        return {"pytorch": pytorch, "paddleseg": {own: port[other] for own, other in pytorch.items()}}
    if any(name.startswith("backbone.attention3.") for name in names):
        return {"paddleseg": _pp_mobileseg(names)}
    return {"paddleseg": {name: name for name in names}}
