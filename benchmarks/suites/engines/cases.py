"""What is measured: a network in an engine, here or on an emulated core."""

from dataclasses import dataclass, replace
from typing import List, Sequence, Tuple

from paddleseg_mobileseg.deploy import PRECISIONS
from paddleseg_mobileseg.deploy.formats.converters import CONVERTERS

from ..latency.cases import CONVERTED, PADDLE_LITE, LatencyCase

HOST, AARCH64 = "host", "aarch64"
ARCHITECTURES = (HOST, AARCH64)
"""Where it runs: here, for time; or on a core of 64-bit ARM under QEMU, for instructions."""

LABEL_MAPS = ("exact", "argmax")
"""What makes the labels: the exact label map of logits, or the engine by its own interpolation and argmax."""

NETWORK, LABEL_MAP = "network_instructions", "label_map_instructions"
"""What is counted of an inference, the second where the graph does not make the labels."""


@dataclass(frozen=True)
class EngineCase(LatencyCase):
    """One network in one engine.

    Attributes:
        threads: that the network runs with, on the host.
        arch: one of `ARCHITECTURES`.
    """

    threads: int = 1
    arch: str = HOST

    def __str__(self) -> str:
        precision = f", {self.precision}" if self.precision != "float32" else ""
        return f"{self.network} with {self.label_map} in {CONVERTED[self.engine].title}{precision}"

    @property
    def target(self) -> str:
        return "arm" if self.arch == AARCH64 else super().target


def cases(
    networks: Sequence[str],
    size: Tuple[int, int],
    num_classes: int,
    engines: Sequence[str],
    label_maps: Sequence[str],
    threads: Sequence[int],
    arch: str,
    precisions: Sequence[str] = (),
) -> List[EngineCase]:
    """All of them, the engines of a network one after the other.

    Args:
        precisions: that are measured beside float32, with the exact label map, in engines that have them.
    """
    chosen = [
        EngineCase(network, *size, num_classes, label_map, engine, threads=count, arch=arch)
        for network in networks
        for count in threads
        for label_map in label_maps
        for engine in engines
    ]
    return [variant for case in chosen for variant in [case, *_variants(case, precisions)]]


def _variants(case: EngineCase, precisions: Sequence[str]) -> List[EngineCase]:
    if case.label_map != "exact":
        return []
    return [replace(case, precision=each) for each in precisions if each in computed_in(case.engine)]


def computed_in(engine: str) -> Sequence[str]:
    """What an engine can compute in on ARM, of `PRECISIONS`."""
    return PRECISIONS if engine == PADDLE_LITE else CONVERTERS[CONVERTED[engine].format].precisions
