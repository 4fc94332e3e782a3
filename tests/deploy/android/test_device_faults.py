"""What goes wrong with phones: each fault is one line that says what to do, and nothing is left running.

That no process is left on a phone and no adb on the host is checked after every test by the fixtures.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import zlib
from functools import lru_cache
from pathlib import Path

import pytest

from paddleseg_mobileseg.deploy.runtime.metadata import sha256_of
from support import folders
from support.exports import save_scene
from support.mobileseg_command import ROOT
from support.phones import ALL_OF_A_SHELL, change_metadata, write_model
from support.processes import wait_until


@lru_cache(maxsize=None)
def program_that(behaves):
    """Another program for aarch64: a statement of C."""
    path = folders.OWN / f"program{zlib.crc32(behaves.encode())}"
    headers = "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    source = f"{headers}int main(void) {{ {behaves}; return 0; }}\n"
    compiler = ["aarch64-linux-gnu-gcc", "-xc", "-", "-o", str(path)]
    subprocess.run(compiler, input=source.encode(), check=True)
    return path


def test_no_adb(device_command, model, program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for words in (["list"], ["bench", model, "--program", program]):
        said = device_command(*words)
        assert said.status == 2 and "there is no adb on the PATH" in said.error() and "install it" in said.error()


def test_no_phone(adb_environment, bench_command, model):
    said = bench_command(model)
    assert said.status == 2 and "no phone is connected: connect a phone, switch on USB debugging" in said.error()


def test_two_phones_and_none_chosen(attach, bench_command, model):
    first, second = attach(), attach()
    said = bench_command(model)
    assert said.status == 2 and "2 phones are connected: choose with --device" in said.error()
    assert first.address in said.error() and second.address in said.error()
    assert first.pushed == second.pushed == []


def test_an_unknown_phone(phone, bench_command, model):
    said = bench_command(model, "--device", "$(reboot)")
    assert said.status == 2 and f"there is no phone $(reboot); connected: {phone.address}" in said.error()


def test_a_phone_that_does_not_trust_this_computer(attach, bench_command, model):
    stranger = attach(authorized=False)
    said = bench_command(model)
    assert said.status == 1 and f"{stranger.address} does not trust this computer: unlock it" in said.error()


def test_a_phone_that_is_offline(phone, adb_environment, bench_command, model):
    phone.unplug()
    wait_until(lambda: "offline" in adb_environment.adb("devices"))
    said = bench_command(model)
    assert said.status == 1 and f"{phone.address} is offline: pull the cable" in said.error()


def test_a_phone_that_is_too_old(attach, bench_command, model):
    attach(features="cmd")
    said = bench_command(model)
    assert said.status == 1 and "needs Android 7 or newer" in said.error()


def test_pulled_out_in_the_middle_of_a_push(phone, bench_command, model):
    phone.before_write = lambda size: phone.unplug_now() if size > 50_000 else None
    said = bench_command(model)
    assert (said.status, said.out) == (1, "") and f"{phone.address} was lost: was it pulled out" in said.error()


@pytest.mark.parametrize("at_run", [1, 4])
def test_pulled_out_in_the_middle_of_a_run(at_run, phone, bench_command, tmp_path):
    models = [write_model(tmp_path / f"{name}.nb", spin_ms="200 0") for name in "ab"]
    output, runs = tmp_path / "results.jsonl", []

    def count(command):
        if "mobileseg_bench --model" in command:
            runs.append(command)
            if len(runs) == at_run:
                threading.Thread(target=unplug, daemon=True).start()

    def unplug():
        wait_until(lambda: any("mobileseg_bench --model" in line for line in phone.processes()))
        phone.unplug()

    phone.before_command = count
    said = bench_command(*models, "--output", output)
    assert said.status == 1 and f"{phone.address} was lost: was it pulled out" in said.error()
    assert len(runs) == at_run
    kept = [json.loads(line) for line in output.read_text().splitlines()]
    # A B A B: in the fourth run, b has had one turn of its two, and a both.
    measured = [(record["configuration"]["model"], record["configuration"]["rounds"]) for record in kept]
    assert measured == ([] if at_run == 1 else [("a.nb", 2), ("b.nb", 1)])
    assert ("| a.nb |" in said.out and "| b.nb |" in said.out) == (at_run == 4)
    wait_until(lambda: not phone.processes())


def test_a_record_of_an_interrupted_measurement_says_so(phone, bench_command, tmp_path):
    models = [write_model(tmp_path / "a.nb"), write_model(tmp_path / "b.nb", fault="abort 0")]
    said = bench_command(*models, "--json")
    (record,) = [json.loads(line) for line in said.out.splitlines()]
    assert record["configuration"]["rounds"] == 1 and record["environment"]["details"]["rounds_asked"] == 2
    assert said.status == 1 and phone.files() == []


def test_no_space_for_a_push(phone, bench_command, model):
    phone.free_bytes = 60_000
    said = bench_command(model)
    assert said.status == 1 and f"{phone.address} has no space left in /data/local/tmp" in said.error()
    assert phone.files() == []


@pytest.mark.parametrize("command", ["mkdir", "chmod"])
def test_no_space_for_a_command(command, phone, bench_command, model):
    phone.script(command, f"echo \"{command}: '/data/local/tmp/x': No space left on device\" >&2; exit 1")
    said = bench_command(model)
    assert said.status == 1 and f"{phone.address} has no space left in /data/local/tmp" in said.error()


def test_a_file_that_arrives_damaged(phone, bench_command, model):
    phone.script("sha256sum", "echo 0123456789abcdef  $1")
    said = bench_command(model)
    assert said.status == 1 and f"arrived damaged on the phone {phone.address}" in said.error()
    assert len(phone.pushed) == 1 and phone.files() == []


@pytest.mark.parametrize(
    "behaves, message",
    [
        ("raise(SIGSEGV)", "mobileseg_bench on .* died of SIGSEGV: "),
        ("raise(SIGKILL)", "died of SIGKILL"),
        ('fprintf(stderr, "error: out of luck\\n"); exit(1)', "ended with status 1: out of luck$"),
        ("exit(255)", "ended with status 255: it printed nothing"),
        ('fprintf(stderr, "CANNOT LINK EXECUTABLE x: library \\"l.so\\" not found\\n"); exit(1)', "name .* --library"),
        ('puts("hello $(x)")', "printed 'hello \\$\\(x\\)' instead of JSON; is --program the right file"),
        ('puts("[]")', "printed '\\[\\]' instead of JSON"),
        ("(void)0", "printed nothing instead of JSON"),
        ('puts("{\\"schema\\": 99}")', "answers in schema 99 and this version reads 3: build it anew"),
    ],
)
def test_a_program_that_does_not_do_what_it_should(behaves, message, phone, bench_command, model, program):
    said = bench_command(model, "--program", program_that(behaves))
    assert said.status in (1, 2) and said.out == "" and re.search(message, said.error()), said.err
    assert phone.files() == []


@pytest.mark.parametrize("fault, message", [("abort 0", "SIGABRT"), ("nan 0", "NaN"), ("throw -1", "told to")])
def test_a_network_that_fails_on_the_phone(fault, message, phone, bench_command, tmp_path):
    said = bench_command(write_model(tmp_path / "bad.nb", fault=fault))
    assert said.status == 1 and message in said.error() and f"mobileseg_bench on {phone.address}" in said.error()


def test_a_model_that_is_no_model(phone, bench_command, model):
    model.write_bytes(b"not a model")
    change_metadata(model, sha256=sha256_of(model), bytes=model.stat().st_size)
    said = bench_command(model)
    assert said.status == 1 and "mobileseg_bench on" in said.error() and phone.files() == []


def test_a_program_that_hangs_is_stopped_on_the_phone(phone, bench_command, tmp_path):
    a, b = write_model(tmp_path / "a.nb"), write_model(tmp_path / "b.nb", fault="hang 3")
    said = bench_command(a, b, "--timeout", 4)
    assert said.status == 1
    assert f"mobileseg_bench on {phone.address} did not end within 4 s and was stopped" in said.error()
    assert "| a.nb |" in said.out and "| b.nb |" not in said.out
    assert phone.files() == []


def test_a_program_that_hangs_and_ignores_hang_ups_is_stopped_too(phone, bench_command, model, program):
    stubborn = program_that("signal(SIGHUP, SIG_IGN); signal(SIGTERM, SIG_IGN); for (;;) pause()")
    said = bench_command(model, "--program", stubborn, "--timeout", 2)
    assert said.status == 1 and "did not end within 2 s" in said.error()
    assert phone.files() == []


def test_ctrl_c_stops_the_program_and_cleans_up(phone, adb_environment, program, tmp_path):
    slow = write_model(tmp_path / "slow.nb", spin_ms="1000 0")
    command = [sys.executable, "-m", "paddleseg_mobileseg", "device", "bench", str(slow), "--program", str(program)]
    environment = {**os.environ, **adb_environment.environment, "PYTHONPATH": str(ROOT)}
    # A session of its own: like a terminal's, its interrupt reaches adb as well.
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    wait_until(lambda: any("mobileseg_bench" in line for line in phone.processes()))
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130 and err.decode().splitlines()[-1] == "error: interrupted"
    assert phone.files() == []


@pytest.mark.parametrize("name", ["a b", "it's", 'a"b', "$(touch pwned)", "`touch pwned`", "-rf", "a;b&c|d", "ü\n*?"])
def test_names_of_files_mean_nothing_to_any_shell(name, phone, bench_command, predict_command, tmp_path):
    folder = tmp_path / ALL_OF_A_SHELL.replace("/", "")
    folder.mkdir()
    nb, image = write_model(folder / f"{name}.nb"), save_scene(folder / f"{name}.png", 1, 64, 64)
    before = {path for path in phone.root.rglob("*") if "data/local/tmp" not in str(path)}
    said = bench_command(nb, "--images", image, "--rounds", 1, "--json")
    assert said.status == 0, said.err
    assert json.loads(said.out)["configuration"]["model"] == f"{name}.nb"
    assert predict_command(nb, image, "--save_dir", tmp_path / "saved").status == 0
    assert (tmp_path / "saved/added_prediction" / f"{name}.png").stat().st_size > 0
    # Nothing of the names reached the phone, and no command in them ran there or here.
    assert not any(f"{name}.{suffix}" in command for command in phone.commands for suffix in ("nb", "png"))
    after = {path for path in phone.root.rglob("*") if "data/local/tmp" not in str(path)}
    assert {path.name for path in after - before} <= {"properties", "df"}
    assert not Path("pwned").exists() and not (folder / "pwned").exists()
