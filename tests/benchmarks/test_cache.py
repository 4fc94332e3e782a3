"""Keys of exports and conversions: whatever takes part in one changes them, and nothing else does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import cache
from benchmarks.suites.latency.cases import find_network

ROOT = Path(__file__).resolve().parents[2]
MAKER = "benchmarks.suites.latency.models"
TAKES_PART = (
    "benchmarks/random_weights.py",
    "benchmarks/suites/latency/cases.py",
    "benchmarks/suites/latency/models.py",
    "paddleseg_mobileseg/checkpoints/reader.py",
    "paddleseg_mobileseg/config/reader.py",
    "paddleseg_mobileseg/data/scene_objects.py",
    "paddleseg_mobileseg/deploy/convert.py",
    "paddleseg_mobileseg/deploy/ir/params.py",
    "paddleseg_mobileseg/deploy/ir/program.py",
    "paddleseg_mobileseg/deploy/ir/static_graph.py",
    "paddleseg_mobileseg/deploy/passes/fold_constants.py",
    "paddleseg_mobileseg/deploy/runtime/engine_worker.py",
    "paddleseg_mobileseg/deploy/runtime/lite_worker.py",
    "paddleseg_mobileseg/deploy/runtime/opt_worker.py",
    "paddleseg_mobileseg/files.py",
    "paddleseg_mobileseg/labels.py",
    "paddleseg_mobileseg/models/ablations.py",
    "paddleseg_mobileseg/models/heads/upsample.py",
    "paddleseg_mobileseg/patches/paddleseg/networks.py",
    "paddleseg_mobileseg/plugin.py",
    "paddleseg_mobileseg/processes/worker.py",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkout")
    for name in ("benchmarks", "paddleseg_mobileseg", "docs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    return root


def change_a_byte(path):
    content = path.read_bytes()
    # Of the docstring that each begins with: it still is Python.
    path.write_bytes(content[:5] + bytes([content[5] ^ 1]) + content[6:])


def key(root):
    return cache.sources_key.__wrapped__(MAKER, (root,))


def test_each_file_that_takes_part_changes_the_key(copy):
    files = cache.files_of(MAKER, [copy])
    assert {copy / name for name in TAKES_PART} <= set(files)
    seen = [cache.checksum(files)]
    for name in TAKES_PART:
        change_a_byte(copy / name)
        seen.append(cache.checksum(files))
    assert len(set(seen)) == len(seen) and seen[-1] == key(copy)


def test_what_takes_no_part_leaves_the_key(copy):
    before = key(copy)
    others = ["docs/import_graph.py", "benchmarks/suites/latency/tables.py", "benchmarks/runner.py"]
    others += ["paddleseg_mobileseg/deploy/android/adb.py", "paddleseg_mobileseg/demo/pipeline.py"]
    for path in [*(copy / name for name in others), *(copy / "paddleseg_mobileseg" / "cli").glob("*.py")]:
        change_a_byte(path)
    assert key(copy) == before


def test_everything_that_is_loaded_to_make_a_model_takes_part():
    """The text of the modules says it all: what their import loads, by hooks too, is among the files found in them."""
    show = "import sys, paddleseg, {0}; print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in {1}))"
    code = show.format(MAKER, ("benchmarks", "paddleseg_mobileseg"))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    loaded = {Path(path) for path in done.stdout.splitlines()[-1].split()}
    assert len(loaded) > 50 and loaded <= set(cache.files_of(MAKER))


def test_versions_and_the_networks_config_change_the_key(tmp_path, monkeypatch):
    ablation, tiny = find_network("pp_mobileseg_base_no_final_semantics"), find_network("pp_mobileseg_tiny")
    shutil.copytree(cache.CONFIGS, tmp_path / "configs")
    monkeypatch.setattr(cache, "CONFIGS", tmp_path / "configs")
    before = [cache.network_key(model) for model in (ablation, tiny)]
    path = tmp_path / "configs" / ablation.configs["ade20k"]
    path.write_text(path.read_text() + "\niters: 3\n")
    assert [cache.network_key(model) for model in (ablation, tiny)] == before
    # Tiny's config is built upon that of Base.
    base = tmp_path / "configs" / find_network("pp_mobileseg_base").configs["ade20k"]
    base.write_text(base.read_text().replace("type: SegHead", "type: AnotherHead"))
    same, changed = (cache.network_key(model) for model in (ablation, tiny))
    assert same == before[0] and changed != before[1]
    sources = cache.checksum([])
    monkeypatch.setattr(cache, "opt_version", lambda: "another")
    assert cache.checksum([]) != sources
