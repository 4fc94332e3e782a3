"""What is measured: a network in an engine, here or on an emulated core."""

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from ..latency.cases import CONVERTED, LatencyCase

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
    with_half: bool = False,
) -> List[EngineCase]:
    """All of them, the engines of a network one after the other.

    Args:
        with_half: measure half precision beside float32, with the exact label map.
    """
    return [
        EngineCase(network, *size, num_classes, label_map, engine, precision=precision, threads=count, arch=arch)
        for network in networks
        for count in threads
        for label_map in label_maps
        for engine in engines
        for precision in (("float32", "fp16") if with_half and label_map == "exact" else ("float32",))
    ]
