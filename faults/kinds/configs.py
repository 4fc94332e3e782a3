"""Configs with a base."""

from pathlib import Path
from random import Random
from typing import Any, Dict, List, Tuple

import yaml

from paddleseg_mobileseg.config.reader import load_config

from ..case import Files, Kind, Special, honest_files
from ..damage import RAW, damage_bytes, damage_tree, to_json

_DEEP = 20_000

YAML_RAW = (
    "&a [*a]",
    "*unknown",
    "[" * _DEEP + "]" * _DEEP,
    "{a: " * _DEEP + "0" + "}" * _DEEP,
    "9" * 5000,
    "0x" + "f" * 5000,
    "1:2:3:" * 500 + "1",
    ".nan",
    "-.inf",
    "1e5",
    "2001-99-99",
    "2001-01-01",
    "!!binary x",
    "!!python/object/apply:os.system [touch marker]",
    "!!python/object/new:os.system [touch marker]",
    "!!python/object/apply:builtins.open [marker, w]",
    "!!python/name:os.system",
    "!!python/module:antigravity",
    "!!python/tuple [1, 2]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!unknown 1",
    "{? [a, b] : c}",
    "{<<: 5}",
    "{<<: [{a: 1}, 3]}",
    "{1: 2, null: 3, true: 4}",
    '"\\x1b[2J\\0"',
    "|\n  text",
    "%YAML 9.9",
    "'",
)

_BASES: Tuple[Any, ...] = (
    3,
    None,
    [3],
    [None],
    {"a": 1},
    True,
    "",
    ".",
    "config.yml",
    "base.txt",
    "missing.yml",
    "../../../../etc/passwd",
    "/dev/zero",
    "fifo.yml",
    "folder.yml",
    "zero.yml",
    "a\0b.yml",
    ["base.yml"] * 300,
    "x" * 5000 + ".yml",
    "\x1b[2J.yml",
)


def bomb(levels: int, width: int) -> str:
    """Aliases of aliases: few bytes that stand for width ** levels values."""
    lines = [f"a0: &a0 [{', '.join(['0'] * width)}]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


class ConfigFile(Kind):
    """A config and its base; the data set is not looked at."""

    mentions = ("config.yml", "base.yml", "bases")

    def honest(self) -> Files:
        return dict(honest_files("config.yml", "base.yml"))

    def damage(self, random: Random) -> Tuple[str, Files]:
        files: Files = self.honest()
        name = random.choice(("config.yml", "base.yml"))
        way = random.choice(("bytes", "tree", "tree", "tree", "base", "base", "bomb", "special"))
        if way == "bytes":
            what, files[name] = damage_bytes(random, files[name], list(self.honest().values()))
        elif way == "tree":
            what, tree = damage_tree(random, yaml.safe_load(files[name]), YAML_RAW)
            files[name] = to_json(tree).encode("utf-8", "surrogatepass")
        elif way == "base":
            what = self._bases(random, files)
        elif way == "bomb":
            text = bomb(random.choice((3, 9, 30)), random.choice((2, 9)))
            key = random.choice(("a0: &a0", "iters: &a0"))
            what, files[name] = "alias bomb", (files[name].decode() + text.replace("a0: &a0", key)).encode()
            if random.random() < 0.5:
                files[name] += b"model: *a2\n"
        else:
            files[name] = random.choice((Special("fifo"), Special("folder"), Special("link", "/dev/zero"), b"",
                                         b"\xff\xfe", b"\0" * 100, b"- 1\n", b"text", b"---\n---\n", b"? a\n" * 10_000))
            what = "another thing in its place"
        return what, files

    def _bases(self, random: Random, files: Files) -> str:
        if random.random() < 0.4:
            return _diamonds(random, files)
        tree: Dict[str, Any] = yaml.safe_load(files["config.yml"])
        tree["_base_"] = random.choice(_BASES)
        raw = random.random() < 0.2
        if raw:
            tree["_base_"] = RAW + random.choice(YAML_RAW)
        files["config.yml"] = to_json(tree).encode("utf-8", "surrogatepass")
        files.update({"fifo.yml": Special("fifo"), "folder.yml": Special("folder"),
                      "zero.yml": Special("link", "/dev/zero")})
        return f"_base_: {str(tree['_base_'])[:30]!r}"

    def attempt(self, folder: Path) -> None:
        load_config(folder / "config.yml")


def _diamonds(random: Random, files: Files) -> str:
    """Layers of bases, each with two ways to the next; or one long chain of them."""
    layers = random.choice((5, 25, 400))
    twice = random.random() < 0.6
    honest = files["config.yml"]
    for layer in range(layers):
        bases: List[str] = [f"bases{layer + 1}.yml"] * (2 if twice else 1) if layer + 1 < layers else ["base.yml"]
        files[f"bases{layer}.yml"] = f"_base_: {bases}\n".encode()
    files["config.yml"] = honest.replace(b"base.yml", b"bases0.yml")
    return f"{'diamonds' if twice else 'chain'} of {layers} bases"
