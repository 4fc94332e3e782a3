"""Pascal Context without its background."""

from pathlib import Path
from typing import List

import numpy as np
from paddleseg.cvlibs import manager

from .mapped_labels import IGNORED, MappedLabels, listed, paired


@manager.DATASETS.add_component
class PascalContext59(MappedLabels):
    """The 59 classes of Pascal Context; what is none of them is ignored.

    The folder is that of PaddleSeg's `PascalContext`, which takes the background for a class of its own, and which
    PaddleSeg's tools/data/convert_voc2010.py makes:

        VOC2010/JPEGImages/NAME.jpg
        VOC2010/Context/NAME.png                      0 for the background, 1 to 59 for the classes
        VOC2010/ImageSets/Segmentation/train_context.txt and val_context.txt    a NAME a line
    """

    NUM_CLASSES = 59
    CLASS_OF = np.array([IGNORED, *range(59), *[IGNORED] * 196], np.uint8)

    def pairs(self, root: Path) -> List[List[str]]:
        names = listed(root / "ImageSets" / "Segmentation" / f"{self.mode}_context.txt", type(self).__name__)
        return paired(root / "JPEGImages", root / "Context", names, ".png")
