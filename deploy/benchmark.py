"""Latency of converted models: `mobileseg bench` on this host, and `mobileseg device bench` on phones.

    python deploy/benchmark.py model_x86.nb              # on this host
    python deploy/benchmark.py device model_arm.nb       # on a phone, over adb
"""

import sys

from paddleseg_mobileseg.cli import main

if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(["device", "bench", *words[1:]] if words[:1] == ["device"] else ["bench", *words]))
