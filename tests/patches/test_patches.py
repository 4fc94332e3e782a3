"""The patches: each fault taken away where it is, a healthy installation left alone, a changed one never broken."""

import gc
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg import core
from paddleseg.models.losses import CrossEntropyLoss
from paddleseg.utils import metrics, utils
from PIL import Image

from paddleseg_mobileseg import InputError, ToolError, build_model
from paddleseg_mobileseg.patches import registry
from paddleseg_mobileseg.patches.paddle import FLEET_WITHOUT_FIELD_LABELS
from paddleseg_mobileseg.patches.paddleseg import training
from paddleseg_mobileseg.patches.patch import (
    APPLIED,
    HEALTHY,
    NOT_APPLICABLE,
    UNPATCHED,
    Outcome,
    Patch,
    carry_out,
    lookup,
    replace_source,
)
from support.checkouts import every_checkout
from support.small_data import config, write_config, write_data

ROOT = Path(__file__).resolve().parents[2]


def python(code, *arguments, path=(), timeout=120):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), str(ROOT)])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)


class Squares(paddle.io.Dataset):
    """Four classes in two images of 8x8."""

    num_classes, ignore_index = 4, 255

    def __len__(self):
        return 4

    def __getitem__(self, index):
        label = np.full((8, 8), index % 4, np.uint8)
        image = np.full((3, 8, 8), index, np.float32)
        return {"img": image, "label": label, "trans_info": []}


class Validation(Squares):
    def __getitem__(self, index):
        sample = super().__getitem__(index)
        return {**sample, "label": sample["label"][np.newaxis]}


