"""An exported model -> a Paddle-Lite `.nb`: `mobileseg convert` under the name that PaddleSeg's users look for."""

import sys

from paddleseg_mobileseg.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert", *sys.argv[1:]]))
