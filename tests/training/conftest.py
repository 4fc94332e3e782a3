import sys
import time
from types import SimpleNamespace

import pytest
from paddle.amp import grad_scaler
from paddleseg import core


@pytest.fixture(scope="package", autouse=True)
def no_nap():
    """PaddleSeg's loop sleeps a second at its end."""
    loop = sys.modules[core.train.__module__]
    kept, loop.time = loop.time, SimpleNamespace(time=time.time, sleep=lambda seconds: None)
    yield
    loop.time = kept


@pytest.fixture
def scaling(monkeypatch):
    """Paddle scales losses on GPUs only, and the CPU has every operation that it takes."""
    tracer = SimpleNamespace(_expected_place=SimpleNamespace(is_gpu_place=lambda: True))
    monkeypatch.setattr(grad_scaler, "_dygraph_tracer", lambda: tracer)
