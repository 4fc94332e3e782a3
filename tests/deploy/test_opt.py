"""Paddle-Lite's opt, and the wheel that its library comes in."""

import sys

import pytest
from paddle import nn

from paddleseg_mobileseg import ToolError
from paddleseg_mobileseg.deploy.convert import convert
from paddleseg_mobileseg.deploy.runtime.lite_wheel import PADDLELITE, find_library
from paddleseg_mobileseg.deploy.runtime.opt import expected_size, supported_ops
from support.exports import export_around


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return export_around(nn.ReLU6(), tmp_path_factory.mktemp("small"))


def test_opt_lists_what_each_target_has():
    x86, arm = supported_ops("x86"), supported_ops("arm")
    assert {"conv2d", "feed", "fetch", "unique", "bilinear_interp_v2"} <= x86 & arm
    assert "linear_interp_v2" in arm - x86
    # Known to opt by name, without a kernel anywhere.
    assert "bitwise_or" not in x86 | arm


def test_without_paddlelite_and_network_the_error_says_where_to_put_the_wheel(small, tmp_path, monkeypatch, capsys):
    # None is what the import system takes for "not to be found".
    monkeypatch.setitem(sys.modules, "paddlelite", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ToolError, match=r"put paddlelite-2.13rc0-cp310-\S* into a folder.*PIP_FIND_LINKS"):
        convert(small, tmp_path / "model.nb")
    assert "fetching paddlelite 2.13rc0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_another_version_of_paddlelite_is_left_alone(tmp_path, monkeypatch):
    """Its C++ objects may be laid out in another way."""
    (tmp_path / "paddlelite").mkdir()
    (tmp_path / "paddlelite-2.12.dist-info").mkdir()
    for name in ("__init__.py", "lite.so"):
        (tmp_path / "paddlelite" / name).touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    described = tmp_path / "paddlelite-2.12.dist-info/METADATA"
    described.write_text("Metadata-Version: 2.1\nName: paddlelite\nVersion: 2.12\n")
    assert find_library() is None
    described.write_text(f"Metadata-Version: 2.1\nName: paddlelite\nVersion: {PADDLELITE}\n")
    assert find_library() == tmp_path / "paddlelite/lite.so"


def test_an_incomplete_model_of_opt_is_noticed(small, tmp_path):
    convert(small, tmp_path / "model.nb")
    content = (tmp_path / "model.nb").read_bytes()
    for size in (0, 10, 20, 300, len(content) - 1):
        (tmp_path / "cut.nb").write_bytes(content[:size])
        assert expected_size(tmp_path / "cut.nb") != size
    for size_of_topology in (b"\xff" * 8, b"\xff" * 7 + b"\x7f"):
        (tmp_path / "lies.nb").write_bytes(content[:18] + size_of_topology + content[26:])
        assert expected_size(tmp_path / "lies.nb") == -1
    assert expected_size(tmp_path / "model.nb") == len(content)
