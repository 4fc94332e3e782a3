"""What became of the patches of this process, and the call that carries them out."""

from typing import Dict, Iterable, List

from .patch import Outcome, Patch, carry_out

_outcomes: Dict[str, Outcome] = {}


def apply(patches: Iterable[Patch]) -> List[Outcome]:
    """Carry out each patch once in this process; one that was tried keeps its outcome."""
    found = []
    for patch in patches:
        if patch.name not in _outcomes:
            _outcomes[patch.name] = carry_out(patch)
        found.append(_outcomes[patch.name])
    return found


def outcomes() -> List[Outcome]:
    """Every patch that was tried, in its order."""
    return list(_outcomes.values())


def outcome_of(name: str) -> Outcome:
    """What became of the patch called `name`.

    Raises:
        KeyError: it was not tried in this process.
    """
    return _outcomes[name]
