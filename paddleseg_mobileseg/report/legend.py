"""A legend below an image: which class has which colour."""

from functools import lru_cache
from pathlib import Path
from typing import Sequence, Tuple

import matplotlib
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

Entry = Tuple[str, Sequence[int]]
"""A text and the RGB of the square before it."""

PAPER, INK, BORDER = (255, 255, 255), (31, 41, 51), (120, 130, 140)
_LEAST_HEIGHT = 11
_LETTERS_A_LINE = 80
"""The text is so high that about as many letters fit beside each other, whatever the image's size."""
_FIRST_CJK = "\u2e80"
_CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans CN", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei",
    "Microsoft YaHei", "SimHei", "PingFang SC", "Droid Sans Fallback",
)  # fmt: skip


def with_legend(image: np.ndarray, entries: Sequence[Entry]) -> np.ndarray:
    """An image with a legend below it, on white paper, so that nothing of the image is hidden.

    Args:
        image: uint8 RGB [H, W, 3].
        entries: in their order; they are set in columns, row by row, in a size that suits the image's.

    Returns:
        uint8 RGB [H + h, W or more, 3]: the image is in the upper left corner, and to the right of it is paper where
        the longest text is wider than it.
    """
    if not entries:
        return image
    height, width = image.shape[:2]
    size = max(_LEAST_HEIGHT, round(2 * width / _LETTERS_A_LINE))
    font = _font(size, any(letter >= _FIRST_CJK for text, _ in entries for letter in text))
    gap, line = max(3, size // 3), round(1.6 * size)
    cell = max(int(font.getlength(text)) for text, _ in entries) + size + 3 * gap
    columns = min(max(1, (width - gap) // cell), len(entries))
    rows = -(-len(entries) // columns)
    sheet = Image.new("RGB", (max(width, cell + gap), height + rows * line + 2 * gap), PAPER)
    sheet.paste(Image.fromarray(image), (0, 0))
    draw = ImageDraw.Draw(sheet)
    for index, (text, colour) in enumerate(entries):
        left, top = gap + index % columns * cell, height + gap + index // columns * line
        square = top + (line - size) // 2
        draw.rectangle((left, square, left + size - 1, square + size - 1), fill=tuple(map(int, colour)), outline=BORDER)
        draw.text((left + size + gap, top + line // 2), text, fill=INK, font=font, anchor="lm")
    return np.array(sheet)


@lru_cache(maxsize=16)
def _font(size: int, cjk: bool) -> ImageFont.FreeTypeFont:
    """Matplotlib's own font, which is wherever it is installed; for what it lacks one of the system's, if there is."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    if cjk:
        found = {font.name: font.fname for font in font_manager.fontManager.ttflist}
        path = next((found[name] for name in _CJK_FONTS if name in found), path)
    return ImageFont.truetype(str(path), size)
