"""A plugin that runs tests in another order, and several times.

    PYTHONPATH=tests python -m pytest -p support.shuffled --shuffle 7 --times 10 tests/processes

Modules are shuffled, and tests within their module, so that a module's fixtures are made once in any order.
"""

import random
from typing import Dict, List

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, required=True, metavar="SEED", help="of the order: one seed, one order")
    parser.addoption("--times", type=int, default=1, help="how often each test runs (default: 1)")


@pytest.fixture
def turn() -> None:
    """What tells the times of one test apart; their names differ by it, and so do the numbers that they draw."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    times = metafunc.config.getoption("--times")
    if times > 1:
        metafunc.fixturenames.append("turn")
        metafunc.parametrize("turn", range(times))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    order = random.Random(config.getoption("--shuffle"))
    modules: Dict[str, List[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.split("::")[0], []).append(item)
    names = list(modules)
    order.shuffle(names)
    for name in names:
        order.shuffle(modules[name])
    items[:] = [item for name in names for item in modules[name]]
