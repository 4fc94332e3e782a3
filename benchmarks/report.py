"""Results as one HTML page that loads nothing, and as Markdown with its plots beside it."""

import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from paddleseg_mobileseg.files import write_text
from paddleseg_mobileseg.report.page import render_page
from paddleseg_mobileseg.report.tables import Table

from .results import Result
from .suite import Section, Suite

Report = Tuple[List[str], List[Section]]
"""How to read the figures, and a section for each suite."""


def make_report(results: Sequence[Result], suites: Mapping[str, Suite], with_plots: bool = True) -> Report:
    """One section a suite, in the order of their first results; on each device apart."""
    grouped: Dict[Tuple[str, str], List[Result]] = {}
    for result in results:
        grouped.setdefault((result.suite, result.environment.device), []).append(result)
    reading = list(dict.fromkeys(text for name, _ in grouped for text in suites[name].reading))
    return reading, [suites[name].section(chosen, with_plots) for (name, _), chosen in grouped.items()]


def html(report: Report) -> str:
    """One page, plots and style inside."""
    reading, sections = report
    return render_page(
        Path(__file__).with_name("report.html"), sections=sections, reading=reading, is_table=_is_table
    )


def _is_table(content: object) -> bool:
    return isinstance(content, Table)


def markdown(report: Report, plot_files: Optional[Dict[str, str]] = None) -> str:
    """The same as Markdown.

    Args:
        report: what to say.
        plot_files: addresses of the plots, by the <svg> that lies there; without, the plots are left out.
    """
    reading, sections = report
    lines = ["# Mobile segmentation networks, measured side by side", *reading]
    for section in sections:
        lines += [f"## {section.title}", section.question, section.setting]
        for block in section.blocks:
            if not block.is_plot:
                text = block.content.markdown() if isinstance(block.content, Table) else block.content
                lines += [f"### {block.heading}", text]
            elif plot_files:
                lines.append(f"![{section.title}: {block.heading}]({plot_files[block.content]})")
    return "\n\n".join(line for line in lines if line) + "\n"


def write_markdown(report: Report, path: Path) -> None:
    """Write the Markdown, and its plots into the folder of the same name.

    Raises:
        InputError: a file cannot be written.
    """
    folder = path.with_suffix("")
    files: Dict[str, str] = {}
    for section in report[1]:
        for block in section.blocks:
            if block.is_plot:
                name = re.sub(r"[^a-z0-9]+", "_", f"{section.title} {block.heading}".lower()).strip("_") + ".svg"
                write_text(folder / name, block.content)
                files[block.content] = f"{folder.name}/{name}"
    write_text(path, markdown(report, files))
