"""`mobileseg demo`: the whole pipeline on the built-in data set, ending in a report with images."""

import argparse
import json
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

EXAMPLE = "mobileseg demo --output output/demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default="output/demo", help="folder to write (default: output/demo)")
    parser.add_argument("--iters", type=int, help="training iterations, instead of the config's")
    parser.add_argument("--seed", type=int, default=0, help="of scenes, weights and training (default: 0)")
    parser.add_argument("--processes", type=int, help="processes to train on (default: 2, on one core 1)")
    parser.add_argument("--quick", action="store_true", help="tiny scenes and a few iterations, to see every step work")
    parser.add_argument("--json", action="store_true", help="print all results as JSON")


def run(args: argparse.Namespace) -> None:
    from ..demo.pipeline import FULL, QUICK, run_demo

    # Ended by a job runner, it must end its training processes as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = QUICK if args.quick else FULL
    if args.iters is not None:
        plan = replace(plan, iters=args.iters)
    command = shlex.join(["mobileseg", *sys.argv[1:]])
    result = run_demo(args.output, seed=args.seed, processes=args.processes, plan=plan, command=command)
    print(json.dumps(result) if args.json else summary(result))


def summary(result: Dict[str, Any]) -> str:
    """The result in a few lines."""
    latency = {
        row["configuration"]["label_map"]: row["summary"]["end_to_end"]["median_ms"] for row in result["latency"]
    }
    pixels = {row["label_map"]: row["total"]["pixel_agreement"] for row in result["agreements"]}
    height, width = result["size"]
    rows = {
        "mIoU": f"{result['checkpoint_scores']['miou']:.4f} on {result['scenes']['test']} held-out scenes, "
        f"{result['converted_scores']['miou']:.4f} after conversion",
        "agreement": f"{100 * pixels['exact']:.4f} % of the pixels get the same class in Paddle and Paddle-Lite",
        "latency": f"{latency['exact']:.1f} ms an image of {width}x{height} with label map, one thread of this host",
        "training": f"{result['seconds']['train']:.0f} s of {sum(result['seconds'].values()):.0f} s",
        "report": result["report"],
    }
    return "\n".join(f"{name:<10} {text}" for name, text in rows.items())
