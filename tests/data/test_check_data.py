"""Bad samples: `mobileseg check-data` lists them all, and training and evaluation end at the first."""

import json
import re
import subprocess
import sys

import numpy as np
import paddleseg.transforms as T
import pytest
from paddleseg.cvlibs import manager
from paddleseg.datasets import ADE20K, Dataset
from PIL import Image

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.cli import main
from paddleseg_mobileseg.data.check import check_dataset
from paddleseg_mobileseg.data.samples import CheckedSamples, file_fault, header_size
from support.small_data import HEIGHT, NUM_CLASSES, WIDTH, config, write_config, write_data


def cut(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def damage(path):
    """Bytes in the middle of the image's data turned over; begin and end stay."""
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle:middle + 40] = bytes(255 - byte for byte in whole[middle:middle + 40])
    path.write_bytes(whole)


def resize(path):
    Image.open(path).resize((32, 32)).save(path)


def paint(*values):
    def painted(path):
        label = np.zeros((HEIGHT, WIDTH), np.uint8)
        label[: len(values), 0] = values
        Image.fromarray(label).save(path)

    return painted


def colour(path):
    Image.open(path).convert("RGB").save(path)


# What is done to which file, the kind that the report gives it, and what the message says.
FAULTS = {
    "truncated image": ("jpg", cut, "unreadable", "{jpg} is truncated or damaged"),
    "truncated label": ("png", cut, "unreadable", "{png} is truncated or damaged"),
    "damaged label": ("png", damage, "unreadable", "{png} is truncated or damaged"),
    "empty image": ("jpg", lambda path: path.write_bytes(b""), "unreadable", "{jpg} is empty"),
    "text as an image": ("jpg", lambda path: path.write_text("no image"), "unreadable", "{jpg} is not an image"),
    "missing image": ("jpg", lambda path: path.unlink(), "unreadable", "{jpg} cannot be opened: No such file"),
    "missing label": ("png", lambda path: path.unlink(), "unreadable", "{png} cannot be opened: No such file"),
    "label of another size": ("png", resize, "sizes differ", "{jpg} is 96x64 and its label {png} is 32x32"),
    "label outside the classes": (
        "png",
        paint(4, 7, 255),
        "bad label",
        "the label {png} holds 4, 7, outside the classes 0 to 3 and the ignore_index 255",
    ),
    "coloured label": ("png", colour, "bad label", "the label {png} is of shape [64, 96, 3]"),
}


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


def spoil(folder, split, fault):
    suffix, change, kind, message = FAULTS[fault]
    files = {each: folder / f"{split}1.{each}" for each in ("jpg", "png")}
    change(files[suffix])
    return kind, message.format(**files)


