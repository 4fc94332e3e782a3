"""Called as soon as Paddle is loaded, by whomever."""

import sys
from types import ModuleType

from . import home, numbers, old_programs, opencv, paddle
from .early import PADDLE_CAME_FIRST
from .patch import UNPATCHED
from .registry import apply


def patch(loaded: ModuleType) -> None:
    """Apply what concerns Paddle; warn of what came too late."""
    for outcome in apply([*home.PATCHES, *opencv.PATCHES, *paddle.PATCHES, *numbers.PATCHES, *old_programs.PATCHES]):
        if PADDLE_CAME_FIRST and outcome.state == UNPATCHED and outcome.patch.apply is not None:
            print(f"warning: {outcome.patch.what}: {outcome.detail}", file=sys.stderr)
