"""The page of one run, or of several side by side."""

import json
import shlex
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from paddleseg.cvlibs import Config

from ..deploy.runtime.bench import bench
from ..deploy.runtime.records import Record, host_environment
from ..deploy.runtime.versions import versions
from ..errors import InputError, MobilesegError
from ..files import write_text
from ..paths import short_path
from ..report.curves import training_curves
from ..report.page import render_page
from .measuring import Measured, Scored, measure
from .runs import Run

SCHEMA = 1
_TEMPLATE = Path(__file__).with_name("report.html")
_ROUNDS = 5


def write_report(
    runs: Sequence[Run],
    output: Path,
    pictures: int = 3,
    limit: Optional[int] = None,
    repeats: int = 50,
    records: Optional[Sequence[Record]] = None,
    command: str = "",
) -> Dict[str, Any]:
    """Score the runs, time their models, and write the page.

    What cannot be had leaves a note in the run, on the page and in the result, and is no error.

    Args:
        runs: of `read_runs`.
        output: the .html file.
        pictures: how many of the best ones to show, and of the worst.
        limit: score the first so many images of each validation set only.
        repeats: timed runs of each `.nb` for this host; 0 times none.
        records: what was timed elsewhere, in place of timing here.
        command: how it was called, for the page.

    Returns:
        Every number of the page, for JSON.

    Raises:
        InputError: the page cannot be written.
    """
    if output.is_dir():
        raise InputError(f"--output {output} is a folder; give the name of an .html file")
    measured = [measure(run, pictures, limit) for run in runs]
    timed = _given(records, runs, measured) if records is not None else _timed(runs, measured, repeats)
    result = {
        "schema": SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "environment": asdict(host_environment(versions())),
        "runs": [_described(run, each) for run, each in zip(runs, measured)],
        "latency": [{"run": name, **json.loads(record.to_json())} for name, record in timed],
        "report": str(output),
    }
    write_text(output, _render(result, runs, measured))
    return result


def _timed(runs: Sequence[Run], measured: Sequence[Measured], repeats: int) -> List[Tuple[str, Record]]:
    """The `.nb` files of all runs, timed in turns."""
    models = [(run, path) for run, each in zip(runs, measured) for path in each.timed]
    if not models or not repeats:
        return []
    images = next((each.images for each in measured if each.images), None)
    try:
        found = bench([path for _, path in models], images=images, repeats=repeats, rounds=min(repeats, _ROUNDS))
    except MobilesegError as error:
        for run, _ in models:
            run.notes.append(f"nothing was timed: {error}")
        return []
    return [(run.name, record) for (run, _), record in zip(models, found)]


def _given(records: Sequence[Record], runs: Sequence[Run], measured: Sequence[Measured]) -> List[Tuple[str, Record]]:
    """Records with the run that has their model, by its file's name; without one where none has."""
    owner = {form.path.name: run.name for run, each in zip(runs, measured) for form in each.forms}
    return [(owner.get(record.configuration.model, ""), record) for record in records]


def _described(run: Run, measured: Measured) -> Dict[str, Any]:
    """Every number of a run."""
    evaluations = [{"iteration": iteration, **asdict(each)} for iteration, each in sorted(run.evaluations.items())]
    return {
        "name": run.name,
        "folder": str(run.folder),
        "network": _network(run),
        "iterations": run.iterations,
        "planned": run.config.iters if run.config else None,
        "batch_size": run.config.batch_size if run.config else None,
        "last_loss": run.losses[max(run.losses)] if run.losses else None,
        "evaluations": evaluations,
        "best": max(evaluations, key=lambda each: each["miou"], default=None),
        "forms": [_form(form) for form in measured.forms],
        "pictures": {
            kind: [{"name": row["name"], "miou": row["miou"], "right": row["right"]} for row in rows]
            for kind, rows in (("best", measured.best), ("worst", measured.worst))
        },
        "commands": run.commands,
        "notes": run.notes,
    }


def _network(run: Run) -> Optional[str]:
    if run.config is None:
        return None
    model = run.config.model_cfg
    backbone = model.get("backbone")
    inner = f" on {backbone['type']}" if isinstance(backbone, dict) and "type" in backbone else ""
    return f"{model['type']}{inner}"


def _form(form: Scored) -> Dict[str, Any]:
    return {
        "kind": form.kind,
        "path": str(form.path),
        "bytes": form.bytes,
        "scores": form.scores.to_dict(confusion=True) if form.scores else None,
        "agreement": form.agreement,
        "reason": form.reason,
    }


def _render(result: Dict[str, Any], runs: Sequence[Run], measured: Sequence[Measured]) -> str:
    shown = []
    for run, described, each in zip(runs, result["runs"], measured):
        scored = next((form["scores"] for form in described["forms"] if form["scores"]), None)
        colours = each.classes.colours if each.classes else ()
        rows = {"best_rows": each.best, "worst_rows": each.worst}
        shown.append({**described, "scored": scored, "colours": colours, "next": next_commands(run), **rows})
    return render_page(
        _TEMPLATE,
        **{name: result[name] for name in ("created", "command", "environment", "latency")},
        runs=shown,
        curves=training_curves([run.curve() for run in runs]),
        together=_same_classes(shown),
        short_path=short_path,
    )


def _same_classes(shown: Sequence[Dict[str, Any]]) -> bool:
    """Whether the IoU of the classes of several runs can stand in one table."""
    names = [[row["name"] for row in run["scored"]["classes"]] for run in shown if run["scored"]]
    return len(names) > 1 and all(each == names[0] for each in names)


def next_commands(run: Run) -> List[str]:
    """The command lines that score, use and ship a run's checkpoint."""
    if run.checkpoint is None or run.config is None:
        return []
    paths = run.folder, run.checkpoint, run.config_path
    folder, checkpoint, config = (shlex.quote(short_path(path)) for path in paths)
    height, width = _input_size(run.config)
    return [
        f"mobileseg val --config {config} --model_path {checkpoint}",
        f"mobileseg predict --config {config} --model_path {checkpoint} --image_path YOUR_PICTURES --legend",
        f"mobileseg export --config {config} --model_path {checkpoint} --input_shape 1 3 {height} {width} "
        f"--output_op none --save_dir {folder}/exported",
        f"mobileseg convert {folder}/exported --target arm --output {folder}/model_arm.nb",
        f"mobileseg convert {folder}/exported --target x86 --output {folder}/model_x86.nb",
        f"mobileseg report {folder}",
    ]


def _input_size(config: Config) -> Tuple[int, int]:
    """Height and width that pictures are resized to for validation, else the crops that it was trained on."""
    steps = [
        *(config.val_dataset_cfg.get("transforms") or []),
        *(config.train_dataset_cfg.get("transforms") or []),
    ]
    found = (step.get(name) for name in ("target_size", "crop_size") for step in steps if isinstance(step, dict))
    width, height = next((size for size in found if isinstance(size, (list, tuple)) and len(size) == 2), (512, 512))
    return height, width