def dataset_of(folder, split):
    return Dataset(
        mode=split, dataset_root=str(folder), transforms=[T.Normalize()], num_classes=NUM_CLASSES,
        **{f"{split}_path": str(folder / f"{split}.txt")},
    )


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("fault", FAULTS)
def test_report_names_the_file_and_the_reason(data, split, fault):
    kind, message = spoil(data, split, fault)
    report = check_dataset(dataset_of(data, split), split)
    (problem,) = report.problems
    assert problem.kind == kind and message in problem.what
    assert report.counts() == {kind: 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_sample_in_training_raises_the_same(data, fault):
    message = spoil(data, "train", fault)[1]
    samples = CheckedSamples(dataset_of(data, "train"), "train_dataset")
    assert samples[0]["img"].shape == (3, HEIGHT, WIDTH)
    with pytest.raises(InputError) as caught:
        samples[1]
    assert message in str(caught.value) and str(caught.value).startswith("train_dataset: ")


def test_good_data_are_counted(data):
    dataset = dataset_of(data, "train")
    labels = [np.asarray(Image.open(label)) for _, label in dataset.file_list]
    paint(255, 255, 3)(data / "train0.png")
    labels[0] = np.asarray(Image.open(data / "train0.png"))
    report = check_dataset(dataset, "train_dataset", workers=3)
    assert report.problems == [] and report.samples == 4
    assert dict(report.sizes) == {(HEIGHT, WIDTH): 4}
    expected = np.bincount(np.concatenate([label.ravel() for label in labels]), minlength=256)
    assert report.class_pixels.tolist() == expected[:NUM_CLASSES].tolist()
    assert report.ignored_pixels == expected[255] == 2


def test_class_that_never_occurs_is_named(data):
    for index in range(4):
        paint(1, 3)(data / f"train{index}.png")
    assert check_dataset(dataset_of(data, "train"), "train").absent_classes() == [2]


def test_transforms_are_kept_out_of_the_check_and_stay_in_the_data_set(data):
    dataset = dataset_of(data, "train")
    dataset.transforms.transforms = [T.RandomPaddingCrop(crop_size=(32, 32), label_padding_value=99)]
    assert check_dataset(dataset, "train").sizes == {(HEIGHT, WIDTH): 4}
    assert dataset[0]["img"].shape == (3, 32, 32)


def test_padding_that_is_no_class_is_refused_in_training(data):
    dataset = dataset_of(data, "train")
    dataset.transforms.transforms = [T.RandomPaddingCrop(crop_size=(128, 128), label_padding_value=99)]
    with pytest.raises(InputError, match="holds 99, outside the classes"):
        CheckedSamples(dataset, "train_dataset")[0]


def test_ade20k_subtracts_one_from_its_labels(tmp_path):
    for part in ("images/training", "annotations/training"):
        (tmp_path / part).mkdir(parents=True)
    for name, values in (("good", [0, 1, 150]), ("bad", [151])):
        Image.new("RGB", (40, 30)).save(tmp_path / f"images/training/{name}.jpg")
        label = np.ones((30, 40), np.uint8)
        label[0, : len(values)] = values
        Image.fromarray(label).save(tmp_path / f"annotations/training/{name}.png")
    report = check_dataset(ADE20K(transforms=[T.Normalize()], dataset_root=str(tmp_path)), "train")
    (problem,) = report.problems
    assert "bad.png holds 150, outside the classes 0 to 149" in problem.what
    assert report.ignored_pixels == 1 and report.class_pixels[[0, 149]].tolist() == [30 * 40 - 2, 1]


def test_turned_photograph_is_compared_as_it_is_read(data):
    """OpenCV turns a JPEG as its EXIF says; a label that was drawn on the turned image fits, another does not."""
    path = data / "train1.jpg"
    image = Image.open(path)
    exif = image.getexif()
    exif[274] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert header_size(str(path)) == (HEIGHT, WIDTH)
    assert check_dataset(dataset_of(data, "train"), "train").problems == []
    image.save(path, exif=exif)
    (problem,) = check_dataset(dataset_of(data, "train"), "train").problems
    assert problem.kind == "sizes differ" and "is 64x96 and its label" in problem.what


def test_quick_look_decodes_only_what_ends_wrongly(data):
    """The whole check finds a damaged label; the quick one of training leaves it to the reading that follows."""
    damage(data / "train1.png")
    assert file_fault(str(data / "train1.png"), thorough=True)
    assert file_fault(str(data / "train1.png"), thorough=False) is None
    (data / "train0.jpg").write_bytes((data / "train0.jpg").read_bytes() + b"\0" * 8)
    assert file_fault(str(data / "train0.jpg"), thorough=False) is None


def test_command_lists_all_problems_and_ends_with_2(data, capsys):
    for index, fault in enumerate(["truncated image", "label of another size", "label outside the classes"]):
        suffix, change, _, _ = FAULTS[fault]
        change(data / f"train{index}.{suffix}")
    FAULTS["empty image"][1](data / "val0.jpg")
    path = write_config(data / "config.yml", config(data))
    assert main(["check-data", "--config", path, "--json"]) == 2
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["train_dataset"]["counts"] == {"unreadable": 1, "sizes differ": 1, "bad label": 1}
    assert report["val_dataset"]["counts"] == {"unreadable": 1}
    assert "4 problems in the data" in captured.err
    assert main(["check-data", "--config", path, "--show", "0"]) == 2
    assert "train_dataset: 4 samples, 3 problems" in capsys.readouterr().out


def test_command_ends_with_0_on_good_data(data, capsys):
    content = {**config(data), "classes": ["ground", "red brick", "leaf", "pond"]}
    for name in ("train0.png", "train1.png", "train2.png", "train3.png"):
        label = np.array(Image.open(data / name))
        Image.fromarray(np.where(label == 3, 0, label).astype(np.uint8)).save(data / name)
    command = ["check-data", "--config", write_config(data / "config.yml", content), "--workers", "2"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "4 samples, 0 problems" in printed and "  classes that never occur: 3 (pond)\n" in printed
    assert re.search(r"^       1 +\d+ +\d+\.\d\d %  red brick$", printed, re.MULTILINE)
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["val_dataset"]["names"] == content["classes"]


def test_built_in_scenes_pass(tmp_path, capsys):
    content = config(tmp_path)
    for section, mode in (("train_dataset", "train"), ("val_dataset", "val")):
        content[section] = {"type": "SyntheticScenes", "mode": mode, "count": 6, "transforms": [{"type": "Normalize"}]}
    content["model"]["num_classes"] = manager.DATASETS["SyntheticScenes"].NUM_CLASSES
    assert main(["check-data", "--config", write_config(tmp_path / "config.yml", content), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["val_dataset"]["sizes"] == [{"height": 192, "width": 256, "count": 6}]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda folder: (folder / "train.txt").write_text(""), "number of samples in train_dataset is 0"),
        (lambda folder: (folder / "train.txt").unlink(), "`train_path` is not found"),
        (lambda folder: (folder / "train.txt").write_text("one two three\n"), "File list format incorrect"),
        (lambda folder: (folder / "val.txt").write_text(""), "1 problem in the data"),
    ],
    ids=["empty list", "missing list", "three columns", "empty validation list"],
)
def test_list_that_names_no_samples(data, change, message, capsys):
    change(data)
    assert main(["check-data", "--config", write_config(data / "config.yml", config(data))]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_missing_folder_starts_no_download(tmp_path, capsys):
    content = config(write_data(tmp_path))
    content["train_dataset"]["dataset_root"] = str(tmp_path / "no")
    assert main(["check-data", "--config", write_config(tmp_path / "config.yml", content)]) == 2
    assert "no is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("workers, fault", [("0", "truncated image"), ("2", "label outside the classes")])
def test_training_ends_at_a_bad_sample(data, workers, fault):
    """In a process of its own, since without the shim it would hang."""
    message = spoil(data, "train", fault)[1]
    command = ["train", "--config", write_config(data / "config.yml", config(data)), "--device", "cpu", "--iters", "9"]
    command += ["--num_workers", workers, "--save_dir", str(data / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "paddleseg_mobileseg", *command], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and done.stdout == ""
    assert "Traceback" not in done.stderr and message in done.stderr.strip().splitlines()[-1]


def test_evaluation_ends_at_a_bad_sample(data, capsys):
    message = spoil(data, "val", "truncated image")[1]
    assert main(["val", "--config", write_config(data / "config.yml", config(data)), "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]
