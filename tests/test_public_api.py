"""The whole job from Python, with the public names only."""

import numpy as np
import paddle
import pytest

import paddleseg_mobileseg as mobileseg


def test_from_a_name_to_a_timed_model(tmp_path):
    paddle.seed(1)
    network = mobileseg.build_model("seaformer_tiny", num_classes=7)
    paddle.save(network.state_dict(), str(tmp_path / "model.pdparams"))
    again = mobileseg.build_model("seaformer_tiny", num_classes=7, pretrained=tmp_path / "model.pdparams")
    exported = mobileseg.export(again, tmp_path / "exported", input_shape=[1, 3, 64, 96])
    model = mobileseg.convert(exported.folder, tmp_path / "model.nb", target="x86")
    found = mobileseg.compare(model.lowered, model.path)
    assert found.total.pixels == 64 * 96 and found.total.pixel_agreement >= 0.9999
    (record,) = mobileseg.bench([model.path], warmup=0, repeats=2, rounds=1)
    assert record.configuration.sha256 == model.metadata.sha256 and len(record.network_ms[0]) == 2

    image = np.random.RandomState(0).standard_normal((1, 3, 64, 96)).astype(np.float32)
    for each in (network, again):
        each.eval()
    logits, expected = again.logits(paddle.to_tensor(image)), network(paddle.to_tensor(image))[0]
    labels = mobileseg.upsample_labels(logits, (64, 96))
    assert (labels == expected.argmax(axis=1).astype("int32")).all()


def test_every_listed_model_is_one_that_can_be_built():
    assert len(mobileseg.list_models()) == 15
    with pytest.raises(mobileseg.InputError, match=r"'seaformer_tinny' \(did you mean seaformer_tiny"):
        mobileseg.build_model("seaformer_tinny", 5)
