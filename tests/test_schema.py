"""Dataclasses read back from JSON: equal to what was written, or an error that names the key."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Tuple

import pytest

from paddleseg_mobileseg.errors import InputError
from paddleseg_mobileseg.schema import check_schema, from_dict


@dataclass(frozen=True)
class Inner:
    name: str
    size: Optional[List[int]]


@dataclass(frozen=True)
class Outer:
    inner: Inner
    parts: List[Inner]
    samples: Dict[str, List[List[float]]]
    mean: Tuple[float, ...]
    right: bool
    anything: Any = None


WHOLE = Outer(Inner("a", [1, 2]), [Inner("b", None)], {"ms": [[1.5, 2.0], []]}, (0.5, 1.0), True, {"free": ["form"]})


def test_what_was_written_comes_back():
    assert from_dict(Outer, json.loads(json.dumps(asdict(WHOLE)))) == WHOLE


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: d["inner"].pop("size"), "inner.size is missing"),
        (lambda d: d.pop("anything"), "anything is missing"),
        (lambda d: d.update(sample=1), "sample is unknown .did you mean samples"),
        (lambda d: d["parts"][0].update(name=3), r"parts\[0\].name is 3 and not of type str"),
        (lambda d: d["samples"]["ms"][0].append("4"), r"samples.ms\[0\]\[2\] is '4' and not of type float"),
        (lambda d: d["inner"]["size"].append(True), r"inner.size\[2\] is True and not of type int"),
        (lambda d: d.update(mean=[0.5, "1"]), r"mean\[1\] is '1' and not of type float"),
        (lambda d: d.update(right=1), "right is 1 and not of type bool"),
        (lambda d: d.update(inner=[1]), r"inner is \[1\] and not an object"),
    ],
)
def test_anything_else_is_refused_by_its_key(change, message):
    content = asdict(WHOLE)
    change(content)
    with pytest.raises(InputError, match=message):
        from_dict(Outer, content)


def test_an_integer_is_a_float_too():
    assert from_dict(Outer, {**asdict(WHOLE), "samples": {"ms": [[1]]}}).samples["ms"] == [[1.0]]


@pytest.mark.parametrize(
    "content, message",
    [({"schema": 2}, "f.json is of schema 2, and this version reads 3; do it again"), ({}, "no schema number"),
     ([], "f.json is damaged")],
)
def test_another_schema_is_refused_with_what_to_do(content, message):
    check_schema({"schema": 3}, 3, "f.json", "do it again")
    with pytest.raises(InputError, match=message):
        check_schema(content, 3, "f.json", "do it again")
