"""What `mobileseg models` prints, which takes Paddle: the table of models, counted and published."""

import json
from argparse import Namespace
from typing import Any, Dict, List, Optional

from tqdm import tqdm

from ..checkpoints.published import listing, segmentation_weights
from ..models.ablations import ABLATIONS
from ..models.complexity import COUNTING_RULES, count_multiply_adds, count_parameters
from ..models.zoo import MODELS, Model, Published
from ..report.tables import Table, cell

_TITLES = (
    "model", "parameters", "multiply-adds, 512x512", "published: parameters", "multiply-adds", "mIoU, ADE20K",
    "mIoU, Cityscapes", "latency, Snapdragon 855",
)

_SHOWN = ("ade20k", "cityscapes")
"""The data sets whose figures the table shows; --json gives those of all."""


def describe(model: Model, num_classes: int) -> Dict[str, Any]:
    """One row: parameters and multiply-adds (512x512) as counted here, beside what was published."""
    network = model.build(num_classes)
    count = COUNTING_RULES.get(model.counting_rule)
    return {
        "name": model.name,
        "title": model.title,
        "num_classes": num_classes,
        "parameters": count_parameters(network),
        "multiply_adds_512x512": count_multiply_adds(network),
        "counting_rule": model.counting_rule or None,
        "parameters_by_counting_rule": count and count(network),
        "published": {data: _published(figures) for data, figures in model.published.items()},
        "configs": model.configs,
        "checkpoint": {name: weights.address for name, weights in segmentation_weights(model.name).items()},
        "note": model.note,
    }


def _published(figures: Published) -> Dict[str, Any]:
    return {
        "miou_percent": figures.miou,
        "latency_ms_snapdragon_855": figures.latency_ms,
        "latency_size": figures.latency_ms and list(figures.latency_size),
        "parameters_m": figures.parameters_m,
        "flops_g": figures.flops_g,
        "source": figures.source,
    }


def table(rows: List[Dict[str, Any]]) -> str:
    """The rows as a Markdown table; below it the sources and notes, one line for all the models that share one."""
    cells = []
    for row in rows:
        ade20k, cityscapes = (row["published"].get(data, {}) for data in _SHOWN)
        figures = [
            f"`{row['name']}`",
            f"{row['parameters'] / 1e6:.2f} M",
            f"{row['multiply_adds_512x512'] / 1e9:.2f} G",
            cell(ade20k.get("parameters_m"), "{:.4g} M"),
            cell(ade20k.get("flops_g"), "{:.4g} G"),
            cell(ade20k.get("miou_percent"), "{:.2f} %"),
            cell(cityscapes.get("miou_percent"), "{:.2f} %"),
            _latency(ade20k) or _latency(cityscapes) or "-",
        ]
        cells.append(figures)
    return "\n".join([Table("lrrrrrrr", _TITLES, cells).markdown(), "", *_notes(rows)])


def _latency(published: Dict[str, Any]) -> Optional[str]:
    milliseconds = published.get("latency_ms_snapdragon_855")
    if milliseconds is None:
        return None
    size = "{1}x{0}".format(*published["latency_size"])
    return f"{milliseconds:.1f} ms" + ("" if size == "512x512" else f" at {size}")


def _notes(rows: List[Dict[str, Any]]) -> List[str]:
    sharing: Dict[str, List[str]] = {}
    for row in rows:
        shown = [row["published"][data] for data in _SHOWN if data in row["published"]]
        sources = "; ".join(dict.fromkeys(figures["source"] for figures in shown))
        published = f"published: {sources}. " if sources else ""
        sharing.setdefault(f"{published}{row['note']}".strip(), []).append(f"`{row['name']}`")
    return [f"- {', '.join(names)}: {note}" for note, names in sharing.items()]


def pretrained_table(rows: List[Dict[str, Any]]) -> str:
    """The published weights as a Markdown table; below it how a name is used."""
    cells = [
        [
            f"`{row['model']}`",
            f"`{row['pretrained']}`",
            "the backbone" if row["classes"] is None else str(row["classes"]),
            cell(row["miou"], "{:.2f} %"),
            row["page"],
            row["address"] if not row["by_hand"] else f"{row['address']} (by hand)",
        ]
        for row in rows
    ]
    titles = ("model", "pretrained", "classes", "mIoU", "published in", "address")
    use = (
        "`mobileseg train --pretrained NAME`, `pretrained: NAME` in a config and `build_model(MODEL, pretrained=NAME)` "
        "fetch them, but for those marked \"by hand\": download these in a browser, and give the file's path."
    )
    return "\n".join([Table("llrrll", titles, cells).markdown(), "", use])


def print_models(args: Namespace) -> None:
    """As the flags of `mobileseg models` say."""
    if args.pretrained:
        weights = listing()
        print(json.dumps(weights, indent=2) if args.json else pretrained_table(weights))
        return
    table_rows = ABLATIONS if args.ablations else MODELS
    progress = tqdm(table_rows, desc="count", unit="model", delay=2, disable=None, leave=False)
    rows = [describe(model, args.num_classes) for model in progress]
    print(json.dumps(rows, indent=2) if args.json else table(rows))
