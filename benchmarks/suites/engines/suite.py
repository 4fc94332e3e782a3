"""The suite of engines: every network in every engine, timed here, or counted on an emulated ARM core."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence, Tuple

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.models.zoo import MODELS

from ...flags import Timing, add_networks, add_timing, timing_settings
from ...images import built_in_images
from ...results import WHOLE, Result
from ...suite import Figure, Measuring, Places, Section, Suite
from ..latency.cases import CONVERTED, find_network
from ..latency.models import ModelFolder
from .arm import arm_engines
from .cases import AARCH64, ARCHITECTURES, HOST, LABEL_MAPS, EngineCase, cases
from .measuring import EnginesMeasuring, InstructionsMeasuring
from .report import READING, arm_section, host_section, whole_instructions


@dataclass(frozen=True)
class EnginesSuite(Suite):
    """Networks at one size in every engine.

    Attributes:
        dataset: whose published figures belong to it, a key of `Model.published`.
        size: height and width.
        num_classes: of the logits.
    """

    dataset: str
    size: Tuple[int, int]
    num_classes: int

    case_type = EngineCase
    reading = READING

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_networks(parser)
        parser.add_argument(
            "--arch",
            choices=ARCHITECTURES,
            default=HOST,
            help="aarch64: count instructions of one inference on an emulated core, one thread (default: %(default)s)",
        )
        parser.add_argument("--engines", nargs="+", choices=tuple(CONVERTED), help="measure these only")
        parser.add_argument("--label-maps", nargs="+", choices=LABEL_MAPS, default=LABEL_MAPS, help="these only")
        parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="on the host (default: 1 2)")
        parser.add_argument("--precision", choices=("fp16",), help="with --arch aarch64, also in half precision")
        parser.add_argument(
            "--lite-library",
            type=Path,
            metavar="PATH",
            help="Paddle-Lite for 64-bit ARM, for --arch aarch64 (default: PADDLE_LITE_DIR; without, it is left out)",
        )
        add_timing(parser, Timing())

    def measuring(self, args: argparse.Namespace, places: Places) -> Measuring:
        networks = [find_network(name).name for name in args.networks or [model.name for model in MODELS]]
        if args.arch == AARCH64:
            chosen = self._cases(args, networks, args.engines or arm_engines(args.lite_library), [1])
            return InstructionsMeasuring(self.name, chosen, _models(places), args.lite_library, places.scratch)
        if args.precision:
            raise InputError("--precision has kernels on ARM only, and this host has none to time: give --arch aarch64")
        if min(args.threads) < 1:
            raise InputError(f"--threads takes numbers of 1 or more, not {min(args.threads)}")
        if args.clock == "cpu" and args.threads != [1]:
            raise InputError("--clock cpu adds up what all threads take, which is no latency: give --threads 1")
        chosen = self._cases(args, networks, args.engines or list(CONVERTED), args.threads)
        return EnginesMeasuring(self.name, chosen, timing_settings(args), _models(places))

    def _cases(
        self, args: argparse.Namespace, networks: Sequence[str], engines: Sequence[str], threads: Sequence[int]
    ) -> Sequence[EngineCase]:
        chosen = (engines, args.label_maps, threads, args.arch, args.precision == "fp16")
        return cases(networks, self.size, self.num_classes, *chosen)

    def section(self, results: Sequence[Result], with_plots: bool = True) -> Section:
        if results[0].case.arch == HOST:
            setting, blocks = host_section(results, self.dataset, with_plots)
            return Section(self.name, self.asked, setting, blocks)
        setting, blocks = arm_section(results)
        return Section(f"{self.name}, {AARCH64}", self.asked, setting, blocks)

    def figure(self, result: Result) -> Figure:
        if result.case.arch == HOST:
            return Figure("end to end, ms", result.medians(*WHOLE))
        return Figure("million instructions", {number: whole_instructions(result) / 1e6 for number in result.rounds})

    def columns(self, case: EngineCase) -> Dict[str, str]:
        return {
            "network": f"`{case.network}`",
            "engine": case.engine,
            "label map": case.label_map,
            "threads": str(case.threads),
        }


def _models(places: Places) -> ModelFolder:
    """Where cases are converted; each is fed with one image."""
    return ModelFolder(places.models, built_in_images(places.models / "images", 1))
