"""Making a project: a folder with a config, lists, classes and the labels that had to be converted."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from PIL import Image

from ..classes import Classes, classes_text
from ..errors import InputError
from ..files import cannot_write, replace_folder
from ..models.zoo import find_model
from ..paths import short_path
from .config_text import config_of, config_text, recipe_of, with_weights
from .entries import wished_entries
from .files import PARTS, RECORD
from .layout import IGNORED, MOST_CLASSES, Layout, Plan, Sample, Wish
from .recipe import Proposal, Size, propose
from .recognise import recognise, with_validation
from .survey import Finding, faults_named, in_threads, sizes_of, survey, turned_note

_LABELS = "labels"
_VOID_COLOUR = (224, 224, 192)
"""In which an index PNG shows what is not known, as Pascal VOC's do."""


@dataclass(frozen=True)
class Request:
    """What the user asks for; the names are those of the flags of `mobileseg init`."""

    folder: Path
    model: str
    data: Path
    classes: Optional[Sequence[str]] = None
    void: Sequence[str] = ()
    val: Union[Path, float, None] = None
    size: Optional[Size] = None
    batch_size: Optional[int] = None
    iters: Optional[int] = None
    pretrained: str = "imagenet"
    seed: int = 0
    skip_faulty: bool = False
    force: bool = False


@dataclass(frozen=True)
class Project:
    """What was made.

    Attributes:
        folder, config: where it is.
        layout: what the data were recognised as.
        samples: how many there are of each part.
        classes: of the network.
        converted: how many labels were written into the project.
        proposal: the sizes and numbers, and why.
        notes: what was decided about the data and the weights.
        faults: what is wrong with samples that were left out.
    """

    folder: Path
    config: Path
    layout: str
    samples: Dict[str, int]
    classes: Classes
    converted: int
    proposal: Proposal
    notes: List[str]
    faults: List[str] = field(default_factory=list)

    def as_json(self) -> Dict[str, Any]:
        """The project as JSON has it; paths as they were given."""
        pairs = zip(self.classes.names, self.classes.colours)
        return {
            "folder": str(self.folder),
            "config": str(self.config),
            "layout": self.layout,
            "samples": self.samples,
            "classes": [{"name": name, "colour": list(colour)} for name, colour in pairs],
            "converted_labels": self.converted,
            "proposal": asdict(self.proposal),
            "notes": self.notes,
            "faults": self.faults,
        }


class FaultySamples(InputError):
    """Samples cannot be used; `faults` has a line for each."""

    def __init__(self, message: str, faults: List[str]):
        super().__init__(message)
        self.faults = faults


def make_project(request: Request) -> Project:
    """Look at the data and write a project.

    The user's files are read only. The project's folder appears whole or not at all; with `force` the files of an
    earlier `init` in it are replaced, and others stay.

    Raises:
        InputError: see the message; FaultySamples where samples cannot be used and `skip_faulty` is not set.
        ToolError: the layout needs a package that is not installed.
    """
    model = find_model(request.model)
    _check_target(request)
    template = request.folder.parent / f"{request.folder.name}.classes.txt"
    wish = Wish(wished_entries(request.classes), tuple(request.void), template)
    layout = with_validation(recognise(request.data), request.val, request.seed)
    good, faults = _usable(layout, request)
    plan = layout.labels.plan([each.sample for each in good], [each.look for each in good], wish)
    counts = {part: sum(each.sample.part == part for each in good) for part in PARTS}
    recipe = recipe_of(model)
    seen = [each for each in good if each.sample.part != "test"]
    proposal = propose(
        sizes_of(seen), counts["train"], model.name, recipe, request.size, request.batch_size, request.iters
    )
    notes = [*layout.notes, *turned_note(good), *plan.notes]
    root = Path(os.path.abspath(request.data))
    writer = _Writer(request, plan, root if root.is_dir() else root.parent)
    with writer:
        lists = writer.write_samples([each.sample for each in good])
        config = config_of(recipe, proposal, len(plan.classes), {"root": str(writer.root), **lists}, writer.separator)
        notes.append(with_weights(config, model, request.pretrained))
        project = Project(
            request.folder, request.folder / "config.yml", layout.title, {part: n for part, n in counts.items() if n},
            plan.classes, 0 if plan.in_place else len(good), proposal, notes, faults,
        )  # fmt: skip
        head = (
            f"{model.title} on {root}, written by `mobileseg init`. The paths are absolute, so that this works from "
            "any folder; run `mobileseg init --force` again where the data or this folder were moved."
        )
        writer.write("config.yml", config_text(config, head, _comments(proposal)))
        writer.write("classes.txt", classes_text(plan.classes))
        writer.write(RECORD, json.dumps(project.as_json(), indent=2) + "\n")
    return project


def _comments(proposal: Proposal) -> Dict[str, str]:
    why = proposal.why
    return {
        "batch_size": why["batch_size"],
        "iters": why["iters"],
        "train_dataset": f"size: {why['size']}",
        "val_dataset": f"resize: {why['resize']}",
        "lr_scheduler": f"learning_rate: {why['learning_rate']}; warmup_iters: {why['warmup_iters']}",
    }


