"""Published weights by name: which address a name stands for, and what is loaded of it."""

import argparse
import json

import numpy as np
import paddle
import pytest

from paddleseg_mobileseg import InputError, MobileSegmentor, StrideFormer_Tiny, build_model, load_weights
from paddleseg_mobileseg.checkpoints import loading
from paddleseg_mobileseg.checkpoints.published import PUBLISHED, find_weights, listing, with_published
from paddleseg_mobileseg.checkpoints.reader import read_checkpoint
from paddleseg_mobileseg.cli import main, paddleseg_tools
from paddleseg_mobileseg.models.zoo import list_models
from paddleseg_mobileseg.paths import CONFIGS

TINY = "https://bj.bcebos.com/paddleseg/dygraph/ade20k/pp_mobileseg_tiny/model.pdparams"
BACKBONE = "https://bj.bcebos.com/paddleseg/dygraph/ade20k/pp_mobileseg_tiny_pretrain/model.pdparams"
STEM = "backbone.smb1.conv.c.weight"


@pytest.fixture
def asked(monkeypatch, published_checkpoint):
    """The addresses that were asked for; every one gives the rebuilt checkpoint of PP-MobileSeg-Tiny."""
    addresses = []

    def fetch(url, home):
        addresses.append(url)
        return published_checkpoint("pp_mobileseg_tiny")

    monkeypatch.setattr(loading, "fetch_checkpoint", fetch)
    return addresses


def test_every_model_of_the_table_has_weights_by_name():
    assert list(PUBLISHED) == list_models()
    own = PUBLISHED["pp_mobileseg_tiny_fast"]
    published = [network for network in PUBLISHED.values() if network is not own]
    assert own.weights == {} and all("imagenet" in each.weights and len(each.weights) > 1 for each in published)
    assert find_weights("pp_mobileseg_base", "ade20k").address == TINY.replace("tiny", "base")


@pytest.mark.parametrize("pretrained", ["ade20k", True])
def test_a_name_brings_the_weights_and_their_classes(pretrained, asked, published_checkpoint, capsys):
    network = build_model("pp_mobileseg_tiny", pretrained=pretrained)
    tensors = read_checkpoint(published_checkpoint("pp_mobileseg_tiny"))
    np.testing.assert_array_equal(network.head.classifier.weight.numpy(), tensors["decode_head.conv_seg.weight"])
    assert asked == [TINY] and "left out" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "build",
    [
        lambda: build_model("pp_mobileseg_tiny", 19, pretrained="ade20k"),
        lambda: _loaded(build_model("pp_mobileseg_tiny", 19), "ade20k"),
    ],
    ids=["build_model", "load_weights"],
)
def test_the_classifier_for_other_classes_is_left_out_and_that_is_said(build, asked, published_checkpoint, capsys):
    network = build()
    tensors = read_checkpoint(published_checkpoint("pp_mobileseg_tiny"))
    np.testing.assert_array_equal(network.backbone.stem.conv.weight.numpy(), tensors[STEM])
    assert network.head.classifier.weight.shape == [19, 256, 1, 1] and asked == [TINY]
    note = f"note: {TINY} has 150 classes and the model 19: its classifier is left out\n"
    assert capsys.readouterr().err.count(note) == 1


def _loaded(network, weights):
    load_weights(network, weights)
    return network


def test_imagenet_goes_into_the_backbone(asked, published_checkpoint):
    stem = read_checkpoint(published_checkpoint("pp_mobileseg_tiny"))[STEM]
    whole = build_model("pp_mobileseg_tiny", 3, pretrained="imagenet")
    for backbone in (whole.backbone, StrideFormer_Tiny(pretrained="imagenet"),
                     _loaded(build_model("pp_mobileseg_tiny", 3), "imagenet").backbone):
        np.testing.assert_array_equal(backbone.stem.conv.weight.numpy(), stem)
    assert asked == [BACKBONE] * 3


