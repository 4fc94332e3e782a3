"""Results as one HTML page that loads nothing, and as Markdown with its plots beside it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.report.page import render_page

from .cases import ACTIVE_CLASSES, SUITES
from .measurements import Measurement
from .plots import plots
from .tables import Table, case_table, claim_table, claims, claims_by_classes, setting
from .training_speed import TrainingSpeed, training_setting, training_table

READING = (
    "Measured figures are of the machine and the day that stand above each table. Figures marked as published are "
    "those of papers and of PaddleSeg's pages: mIoU of trained weights, and latency on a Snapdragon 855.",
    "The networks have random weights, calibrated so that features and logits keep their scale and, unless a table "
    f"says otherwise, {ACTIVE_CLASSES} of the classes share an image, as a trained network finds them; their pieces "
    "are smaller than in a trained network's label map. Agreement is with Paddle in float32 and the exact label map, "
    "over all images.",
    "Times are medians over the rounds of the median of a round. Spread is the standard deviation of the rounds, "
    "estimated from the median deviation. A ratio is the median of the ratios within each round, in which all cases "
    "ran one after the other. Where the graph makes the labels, their time is a difference: the whole, less the "
    "network of the same round with the exact label map. Memory is the most that the process held, with Python and "
    "the engine in it.",
)


@dataclass(frozen=True)
class Section:
    """What is said of one suite.

    Attributes:
        plots: <svg> by title.
        claims: what the project says of its networks, held against the measurements; None where it says nothing.
    """

    title: str
    question: str
    setting: str
    table: Table
    plots: Dict[str, str]
    claims: Optional[Table] = None


def sections(
    measurements: Sequence[Measurement], speeds: Sequence[TrainingSpeed] = (), with_plots: bool = True
) -> List[Section]:
    """One a suite, in the order of their first measurements; on each device apart. Plots take most of the time."""
    grouped: Dict[Tuple[str, str], List[Measurement]] = {}
    for each in measurements:
        grouped.setdefault((each.suite, each.record.environment.device), []).append(each)
    found = [_section(name, device, chosen, with_plots) for (name, device), chosen in grouped.items()]
    if speeds:
        question = "How many images a second training takes, beside PaddleSeg's own PP-MobileSeg."
        found.append(Section("training", question, training_setting(speeds), training_table(speeds), {}))
    return found


def _section(name: str, device: str, measurements: Sequence[Measurement], with_plots: bool) -> Section:
    said = {"ade20k": claims, "classes": claims_by_classes}.get(name, lambda _: [])(measurements)
    question = SUITES[name].question
    return Section(
        title=name if device == "host" else f"{name}, {device}",
        question=f"{question[0].upper()}{question[1:]}.",
        setting=setting(measurements),
        table=case_table(measurements),
        plots=plots(measurements) if with_plots else {},
        claims=claim_table(said) if said else None,
    )


def html(parts: Sequence[Section]) -> str:
    """One page, plots and style inside."""
    return render_page(Path(__file__).with_name("report.html"), sections=parts, reading=READING)


def markdown(parts: Sequence[Section], plot_files: Optional[Dict[str, str]] = None) -> str:
    """The same as Markdown.

    Args:
        parts: what to say.
        plot_files: addresses of the plots, by the <svg> that lies there; without, the plots are left out.
    """
    lines = ["# Mobile segmentation networks, measured side by side", *READING]
    for part in parts:
        lines += [f"## {part.title}", part.question, part.setting]
        if part.claims:
            lines += ["### What is claimed, and what was measured", part.claims.markdown()]
        for title, svg in part.plots.items():
            if plot_files:
                lines += [f"![{part.title}: {title}]({plot_files[svg]})"]
        lines += ["### Every case", part.table.markdown()]
    return "\n\n".join(lines) + "\n"


def write_markdown(parts: Sequence[Section], path: Path) -> None:
    """Write the Markdown, and its plots into the folder of the same name.

    Raises:
        InputError: a file cannot be written.
    """
    folder = path.with_suffix("")
    files: Dict[str, str] = {}
    for part in parts:
        for title, svg in part.plots.items():
            name = re.sub(r"[^a-z0-9]+", "_", f"{part.title} {title}".lower()).strip("_") + ".svg"
            write_text(folder / name, svg)
            files[svg] = f"{folder.name}/{name}"
    write_text(path, markdown(parts, files))
