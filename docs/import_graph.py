"""Print which room of the package imports which, from the lowest up, and how many lines each has.

    python docs/import_graph.py [--json]

A room is a folder or a module at the top of the package, and below `deploy` one of its own; it may import what stands
before it in `ROOMS`, itself, and nothing else of the package. `tests/test_import_graph.py` holds the package to that.
"""

import argparse
import ast
import json
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

PACKAGE = Path(__file__).resolve().parent.parent / "paddleseg_mobileseg"

ROOMS = (
    "errors",
    "installation",
    "command_line",
    "paths",
    "files",
    "strict_yaml",
    "opencv_files",
    "schema",
    "classes",
    "labels",
    "processes",
    "downloads",
    "report",
    "config",
    "checkpoints",
    "models",
    "data",
    "projects",
    "training",
    "deploy",
    "deploy.ir",
    "deploy.passes",
    "deploy.runtime",
    "deploy.formats",
    "deploy.quantisation",
    "deploy.steps",
    "deploy.android",
    "segmenter",
    "evaluation",
    "run_report",
    "patches",
    "plugin",
    "pretraining",
    "detection",
    "demo",
    "examination",
    "cli",
)
"""From the lowest to the highest. "deploy" is the choices in its `__init__`, "deploy.steps" the modules beside it."""

Edge = Tuple[str, str]


def modules() -> Dict[str, Path]:
    """Every module of the package by its dotted name below it; "" for the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room_of(module: str) -> str:
    """The room that a module belongs to; "" for the package's own `__init__` and `__main__`, which open the doors."""
    first, *rest = module.split(".")
    if first in ("", "__main__"):
        return ""
    if first != "deploy" or not rest:
        return first
    inner = f"deploy.{rest[0]}"
    return inner if inner in ROOMS else "deploy.steps"


def imports_of(module: str, known: Dict[str, Path]) -> Iterator[str]:
    """The modules of the package that one imports, wherever in its text: at its top or inside a function."""
    path = known[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    package = [part for part in package if part]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        above = package[: len(package) - (node.level - 1)]
        base = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            inside = f"{base}.{alias.name}" if base else alias.name
            yield inside if inside in known else base


def edges() -> Counter:
    """How many modules of a room import from another room, by (importing, imported)."""
    known = modules()
    found: Counter = Counter()
    for module in known:
        rooms = {room_of(target) for target in imports_of(module, known)}
        found.update((room_of(module), room) for room in rooms - {room_of(module)} if room)
    return Counter({edge: count for edge, count in found.items() if edge[0]})


def upward(found: Counter) -> List[Edge]:
    """The edges that lead from a room to a higher one, of which there must be none."""
    return sorted(edge for edge in found if ROOMS.index(edge[1]) >= ROOMS.index(edge[0]))


def lines() -> Counter:
    """Lines of Python by room."""
    counted: Counter = Counter()
    for module, path in modules().items():
        counted[room_of(module) or "the package's doors"] += len(path.read_text(encoding="utf-8").splitlines())
    return counted


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    found, counted = edges(), lines()
    if args.json:
        print(json.dumps({"edges": [[*edge, count] for edge, count in sorted(found.items())], "lines": counted}))
    else:
        for room in ROOMS:
            below = [f"{target} ({found[room, target]})" for target in ROOMS if (room, target) in found]
            print(f"{room:<16}{counted[room]:>6} lines  <- {', '.join(below) or 'nothing of the package'}")
        print(f"{'all':<16}{sum(counted.values()):>6} lines")
    for importing, imported in upward(found):
        print(f"upward: {importing} imports {imported}")
    return 1 if upward(found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
