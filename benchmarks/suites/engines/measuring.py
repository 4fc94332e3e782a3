"""What takes the turns of the suite of engines. What an engine cannot run is left out, with a warning."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Set

import numpy as np

from paddleseg_mobileseg.deploy.runtime.metadata import read_metadata
from paddleseg_mobileseg.deploy.runtime.records import Environment, host_environment
from paddleseg_mobileseg.errors import ToolError
from paddleseg_mobileseg.models.complexity import count_multiply_adds

from ...emulated_arm.qemu import CPU, emulator_version
from ...images import read_images
from ...results import Result
from ...runner import warn
from ...suite import Turn
from ..latency.cases import CONVERTED, LatencyCase, find_network
from ..latency.models import Export, ModelFolder
from ..latency.suite import LatencyMeasuring
from .arm import EnginesOnArm
from .cases import AARCH64, LABEL_MAP, NETWORK, EngineCase


class EnginesMeasuring(LatencyMeasuring):
    """Timed here: a turn loads a model in its engine, runs each image once, warms up and measures.

    Args:
        suite: its name.
        cases: to measure.
        timing: as of `timing_settings`; more threads than one are bound to no core.
        models: where the cases are converted.
    """

    def __init__(self, suite: str, cases: Sequence[EngineCase], timing: Dict[str, Any], models: ModelFolder):
        super().__init__(suite, cases, timing, models)

    def prepare(self) -> None:
        for engine in {case.engine for case in self.cases}:
            self.require(engine)
        failures = self.models.make_all(self.cases)
        for case, error in failures.items():
            warn(f"{case} is left out: {error}")
        self.cases = [case for case in self.cases if case not in failures]

    def require(self, engine: str) -> None:
        """Make sure that an engine can be used.

        Raises:
            InputError: it is not installed.
        """
        CONVERTED[engine].require()

    def measure(self, turns: Sequence[Turn], show: Callable[[str], None]) -> Iterator[Result]:
        failed: Set[LatencyCase] = set()
        for case, number in turns:
            if case in failed:
                continue
            show(str(case))
            try:
                yield self.take_turn(case, number)
            except ToolError as error:
                failed.add(case)
                warn(f"{case} is left out: {error}")

    def take_turn(self, case: EngineCase, number: int) -> Result:
        result = super().take_turn(case, number)
        return replace(result, details={**result.details, "conversion_seconds": self.models.conversion_seconds(case)})

    def core(self, case: LatencyCase) -> Optional[int]:
        return self.settings["core"] if case.threads == 1 else None


class InstructionsMeasuring(EnginesMeasuring):
    """Counted on an emulated core of 64-bit ARM: the same every time, so a case has one round.

    Args:
        suite, cases, models: as of `EnginesMeasuring`.
        lite_library: folder of Paddle-Lite for 64-bit ARM; that of PADDLE_LITE_DIR if None.
        scratch: for files.
    """

    def __init__(
        self,
        suite: str,
        cases: Sequence[EngineCase],
        models: ModelFolder,
        lite_library: Optional[Path],
        scratch: Path,
    ):
        super().__init__(suite, cases, {}, models)
        self._lite_library, self._scratch = lite_library, scratch
        self._multiply_adds: Dict[str, int] = {}

    def rounds_of(self, case: EngineCase, rounds: int) -> int:
        return 1

    def prepare(self) -> None:
        engines = list(dict.fromkeys(case.engine for case in self.cases))
        # First: what is missing is said before networks are converted for minutes.
        self._arm = EnginesOnArm(engines, self._lite_library, self._scratch)
        super().prepare()

    def require(self, engine: str) -> None:
        """Nothing: what runs there is not what is installed here."""

    def take_turn(self, case: EngineCase, number: int) -> Result:
        model = self.models.model(case)
        batch = read_images(self.models.images[:1], case.height, case.width)
        counted = self._arm.count(case.engine, model, batch)
        expected = np.load(self.models.labels(Export.of(case)))[:1]
        scores = {NETWORK: [counted.network]}
        if counted.label_map is not None:
            scores[LABEL_MAP] = [counted.label_map]
        metadata = read_metadata(model)
        return Result(
            suite=self.suite,
            case=case,
            rounds=[number],
            environment=_environment({case.engine: counted.version, "qemu": emulator_version()}),
            settings=self.settings,
            samples={},
            scores=scores,
            agreement=float(np.mean(counted.labels == expected)),
            details={
                "model": model.name,
                "sha256": metadata.sha256,
                "bytes": metadata.bytes,
                "multiply_adds": self._multiply_adds_of(case),
            },
        )

    def _multiply_adds_of(self, case: EngineCase) -> int:
        """Of one forward pass; counted once a network."""
        if case.network not in self._multiply_adds:
            network = find_network(case.network).build(case.num_classes)
            self._multiply_adds[case.network] = count_multiply_adds(network, (1, 3, case.height, case.width))
        return self._multiply_adds[case.network]


def _environment(versions: Dict[str, str]) -> Environment:
    """One core under QEMU, on this machine."""
    return replace(host_environment(versions), device=AARCH64, cpu=f"{CPU} under QEMU", cores=1, system="Linux aarch64")
