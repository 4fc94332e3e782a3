"""`mobileseg run`: scripts that know nothing of this plugin, PaddleSeg's own among them."""

from pathlib import Path

from paddleseg_mobileseg.cli import main
from support.checkouts import every_checkout
from support.mobileseg_command import last_line, run
from support.small_data import changed, config, write_config, write_data

OWN_SCRIPT = """
import sys
import paddleseg
from paddleseg.cvlibs import manager
from beside import WORD
assert __name__ == "__main__" and sys.argv[1:] == ["--config", "x.yml", "--flag"], sys.argv
print(paddleseg.__file__, "MobileSegmentor" in manager.MODELS.components_dict, WORD)
sys.exit(5)
"""


def test_run_gives_a_script_the_plugin_and_its_own_surroundings(tmp_path):
    (tmp_path / "script.py").write_text(OWN_SCRIPT)
    (tmp_path / "beside.py").write_text("WORD = 'found'")
    done = run("run", tmp_path / "script.py", "--config", "x.yml", "--flag")
    assert done.returncode == 5, done.stderr
    file, registered, word = last_line(done.stdout).split()
    assert registered == "True" and word == "found" and Path(file).is_file()


def test_run_imports_the_paddleseg_of_the_checkout_that_the_script_lies_in(tmp_path):
    import paddleseg

    (tmp_path / "tools").mkdir()
    (tmp_path / "paddleseg").symlink_to(Path(paddleseg.__file__).parent)
    (tmp_path / "tools" / "script.py").write_text(OWN_SCRIPT)
    (tmp_path / "tools" / "beside.py").write_text("WORD = 'found'")
    done = run("run", tmp_path / "tools" / "script.py", "--config", "x.yml", "--flag")
    assert done.returncode == 5, done.stderr
    assert last_line(done.stdout).split()[0] == str(tmp_path / "paddleseg" / "__init__.py")


def test_run_turns_an_error_of_the_plugin_into_one_line(tmp_path):
    (tmp_path / "script.py").write_text(
        "from paddleseg_mobileseg import InputError\n"
        "try:\n    raise InputError('what is wrong')\n"
        "except InputError:\n    raise RuntimeError('PaddleSeg hides it')\n"
    )
    done = run("run", tmp_path / "script.py")
    assert done.returncode == 2 and last_line(done.stderr) == "error: what is wrong" and "Traceback" not in done.stderr
    debug = run("run", "--debug", tmp_path / "script.py")
    assert debug.returncode == 1 and "Traceback" in debug.stderr


def test_run_without_a_script(tmp_path, capsys):
    assert main(["run", str(tmp_path / "no.py")]) == 2
    assert "there is no script" in capsys.readouterr().err


@every_checkout
def test_unmodified_tools_train_evaluate_predict_and_export(tmp_path, checkout):
    folder = write_data(tmp_path)
    path = write_config(folder / "config.yml", changed(config(folder), model__upsample__type="VIM"))
    tools, out = checkout / "tools", tmp_path / "out"
    done = run("run", tools / "train.py", "--config", path, "--device", "cpu", "--log_iters", 1, "--save_dir", out)
    assert done.returncode == 0 and "iter: 2/2" in done.stdout, done.stderr
    weights = ["--config", path, "--model_path", out / "iter_2" / "model.pdparams"]
    done = run("run", tools / "val.py", *weights, "--device", "cpu")
    assert done.returncode == 0 and "[EVAL] #Images: 2 mIoU" in done.stdout, done.stderr
    done = run(
        "run", tools / "predict.py", *weights, "--device", "cpu", "--image_path", folder / "val0.jpg", "--save_dir", out
    )
    assert done.returncode == 0 and (out / "pseudo_color_prediction" / "val0.png").is_file(), done.stderr
    done = run("run", tools / "export.py", *weights, "--save_dir", out / "graph")
    assert done.returncode == 2 and "type --output_op none" in last_line(done.stderr)
    assert not (out / "graph").exists()
    done = run("run", tools / "export.py", *weights, "--save_dir", out / "graph", "--output_op", "none")
    assert done.returncode == 0 and (out / "graph" / "model.pdmodel").is_file(), done.stderr


@every_checkout
def test_unmodified_training_ends_at_a_bad_sample_and_a_wrong_config(tmp_path, checkout):
    folder = write_data(tmp_path)
    (folder / "train1.jpg").write_text("no image")
    path = write_config(folder / "config.yml", config(folder))
    command = ["run", checkout / "tools" / "train.py", "--device", "cpu", "--save_dir", tmp_path / "out", "--config"]
    done = run(*command, path)
    assert done.returncode == 2 and "train1.jpg is not an image" in last_line(done.stderr)
    done = run(*command, write_config(folder / "wrong.yml", changed(config(folder), model__neck__type="AMM")))
    assert done.returncode == 2 and "did you mean AAM?" in last_line(done.stderr)
