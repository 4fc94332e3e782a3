"""A plugin that runs the tests in another order: `pytest -p support.shuffled --shuffle 7`.

Modules are shuffled, and tests within their module, so that a module's fixtures are made once in any order.
"""

import random
from typing import Dict, List

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, required=True, metavar="SEED", help="the order's seed: the same each time")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    dice = random.Random(config.getoption("--shuffle"))
    modules: Dict[str, List[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.split("::")[0], []).append(item)
    names = list(modules)
    dice.shuffle(names)
    for name in names:
        dice.shuffle(modules[name])
    items[:] = [item for name in names for item in modules[name]]
