"""adb's driver on an emulated phone: commands and files, and which phones there are."""

import json
import os
import subprocess

import numpy as np
import pytest

from paddleseg_mobileseg import InputError, ToolError
from paddleseg_mobileseg.deploy.android.adb import Adb
from paddleseg_mobileseg.deploy.android.phone import choose, read_phone
from support.phones import ALL_OF_A_SHELL
from support.processes import wait_until


@pytest.fixture
def adb(adb_environment):
    return Adb()


def test_a_command_gives_its_status_and_both_streams(adb, phone):
    answer = adb.shell(phone.address, ["ls", "/data/local/tmp", "/data/local/tmp/none"])
    assert answer.status == 2 and "none" in answer.stderr and answer.stdout.strip() == f"{phone.root}/data/local/tmp:"


def test_a_command_that_fails_is_an_error_where_it_must_not(adb, phone):
    with pytest.raises(ToolError, match=f"rmdir failed on the phone {phone.address} .*No such file"):
        adb.checked_shell(phone.address, ["rmdir", "/data/local/tmp/none"])


@pytest.mark.parametrize("words", [[ALL_OF_A_SHELL], ["a b", "", "$(touch x)", "`touch y`", "'", "> z"]])
def test_no_word_means_anything_to_the_phones_shell(words, adb, phone):
    before = sorted(phone.root.iterdir())
    assert adb.checked_shell(phone.address, ["printf", "%s\\0", *words]).split("\0")[:-1] == words
    assert sorted(phone.root.iterdir()) == before


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_500_000])
def test_files_come_and_go_unchanged(size, adb, phone, tmp_path):
    data = np.random.RandomState(size).bytes(size)
    local, back = tmp_path / "$(x) 'sent'", tmp_path / "-back"
    local.write_bytes(data)
    adb.push(phone.address, local, "/data/local/tmp/it's")
    assert phone.host_path("/data/local/tmp/it's").read_bytes() == data
    adb.pull(phone.address, "/data/local/tmp/it's", back)
    assert back.read_bytes() == data


def test_a_file_that_is_not_there_cannot_be_pulled(adb, phone, tmp_path):
    with pytest.raises(ToolError, match=f"adb pull of none failed on the phone {phone.address} .*No such file"):
        adb.pull(phone.address, "/data/local/tmp/none", tmp_path / "none")


def test_a_program_ends_with_its_adb(adb_environment, phone):
    """What a killed driver leaves behind: adb's daemon hangs up on the program, as on a phone."""
    environment = {**os.environ, **adb_environment.environment}
    client = subprocess.Popen(["adb", "-s", phone.address, "shell", "exec sleep 3000"], env=environment)
    wait_until(phone.processes)
    client.kill()
    client.wait()
    wait_until(lambda: not phone.processes())


def test_a_phone_says_what_it_is(adb, phone):
    found = read_phone(adb, phone.address)
    assert (found.model, found.soc, found.android, found.api_level) == ("Example Emulated One", "EM855", "12", 31)
    assert found.abis == ["arm64-v8a", "armeabi-v7a", "armeabi"] and found.system == "Android 12 arm64-v8a"
    assert found.fp16 and found.dot_product and found.cores == 2
    assert (found.battery.level, found.battery.temperature_c, found.battery.charging) == (80, 27.0, True)
    assert found.battery.saver is False and found.free_bytes == 3 * 2**30


def test_a_phone_that_says_little_is_described_all_the_same(adb, phone):
    phone.properties = {"ro.product.cpu.abi": "armeabi-v7a", "ro.hardware": "chip"}
    phone.cpuinfo("Features\t: half thumb neon vfpv4\n")
    for name in ("dumpsys", "settings", "df"):
        phone.script(name, "echo cannot >&2; exit 20")
    found = read_phone(adb, phone.address)
    assert (found.model, found.soc, found.android, found.api_level) == ("unknown", "chip", "unknown", None)
    assert found.abis == ["armeabi-v7a"] and not found.fp16 and not found.dot_product
    assert found.battery.level is None and found.battery.saver is None and found.free_bytes is None
    assert found.battery.warnings() == []


def test_the_list_shows_every_phone_and_what_is_wrong(attach, device_command):
    good, stranger, old = attach(), attach(authorized=False), attach(features="cmd,stat_v2")
    good.battery(level=12)
    said = device_command("list")
    assert said.status == 0
    rows = {row.split(" | ")[0].strip("| "): row for row in said.out.splitlines()[2:]}
    assert rows.keys() == {good.address, stranger.address, old.address}
    assert "Example Emulated One | EM855 | arm64-v8a, armeabi-v7a, armeabi | 12 | yes | yes" in rows[good.address]
    assert "12 %, 27 °C | 3.2 GB" in rows[good.address] and "unauthorized" in rows[stranger.address]
    warnings = "\n".join(said.err.splitlines())
    assert f"{good.address}: its battery is at 12 %" in warnings
    assert f"{stranger.address} does not trust this computer" in warnings
    assert f"{old.address} does not tell the exit status of programs" in warnings


def test_the_list_as_json(phone, device_command):
    (row,) = json.loads(device_command("list", "--json").out)
    assert (row["serial"], row["state"], row["fault"]) == (phone.address, "device", None)
    assert row["phone"]["fp16"] is True and row["phone"]["battery"]["level"] == 80


def test_an_empty_list_says_how_to_connect_a_phone(adb_environment, device_command):
    said = device_command("list")
    assert (said.status, said.out) == (0, "") and "switch on USB debugging" in said.err
    assert json.loads(device_command("list", "--json").out) == []


def test_the_only_phone_that_can_be_used_is_chosen(adb, attach):
    good = attach()
    attach(authorized=False)
    assert choose(adb, None) == [good.address]


def test_phones_are_chosen_by_name_or_by_environment(adb, attach, monkeypatch):
    first, second = attach(), attach()
    assert choose(adb, [second.address, first.address, second.address]) == [second.address, first.address]
    monkeypatch.setenv("ANDROID_SERIAL", second.address)
    assert choose(adb, None) == [second.address]
    assert choose(adb, [first.address]) == [first.address]


def test_a_phone_that_is_not_there_is_named(adb, phone):
    with pytest.raises(InputError, match=f"there is no phone X12; connected: {phone.address}"):
        choose(adb, ["X12"])
