"""One object for pictures, whatever the network lies in: a checkpoint, an exported folder or a `.nb`."""

from .network import Network, Output
from .opening import ENGINES, kind_of, open_network

__all__ = ["ENGINES", "Network", "Output", "kind_of", "open_network"]
