import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# Started by nohup or in the background, the suite would ignore these, and so would the programs whose end it tests.
for ignorable, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(ignorable) == signal.SIG_IGN:
        signal.signal(ignorable, handler)

# A few hundred processes load the package: its modules are compiled for the first, wherever containers say otherwise.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if "PYTEST_XDIST_WORKER" in os.environ:
    # Two workers with two threads each on two cores wait for each other most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Paddle's launcher looks for free ports and uses them seconds later: each worker has its own, below those that the
    # system hands out meanwhile.
    first = 22_000 + 100 * int(os.environ["PYTEST_XDIST_WORKER"][len("gw"):])
    os.environ.setdefault("PORT_RANGE", f"{first}:{first + 99}")

import paddleseg_mobileseg  # noqa: E402, F401  first, so that OpenCV comes before Paddle
from paddleseg_mobileseg.checkpoints.reader import write_checkpoint  # noqa: E402
from support import folders  # noqa: E402
from support.chance import seed_all  # noqa: E402
from support.conversions import convert_methods_once  # noqa: E402
from support.golden import published_naming, published_tensors  # noqa: E402
from support.torch_files import write_zip  # noqa: E402

# The same examples on every machine, and no limit that a busy one could miss.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

convert_methods_once()


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    """A fixture draws the same numbers whichever test asks for it first."""
    seed_all(f"{request.node.nodeid}::{fixturedef.argname}[{request.param_index}]")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """A test draws the same numbers whatever its fixtures and the tests before it drew."""
    seed_all(pyfuncitem.nodeid)


@pytest.fixture(scope="session", autouse=True)
def folder_of_the_run(tmp_path_factory):
    own = tmp_path_factory.getbasetemp()
    folders.use_for_the_run(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def published_checkpoint(tmp_path_factory):
    """Path of a rebuilt published checkpoint, by model name: PaddleSeg's .pdparams or SeaFormer's .pth."""
    folder = tmp_path_factory.mktemp("published")

    def write(model_name):
        torch_file = published_naming(model_name) == "pytorch"
        path = folder / f"{model_name}{'.pth' if torch_file else '.pdparams'}"
        if not path.exists():
            tensors = published_tensors(model_name)
            if torch_file:
                write_zip(path, {"meta": {"CLASSES": ("wall", "sky")}, "state_dict": tensors, "optimizer": {}})
            else:
                write_checkpoint(path, tensors)
        return path

    return write