def test_a_network_of_paddleseg_takes_what_is_not_of_other_classes(tmp_path, monkeypatch, capsys):
    trained = build_model("mobileseg_ghostnet", 19)
    paddle.save(trained.state_dict(), str(tmp_path / "model.pdparams"))
    monkeypatch.setattr(loading, "fetch_checkpoint", lambda url, home: tmp_path / "model.pdparams")
    network = build_model("mobileseg_ghostnet", 4, pretrained="cityscapes")
    given, taken = trained.state_dict(), network.state_dict()
    other = {name for name in given if given[name].shape != taken[name].shape}
    assert 0 < len(other) < 10 and all(given[name].shape[0] == 19 for name in other)
    assert all(bool((given[name] == taken[name]).all()) for name in given.keys() - other)
    assert "has 19 classes and the model 4: its classifier is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda: build_model("pp_mobileseg_base", pretrained="ade2k"),
         r"nobody published weights 'ade2k' of pp_mobileseg_base \(did you mean ade20k\?\); choose from ade20k, city"),
        (lambda: build_model("topformer_tiny", 19, pretrained="cityscapes"),
         "nobody published weights 'cityscapes' of topformer_tiny; choose from ade20k, imagenet, or give an address"),
        (lambda: build_model("seaformer_small", pretrained="cityscapes"),
         r"file/d/1MQ-\S+/view is a page to download from by hand: .* give its path \(`--pretrained FILE"),
        (lambda: build_model("seaformer_small", 19, pretrained=True), "is a page to download from by hand"),
        (lambda: build_model("pp_mobileseg_tiny"), "how many classes should pp_mobileseg_tiny have"),
        (lambda: build_model("pp_mobileseg_tiny", pretrained="imagenet"), "how many classes should"),
        (lambda: load_weights(paddle.nn.Linear(2, 3), "ade20k"), "no published weights are known by name for Linear"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere(ask, message, asked):
    with pytest.raises(InputError, match=message):
        ask()
    assert asked == []


OWN = {"type": "MobileSegmentor", "backbone": {"type": "StrideFormer_Tiny", "pretrained": BACKBONE}}
STOCK = {"type": "TopFormer", "backbone": {"type": "TopTransformer_Tiny", "pretrained": "imagenet"}}
TOPFORMER = {name: weights.address for name, weights in PUBLISHED["topformer_tiny"].weights.items()}


@pytest.mark.parametrize(
    "section, chosen, whole, part",
    [
        (OWN, None, None, BACKBONE),
        (OWN, "ade20k", "ade20k", None),  # the network looks it up itself, and knows its classes
        ({**OWN, "pretrained": "ade20k"}, None, "ade20k", None),
        ({**OWN, "pretrained": "imagenet", "backbone": {"type": "StrideFormer_Tiny"}}, None, None, BACKBONE),
        ({**OWN, "pretrained": "ade20k"}, "imagenet", None, BACKBONE),
        ({**OWN, "pretrained": "ade20k"}, "runs/my.pdparams", "runs/my.pdparams", None),
        (OWN, "https://example.org/x.pdparams", "https://example.org/x.pdparams", None),
        (STOCK, None, None, TOPFORMER["imagenet"]),
        (STOCK, "ade20k", TOPFORMER["ade20k"], None),
    ],
)
def test_configs_name_published_weights(section, chosen, whole, part):
    before = json.dumps(section)
    found = with_published(section, chosen)
    assert (found.get("pretrained"), found["backbone"].get("pretrained")) == (whole, part)
    assert json.dumps(section) == before
    pair = with_published({"type": "MultiResolutionDistillation", "teacher": {**STOCK, "pretrained": "ade20k"}})
    assert pair["teacher"]["pretrained"] == TOPFORMER["ade20k"]


def test_a_segmentor_of_a_config_looks_its_weights_up(asked, published_checkpoint):
    config = CONFIGS / "pp_mobileseg" / "pp_mobileseg_tiny_cityscapes_1024x512_80k.yml"
    args = argparse.Namespace(config=str(config), opts=["model.pretrained=ade20k"])
    section = dict(paddleseg_tools.load_inference_config(args, None).dic["model"])
    assert section["pretrained"] == "ade20k" and "pretrained" not in section["backbone"] and asked == []
    network = MobileSegmentor(19, StrideFormer_Tiny(), neck=build_model("pp_mobileseg_tiny", 19).neck,
                              head=build_model("pp_mobileseg_tiny", 19).head, pretrained="ade20k")
    stem = read_checkpoint(published_checkpoint("pp_mobileseg_tiny"))[STEM]
    np.testing.assert_array_equal(network.backbone.stem.conv.weight.numpy(), stem)


@pytest.mark.parametrize("command", ["train", "export"])
def test_commands_refuse_a_wrong_name_before_anything_else(command, tmp_path, capsys):
    config = CONFIGS / "seaformer" / "seaformer_tiny_ade20k_512x512_160k.yml"
    for name, message in (("ade2k", "nobody published weights 'ade2k' of seaformer_tiny (did you mean ade20k"),
                          ("ade20k_paper", "is a page to download from by hand")):
        assert main([command, "--config", str(config), "--pretrained", name, "--save_dir", str(tmp_path)]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("error: ") and message in error


@pytest.mark.parametrize("name, has", [("ade20k", "150 classes"), ("imagenet", "only a backbone")])
def test_published_weights_are_not_exported_in_part(name, has, asked, tmp_path, capsys):
    config = CONFIGS / "pp_mobileseg" / "pp_mobileseg_tiny_cityscapes_1024x512_80k.yml"
    assert main(["export", "--config", str(config), "--pretrained", name, "--save_dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"--pretrained {name} has {has}, and the config's model 19 classes: the rest would be random" in error
    assert asked == [] and list(tmp_path.iterdir()) == []


def test_models_lists_published_weights(capsys):
    assert main(["models", "--pretrained", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == listing()
    assert main(["models", "--pretrained"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert f"| `pp_mobileseg_tiny` | `ade20k` | 150 | 36.39 % | PaddleSeg configs/pp_mobileseg | {TINY} |" in rows
    by_hand = [row for row in rows if row.endswith("/view (by hand) |")]
    assert len(rows) == len(listing()) + 4 and len(by_hand) == 8
