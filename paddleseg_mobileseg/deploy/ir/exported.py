"""Exported models: the program (`.pdmodel`), its parameters (`.pdiparams`) and what `deploy.yaml` says of them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from google.protobuf.message import DecodeError

from ...classes import Classes, parse_classes
from ...errors import InputError
from ...files import atomic_path, read_regular
from .deploy_yaml import read_deploy_yaml
from .params import read_params, write_params
from .program import BlockDesc, OpDesc, ProgramDesc, VarDesc, has_attr, inputs_of, outputs_of
from .structure import check_structure

_MOST_PROGRAM_BYTES = 1 << 28


@dataclass
class ExportedModel:
    """A static graph with one input and one output.

    Attributes:
        folder: where it was read from.
        program: its ProgramDesc.
        params: arrays of its persistable variables, by name.
        transforms: deploy.yaml's list of what an image goes through; None where there is no such file.
        classes: those that deploy.yaml lists; None where it lists none.
    """

    folder: Path
    program: ProgramDesc
    params: Dict[str, np.ndarray]
    transforms: Optional[List[Any]]
    classes: Optional[Classes] = None

    @property
    def block(self) -> BlockDesc:
        """The main block."""
        return self.program.blocks[0]

    @property
    def input_name(self) -> str:
        return next(outputs_of(op)[0] for op in self.block.ops if op.type == "feed")

    @property
    def output_name(self) -> str:
        return next(inputs_of(op)[0] for op in self.block.ops if op.type == "fetch")

    def variables(self) -> Dict[str, VarDesc]:
        """The main block's variables by name."""
        return {var.name: var for var in self.block.vars}

    def producers(self) -> Dict[str, OpDesc]:
        """The main block's op that writes each variable, by the variable's name; the last one if several do."""
        return {name: op for op in self.block.ops for name in outputs_of(op)}

    def has_loops(self) -> bool:
        """Whether the main block has loops or branches."""
        return any(has_attr(op, "sub_block") for op in self.block.ops)

    def set_ops(self, ops: Sequence[OpDesc]) -> None:
        """Replace the main block's ops; `ops` may be among them."""
        # Clearing the block's own messages would empty them.
        copies = [OpDesc.FromString(op.SerializeToString()) for op in ops]
        del self.block.ops[:]
        self.block.ops.extend(copies)

    def op_counts(self) -> Dict[str, int]:
        """How often each kind of op occurs, in all blocks, feed and fetch left out."""
        kinds = Counter(op.type for block in self.program.blocks for op in block.ops)
        return {kind: kinds[kind] for kind in sorted(kinds) if kind not in ("feed", "fetch")}

    def copy(self) -> "ExportedModel":
        """The same model with a program of its own; the arrays are shared, nobody writes into them."""
        program = ProgramDesc()
        program.CopyFrom(self.program)
        return ExportedModel(self.folder, program, dict(self.params), self.transforms, self.classes)

    def save(self, folder: Union[str, Path]) -> Tuple[Path, Path]:
        """Write `model.pdmodel` and `model.pdiparams` into `folder`.

        Raises:
            InputError: the folder cannot be written.
        """
        paths = Path(folder) / "model.pdmodel", Path(folder) / "model.pdiparams"
        with atomic_path(paths[0]) as scratch:
            scratch.write_bytes(self.program.SerializeToString())
        write_params(paths[1], self.params)
        return paths


def _of_the_new_kind(program: Path) -> InputError:
    return InputError(
        f"{program} is a program of the new kind, which Paddle 3 writes and Paddle-Lite's opt cannot read; export its "
        "checkpoint again, for any Paddle writes a .pdmodel with "
        "`mobileseg export --config CONFIG.yml --model_path model.pdparams`"
    )


def _find_program(folder: Path, section: Dict[str, Any]) -> Tuple[Path, Path]:
    program = folder / str(section.get("model", "model.pdmodel"))
    if program.suffix == ".pdmodel" and not program.is_file():
        others = sorted(folder.glob("*.pdmodel"))
        program = others[0] if len(others) == 1 and "model" not in section else program
    if program.suffix != ".pdmodel" or not program.is_file():
        programs = sorted(path.name for path in folder.glob("*.json"))
        if programs:
            raise _of_the_new_kind(folder / programs[0])
        raise InputError(f"{folder} holds no program {program.name}; give the folder that `mobileseg export` wrote")
    return program, folder / str(section.get("params", program.with_suffix(".pdiparams").name))


def _read_program(path: Path) -> ProgramDesc:
    program = ProgramDesc()
    try:
        program.ParseFromString(read_regular(path, _MOST_PROGRAM_BYTES))
    except DecodeError as error:
        raise InputError(f"{path} is cut short or is no Paddle program; export the model again") from error
    if not program.IsInitialized():
        raise InputError(f"{path} is cut short or damaged; export the model again")
    if not program.blocks or not program.blocks[0].ops:
        raise InputError(f"{path} is an empty program; export the model again")
    for kind, word in (("feed", "input"), ("fetch", "output")):
        count = sum(op.type == kind for op in program.blocks[0].ops)
        if count != 1:
            raise InputError(f"{path} has {count} {word}s; a segmentation network for Paddle-Lite must have one")
    check_structure(program, str(path))
    return program


def read_exported(folder: Union[str, Path]) -> ExportedModel:
    """Read a folder that PaddleSeg's `tools/export.py` or `mobileseg export` wrote.

    The names of the files come from `deploy.yaml`; without one, the folder must hold a single `.pdmodel`. The folder
    may be anybody's: its program is checked before anything of it is run.

    Raises:
        InputError: a file is missing, cut short, damaged, or of a kind that Paddle-Lite cannot read; or the program has
            ops that networks are not made of.
    """
    folder = Path(folder)
    if folder.suffix == ".json" and folder.is_file():
        raise _of_the_new_kind(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder that `mobileseg export` wrote")
    recipe = folder / "deploy.yaml"
    section = read_deploy_yaml(recipe) if recipe.exists() else None
    program_path, params_path = _find_program(folder, section or {})
    program = _read_program(program_path)
    return ExportedModel(
        folder=folder,
        program=program,
        params=read_params(params_path, program),
        transforms=section and section["transforms"],
        classes=parse_classes(section["classes"], str(recipe)) if section and "classes" in section else None,
    )
