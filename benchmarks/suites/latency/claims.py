"""What the project says of its networks, held against the measurements."""

from dataclasses import dataclass
from typing import List, Optional, Sequence

from paddleseg_mobileseg.report.tables import Table, cell

from ...results import WHOLE, Result, find
from .cases import ACTIVE_CLASSES, LatencyCase, find_network
from .measured import ratio
from .tables import LABEL_MAPS


@dataclass(frozen=True)
class Claim:
    """Something that the project says of its networks, held against the results.

    Attributes:
        holds: None where the results do not tell.
        found: figures, and by how much they fall short.
    """

    statement: str
    holds: Optional[bool]
    found: str


def claims(results: Sequence[Result]) -> List[Claim]:
    """What is said of PP-MobileSeg, for float32 at 512x512 with 150 classes in Paddle-Lite on a host."""
    results = [each for each in results if each.case.number_format == "float32"]

    def of(network: str, label_map: str) -> Optional[Result]:
        return find(results, LatencyCase(network, 512, 512, 150, label_map))

    base, tiny = of("pp_mobileseg_base", "exact"), of("pp_mobileseg_tiny", "exact")
    found = _label_map_claims(results, ACTIVE_CLASSES, "PP-MobileSeg-Base with the exact label map")
    rivals = [
        each for each in results
        if each.case.label_map == "argmax" and each.case.network.startswith(("mobileseg_", "topformer_"))
    ]
    found.append(_ahead_claim("It is ahead of every MobileSeg and TopFormer with argmax", base, rivals))
    papers = [
        each for each in results if each.case.label_map == "argmax" or each.case.network == "pp_mobileseg_base"
    ]
    found.append(_ahead_claim("PP-MobileSeg-Tiny is ahead of everything with argmax, and of Base", tiny, papers))
    others = [each for each in results if each.case.network != "pp_mobileseg_tiny"]
    found.append(_ahead_claim("... and of every other network, whatever makes the labels of either", tiny, others))
    return [claim for claim in found if claim is not None]


def claims_by_classes(results: Sequence[Result]) -> List[Claim]:
    """The first two of `claims` for each number of classes that share an image."""
    numbers = sorted({each.case.active_classes for each in results})
    found = [
        _label_map_claims(results, number, f"{number} classes share an image: the exact label map on Base")
        for number in numbers
    ]
    return [claim for part in found for claim in part if claim is not None]


def _label_map_claims(results: Sequence[Result], active_classes: int, subject: str) -> List[Optional[Claim]]:
    exact, argmax, vim = (
        find(results, LatencyCase("pp_mobileseg_base", 512, 512, 150, label_map, active_classes=active_classes))
        for label_map in ("exact", "argmax", "vim")
    )
    return [
        _ratio_claim(f"{subject} takes at most 0.48 of its time with argmax", exact, argmax, 0.48),
        _ratio_claim("... and at most 0.75 of its time with VIM", exact, vim, 0.75),
    ]


def _ratio_claim(
    statement: str, one: Optional[Result], other: Optional[Result], bound: float
) -> Optional[Claim]:
    if one is None or other is None:
        return None
    seen = ratio(one, other)
    text = f"{seen:.3f}"
    if seen > bound:
        free = one.median("network_ms") / other.median(*WHOLE)
        text += f", {seen - bound:.3f} too much. "
        if free < 1:
            text += (
                f"The network alone takes {free:.3f} of that time, so with a label map that costs nothing the figure "
                f"would be {free:.3f}"
            )
        else:
            text += "Alone the network took longer than with its label map: the machine disturbed this measurement"
    return Claim(statement, seen <= bound, text)


def _ahead_claim(statement: str, one: Optional[Result], rivals: Sequence[Result]) -> Optional[Claim]:
    if one is None or not rivals:
        return None
    ratios = sorted(
        ((ratio(one, each), each) for each in rivals if ratio(one, each) is not None), key=lambda pair: -pair[0]
    )
    if not ratios:
        return None
    ahead = [pair for pair in ratios if pair[0] >= 1]
    if not ahead:
        seen, nearest = ratios[0]
        return Claim(statement, True, f"the nearest is {_name(nearest)}, {1 / seen:.2f} times its time")
    faster = "; ".join(
        f"{_name(each)} takes {100 * (1 - 1 / seen):.0f} % less ({cell(each.median(*WHOLE))} ms, of which the network "
        f"{cell(each.median('network_ms'))}, against {cell(one.median(*WHOLE))} and {cell(one.median('network_ms'))})"
        for seen, each in ahead
    )
    return Claim(statement, False, faster)


def _name(result: Result) -> str:
    return f"{find_network(result.case.network).title} with {LABEL_MAPS[result.case.label_map]}"


def claim_table(found: Sequence[Claim]) -> Table:
    """As a table."""
    words = {True: "yes", False: "no", None: "-"}
    rows = [[claim.statement, words[claim.holds], claim.found] for claim in found]
    return Table("lll", ["statement", "holds", "measured"], rows)
