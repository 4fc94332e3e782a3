"""Train every network of the table on the built-in scenes for a few hundred iterations, and print their scores."""

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from tqdm import tqdm

from paddleseg_mobileseg.errors import InputError, MobilesegError
from paddleseg_mobileseg.models.zoo import MODELS, find_model

from ..results_file import ResultsFile
from .training import train_and_score


def main(argv: Optional[List[str]] = None) -> int:
    """Train what the results file does not hold yet, then print the table.

    Returns:
        The exit status: 0, 2 for bad input, 1 for the failure of a tool.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo_training", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("output/zoo_training.jsonl"),
        help="JSON lines; what it holds is not repeated. Logs and checkpoints go into the folder of the same name",
    )
    parser.add_argument("--models", nargs="+", metavar="NAME", help="names of `mobileseg models` (default: all)")
    parser.add_argument("--iters", type=int, default=200, help="iterations of 8 scenes of 96x64 (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order (default: 0)")
    args = parser.parse_args(argv)
    try:
        if args.iters < 10:
            raise InputError(f"--iters {args.iters}: a network needs 10 iterations or more to show anything")
        models = [find_model(name) for name in args.models] if args.models else MODELS
        results = ResultsFile(args.output)
        known = {(row["model"], row["iters"], row["seed"]) for row in results.rows}
        missing = [model for model in models if (model.name, args.iters, args.seed) not in known]
        with tqdm(missing, desc="train", unit="model", disable=None) as progress:
            for model in progress:
                progress.set_postfix_str(model.name)
                results.append(
                    train_and_score(model, args.output.with_suffix("") / model.name, args.iters, args.seed)
                )
    except MobilesegError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    print(table(results.rows))
    return 0


def table(rows: List[Dict[str, Any]]) -> str:
    """A Markdown table in the order of the zoo."""
    order = {model.name: index for index, model in enumerate(MODELS)}
    lines = [
        "| model | iterations | mIoU | best constant answer | accuracy | loss, first and last | training |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in sorted(rows, key=lambda row: (order.get(row["model"], len(order)), row["iters"], row["seed"])):
        loss = "{:.2f}, {:.2f}".format(*row["loss"]) if row["loss"] else "-"
        lines.append(
            f"| `{row['model']}` | {row['iters']} | {row['miou']:.4f} | {row['chance']:.4f} | {row['accuracy']:.4f} "
            f"| {loss} | {row['seconds']:.0f} s |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
