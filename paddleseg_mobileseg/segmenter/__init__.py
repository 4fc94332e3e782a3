"""One object for pictures, whatever the network lies in: a checkpoint, an exported folder or a `.nb`."""

from .network import Network, Output
from .opening import ENGINES, kind_of, open_network
from .segmentation import ClassShare, Segmentation
from .segmenter import Segmenter

__all__ = ["ENGINES", "ClassShare", "Network", "Output", "Segmentation", "Segmenter", "kind_of", "open_network"]
