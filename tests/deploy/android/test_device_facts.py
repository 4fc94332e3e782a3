"""What is read from a phone, and what is concluded from it, without a phone."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paddleseg_mobileseg import InputError
from paddleseg_mobileseg.deploy.android.adb import command_line, phone_fault
from paddleseg_mobileseg.deploy.android.bench_binary import BUILDS, LIBRARY, RunSettings, find_binary
from paddleseg_mobileseg.deploy.android.phone import (
    Battery,
    parse_battery,
    parse_cores,
    parse_free_bytes,
    parse_properties,
)
from paddleseg_mobileseg.deploy.android.throttling import throttling
from support.phones import ALL_OF_A_SHELL

ROOT = Path(__file__).resolve().parents[3]
# Everything that a file may be called: no NUL, and what UTF-8 cannot hold is not among it.
NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)


@settings(max_examples=150)
@given(st.lists(NAMES | st.text("'\"$`\\ \n;&|()", max_size=8), min_size=1, max_size=4))
@example([ALL_OF_A_SHELL, "", "-n", "~", "a=b"])
def test_a_shell_sees_every_word_as_it_is(words):
    command = "printf '%s\\0' " + command_line(words)
    said = subprocess.run(["/bin/sh", "-c", command], stdout=subprocess.PIPE, check=True)
    assert said.stdout.decode().split("\0")[:-1] == words


def test_properties_are_read_with_brackets_and_without_values():
    text = "[ro.a]: [one]\r\n[ro.b]: []\n[ro.c]: [x [y] z]\nnoise\n"
    assert parse_properties(text) == {"ro.a": "one", "ro.b": "", "ro.c": "x [y] z"}


def test_features_are_those_of_each_core():
    text = "processor\t: 0\nFeatures\t: fp asimd asimdhp\n\nprocessor\t: 1\nFeatures\t: fp asimd\nCPU part\t: 0xd03\n"
    assert parse_cores(text) == [{"fp", "asimd", "asimdhp"}, {"fp", "asimd"}]
    assert parse_cores("") == []


def test_a_battery_is_read():
    text = "Now:\n  AC powered: false\n  status: 2\n  level: 41\n  scale: 50\n  temperature: 312\n  technology: x\n"
    assert parse_battery(text) == {"status": 2, "level": 41, "scale": 50, "temperature": 312}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/dm-5 100 60 40 60% /data\n", 40 * 1024),
        ("Filesystem  1K-blocks Used Available Use% Mounted on\n/data 100 90 10 90% /data/user/0\n", 10 * 1024),
        ("df: /data/local/tmp: Permission denied\n", None),
        ("", None),
        ("Filesystem Size Something\n/data 100 x\n", None),
    ],
)
def test_free_space_is_read(text, expected):
    assert parse_free_bytes(text) == expected


@pytest.mark.parametrize(
    "battery, told",
    [
        (Battery(80, 27.0, True, False), []),
        (Battery(None, None, None, None), []),
        (Battery(80, 27.0, False, True), ["battery saver"]),
        (Battery(19, 27.0, True, False), ["at 19 %"]),
        (Battery(20, 37.9, True, False), []),
        (Battery(80, 41.5, True, False), ["charging has warmed it .*41.5 °C"]),
        (Battery(5, 38.0, False, True), ["battery saver", "at 5 %", "it is warm .*38 °C"]),
    ],
)
def test_what_slows_a_phone_is_told(battery, told):
    warnings = battery.warnings()
    assert len(warnings) == len(told)
    assert all(re.search(pattern, warning) for pattern, warning in zip(told, warnings))


@pytest.mark.parametrize(
    "said, meaning",
    [
        ("error: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "does not trust this computer"),
        ("error: device offline", "is offline"),
        ("error: device 'X' not found", "was lost"),
        ("adb: error: failed to read copy response: EOF", "was lost"),
        ("error: insufficient permissions for device: udev requires plugdev group membership", "udev rule"),
        ("mkdir: '/data/local/tmp/a': No space left on device", "no space left"),
        ("error: cannot connect to daemon at tcp:5037: Connection refused", "adb kill-server"),
    ],
)
def test_words_of_adb_become_an_error_that_says_what_to_do(said, meaning):
    assert meaning in str(phone_fault("X", said))


def test_unknown_words_are_not_guessed_at():
    assert phone_fault("X", "sh: no closing quote") is None


def samples(seed, rounds, count, drift_within=0.0, drift_over_all=0.0, noise=0.03):
    random = np.random.RandomState(seed)
    turns = []
    for turn in range(rounds):
        steady = 40 * (1 + noise * random.standard_normal(count))
        # What a busy system adds now and then.
        steady += 20 * (random.uniform(size=count) < 0.05)
        within = 1 + drift_within * np.arange(count) / count
        over_all = 1 + drift_over_all * turn / max(rounds - 1, 1)
        turns.append((steady * within * over_all).tolist())
    return turns


def test_noise_is_not_called_throttling():
    found = [throttling(samples(seed, 5, 10)) for seed in range(200)]
    assert sum(drift is not None for drift in found) <= 2


@pytest.mark.parametrize(
    "how, expected",
    [
        # From the middle of each turn's first third to that of its last: 1 + 0.4 / 6 to 1 + 0.4 * 5 / 6.
        ("drift_within", 1.333 / 1.067 - 1),
        # The first third is mostly of the first turn, the last mostly of the last: 1.0 to 1.4, and a little less.
        ("drift_over_all", 0.35),
    ],
)
def test_throttling_is_found_and_measured(how, expected):
    found = [throttling(samples(seed, 5, 10, **{how: 0.4})) for seed in range(50)]
    assert all(drift is not None for drift in found)
    assert np.median(found) == pytest.approx(expected, rel=0.15)


def test_growing_faster_is_not_throttling():
    assert throttling(samples(0, 5, 10, drift_over_all=-0.4)) is None


@pytest.mark.parametrize("rounds", [[], [[]], [[1.0]], [[1.0, 5.0], [9.0]], [[1.0] * 4 + [2.0] * 4]])
def test_few_samples_say_nothing_of_throttling(rounds):
    assert throttling(rounds) is None


def elf(path, machine, needs=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + bytes(44) + needs)
    return path


AARCH64, ARM, X86_64 = 183, 40, 62


def test_the_program_that_was_built_is_found_with_its_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = elf(BUILDS / "armeabi-v7a" / "mobileseg_bench", ARM, LIBRARY.encode())
    library = elf(BUILDS / "armeabi-v7a" / LIBRARY, ARM)
    runtime = elf(BUILDS / "armeabi-v7a" / "libc++_shared.so", ARM)
    found = find_binary(["arm64-v8a", "armeabi-v7a"], RunSettings())
    assert (found.path, found.abi) == (program, "armeabi-v7a")
    assert found.libraries == {LIBRARY: library, "libc++_shared.so": runtime}


def test_the_build_script_builds_where_the_program_is_looked_for():
    script = (ROOT / "deploy/android/build.sh").read_text()
    assert f"output=${{output:-{BUILDS}/$abi}}" in script


def test_the_library_is_found_in_an_unpacked_release(tmp_path):
    program = elf(tmp_path / "mobileseg_bench", AARCH64, LIBRARY.encode())
    library = elf(tmp_path / "release/cxx/lib" / LIBRARY, AARCH64)
    found = find_binary(["arm64-v8a"], RunSettings(program, lite=tmp_path / "release"))
    assert found.libraries == {LIBRARY: library}


def test_a_program_without_the_library_needs_none(tmp_path):
    assert find_binary(["arm64-v8a"], RunSettings(elf(tmp_path / "own", AARCH64))).libraries == {}


@pytest.mark.parametrize(
    "files, settings, message",
    [
        ({}, {}, "build it with `.*deploy/android/build.sh --abi arm64-v8a"),
        ({}, {"program": "none"}, "cannot read none: No such file"),
        ({"own": None}, {"program": "own"}, "own is not a program for phones"),
        ({"own": (X86_64, b"")}, {"program": "own"}, "built for ELF machine 62, and the phone runs arm64-v8a"),
        ({"own": (ARM, b"")}, {"program": "own"}, "built for armeabi-v7a, and the phone runs arm64-v8a"),
        ({"own": (AARCH64, LIBRARY.encode())}, {"program": "own"}, "--library or --lite"),
        ({"own": (AARCH64, b""), "lib": (ARM, b"")}, {"program": "own", "library": "lib"}, "lib is built for armeabi"),
        ({"own": (AARCH64, b"")}, {"program": "own", "lite": "."}, "give an unpacked release"),
        ({"own": (AARCH64, b"")}, {"program": "own", "lite": ".", "library": "x"}, "omit one"),
    ],
)
def test_a_program_that_cannot_be_used_is_refused(files, settings, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        elf(Path(name), *content) if content else Path(name).write_text("#!/bin/sh\necho a long enough script\n")
    with pytest.raises(InputError, match=message):
        find_binary(["arm64-v8a"], RunSettings(**{name: Path(value) for name, value in settings.items()}))


def test_a_phone_without_an_arm_processor_is_refused():
    with pytest.raises(InputError, match="Paddle-Lite runs on arm64-v8a, armeabi-v7a, the phone on x86_64"):
        find_binary(["x86_64"], RunSettings())