def _check_target(request: Request) -> None:
    folder = request.folder
    if folder.absolute() == Path.cwd() or not folder.name.strip("."):
        raise InputError(f"the project needs a folder of its own; give it a name instead of {folder}")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the project a new name")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / RECORD).is_file():
        raise InputError(f"{folder} is a folder with other files in it; give the project a new name")
    if not request.force:
        raise InputError(f"{folder} is a project already; give another name, or --force to replace its files")


def _usable(layout: Layout, request: Request) -> Tuple[List[Finding], List[str]]:
    findings = survey(layout.samples, layout.labels)
    faults = faults_named(findings)
    good = [finding for finding in findings if finding.fault is None]
    if faults and not request.skip_faulty:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise FaultySamples(f"{faults[0]}{more}; correct them, or say --skip-faulty to leave them out", faults)
    counts = [sum(each.sample.part == part for each in good) for part in ("train", "val")]
    if counts[0] < 2 or counts[1] < 1:
        raise InputError(f"{counts[0]} pictures are left to train on and {counts[1]} to validate with: {faults[0]}")
    return good, faults


class _Writer:
    """Writes the files of a project into a scratch folder, which takes its name when the block ends well."""

    def __init__(self, request: Request, plan: Plan, root: Path):
        self.folder = Path(os.path.abspath(request.folder))
        self.plan = plan
        self.root = root
        self.separator = " "
        self.palette = _palette(plan.classes)
        self.scratch: Optional[Path] = None

    def __enter__(self) -> "_Writer":
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.scratch = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=f".{self.folder.name}."))
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                self._place()
        except OSError as failed:
            raise cannot_write(self.folder, failed) from failed
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
        if isinstance(error, OSError):
            raise cannot_write(self.folder, error) from error

    def _place(self) -> None:
        if not (self.folder / RECORD).is_file():
            if self.folder.is_dir():
                self.folder.rmdir()
            replace_folder(self.scratch, self.folder)
            return
        shutil.rmtree(self.folder / _LABELS, ignore_errors=True)
        for part in PARTS:
            (self.folder / f"{part}.txt").unlink(missing_ok=True)
        for item in sorted(self.scratch.iterdir()):
            os.replace(item, self.folder / item.name)

    def write(self, name: str, text: str) -> None:
        (self.scratch / name).write_text(text, encoding="utf-8", errors="surrogateescape")

    def write_samples(self, samples: Sequence[Sample]) -> Dict[str, str]:
        """Write the labels that are not used where they lie, and a list for each part; the lists by part."""
        names = self._label_names(samples)
        if not self.plan.in_place:
            in_threads(lambda pair: self._write_label(*pair), list(zip(samples, names)), "labels")
        rows = []
        for sample, name in zip(samples, names):
            label = self.folder / _LABELS / name if name else sample.label
            rows.append((sample.part, self._listed(sample.image), self._listed(label)))
        if any(" " in image + label for _, image, label in rows):
            self.separator = "\t"
        for part in PARTS:
            lines = [f"{image}{self.separator}{label}\n" for each, image, label in rows if each == part]
            if lines:
                self.write(f"{part}.txt", "".join(lines))
        return {part: str(self.folder / f"{part}.txt") for part in PARTS}

    def _label_names(self, samples: Sequence[Sample]) -> List[str]:
        """A name below the folder of labels for each, none twice; empty names where the labels stay where they are."""
        if self.plan.in_place:
            return [""] * len(samples)
        taken: Dict[str, int] = {}
        names = []
        for sample in samples:
            below = self._listed(sample.image)
            stem = os.path.splitext(sample.image.name if os.path.isabs(below) else below)[0]
            count = taken.get(stem.lower(), 0)
            taken[stem.lower()] = count + 1
            names.append(f"{stem}{f'_{count + 1}' if count else ''}.png")
        return names

    def _listed(self, path: Path) -> str:
        """A path as a list has it: relative to the data set's folder where it lies below."""
        try:
            text = str(path.relative_to(self.root))
        except ValueError:
            text = str(path)
        if any(character in text for character in "\t\r\n"):
            raise InputError(f"{text!r} has a tab or a line break in its name, which no list can hold; rename it")
        return text

    def _write_label(self, sample: Sample, name: str) -> None:
        label = self.plan.label_map(sample)
        wrong = label[(label != IGNORED) & (label >= len(self.plan.classes))]
        assert label.dtype == np.uint8 and not wrong.size, f"{sample.label}: {np.unique(wrong)}"
        path = self.scratch / _LABELS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(label)
        image.putpalette(self.palette)
        image.save(path)


def _palette(classes: Classes) -> List[int]:
    """The colours of an index PNG, so that a viewer shows its classes."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(classes)] = classes.colours[:MOST_CLASSES]
    colours[IGNORED] = _VOID_COLOUR
    return colours.ravel().tolist()


def next_commands(project: Project) -> List[List[str]]:
    """The three commands to go on with, as lists of words."""
    config, run = short_path(project.config), short_path(project.folder / "run")
    return [
        ["mobileseg", "check-data", "--config", config],
        ["mobileseg", "train", "--config", config, "--do_eval", "--save_interval", str(project.proposal.save_interval),
         "--save_dir", run],
        ["mobileseg", "report", run],
    ]  # fmt: skip
