"""Write the generated parts of README.md and benchmarks/README.md: what the commands print, and measured tables.

    python docs/fill_readme.py [output/demo]

With the folder of a demo, its results become `docs/demo.json`, from which the README's table is made.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "demo.json"
IMAGE = ROOT / "docs" / "benchmark.svg"
ENGINES_ON_ARM, ENGINES_AGAIN = "engines-aarch64", "engines-again"
LABELS_IMAGE = ROOT / "benchmarks" / "results" / "labels.svg"
sys.path.insert(0, str(ROOT))

from api_page import api  # noqa: E402
from benchmarks.report import make_report, markdown  # noqa: E402
from benchmarks.results import Result  # noqa: E402
from benchmarks.suites.distillation import report as distillation_report  # noqa: E402
from benchmarks.suites.engines import report as engines_report  # noqa: E402
from benchmarks.suites.engines.repeated import repeated  # noqa: E402
from benchmarks.suites.labels import report as labels_report  # noqa: E402
from benchmarks.suites.latency import claims, plots, tables  # noqa: E402
from benchmarks.suites.registry import SUITES, read_file  # noqa: E402
from benchmarks.suites.zoo_training.suite import training_table  # noqa: E402
from paddleseg_mobileseg.report.tables import Table  # noqa: E402


def measured(suite: str) -> List[Result]:
    """The committed results of a suite."""
    return read_file(ROOT / "benchmarks" / "results" / f"{suite}.jsonl")


def mobileseg(*args: str) -> str:
    command = [sys.executable, "-m", "paddleseg_mobileseg", *args]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.strip()


def commands() -> str:
    return f"```\n{mobileseg('--help')}\n```"


def models() -> str:
    return mobileseg("models")


def labels() -> str:
    """What label maps cost, from the committed results."""
    return labels_report.summary(measured("labels"))


def label_tables() -> str:
    """Every curve of them, with the image drawn anew."""
    results = measured("labels")
    LABELS_IMAGE.write_text(labels_report.plot(results), encoding="utf-8")
    return "\n\n".join(f"{title}\n\n{table.markdown()}" for title, table in labels_report.tables(results).items())


def training() -> str:
    """How well each network learned the built-in scenes, from the committed results."""
    return training_table(measured("zoo_training")).markdown()


def side_by_side() -> str:
    """Every network side by side, from the committed results of a suite, with its image drawn anew."""
    results, dataset = measured("ade20k"), SUITES["ade20k"].dataset
    IMAGE.write_text(plots.readme_plot(results, dataset), encoding="utf-8")
    table = tables.network_table(results, dataset).markdown()
    shown = f"![Latency against published mIoU, and where the time goes]({IMAGE.relative_to(ROOT)})"
    return f"{tables.setting(results)}\n\n{shown}\n\n{table}"


def benchmark_claims() -> str:
    """What is said of PP-MobileSeg, held against the same results."""
    return claims.claim_table(claims.claims(measured("ade20k"))).markdown()


def class_claims() -> str:
    """What of it depends on how many classes share an image."""
    return claims.claim_table(claims.claims_by_classes(measured("classes"))).markdown()


def distillation() -> str:
    """What a student of reduced images gains from its teacher, and what it saves."""
    results = measured("distillation")
    scores, times = distillation_report.score_table(results), distillation_report.latency_table(results)
    return f"{scores.markdown()}\n\n{distillation_report.gain(results)}\n\n{times.markdown()}"


def engines() -> str:
    """Every engine side by side, timed here, and how far a second run bears it out."""
    results = measured("engines")
    setting, blocks = engines_report.host_section(results, SUITES["engines"].dataset, with_plots=False)
    return f"{engines_report.overview(setting, blocks)}\n\n{repeated(results, measured(ENGINES_AGAIN))}"


def engines_on_arm() -> str:
    """The same counted on an emulated core."""
    return engines_report.overview(*engines_report.arm_section(measured(ENGINES_ON_ARM)))


def suites() -> str:
    """The tables of every suite that benchmarks/README.md does not show, from the committed results."""
    shown = [name for name in SUITES if name not in ("labels", "zoo_training", "distillation")]
    results = [result for name in (*shown, ENGINES_ON_ARM) for result in measured(name)]
    return markdown(make_report(results, SUITES, with_plots=False)).strip()


def take_results(demo: Path) -> None:
    """Keep the results of a demo without the paths of the machine that it ran on."""
    text = (demo / "demo.json").read_text(encoding="utf-8")
    RESULTS.write_text(text.replace(str(demo.resolve()), "output/demo"), encoding="utf-8")


def difference(agreement: dict) -> str:
    return f"{agreement['relative_difference']:.1e} of the largest value"


def demo() -> str:
    """The table of one run of `make demo`, from the committed results."""
    run = json.loads(RESULTS.read_text(encoding="utf-8"))
    pairs = {row["label_map"]: row["total"] for row in run["agreements"]}
    exports = {row["kind"]: row["agreement"] for row in run["exports"]}
    latency = {row["configuration"]["label_map"]: row["summary"] for row in run["latency"]}
    exact, argmax = latency["exact"], latency["argmax"]
    files = {model["target"]: model["bytes"] for model in run["models"] if model["output"]["label_map"] == "exact"}
    height, width = run["size"]
    machine = run["environment"]
    rows = [
        ("held-out mIoU, checkpoint in Paddle", f"{run['checkpoint_scores']['miou']:.4f}"),
        ("held-out mIoU, `.nb` in Paddle-Lite", f"{run['converted_scores']['miou']:.4f}"),
        ("static graph against dygraph, logits", difference(exports["logits"])),
        ("Paddle-Lite against Paddle, logits", difference(pairs["exact"])),
        ("Paddle-Lite against Paddle, labels", f"{100 * pairs['exact']['pixel_agreement']:.4f} % of the pixels"),
        (
            f"latency at {width}x{height}, one thread, network + exact label map: median, and least (far apart where "
            "others use the cores)",
            f"{exact['network']['median_ms']:.1f} + {exact['label_map']['median_ms']:.2f} ms, "
            f"{exact['end_to_end']['min_ms']:.1f} ms",
        ),
        (
            "the same with argmax in the graph",
            f"{argmax['end_to_end']['median_ms']:.1f} ms, {argmax['end_to_end']['min_ms']:.1f} ms",
        ),
        ("size of the `.nb`, arm and x86", f"{files['arm'] / 1e6:.2f} MB and {files['x86'] / 1e6:.2f} MB"),
        ("training, and everything", f"{run['seconds']['train']:.0f} s and {sum(run['seconds'].values()):.0f} s"),
    ]
    return (
        f"From one run of `make demo` ({run['created'][:10]}, {machine['cores']} cores of an {machine['cpu']}, "
        f"{run['iters']} iterations, scored on {run['scenes']['test']} scenes that training never saw):\n\n"
        f"{Table('lr', ('', ''), rows).markdown()}"
    )


DOCUMENTS = {
    "README.md": {"commands": commands, "models": models, "labels": labels, "demo": demo, "benchmarks": side_by_side},
    "benchmarks/README.md": {
        "claims": benchmark_claims,
        "class-claims": class_claims,
        "label-tables": label_tables,
        "training": training,
        "distillation": distillation,
        "engines": engines,
        "engines-on-arm": engines_on_arm,
    },
    "benchmarks/results/README.md": {"suites": suites},
    "docs/api.md": {"api": api},
}


def fill(name: str) -> str:
    """The text of a document with the content of each marked section made anew."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for section, make in DOCUMENTS[name].items():
        begin, end = f"<!-- {section}: generated by docs/fill_readme.py -->", f"<!-- end of {section} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise SystemExit(f"error: {name} must have one section '{section}', from '{begin}' to '{end}'")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{make()}\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take_results(Path(sys.argv[1]))
    for name in DOCUMENTS:
        (ROOT / name).write_text(fill(name), encoding="utf-8")
