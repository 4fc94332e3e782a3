"""What PaddleDetection 2.6.0 stumbles over in newer packages than its own time's."""

from typing import Tuple

from PIL import ImageDraw

from ..patches.patch import Patch


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

PATCHES = [TEXT_SIZE]
