"""Keys of what is made once and kept: they change with the content of everything that takes part."""

import ast
import hashlib
import json
from functools import lru_cache
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any, List, Sequence, Set, Tuple

import paddleseg_mobileseg
from paddleseg_mobileseg.config.reader import read_content
from paddleseg_mobileseg.deploy.runtime.opt import opt_version
from paddleseg_mobileseg.deploy.runtime.versions import versions
from paddleseg_mobileseg.models.zoo import Model
from paddleseg_mobileseg.paths import CONFIGS

ROOTS = (Path(__file__).parent.parent, Path(paddleseg_mobileseg.__file__).parent.parent)
_HOOKS = ("paddleseg_mobileseg.plugin", "paddleseg_mobileseg.patches.on_paddle")
"""What the package names in text only, for the hooks that run it when Paddle and PaddleSeg are loaded."""


def files_of(module: str, roots: Sequence[Path] = ROOTS) -> List[Path]:
    """Every file of this project that a module needs, sorted.

    These are the modules that it imports, in turn and wherever in their text, compiled ones too, and the files beside
    them that they name, such as programs which run in a process of their own.

    Args:
        module: its dotted name.
        roots: the folders that hold the top packages; what is found elsewhere is not of this project.
    """
    finder = ModuleFinder(path=[str(root) for root in roots])
    for name in (module, *_HOOKS):
        finder.import_hook(name)
    found: Set[Path] = set()
    read: Set[Path] = set()
    while True:
        imported = {Path(each.__file__) for each in finder.modules.values() if each.__file__}
        new = (imported | found) - read
        if not new:
            return sorted(found)
        beside = {path for each in new if each.suffix == ".py" for path in _named_beside(each)}
        for path in beside - imported:
            if path.suffix == ".py":
                finder.load_file(str(path))
        found |= imported | beside
        read |= new


def _named_beside(module: Path) -> List[Path]:
    """The files that lie beside a module and that its strings name, or that it imports as programs run by path do."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            names.add(node.value)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(f"{node.module}.py")
    return [path for path in module.parent.iterdir() if path.name in names and path.is_file()]


@lru_cache(maxsize=None)
def sources_key(module: str, roots: Tuple[Path, ...] = ROOTS) -> str:
    """A checksum of `files_of` a module, and of the versions of Python, opt, Paddle and PaddleSeg."""
    return checksum(files_of(module, roots))


def checksum(files: Sequence[Path]) -> str:
    """A checksum of the content of files, and of the versions of Python, opt, Paddle and PaddleSeg."""
    digest = hashlib.sha256(json.dumps([versions(), opt_version()]).encode())
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def network_key(model: Model) -> str:
    """A checksum of what the config that a network is built of says of it, the configs below it included."""
    section = read_content(CONFIGS / next(iter(model.configs.values())))["model"]
    return hashlib.sha256(json.dumps(section, sort_keys=True).encode()).hexdigest()


def key_of(*parts: Any) -> str:
    """Eight letters for a folder's name.

    Args:
        parts: JSON: keys of the above, and what else makes a difference.
    """
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]