class Pixelwise(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.classifier = paddle.nn.Conv2D(3, 4, 1)

    def forward(self, x):
        return [self.classifier(x)]


def train(save_dir, dataset=None, **options):
    model = Pixelwise()
    core.train(
        model,
        dataset or Squares(),
        optimizer=paddle.optimizer.SGD(0.01, parameters=model.parameters()),
        losses={"types": [CrossEntropyLoss()], "coef": [1]},
        save_dir=str(save_dir),
        **{"iters": 3, "batch_size": 2, "log_iters": 1, **options},
    )
    return model


@pytest.mark.newest
def test_every_patch_says_what_it_is_for_and_what_became_of_it():
    outcomes = registry.outcomes()
    assert len({outcome.patch.name for outcome in outcomes}) == len(outcomes) >= 14
    for outcome in outcomes:
        assert outcome.patch.what and outcome.patch.upstream
        assert outcome.state in (HEALTHY, APPLIED) or outcome.detail
    assert all(outcome.state == APPLIED for outcome in outcomes if outcome.patch.name.startswith("unchecked_"))


def test_applying_again_changes_nothing():
    before = (core.train, core.evaluate, metrics.calculate_area)
    assert all(registry.apply([each.patch])[0] is each for each in registry.outcomes())
    assert (core.train, core.evaluate, metrics.calculate_area) == before
    assert importlib.import_module("paddleseg.core.train").evaluate is core.evaluate


def test_a_patch_whose_subject_is_gone_says_so_and_lets_the_rest_be():
    def detect():
        return lookup("paddleseg.core.train", "train_no_more")

    outcome = carry_out(Patch("gone", "nothing works", "nowhere", detect))
    assert outcome.state == NOT_APPLICABLE and outcome.detail == "PaddleSeg has no paddleseg.core.train.train_no_more"


@pytest.mark.parametrize("step", ["detect", "apply"])
def test_a_patch_that_fails_on_a_changed_package_does_not_end_the_import(step):
    def fail():
        raise AttributeError("moved")

    steps = {"detect": lambda: True, "apply": lambda: None, step: fail}
    outcome = carry_out(Patch("changed", "nothing works", "nowhere", **steps))
    assert outcome.state == NOT_APPLICABLE and outcome.detail == "AttributeError: moved"


RENAMED = """
import sys
import paddleseg.core, paddleseg.utils.utils
module, name = sys.argv[1].rsplit(".", 1)
delattr(sys.modules[module], name)
import paddleseg_mobileseg
from paddleseg_mobileseg.patches import registry
print()
print(*(each.patch.name for each in registry.outcomes() if each.state == "not applicable"), sep=",")
"""


@pytest.mark.parametrize(
    "gone, names",
    [
        ("paddleseg.utils.utils.load_entire_model", "partial_weights"),
        ("paddleseg.models.backbones.ghostnet.ConvBNLayer", "repeated_parameter_names"),
    ],
)
def test_what_upstream_renames_does_not_break_the_plugin(gone, names):
    """The plugin is imported after PaddleSeg has lost the name, as if a new version had given it another."""
    done = python(RENAMED, gone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == names


READ_PNG = "import cv2, sys; sys.exit(0 if cv2.imread(sys.argv[1]) is not None else 1)"


@pytest.fixture(scope="module")
def png(tmp_path_factory):
    path = tmp_path_factory.mktemp("png") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return path


def test_png_is_read_after_the_plugin_was_imported(png):
    assert python("import paddleseg_mobileseg\n" + READ_PNG, png).returncode == 0


def test_paddle_imported_first_is_warned_of_where_it_breaks_png(png):
    broken = python("import paddle\n" + READ_PNG, png).returncode != 0
    done = python("import paddle, paddleseg_mobileseg")
    assert done.returncode == 0
    warned = "warning: reading a PNG fails or crashes" in done.stderr and "import paddleseg_mobileseg" in done.stderr
    assert warned == broken


@pytest.mark.newest
@pytest.mark.parametrize("do_eval", [True, False])
def test_training_logs_evaluates_and_saves(tmp_path, do_eval, capsys):
    train(tmp_path, val_dataset=Validation() if do_eval else None)
    assert (tmp_path / "iter_3" / "model.pdparams").is_file()
    assert (tmp_path / "best_model" / "model.pdparams").is_file() == do_eval
    out = capsys.readouterr().out
    assert out.count("[TRAIN] epoch") == 3 and ("[EVAL] #Images: 4 mIoU" in out) == do_eval


@pytest.mark.newest
def test_logged_loss_is_the_loss_of_the_batch(tmp_path, capsys):
    """The patched line averages the losses; with all logits equal the cross entropy is log 4 by hand."""
    model = Pixelwise()
    for parameter in model.parameters():
        parameter.set_value(paddle.zeros_like(parameter))
    core.train(
        model, Squares(), optimizer=paddle.optimizer.SGD(0.0, parameters=model.parameters()), save_dir=str(tmp_path),
        losses={"types": [CrossEntropyLoss()], "coef": [1]}, iters=4, batch_size=2, log_iters=2,
    )
    assert capsys.readouterr().out.count(f"loss: {np.log(4):.4f}") == 2


def test_patched_function_points_at_its_own_lines():
    """Only the text of a line changes, so that a traceback still shows the right one."""
    function = inspect.unwrap(core.train)
    source, first = inspect.getsourcelines(function)
    assert function.__code__.co_firstlineno == first
    assert function.__code__.co_filename == inspect.getsourcefile(function)


FAILING_SAMPLE = """
import sys
import paddleseg_mobileseg, paddle, numpy

class Failing(paddle.io.Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        if index == 13:
            raise {error}
        return numpy.zeros(3, "float32")

read = 0
try:
    for batch in paddle.io.DataLoader(Failing(), batch_size=2, num_workers=int(sys.argv[1])):
        read += 1
except Exception as error:
    print(type(error).__name__, str(error).strip().splitlines()[-1], read)
"""


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("error", ["ValueError", "paddleseg_mobileseg.InputError"])
def test_error_of_a_sample_reaches_the_loop(workers, error):
    done = python(FAILING_SAMPLE.format(error=f"{error}('sample 13 is bad')"), workers)
    name, *said, read = done.stdout.split()
    assert name in error and " ".join(said).endswith("sample 13 is bad") and int(read) <= 6
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_garbage_of_the_parent_is_not_collected_by_its_readers(tmp_path):
    """A destructor that waits for threads of the parent would never return there; this one leaves a mark instead."""

    class Executor:
        def __init__(self):
            self.owner, self.itself = os.getpid(), self

        def __del__(self):
            if os.getpid() != self.owner:
                (tmp_path / "collected").touch()

    class Collecting(paddle.io.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            gc.collect()
            return np.float32(index)

    gc.disable()
    try:
        executors = [Executor() for _ in range(2)]
        loader = paddle.io.DataLoader(Collecting(), batch_size=1, num_workers=1)
        del executors[0]
        assert len(list(loader)) == 2
    finally:
        gc.enable()
    assert not (tmp_path / "collected").exists() and len(executors) == 1


def test_loader_without_bad_samples_gives_all_of_them():
    class Numbers(paddle.io.Dataset):
        def __len__(self):
            return 7

        def __getitem__(self, index):
            return np.float32(index)

    for workers in (0, 2):
        loader = paddle.io.DataLoader(Numbers(), batch_size=2, num_workers=workers)
        for _ in range(2):
            assert np.concatenate([np.ravel(batch) for batch in loader]).tolist() == list(range(7))


def test_data_set_without_a_whole_batch_is_refused(tmp_path):
    """PaddleSeg would go round for ever without taking a step."""
    with pytest.raises(InputError, match="4 samples, too few for one batch of 5"):
        train(tmp_path / "out", batch_size=5)


def test_file_in_the_place_of_the_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file; give a folder"):
        train(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_empty_validation_set_is_refused(tmp_path):
    class Empty(Validation):
        def __len__(self):
            return 0

    with pytest.raises(InputError, match="val_dataset holds no samples"):
        core.evaluate(Pixelwise(), Empty())


def test_label_outside_the_classes_ends_stock_training(tmp_path):
    class Wrong(Squares):
        def __getitem__(self, index):
            return {**super().__getitem__(index), "label": np.full((8, 8), 4, np.uint8)}

    with pytest.raises(InputError, match=r"the label of sample \d of Wrong holds 4, outside the classes 0 to 3"):
        train(tmp_path, Wrong())


def test_failed_checkpoint_leaves_neither_file_nor_folder(tmp_path):
    class Unsavable:
        def __reduce__(self):
            raise OSError(28, "No space left on device")

    with training.whole_files():
        with pytest.raises(InputError, match="cannot write .*model.pdparams: No space left on device"):
            paddle.save({"weight": Unsavable()}, str(tmp_path / "iter_1" / "model.pdparams"))
        assert list(tmp_path.iterdir()) == []
        paddle.save({"weight": paddle.ones([2])}, str(tmp_path / "iter_2" / "model.pdparams"))
    assert paddle.load(str(tmp_path / "iter_2" / "model.pdparams"))["weight"].tolist() == [1, 1]
    assert [path.name for path in (tmp_path / "iter_2").iterdir()] == ["model.pdparams"]


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from paddleseg_mobileseg.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("limit_kib", [50, 1000])
@pytest.mark.parametrize("command", ["train", "export"])
def test_file_that_cannot_grow_leaves_no_half_result(tmp_path, command, limit_kib):
    """A limit on the size of files fails writes half-way, as a full disk does."""
    path = write_config(tmp_path / "config.yml", config(write_data(tmp_path)))
    options = {"train": ["--device", "cpu", "--iters", "1"], "export": ["--input_shape", "1", "3", "64", "64"]}[command]
    done = python(FULL_DISK, limit_kib * 1024, command, "--config", path, "--save_dir", tmp_path / "out", *options)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2 and last.startswith("error: ") and ("cannot write" in last or "disk full" in last)
    # What was to be trained is said before, whole.
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == ({"config.yml", "command.txt"} if command == "train" else set())


def test_two_changes_of_one_function_are_both_in_it(monkeypatch):
    """The second looks at the source that the first has left, not at the file."""
    function = patchable
    monkeypatch.setattr(sys.modules[__name__], "patchable", function)  # puts it back afterwards
    replace_source(function, "1 + 1", "1 + 2")
    replace_source(vars(sys.modules[__name__])["patchable"], "* 10", "* 20")
    assert vars(sys.modules[__name__])["patchable"]() == 60


def patchable():
    return (1 + 1) * 10


def test_protobuf_that_fleet_cannot_use_is_said_before_several_processes_start(monkeypatch):
    patch = FLEET_WITHOUT_FIELD_LABELS
    monkeypatch.setitem(registry._outcomes, patch.name, Outcome(patch, UNPATCHED, patch.advice))
    training.check_several_processes()
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    with pytest.raises(ToolError, match="protobuf<6"):
        training.check_several_processes()


def test_weights_of_another_network_are_refused_where_stock_only_warns(tmp_path):
    paddle.save(build_model("pp_mobileseg_tiny", 4).state_dict(), str(tmp_path / "four.pdparams"))
    model = build_model("pp_mobileseg_tiny", 5)
    before = model.head.classifier.weight.numpy()
    with pytest.raises(InputError, match="head.classifier.weight"):
        utils.load_entire_model(model, str(tmp_path / "four.pdparams"))
    assert np.array_equal(model.head.classifier.weight.numpy(), before)


FAULTS_OF = """
import paddleseg_mobileseg, paddleseg
from paddleseg_mobileseg.patches import registry
print()
print(paddleseg.__file__, *(outcome.patch.name for outcome in registry.outcomes() if outcome.found))
"""


@every_checkout
def test_only_the_faults_of_a_checkout_are_found(checkout):
    file, *found = python(FAULTS_OF, path=[checkout]).stdout.splitlines()[-1].split()
    assert file.startswith(str(checkout))
    source = (checkout / "paddleseg" / "core" / "train.py").read_text()
    areas = (checkout / "paddleseg" / "utils" / "metrics.py").read_text()
    assert ("losses_without_dimension" in found) == ("l[0] / log_iters" in source)
    assert ("checkpoint_without_evaluation" in found) == ("model.pdstates" in source)
    assert ("areas_without_dimension" in found) == ("paddle.concat(pred_area)" in areas)


