"""YAML that may be anybody's."""

import os

import pytest

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.strict_yaml import MAX_BYTES, load_yaml, parse_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + above] * 9)}]\n" for above, name in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    "text, message",
    [
        (BOMB, "it: its aliases name more than 50000 values"),
        ("a: &a [*a]", "it, line 1: an alias stands inside of what it names"),
        ("[" * 100_000, "it, line 1: nested deeper than 50 levels"),
        ("- " * 5_000 + "x", "it, line 1: nested deeper than 50 levels"),
        ("a: " + "5" * 5_000, "it, line 1: a number of 5000 characters; 60 are the most"),
        ("a: " + ":".join(["1"] * 5_000), "it, line 1: a number of 9999 characters"),
        ("a: 1\nb: 2\na: 3\n", "it, line 3, column 1: not YAML: the key 'a' is there twice"),
        ("a: !!python/object/apply:os.system [exit 3]", "it, line 1, column 4: not YAML: could not determine a cons"),
        ("a: !!python/name:os.system", "it, line 1, column 4: not YAML: could not determine a constructor"),
        ("a: [", "it, line 1, column 5: not YAML"),
        ("? [a, b]\n: c\n", "it, line 1, column 3: not YAML: found unhashable key"),
        ("a: 2001-13-01", "it: not YAML: month must be in 1..12"),
        ("a: !!int x", "it: not YAML: invalid literal for int"),
        ("--- 1\n--- 2\n", "it, line 2, column 1: not YAML: but found another document"),
        ('a: "\\e[31m\\x00"\n\x1b', "it.*not YAML: .*"),
        ("x" * (MAX_BYTES + 1), f"it has {MAX_BYTES + 1} characters, more than {MAX_BYTES}"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_in_one_line(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_yaml(text, "it")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_what_configs_are_made_of_is_read():
    text = "base: &base {a: 1, b: [1.5, .inf]}\nc: {<<: *base, a: 2}\nt: !!python/tuple [1, 2]\nn: null\ny: yes\n"
    base = {"a": 1, "b": [1.5, float("inf")]}
    assert parse_yaml(text, "it") == {"base": base, "c": {**base, "a": 2}, "t": (1, 2), "n": None, "y": True}
    assert parse_yaml("", "it") is None


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo.yml")
    (tmp_path / "folder.yml").mkdir()
    for path in (tmp_path / "fifo.yml", tmp_path / "folder.yml", "/dev/zero"):
        with pytest.raises(InputError, match="is no regular file"):
            load_yaml(path)
    with pytest.raises(InputError, match="cannot read .*No such file"):
        load_yaml(tmp_path / "none.yml")
    with pytest.raises(InputError, match="cannot read .*null byte"):
        load_yaml("a\0b")
    (tmp_path / "latin.yml").write_bytes(b"a: \xe4")
    with pytest.raises(InputError, match="not a text in UTF-8"):
        load_yaml(tmp_path / "latin.yml")
    with open(tmp_path / "large.yml", "wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(InputError, match="10737418240 bytes, more than"):
        load_yaml(tmp_path / "large.yml")
