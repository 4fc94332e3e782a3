"""The ablations of PP-MobileSeg-Base as rows like those of `zoo.MODELS`, with 512x512 configs for ADE20K.

The first four are the rows of PaddleSeg's table (arXiv:2304.05152, section 4, and configs/pp_mobileseg):
SeaFormer-Base, then VIM, StrideFormer and the AAM one after the other. The others take one part away or change one.
"""

from typing import List, Optional

from .zoo import Model, Published

_SOURCE = "the ablation table of PaddleSeg configs/pp_mobileseg"
_NOTE = "How the published parameters were counted is not known; counted here: trainable ones with 150 classes."


def _row(name: str, title: str, published: Optional[Published] = None) -> Model:
    return Model(
        name=name,
        title=title,
        configs={"ade20k": f"ablation/{name}_ade20k_512x512_80k.yml"},
        published={"ade20k": published} if published else {},
        note=_NOTE,
    )


ABLATIONS: List[Model] = [
    _row(
        "seaformer_base_fusion", "SeaFormer-Base and its fusion, no VIM", Published(40.00, 465.6, 8.27, source=_SOURCE)
    ),
    _row(
        "seaformer_base_fusion_vim", "SeaFormer-Base and its fusion, VIM", Published(40.07, 234.6, 8.17, source=_SOURCE)
    ),
    _row(
        "strideformer_base_fusion_vim",
        "StrideFormer-Base, SeaFormer's fusion, VIM",
        Published(40.98, 235.1, 5.54, source=_SOURCE),
    ),
    _row("pp_mobileseg_base_vim", "PP-MobileSeg-Base with VIM", Published(41.57, 265.5, 5.62, source=_SOURCE)),
    _row("pp_mobileseg_base_bilinear", "PP-MobileSeg-Base without VIM"),
    _row("seaformer_base_aam_vim", "SeaFormer-Base's five stages, AAM, VIM"),
    _row("pp_mobileseg_base_no_ensemble_voting", "PP-MobileSeg-Base without ensemble voting"),
    _row("pp_mobileseg_base_no_final_semantics", "PP-MobileSeg-Base without final semantics"),
]
