"""The ablations of PP-MobileSeg: configs and rows agree, each is another network, and each exports what it computes."""

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder

from paddleseg_mobileseg import VIM, Bilinear
from paddleseg_mobileseg.checkpoints.loading import tensor_shapes
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.models.ablations import ABLATIONS
from paddleseg_mobileseg.models.complexity import count_parameters
from paddleseg_mobileseg.paths import CONFIGS
from support.golden import golden_input, relative_difference

ROWS = {row.name: row for row in ABLATIONS}
every_ablation = pytest.mark.parametrize("name", ROWS)


@every_ablation
def test_config_builds_the_row(name):
    config = load_config(str(CONFIGS / ROWS[name].configs["ade20k"]), opts=["model.backbone.pretrained=None"])
    network, own = SegBuilder(config).model, ROWS[name].build(150)
    assert tensor_shapes(network) == tensor_shapes(own)
    assert type(network.upsample) is type(own.upsample)
    assert config.iters == 80_000 and config.train_dataset_cfg["type"] == "ADE20K"


def test_no_two_rows_are_the_same_network():
    built = [row.build(150) for row in ABLATIONS]
    kinds = {(tuple(sorted(tensor_shapes(network).items())), type(network.upsample)) for network in built}
    assert len(kinds) == len(ABLATIONS)


def test_each_part_of_the_aam_and_each_change_costs_or_saves_parameters():
    counted = {name: count_parameters(row.build(150)) for name, row in ROWS.items()}
    whole = counted["pp_mobileseg_base_vim"]
    assert counted["pp_mobileseg_base_bilinear"] == whole == 5_943_878
    # A 1x1 convolution from stride 16's 128 or stride 32's 192 channels to 256, and its batch norm.
    assert whole - counted["pp_mobileseg_base_no_ensemble_voting"] == 128 * 256 + 2 * 256
    assert whole - counted["pp_mobileseg_base_no_final_semantics"] == 192 * 256 + 2 * 256
    assert counted["seaformer_base_fusion"] == counted["seaformer_base_fusion_vim"] == 8_605_654
    assert counted["strideformer_base_fusion_vim"] < whole < counted["seaformer_base_aam_vim"]


# The two that are whole networks of the zoo are exported by its tests.
@pytest.mark.parametrize("name", sorted(set(ROWS) - {"pp_mobileseg_base_bilinear", "seaformer_base_fusion"}))
def test_static_graph_equals_dygraph(name, tmp_path, monkeypatch):
    network = ROWS[name].build(150)
    network.eval()
    image = paddle.to_tensor(golden_input(64, 96))
    monkeypatch.setenv("PADDLESEG_EXPORT_STAGE", "True")
    with paddle.no_grad():
        eager = network(image)[0].numpy()
    static = paddle.jit.to_static(network, [paddle.static.InputSpec([1, 3, 64, 96], "float32")], full_graph=True)
    paddle.jit.save(static, str(tmp_path / "model"))
    exported = paddle.jit.load(str(tmp_path / "model"))(image).numpy()
    if isinstance(network.upsample, VIM):
        assert exported.dtype == np.int32 and exported.shape == (1, 64, 96)
        assert (exported == eager).mean() > 0.999
    else:
        assert isinstance(network.upsample, Bilinear)
        assert relative_difference(exported, eager) < 1e-5
