"""What a kind of file is to the campaign, and how a case of it is made from its number."""

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Dict, Tuple, Union

HONEST = Path(__file__).parent / "honest"
"""Small files that the plugin wrote itself; `python -m faults honest` makes them anew."""


@dataclass(frozen=True)
class Special:
    """Something in a folder that is no regular file.

    Attributes:
        kind: "fifo", "folder" or "link".
        target: of the link.
    """

    kind: str
    target: str = ""


Files = Dict[str, Union[bytes, Special]]
"""The files of a case by their names, which may have folders in front and need not be UTF-8 (surrogate escapes)."""


class Wrong(Exception):
    """A damaged file was accepted with a result that cannot be right."""


class Kind:
    """One kind of file. Case 0 is the honest file, and every other one is damaged.

    Attributes:
        mentions: of which at least one must stand in every message; names of files as a rule.
        starts_programs: reading it takes a process of its own.
    """

    mentions: Tuple[str, ...] = ()
    starts_programs = False

    def honest(self) -> Files:
        """Files that must be read without an error."""
        raise NotImplementedError

    def damage(self, random: Random) -> Tuple[str, Files]:
        """The same, damaged, and what was done in a few words."""
        raise NotImplementedError

    def attempt(self, folder: Path) -> None:
        """Read the files in `folder` as the plugin does.

        Raises:
            MobilesegError: they are refused, which is as well as reading them.
            Wrong: what was read cannot be right.
        """
        raise NotImplementedError


def make_case(kind: Kind, name: str, seed: int, case: int) -> Tuple[str, Files]:
    """Case `case` of the kind called `name`: the same bytes on every machine."""
    if case == 0:
        return "honest", kind.honest()
    return kind.damage(Random(f"{name}:{seed}:{case}"))


def honest_files(*names: str) -> Dict[str, bytes]:
    """Those of `HONEST` by their names."""
    return {name: (HONEST / name).read_bytes() for name in names}


def write_files(files: Files, folder: Path) -> None:
    """Put the files of a case into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.kind == "fifo":
            os.mkfifo(path)
        elif content.kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(content.target)
