"""What `mobileseg train` says at its end: how it ended, and commands that work."""

import pytest

from paddleseg_mobileseg.cli.train_output import end_lines
from paddleseg_mobileseg.config.reader import load_config
from support.small_data import changed, config, write_config

RESULT = {
    "checkpoints": [{"path": "out/best_model/model.pdparams"}], "best": "out/best_model/model.pdparams",
    "iterations": 300, "stopped_early": False, "seconds": 125.2,
}


@pytest.fixture
def read(tmp_path):
    content = changed(config(tmp_path), iters=20000, train_dataset__transforms=[
        {"type": "Resize", "target_size": [640, 480]}, {"type": "RandomPaddingCrop", "crop_size": [512, 256]},
        {"type": "Normalize"},
    ])
    return load_config(write_config(tmp_path / "config.yml", content))


def test_the_end_says_how_long_it_took_and_what_comes_next(read):
    shared = "--config out/config.yml --model_path out/best_model/model.pdparams"
    assert end_lines(read, RESULT, "out") == [
        "300 iterations; this run took 2 min 5 s",
        "next:",
        f"  mobileseg val {shared}",
        f"  mobileseg predict {shared} --image_path PICTURES --save_dir out/predicted",
        f"  mobileseg export {shared} --input_shape 1 3 256 512 --output_op argmax --save_dir out/exported",
        "  mobileseg report out",
    ]


def test_an_early_end_and_a_choice_between_two_are_said(read):
    result = {**RESULT, "stopped_early": True, "checkpoints": RESULT["checkpoints"] * 2}
    first, second, *_ = end_lines(read, result, "out", patience=5)
    assert first.endswith("it ended before 20000, since --patience 5 evaluations gave no better mIoU")
    assert second == "the commands below take out/best_model/model.pdparams; --best_by names the other"


def test_the_command_for_curves_opens_in_a_browser_of_any_language(read):
    """VisualDL 2.5.3 sets a cookie of None for a browser of neither English nor Chinese, and answers with 500."""
    last = end_lines(read, RESULT, "out", curves=True)[-1]
    assert last == "  visualdl --logdir out --language en --disable-telemetry"
