import pytest


@pytest.fixture
def double_library(monkeypatch):
    """The test double of Paddle-Lite for every processor, whatever PADDLE_LITE_DIR names."""
    monkeypatch.delenv("PADDLE_LITE_DIR", raising=False)
