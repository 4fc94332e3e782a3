"""`mobileseg train`, `val`, `predict` and `export`: PaddleSeg's tools, from a config to a static graph."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml
from PIL import Image

from paddleseg_mobileseg import build_model
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.config.reader import load_config
from paddleseg_mobileseg.training.records import read_evaluations
from support.mobileseg_command import ROOT, last_line, run
from support.small_data import HEIGHT, NUM_CLASSES, WIDTH, changed, config, write_config, write_data

NAMES = ["ground", "red brick", {"name": "leaf", "colour": "#00ff40"}, "pond"]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with data, a config and what a short training made of them."""
    folder = tmp_path_factory.mktemp("work")
    path = write_config(folder / "config.yml", {**config(write_data(folder)), "classes": NAMES})
    command = ["train", "--config", path, "--device", "cpu", "--do_eval", "--use_ema"]
    command += ["--save_dir", str(folder / "out")]
    assert main([*command, "--iters", "4", "--save_interval", "2", "--log_iters", "1", "--seed", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def checkpoint(work):
    return str(work / "out" / "best_model" / "model.pdparams")


def test_training_prints_its_checkpoints_and_nothing_else(tmp_path, capsys):
    path = write_config(tmp_path / "config.yml", config(write_data(tmp_path)))
    command = ["train", "--config", path, "--device", "cpu", "--save_dir", str(tmp_path / "out"), "--iters", "1"]
    assert main([*command, "--json", "--do_eval", "--use_ema", "--precision", "bf16", "--best_by", "average"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    rows = result["checkpoints"]
    assert [row["ema"] for row in rows] == [False, True] and result["best"] == rows[1]["path"]
    assert all(Path(row["path"]).is_file() and 0 <= row["miou"] <= 1 and row["iteration"] == 1 for row in rows)
    assert (result["iterations"], result["stopped_early"]) == (1, False)
    assert f"mIoU: {rows[0]['miou']:.4f}" in captured.err and "[EVAL]" in captured.err
    assert not any(noise in captured.err for noise in NOISE)
    assert captured.err.startswith(
        "network        MobileSegmentor on StrideFormer_Tiny\n"
        "weights        random\n"
        "parameters     1.45 million\n"
        "classes        4\n"
        "pictures       4 to train on, 2 to evaluate on\n"
        "batch          2\n"
        "iterations     1, 0.5 times through the pictures; checkpoint and evaluation every 1000\n"
        "learning rate  0.001, PolynomialDecay to 0\n"
        "optimizer      AdamW; weight decay 0.01; 'head' (5 tensors): learning rate x 10\n"
        "device         cpu\n"
        "precision      bf16, computed in float32\n"
        f"save folder    {tmp_path}/out\n"
        "warning: Paddle's mixed precision needs a GPU: on the CPU --precision bf16 trains in float32\n"
    )
    following = [shlex.split(line) for line in captured.err.splitlines()[-4:]]
    assert [line[1] for line in following] == ["val", "predict", "export", "report"]
    shared = ["--config", f"{tmp_path}/out/config.yml", "--model_path", rows[1]["path"]]
    assert all(line[2:6] == shared for line in following[:3])
    assert main([*following[0][1:], "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["miou"] == pytest.approx(rows[1]["miou"])
    assert main([*command, "--verbose"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"last iteration: {tmp_path}/out/iter_1/model.pdparams\n"
    assert all(noise in captured.err for noise in NOISE)


NOISE = ("params_name", "Total Flops", "Environment Information", "Config Information", "Use the following config")


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--patience", "2"], "--patience counts evaluations; give --do_eval too"),
        (["--patience", "0", "--do_eval"], "--patience must be above 0"),
        (["--best_by", "average"], "give --use_ema too"),
        (["--opts", "lr_scheduler.warmup_iters=9", "lr_scheduler.warmup_start_lr=0.0"], "never leaves its 9 of warm"),
        (["--precision", "bf16", "--amp_level", "O2"], "--precision bf16 works with --amp_level O1 only"),
    ],
)
def test_flags_that_cannot_do_what_they_say_are_refused(work, tmp_path, capsys, flags, message):
    command = ["train", "--config", str(work / "config.yml"), "--device", "cpu", "--save_dir", str(tmp_path / "out")]
    assert main([*command, *flags]) == 2
    assert message in last_line(capsys.readouterr().err)


def test_training_says_in_its_folder_what_it_trained(work, tmp_path, capsys):
    """The config stands alone: bases merged in, overrides in their places, read back as what was trained."""
    (tmp_path / "base.yml").write_text((work / "config.yml").read_text())
    (tmp_path / "own.yml").write_text("_base_: base.yml\nmodel: {num_classes: 4}\n")
    out, opts = tmp_path / "out", ["test_config={'scales': (0.75, 1.0)}"]
    command = ["train", "--config", str(tmp_path / "own.yml"), "--device", "cpu", "--save_dir", str(out)]
    command += ["--iters", "1", "--learning_rate", "0.125", "--opts", *opts]
    assert main(command) == 0
    given = load_config(tmp_path / "own.yml", iters=1, learning_rate=0.125, opts=opts).dic
    assert load_config(out / "config.yml").dic == {**given, "test_config": {"scales": [0.75, 1.0]}}
    # The folder that is shipped takes the names along, and other data does not find the old ones.
    text = (work / "out" / "best_model" / "classes.txt").read_text()
    assert text.splitlines()[2] == "leaf #00ff40"
    for name in (".", "iter_4", "ema_best_model"):
        assert (work / "out" / name / "classes.txt").read_text() == text
    assert (out / "classes.txt").read_text() == (out / "iter_1" / "classes.txt").read_text() == text
    write_config(tmp_path / "base.yml", config(work))
    assert main(command) == 0 and not (out / "classes.txt").exists()
    (out / "config.yml").write_text("iters: 3  # mine\n")
    capsys.readouterr()
    assert main(command) == 0
    assert (out / "command.txt").read_text() == f"{shlex.join(['mobileseg', *command])}\n" * 3
    assert f"warning: {out}/config.yml was not written by" in capsys.readouterr().err
    assert (out / "config.yml").read_text() == "iters: 3  # mine\n"


def test_training_can_be_resumed(tmp_path):
    """In processes of their own: Paddle counts its layers, and the optimizer's state goes by these names."""
    path = write_config(tmp_path / "config.yml", config(write_data(tmp_path)))
    command = ["train", "--config", path, "--device", "cpu", "--save_dir", tmp_path / "out", "--log_iters", 1]
    assert run(*command, "--iters", 2).returncode == 0
    done = run(*command, "--iters", 3, "--resume_model", tmp_path / "out" / "iter_2")
    assert done.returncode == 0 and "iter: 3/3" in done.stderr and "iter: 2/" not in done.stderr
    assert done.stdout == f"last iteration: {tmp_path}/out/iter_3/model.pdparams\n"


@pytest.mark.parametrize(
    "folder, options, message",
    [
        ("iter_2", ["--iters", "2"], "training ends at iteration 2"),
        ("best_model", [], "must end in the iteration"),
        ("iter_9", ["--iters", "20"], "there is no checkpoint"),
        ("iter_2", ["--iters", "9", "--opts", "model.neck.out_channels=128"], "tensors of another shape"),
    ],
)
def test_resuming_from_what_does_not_fit_is_refused(work, tmp_path, capsys, folder, options, message):
    command = ["train", "--config", str(work / "config.yml"), "--device", "cpu", "--save_dir", str(tmp_path)]
    assert main([*command, "--resume_model", str(work / "out" / folder), *options]) == 2
    assert message in last_line(capsys.readouterr().err)


@pytest.mark.parametrize("missing", [True, False])
def test_resuming_without_the_state_of_the_optimizer_is_refused(work, tmp_path, capsys, missing):
    folder = tmp_path / "iter_2"
    folder.mkdir()
    (folder / "model.pdparams").write_bytes((work / "out" / "iter_2" / "model.pdparams").read_bytes())
    if not missing:
        (folder / "model.pdopt").write_bytes(b"\x80\x04not a pickle")
    command = ["train", "--config", str(work / "config.yml"), "--device", "cpu", "--save_dir", str(tmp_path / "out")]
    assert main([*command, "--iters", "9", "--resume_model", str(folder)]) == 2
    assert ("model.pdopt is missing" if missing else "model.pdopt is damaged") in last_line(capsys.readouterr().err)


def test_parameter_group_that_takes_nothing_is_refused(work, tmp_path, capsys):
    content = changed(config(work), optimizer__custom_cfg=[{"name": "haed", "lr_mult": 10.0}])
    assert main(["train", "--config", write_config(tmp_path / "config.yml", content), "--device", "cpu"]) == 2
    assert "no parameter of the model has 'haed' in its name" in last_line(capsys.readouterr().err)


def test_failure_inside_paddleseg_is_one_line(work, tmp_path, capsys):
    path = write_config(tmp_path / "config.yml", changed(config(work), loss__coef=[1, 0.4]))
    assert main(["train", "--config", path, "--device", "cpu", "--save_dir", str(tmp_path)]) == 1
    assert last_line(capsys.readouterr().err).startswith("error: training stopped: RuntimeError: The length of logits")


def test_evaluation_prints_its_figures(work, checkpoint, capsys):
    command = ["val", "--config", str(work / "config.yml"), "--model_path", checkpoint, "--device", "cpu"]
    assert main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    figures = json.loads(captured.out)
    assert figures["images"] == 2 and len(figures["classes"]) == NUM_CLASSES
    assert figures["miou"] == pytest.approx(np.mean([row["iou"] for row in figures["classes"]]))
    assert f"mIoU: {figures['miou']:.4f}" in captured.err
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"mIoU {figures['miou']:.4f}" in last_line(printed) and printed.splitlines()[3].endswith("  red brick")
    for flags in (["--aug_eval", "--scales", "1.0", "1.5", "--flip_horizontal"],
                  ["--is_slide", "--crop_size", "64", "64", "--stride", "32", "32"]):
        assert main([*command, *flags, "--json"]) == 0
        assert 0 <= json.loads(capsys.readouterr().out)["miou"] <= 1
    assert main([*command, "--is_slide"]) == 2
    assert "--is_slide needs --crop_size" in last_line(capsys.readouterr().err)


def test_an_export_is_scored_at_the_size_of_the_labels(work, checkpoint, tmp_path, capsys):
    """PaddleSeg brings the checkpoint's logits back to the size of the label, and leaves out what is to be ignored."""
    resized = [{"type": "Resize", "target_size": [64, 64]}, {"type": "Normalize"}]
    path = write_config(tmp_path / "config.yml", changed(config(write_data(tmp_path)), val_dataset__transforms=resized))
    label = np.array(Image.open(tmp_path / "val0.png"))
    label[:30] = 255
    Image.fromarray(label).save(tmp_path / "val0.png")
    export = ["--model_path", checkpoint, "--save_dir", str(tmp_path / "export")]
    assert main(["export", "--config", path, *export, "--input_shape", "1", "3", "64", "64"]) == 0
    figures = []
    for model in (checkpoint, str(tmp_path / "export")):
        capsys.readouterr()
        assert main(["val", "--config", path, "--device", "cpu", "--model_path", model, "--json"]) == 0
        figures.append(json.loads(capsys.readouterr().out))
    trained, exported = figures
    assert exported["miou"] == pytest.approx(trained["miou"], abs=5e-5) and trained["miou"] > 0.05
    pixels = sum(row["share"] for row in exported["classes"])
    assert pixels == pytest.approx(1) and exported["accuracy"] == pytest.approx(trained["accuracy"], abs=5e-5)


@pytest.mark.newest
def test_evaluation_agrees_with_the_classes_that_the_network_gives(work, checkpoint, capsys):
    """The printed accuracy, counted again from the network's own output and the labels on disk."""
    command = ["val", "--config", str(work / "config.yml"), "--model_path", checkpoint, "--device", "cpu"]
    assert main([*command, "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["accuracy"]
    model = build_model("pp_mobileseg_tiny", NUM_CLASSES, pretrained=checkpoint)
    model.eval()
    hits = []
    for index in range(2):
        image = np.asarray(Image.open(work / f"val{index}.jpg"), np.float32).transpose(2, 0, 1)
        logits = model(paddle.to_tensor(((image / 255 - 0.5) / 0.5)[np.newaxis]))[0].numpy()
        hits.append(np.mean(logits.argmax(1)[0] == np.asarray(Image.open(work / f"val{index}.png"))))
    assert accuracy == pytest.approx(np.mean(hits), abs=1e-3)  # two decoders of JPEG differ by a grey level


def damaged(path):
    path.write_bytes(b"\x80\x04not a pickle")


def weights_of(name, num_classes):
    def write(path):
        paddle.save(build_model(name, num_classes).state_dict(), str(path))

    return write


@pytest.mark.parametrize("command", ["val", "predict", "export"])
@pytest.mark.parametrize(
    "write, message",
    [
        (lambda path: None, "there is no checkpoint"),
        (damaged, "is damaged or not a checkpoint"),
        (weights_of("pp_mobileseg_tiny", 7), "of another shape"),
        (weights_of("pp_mobileseg_base", NUM_CLASSES), "does not fit"),
    ],
    ids=["missing", "corrupt", "other classes", "other variant"],
)
def test_checkpoint_that_does_not_fit_is_one_error(work, tmp_path, capsys, command, write, message):
    path = tmp_path / "model.pdparams"
    write(path)
    arguments = [command, "--config", str(work / "config.yml"), "--model_path", str(path)]
    if command == "predict":
        arguments += ["--image_path", str(work / "val0.jpg"), "--save_dir", str(tmp_path / "out"), "--device", "cpu"]
    if command == "export":
        arguments += ["--save_dir", str(tmp_path / "out")]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and message in last_line(captured.err)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_stock_networks_are_checked_as_strictly(work, tmp_path, capsys):
    stock = changed(config(work), model={
        "type": "PPMobileSeg", "num_classes": NUM_CLASSES,
        "backbone": {"type": "MobileSeg_Tiny", "inj_type": "AAM", "out_feat_chs": [32, 64, 128]},
    })
    path = write_config(tmp_path / "stock.yml", stock)
    command = ["train", "--config", path, "--device", "cpu", "--iters", "1", "--save_dir", str(tmp_path / "out")]
    assert main(command) == 0
    weights = str(tmp_path / "out" / "iter_1" / "model.pdparams")
    assert main(["val", "--config", path, "--model_path", weights, "--device", "cpu"]) == 0
    capsys.readouterr()
    tensors = paddle.load(weights)
    del tensors["decode_head.conv_seg.bias"]
    paddle.save(tensors, weights)
    assert main(["val", "--config", path, "--model_path", weights, "--device", "cpu"]) == 2
    assert "decode_head.conv_seg.bias" in last_line(capsys.readouterr().err)


@pytest.mark.parametrize("what, images", [("val0.jpg", 1), ("val.txt", 2), ("images", 2)])
def test_prediction_lists_the_images_it_wrote(work, checkpoint, tmp_path, capsys, what, images):
    (work / "images").mkdir(exist_ok=True)
    for index in range(2):
        (work / "images" / f"{index}.jpg").write_bytes((work / f"val{index}.jpg").read_bytes())
    command = ["predict", "--config", str(work / "config.yml"), "--model_path", checkpoint, "--device", "cpu"]
    assert main([*command, "--image_path", str(work / what), "--save_dir", str(tmp_path)]) == 0
    written = capsys.readouterr().out.splitlines()
    assert len(written) == len(set(written)) == 2 * images
    assert all(Image.open(path).size == (WIDTH, HEIGHT) for path in written)


def test_prediction_refuses_what_is_no_image(work, checkpoint, tmp_path, capsys):
    whole = (work / "val0.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no image")
    command = ["predict", "--config", str(work / "config.yml"), "--model_path", checkpoint, "--device", "cpu"]
    command += ["--save_dir", str(tmp_path / "out")]
    cases = {"cut.jpg": "is truncated", "text.jpg": "is not an image", "none.jpg": "there is no image, folder or list"}
    for name, message in cases.items():
        assert main([*command, "--image_path", str(tmp_path / name)]) == 2
        assert message in last_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "upsample, output_op, shape, dtype",
    [
        pytest.param("Bilinear", "argmax", [1, 3, 64, 96], "int32", marks=pytest.mark.newest),
        ("Bilinear", "softmax", [2, 3, 64, 64], "float32"),
        ("Bilinear", "none", None, "float32"),
        pytest.param("VIM", "none", [1, 3, 64, 96], "int32", marks=pytest.mark.newest),
        ("Bilinear", "none", [1, 3, 75, 97], "float32"),
    ],
)
def test_export_says_what_it_wrote(work, checkpoint, tmp_path, capsys, upsample, output_op, shape, dtype):
    command = ["export", "--config", str(work / "config.yml"), "--model_path", checkpoint, "--save_dir", str(tmp_path)]
    command += ["--output_op", output_op, "--opts", f"model.upsample.type={upsample}"]
    assert main([*command, "--json", *(["--input_shape", *map(str, shape)] if shape else [])]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    deploy = yaml.safe_load((tmp_path / "deploy.yaml").read_text())["Deploy"]
    assert deploy["output_dtype"] == result["output_dtype"] == dtype
    assert deploy["classes"][1:3] == [{"name": "red brick", "colour": "#008000"}, NAMES[2]]
    assert deploy["input_shape"] == (shape or [-1, 3, -1, -1]) and deploy["output_op"] == output_op
    assert deploy["transforms"] == [{"type": "Normalize"}]
    assert ("will need --input-shape" in captured.err) == (shape is None)
    assert result["agreement"]["pixel_agreement"] >= 0.9999
    assert dtype == "int32" or result["agreement"]["relative_difference"] <= 1e-5

    graph = paddle.jit.load(str(tmp_path / Path(deploy["model"]).stem))
    probe = np.random.default_rng(5).standard_normal(shape or (1, 3, 96, 64)).astype("float32")
    model = build_model("pp_mobileseg_tiny", NUM_CLASSES, pretrained=checkpoint)
    model.eval()
    logits = model(paddle.to_tensor(probe))[0].numpy()
    given = graph(paddle.to_tensor(probe)).numpy()
    assert given.dtype == dtype
    if dtype == "int32":
        assert np.mean(given == logits.argmax(1)) > 0.999
    else:
        exponents = np.exp(logits - logits.max(1, keepdims=True))
        expected = logits if output_op == "none" else exponents / exponents.sum(1, keepdims=True)
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("output_op", ["argmax", "softmax"])
def test_export_refuses_to_ruin_the_label_map_of_vim(work, tmp_path, capsys, output_op):
    path = write_config(tmp_path / "config.yml", changed(config(work), model__upsample__type="VIM"))
    command = ["export", "--config", path, "--save_dir", str(tmp_path / "out")]
    assert main([*command, "--output_op", output_op]) == 2
    error = last_line(capsys.readouterr().err)
    assert "--output_op none" in error and "--opts model.upsample.type=Bilinear" in error
    assert not (tmp_path / "out" / "model.pdmodel").exists()


def launch(tmp_path, *command, timeout=200):
    """`mobileseg` on two processes, as users start it."""
    program = tmp_path / "mobileseg"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom paddleseg_mobileseg.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = ["--nproc_per_node=2", "--backend", "gloo", "--log_dir", str(tmp_path / "log")]
    done = subprocess.run(
        [sys.executable, "-m", "paddle.distributed.launch", *options, str(program), *map(str, command)],
        env=environment, capture_output=True, text=True, timeout=timeout,
    )
    return done, [(tmp_path / "log" / f"workerlog.{rank}").read_text() for rank in range(2)]


def test_two_processes_train(work, tmp_path):
    done, logs = launch(
        tmp_path, "train", "--config", work / "config.yml", "--device", "cpu", "--iters", 2, "--log_iters", 1,
        "--do_eval", "--save_dir", tmp_path / "out",
    )
    assert done.returncode == 0, logs
    assert "iter: 2/2" in logs[0] and "best mIoU" in logs[0] and "best mIoU" not in logs[1]
    assert (tmp_path / "out" / "best_model" / "model.pdparams").is_file()
    assert list(read_evaluations(tmp_path / "out" / "evaluations.csv")) == [2]
    assert (tmp_path / "out" / "command.txt").read_text().endswith("  # on 2 processes, by paddle.distributed.launch\n")


def test_error_on_one_of_two_processes_ends_both(tmp_path):
    folder = write_data(tmp_path, train=8)
    (folder / "train5.jpg").write_bytes(b"")
    path = write_config(folder / "config.yml", config(folder))
    done, logs = launch(
        tmp_path, "train", "--config", path, "--device", "cpu", "--iters", 40, "--save_dir", tmp_path / "out"
    )
    assert done.returncode != 0
    assert any("error: train_dataset" in log and "train5.jpg is empty" in log for log in logs)
