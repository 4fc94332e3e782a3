"""Suites of networks side by side: what a user may choose, what takes a turn, and what a report says."""

import argparse
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from paddleseg_mobileseg.deploy.android.bench import bench as phone_bench
from paddleseg_mobileseg.deploy.android.bench_binary import RunSettings
from paddleseg_mobileseg.deploy.android.predict import predict as phone_predict
from paddleseg_mobileseg.deploy.runtime.inputs import find_images, load_input
from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.zoo import MODELS

from ...flags import Timing, add_networks, add_timing, timing_settings
from ...images import built_in_images
from ...results import WHOLE, Result
from ...runner import warn
from ...suite import Block, Figure, Measuring, Places, Section, Suite, Turn
from ...timed_turn import other_model, timed_turn
from .cases import ACTIVE_CLASSES, ENGINES, PHONE, LatencyCase, choose, find_network
from .claims import Claim, claim_table
from .engines import check_engine, open_predictor
from .models import Export, ModelFolder
from .plots import plots
from .tables import RIGHT, case_table, setting

_READING = (
    "Measured figures are of the machine and the day that stand above each table. Figures marked as published are "
    "those of papers and of PaddleSeg's pages: mIoU of trained weights, and latency on a Snapdragon 855.",
    "The networks have random weights, calibrated so that features and logits keep their scale and, unless a table "
    f"says otherwise, {ACTIVE_CLASSES} of the classes share an image, as a trained network finds them; their pieces "
    "are smaller than in a trained network's label map. Agreement is with Paddle in float32 and the exact label map, "
    f"over all images; what agrees on less than {100 * RIGHT:.0f} % of the pixels makes another picture and stands "
    "last, however fast.",
    "Times are medians over the rounds of the median of a round. Spread is the standard deviation of the rounds, "
    "estimated from the median deviation. A ratio is the median of the ratios within each round, in which all cases "
    "ran one after the other. Where the graph makes the labels, their time is a difference: the whole, less the "
    "network of the same round with the exact label map. Memory is the most that the process held, with Python and "
    "the engine in it.",
)


@dataclass(frozen=True)
class LatencySuite(Suite):
    """Networks at sizes, each with several label maps.

    Attributes:
        dataset: whose published figures belong to it, a key of `Model.published`.
        num_classes: of the logits.
        sizes: heights and widths.
        label_maps: the ways to make the labels.
        networks: names; every network of the zoo if None.
        other_label_maps: instead of `label_maps`, by network.
        further: what another engine than Paddle-Lite runs, with size and label maps.
        active_classes: numbers of active classes.
        claims: what the project says of its networks, held against the results.
    """

    dataset: str
    num_classes: int
    sizes: Sequence[Tuple[int, int]]
    label_maps: Sequence[str]
    networks: Optional[Sequence[str]] = None
    other_label_maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    further: Sequence[Tuple[str, Tuple[int, int], Sequence[str]]] = ()
    active_classes: Sequence[int] = (ACTIVE_CLASSES,)
    claims: Callable[[Sequence[Result]], List[Claim]] = lambda results: []

    case_type = LatencyCase
    reading = _READING

    def cases(self) -> List[LatencyCase]:
        """All of them: the label maps of a network one after the other."""
        networks = self.networks or [model.name for model in MODELS]
        cases = [
            LatencyCase(network, *size, self.num_classes, label_map, active_classes=active_classes)
            for active_classes in self.active_classes
            for size in self.sizes
            for network in networks
            for label_map in self.other_label_maps.get(network, self.label_maps)
        ]
        for engine, size, label_maps in self.further:
            cases += [
                LatencyCase(network, *size, self.num_classes, label_map, engine)
                for network in networks
                for label_map in label_maps
            ]
        return cases

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_networks(parser)
        parser.add_argument("--label-maps", nargs="+", choices=("exact", "argmax", "vim"), help="measure these only")
        parser.add_argument("--sizes", nargs="+", type=_size, metavar="WxH", help="measure these of its sizes only")
        parser.add_argument("--engine", choices=ENGINES, help="instead of the suite's own")
        parser.add_argument("--serial", help="of the phone, for --engine phone")
        parser.add_argument(
            "--cool-down", type=float, default=10.0, help="seconds a phone rests before a turn (default: 10)"
        )
        for number in ("int16", "int8"):
            parser.add_argument(f"--{number}", action="store_true", help=f"also with weights stored as {number}")
        parser.add_argument("--precision", choices=("fp16",), help="also in half precision, on a phone")
        parser.add_argument(
            "--images", nargs="+", type=Path, help="images and folders of them (default: built-in scenes)"
        )
        parser.add_argument("--scenes", type=int, default=3, help="how many of the built-in scenes (default: 3)")
        add_timing(parser, Timing())

    def measuring(self, args: argparse.Namespace, places: Places) -> "LatencyMeasuring":
        for name in args.networks or []:
            find_network(name)
        if args.scenes < 1:
            raise InputError(f"--scenes takes a number of 1 or more, not {args.scenes}")
        wanted = (("int16", args.int16), ("int8", args.int8), ("fp16", args.precision == "fp16"))
        formats = [name for name, also in wanted if also]
        cases = choose(self.cases(), args.networks, args.label_maps, args.sizes, args.engine, formats)
        settings = timing_settings(args, on_host=args.engine != PHONE)
        for engine in {case.engine for case in cases}:
            check_engine(engine, args.clock)
        images = find_images(args.images) if args.images else built_in_images(places.models / "images", args.scenes)
        phone = PhoneChoice(args.serial, args.cool_down, args.rounds)
        return LatencyMeasuring(self.name, cases, settings, ModelFolder(places.models, images), phone)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        device = results[0].environment.device
        said = self.claims(results)
        blocks = [Block("What is claimed, and what was measured", claim_table(said), wide=True)] if said else []
        if with_plots:
            blocks += [Block(title, svg) for title, svg in plots(results, self.dataset).items()]
        blocks.append(Block("Every case", case_table(results, self.dataset)))
        title = self.name if device == "host" else f"{self.name}, {device}"
        return Section(title, self.asked, setting(results), blocks)

    def figure(self, result: Result) -> Figure:
        return Figure("end to end, ms", result.medians(*WHOLE))

    def columns(self, case: LatencyCase) -> Dict[str, str]:
        return {
            "network": f"`{case.network}`",
            "size": f"{case.width}x{case.height}",
            "active classes": str(min(case.active_classes, case.num_classes)),
            "label map": case.label_map,
            "engine": case.engine,
            "format": case.number_format,
        }


