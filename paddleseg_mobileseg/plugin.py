"""All that PaddleSeg gets from this plugin: its patches applied, its components in the registry.

Imported as soon as PaddleSeg is loaded, by whomever (see the package's own docstring). What is imported here must not
import PaddleSeg before the `__init__` of its room has: then a module could be asked for while it is half there.
"""

from types import ModuleType

from .data import coco_stuff, pascal_context, synthetic  # noqa: F401
from .models import registered  # noqa: F401
from .patches import registry
from .patches.paddleseg import crops, downloads, lists, log, loops, losses, networks, pickles, training, weights


def register(loaded: ModuleType) -> None:
    """Apply what concerns PaddleSeg; importing this module has registered the components."""
    modules = (log, pickles, downloads, crops, loops, losses, training, networks, weights, lists)
    registry.apply(patch for module in modules for patch in module.PATCHES)
