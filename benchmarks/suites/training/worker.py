"""Takes training steps in a process of its own and prints their times and losses as one line of JSON.

Run by path with JSON: "network", "implementation" ("plugin" or "paddleseg"),
"checkpoint" under PaddleSeg's names, "batch" (an .npz with "images" and "labels"), "num_classes", "core" or null,
"clock" ("wall" or "cpu"), "warmup" and "repeats", steps that do not count and steps that do.
"""

import json
import os
import sys
import time

# Run by path, Python looks for modules beside this file first, and they are not meant to be found here.
sys.path.pop(0)

# Paddle writes to standard output too: keep the answer apart from it.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402

from paddleseg_mobileseg import build_model, load_weights  # noqa: E402

import paddle  # noqa: E402  isort:skip
from paddle import nn  # noqa: E402
from paddle.nn import functional as F  # noqa: E402

_STOCK = {
    "pp_mobileseg_tiny": ("MobileSeg_Tiny", "AAM", [32, 64, 128]),
    "pp_mobileseg_base": ("MobileSeg_Base", "AAMSx8", [64, 128, 192]),
}


def stock_network(name: str, num_classes: int) -> nn.Layer:
    """PaddleSeg's own PP-MobileSeg, with the gates that the published weights need (PaddleSeg issue 3441)."""
    from paddleseg.models import PPMobileSeg, backbones

    backbone, aam, channels = _STOCK[name]
    network = PPMobileSeg(num_classes, getattr(backbones, backbone)(inj_type=aam, out_feat_chs=channels))
    gates = network.backbone.inj_module.act_list
    for index in range(len(gates)):
        gates[index] = nn.Sigmoid()
    return network


def without_chance(network: nn.Layer) -> nn.Layer:
    """The network with nothing dropped, so that the losses of two implementations can be compared."""
    for layer in network.sublayers():
        if isinstance(layer, (nn.Dropout, nn.Dropout2D)):
            layer.p = 0.0
        if hasattr(layer, "drop_prob"):
            layer.drop_prob = 0.0
    return network


def main() -> None:
    options = json.loads(sys.argv[1])
    if options["core"] is not None:
        os.sched_setaffinity(0, [options["core"]])
    if options["implementation"] == "plugin":
        network = build_model(options["network"], options["num_classes"])
        load_weights(network, options["checkpoint"])
    else:
        network = stock_network(options["network"], options["num_classes"])
        network.set_state_dict(paddle.load(options["checkpoint"]))
    without_chance(network).train()
    optimizer = paddle.optimizer.AdamW(1e-4, parameters=network.parameters())
    batch = np.load(options["batch"])
    images, labels = paddle.to_tensor(batch["images"]), paddle.to_tensor(batch["labels"])
    clock = {"wall": time.perf_counter, "cpu": time.process_time}[options["clock"]]
    times, losses = [], []
    for _ in range(options["warmup"] + options["repeats"]):
        start = clock()
        loss = F.cross_entropy(network(images)[0], labels, axis=1)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
        times.append((clock() - start) * 1e3)
    answers.write(json.dumps({"step_ms": times[options["warmup"]:], "losses": losses}) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
