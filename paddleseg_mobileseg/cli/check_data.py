"""`mobileseg check-data`: read every image and label of a config's data sets before training does."""

import argparse
import json
import os
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from paddleseg.cvlibs import Config, SegBuilder

from ..config.reader import build, load_config
from ..data.check import SplitReport, check_dataset
from ..data.known_classes import named_classes
from ..errors import InputError, shown
from . import paddleseg_tools as tools

Names = Optional[Sequence[str]]
"""Of the classes, where they have any."""

EXAMPLE = "mobileseg check-data --config my_config.yml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tools.add_config_arguments(parser)
    parser.add_argument("--workers", type=int, help="threads that read (default: one a processor, at most 8)")
    parser.add_argument("--show", type=int, default=10, help="problems of each kind to list (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the report; the exit status is 2 where a sample cannot be used."""
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers must be at least 1, not {args.workers}")
    with tools.logs_to_stderr():
        reports = _check(args)
    if args.json:
        print(json.dumps({report.name: _as_json(report, names) for report, names in reports}))
    else:
        for report, names in reports:
            _print(report, names, args.show)
    problems = sum(len(report.problems) for report, _ in reports)
    if problems:
        print(f"error: {args.config}: {_counted(problems)} in the data; correct them before training", file=sys.stderr)
    return 2 if problems else 0


def _check(args: argparse.Namespace) -> List[Tuple[SplitReport, Names]]:
    config = load_config(args.config, opts=args.opts)
    names = [name for name in ("train_dataset", "val_dataset") if name in config.dic]
    for name in names:
        _check_root(config, name, args.config)
    builder = SegBuilder(config)
    multilabel = config.test_config.get("use_multilabel", False)
    datasets = {name: build(config, name, builder, args.config) for name in names}
    classes = {name: named_classes(config, dataset) for name, dataset in datasets.items()}
    reports = [check_dataset(dataset, name, args.workers, multilabel) for name, dataset in datasets.items()]
    return [(report, each and each.names) for report, each in zip(reports, classes.values())]


def _check_root(config: Config, name: str, path: str) -> None:
    """A missing folder is an error here: some of PaddleSeg's data sets would start a download of gigabytes."""
    root = config.dic[name].get("dataset_root")
    if root is not None and not os.path.isdir(root):
        raise InputError(f"{path}: {name}.dataset_root {root} is not a folder; correct it, or download the data first")


def _counted(problems: int) -> str:
    return f"{problems} problem{'' if problems == 1 else 's'}"


def _print(report: SplitReport, names: Names, show: int) -> None:
    print(f"{report.name}: {report.samples} samples, {_counted(len(report.problems))}")
    for kind, count in report.counts().items():
        print(f"  {kind}: {count}")
        listed = [problem.what for problem in report.problems if problem.kind == kind][:show]
        for what in listed:
            print(f"    {shown(what, 1000)}")
        if count > len(listed):
            print(f"    and {count - len(listed)} more")
    sizes = report.sizes.most_common(5)
    if sizes:
        listing = ", ".join(f"{width}x{height} ({count})" for (height, width), count in sizes)
        others = len(report.sizes) - len(sizes)
        print(f"  sizes: {listing}{f' and {others} others' if others else ''}")
    total = int(report.class_pixels.sum()) + report.ignored_pixels
    if total:
        print("  pixels of each class:")
        for index, pixels in enumerate(report.class_pixels):
            name = f"  {names[index]}" if names else ""
            print(f"    {index:>4}  {pixels:>12}  {100 * pixels / total:6.2f} %{name}")
        print(f"    ignored {report.ignored_pixels:>9}  {100 * report.ignored_pixels / total:6.2f} %")
        absent = report.absent_classes()
        if absent:
            absent = [f"{index} ({names[index]})" if names else str(index) for index in absent]
            print(f"  classes that never occur: {', '.join(absent)}")


def _as_json(report: SplitReport, names: Names) -> Dict[str, Any]:
    return {
        "samples": report.samples,
        "names": names,
        "counts": report.counts(),
        "problems": [{"kind": problem.kind, "what": problem.what} for problem in report.problems],
        "sizes": [{"height": h, "width": w, "count": count} for (h, w), count in report.sizes.most_common()],
        "class_pixels": report.class_pixels.tolist(),
        "ignored_pixels": report.ignored_pixels,
        "absent_classes": report.absent_classes(),
    }
