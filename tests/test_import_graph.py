"""The rooms of the package: a lower one never imports a higher one, and nothing imports in a circle."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

import import_graph  # noqa: E402

MODULES = import_graph.modules()


def test_no_room_imports_a_higher_one():
    assert import_graph.upward(import_graph.edges()) == []


def test_every_module_is_in_a_room():
    assert {import_graph.room_of(module) for module in MODULES} - {""} == set(import_graph.ROOMS)


def test_no_module_is_part_of_a_circle():
    graph = {
        module: {target for target in import_graph.imports_of(module, MODULES) if target not in ("", module)}
        for module in MODULES
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


def test_only_commands_import_inside_a_function():
    """There it saves the seconds that Paddle takes to load; elsewhere it could only hide a circle."""
    inner = set()
    for module, path in MODULES.items():
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner |= {module for node in ast.walk(function) if isinstance(node, ast.ImportFrom) and node.level}
    assert {import_graph.room_of(module) for module in inner} <= {"cli"}


EACH_ALONE = """
import gc, os, sys
import paddleseg_mobileseg
import paddle, cv2
# What PaddleSeg takes long to load, so that each child does not.
import requests, scipy.ndimage, sklearn.metrics, visualdl, matplotlib.pyplot  # noqa
# Collecting what Paddle made would take a child longer than its imports, and would copy all of it.
gc.collect()
gc.freeze()
gc.disable()
for module in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            __import__(module)
            from paddleseg.cvlibs import manager
            assert "MobileSegmentor" in manager.MODELS.components_dict, "it does not register the components"
        except BaseException as error:
            print(module, type(error).__name__, error, flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
print("end")
"""


def test_any_module_may_be_the_first_that_is_imported():
    """PaddleSeg's arrival imports the components; no module may then be asked for while it is half there."""
    rooms = ("config", "checkpoints", "models", "data", "patches", "deploy.steps")
    names = [f"paddleseg_mobileseg.{module}" for module in MODULES if import_graph.room_of(module) in rooms]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EACH_ALONE, *names], capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines() == ["end"], done.stdout + done.stderr[-2000:]


REGISTERED = "from paddleseg.cvlibs import manager; assert 'StrideFormer_Tiny' in manager.BACKBONES.components_dict"


@pytest.mark.parametrize(
    "first",
    ["import paddleseg_mobileseg", "import paddleseg, paddleseg_mobileseg", "import paddleseg_mobileseg.labels"],
)
def test_components_are_registered_whichever_is_imported_first(first):
    done = subprocess.run([sys.executable, "-c", f"{first}; {REGISTERED}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_public_names_are_those_that_an_editor_is_shown():
    """The names that are loaded when asked for, and those under TYPE_CHECKING, are the same and from the same place."""
    import paddleseg_mobileseg

    tree = ast.parse((import_graph.PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.asname or alias.name: node.module + (f":{alias.name}" if alias.asname else "")
        for node in block.body
        for alias in node.names
    }
    assert shown == paddleseg_mobileseg._PUBLIC
    assert set(shown) < set(paddleseg_mobileseg.__all__)
    assert all(getattr(paddleseg_mobileseg, name) is not None for name in paddleseg_mobileseg.__all__)


def test_the_graph_can_be_printed():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "import_graph.py")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and all(room in done.stdout for room in import_graph.ROOMS)
