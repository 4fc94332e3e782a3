"""`mobileseg models`: the table of models, counted and published."""

import json
from typing import Any, Dict, List, Optional

from ..complexity import count_multiply_adds, count_parameters
from ..zoo import MODELS, Model

EXAMPLE = "mobileseg models --json"


def add_arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--num-classes", type=int, default=150, help="classes to count with (default: 150)")


def describe(model: Model, num_classes: int) -> Dict[str, Any]:
    """One row: parameters and multiply-adds (512x512) as counted here, beside what was published."""
    network = model.build(num_classes)
    published = model.published.get("ade20k")
    return {
        "name": model.name,
        "title": model.title,
        "num_classes": num_classes,
        "parameters": count_parameters(network),
        "multiply_adds_512x512": count_multiply_adds(network),
        "published_ade20k": published and {
            "miou_percent": published.miou,
            "latency_ms_snapdragon_855": published.latency_ms,
            "parameters_m": published.parameters_m,
            "flops_g": published.flops_g,
            "source": published.source,
        },
        "configs": model.configs,
        "checkpoint": model.checkpoint,
        "note": model.note,
    }


def _cell(value: Optional[float], pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def table(rows: List[Dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| model | parameters | multiply-adds, 512x512 "
        "| published: parameters | mIoU, ADE20K | latency, Snapdragon 855 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        published = row["published_ade20k"] or {}
        parameters, miou, latency = (
            _cell(published.get(key), pattern)
            for key, pattern in (
                ("parameters_m", "{:.2f} M"),
                ("miou_percent", "{:.2f} %"),
                ("latency_ms_snapdragon_855", "{:.1f} ms"),
            )
        )
        lines.append(
            f"| `{row['name']}` | {row['parameters'] / 1e6:.2f} M | {row['multiply_adds_512x512'] / 1e9:.2f} G "
            f"| {parameters} | {miou} | {latency} |"
        )
    return "\n".join(lines)


def run(args) -> None:
    rows = [describe(model, args.num_classes) for model in MODELS]
    print(json.dumps(rows, indent=2) if args.json else table(rows))