def _size(text: str) -> Tuple[int, int]:
    """WxH as height and width."""
    width, _, height = text.partition("x")
    return int(height), int(width)


@dataclass(frozen=True)
class PhoneChoice:
    """How a phone is measured.

    Attributes:
        serial: of the phone; the only one if None.
        cool_down: seconds that it rests before a turn.
        rounds: turns of each case.
    """

    serial: Optional[str]
    cool_down: float
    rounds: int


class LatencyMeasuring(Measuring):
    """On the host a turn loads the model, runs each image once, warms up and measures; a phone takes all turns at once.

    Args:
        suite: its name.
        cases: to measure.
        timing: as of `timing_settings`.
        models: where the cases are converted.
        phone: for the cases of a phone.
    """

    def __init__(
        self,
        suite: str,
        cases: Sequence[LatencyCase],
        timing: Dict[str, Any],
        models: ModelFolder,
        phone: PhoneChoice = PhoneChoice(None, 0.0, 0),
    ):
        self.suite, self.cases, self.models, self.phone = suite, cases, models, phone
        self.settings = {**timing, "images": [path.name for path in models.images]}

    def prepare(self) -> None:
        for error in self.models.make_all(self.cases).values():
            raise error

    def conflict(self, known: Result) -> Optional[str]:
        return other_model(known, self.models.model(known.case))

    def measure(self, turns: Sequence[Turn], show: Callable[[str], None]) -> Iterator[Result]:
        host = [turn for turn in turns if turn[0].engine != PHONE]
        phone = dict.fromkeys(case for case, number in turns if case.engine == PHONE)
        if any((case, 0) not in turns for case in phone):
            raise InputError("a phone takes all --rounds of a case at once, and has some: choose another --output")
        yield from super().measure(host, show)
        yield from self._measure_on_phone(list(phone))

    def take_turn(self, case: LatencyCase, number: int) -> Result:
        settings = self.settings
        with open_predictor(case, self.models.model(case), self.core(case), settings["clock"]) as predictor:
            batches = [load_input(path, predictor.metadata.input) for path in self.models.images]
            fed = f"{len(batches)} images"
            result, labels = timed_turn(self.suite, case, number, predictor, batches, fed, settings)
        return replace(result, agreement=self._agreement(case, [batch[0] for batch in labels]))

    def core(self, case: LatencyCase) -> Optional[int]:
        """That a case on the host is bound to; None leaves it to the system."""
        return self.settings["core"]

    def _measure_on_phone(self, cases: Sequence[LatencyCase]) -> Iterator[Result]:
        """All rounds of cases; what a lost phone leaves of a case is not given."""
        if not cases:
            return
        agreements = {case: self._agreement_on_phone(case) for case in cases}
        by_name = {self.models.model(case).name: case for case in cases}
        records = phone_bench(
            [self.models.model(case) for case in cases],
            [self.phone.serial] if self.phone.serial else None,
            images=self.models.images,
            warmup=self.settings["warmup"],
            repeats=self.settings["repeats"] * self.phone.rounds,
            rounds=self.phone.rounds,
            cool_down=self.phone.cool_down,
            settings=self._phone_settings(),
            warn=warn,
        )
        for record in records:
            if record.configuration.rounds == self.phone.rounds:
                case = by_name[record.configuration.model]
                rounds = range(self.phone.rounds)
                yield Result.of_record(self.suite, case, rounds, record, self.settings, agreements[case])

    def _agreement_on_phone(self, case: LatencyCase) -> float:
        found = phone_predict(
            self.models.model(case), self.models.images, self.phone.serial, settings=self._phone_settings(), warn=warn
        )
        return self._agreement(case, [prediction.labels for prediction in found])

    def _phone_settings(self) -> RunSettings:
        core = self.settings["core"]
        return RunSettings(cores=None if core is None else [core])

    def _agreement(self, case: LatencyCase, labels: Sequence[np.ndarray]) -> float:
        """Share of pixels that are labelled as by Paddle in float32, over all images."""
        expected = np.load(self.models.labels(Export.of(case)))
        return float(np.mean([np.mean(given == right) for given, right in zip(labels, expected)]))
