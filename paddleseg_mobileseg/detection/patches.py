"""What PaddleDetection 2.6.0 stumbles over in newer packages than its own time's."""

from typing import Tuple

from PIL import ImageDraw
from ppdet.core import workspace

from ..patches.patch import Patch, lookup, replace_source, source_of


def _text_size(self: ImageDraw.ImageDraw, text: str) -> Tuple[int, int]:
    """Width and height of a line of text in pixels, from the corner where it is drawn."""
    return self.textbbox((0, 0), text)[2:]


def _restore_text_size() -> None:
    ImageDraw.ImageDraw.textsize = _text_size


TEXT_SIZE = Patch(
    name="text_size",
    what="PaddleDetection stops with AttributeError where it draws the first box",
    upstream="ppdet/utils/visualizer.py, draw_bbox: ImageDraw.textsize, which Pillow 10 has no more",
    detect=lambda: not hasattr(ImageDraw.ImageDraw, "textsize"),
    apply=_restore_text_size,
)

_LOADER = "Loader=yaml.Loader)"

UNSAFE_CONFIGS = Patch(
    name="unsafe_configs",
    what="a config of PaddleDetection can hold code that runs when it is read",
    upstream="ppdet/core/workspace.py, _load_config_with_base: yaml.Loader does what tags such as "
    "!!python/object/apply say; yaml.FullLoader knows PaddleDetection's own tags too, and calls nothing",
    detect=lambda: _LOADER in source_of(lookup(workspace.__name__, "_load_config_with_base")),
    apply=lambda: replace_source(
        workspace._load_config_with_base, _LOADER, _LOADER.replace("yaml.Loader", "yaml.FullLoader")
    ),
)

PATCHES = [TEXT_SIZE, UNSAFE_CONFIGS]
