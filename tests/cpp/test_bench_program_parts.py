"""What `mobileseg_bench` says of a device and of numbers, on data that this machine does not have."""

import json
import subprocess

import numpy as np
import pytest

from paddleseg_mobileseg.deploy.runtime.stats import summarise
from support import bench_program

BENCH = bench_program.SOURCES / "bench"
SOURCES = [bench_program.ROOT / "tests" / "cpp" / "mobileseg_bench_parts.cc"] + [
    BENCH / f"{name}.cc" for name in ("device", "json", "process", "report", "statistics")
]

# What the file systems of a phone with a Snapdragon 855 show.
CPUINFO = "Processor\t: AArch64 Processor rev 14 (aarch64)\n" + "".join(
    f"processor\t: {cpu}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd aes fphp asimdhp cpuid asimddp\n"
    f"CPU implementer\t: 0x51\nCPU part\t: {'0x805' if cpu < 4 else '0x804'}\n\n"
    for cpu in range(7)
) + "Hardware\t: Qualcomm Technologies, Inc SM8150\n"  # fmt: skip
PROPERTIES = [
    "ro.product.brand=Some Brand", "ro.product.model=Phone \"8\"", "ro.build.version.release=10",
    "ro.build.version.sdk=29", "ro.board.platform=msmnile",
]  # fmt: skip


def build(folder, *flags):
    bench_program.need("g++")
    program = folder / "parts"
    includes = [f"-I{BENCH}", f"-I{bench_program.SOURCES / 'include'}"]
    command = ["g++", "-std=c++17", "-O1", *bench_program.WARNINGS, *flags, *includes, *SOURCES, "-o", program]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    program = build(tmp_path_factory.mktemp("parts"))

    def ask(*arguments):
        done = subprocess.run([str(part) for part in (program, *arguments)], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return ask


def write(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def phone(tmp_path):
    write(tmp_path, "proc/cpuinfo", CPUINFO)
    for cpu, khz in enumerate([1785600] * 4 + [2419200] * 3 + [2841600]):
        folder = f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
        write(tmp_path, f"{folder}/cpuinfo_max_freq", f"{khz}\n")
        write(tmp_path, f"{folder}/scaling_max_freq", f"{khz - 100000 * (cpu == 7)}\n")
        write(tmp_path, f"{folder}/scaling_governor", "schedutil\n")
        write(tmp_path, f"{folder}/scaling_cur_freq", f"{khz - 1000 * cpu}\n")
    write(tmp_path, "sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "schedutil\n")
    zones = [("battery", 300), ("cpu-0-0-usr", 51200), ("cpu-1-7-usr", 62400), ("cpu-off", 0), ("gpu", 90000)]
    for zone, (kind, value) in enumerate(zones):
        write(tmp_path, f"sys/class/thermal/thermal_zone{zone}/type", f"{kind}\n")
        write(tmp_path, f"sys/class/thermal/thermal_zone{zone}/temp", f"{value}\n")
    return tmp_path


def test_the_device_block_of_a_phone(parts, phone):
    device = parts("device", phone, *PROPERTIES)
    assert device.pop("kernel").startswith("Linux ")
    cores = device.pop("cores")
    assert device == {
        "brand": "Some Brand",
        "model": 'Phone "8"',
        "soc": "Qualcomm Technologies, Inc SM8150",
        "android": "10",
        "api_level": 29,
        "fp16": True,
        "dot_product": True,
        "temperature_c": {"before": 62.4, "after": 62.4, "sensor": "cpu-1-7-usr"},
    }
    assert [core["type"] for core in cores[:7]] == ["Kryo 485 Silver"] * 4 + ["Kryo 485 Gold"] * 3
    # The eighth sleeps: it is not in cpuinfo, but its frequencies can be read.
    assert cores[7] == {
        "cpu": 7, "type": None, "max_khz": 2841600, "limit_khz": 2741600, "governor": "schedutil",
    }  # fmt: skip


def test_what_cannot_be_read_is_null(parts, tmp_path):
    device = parts("device", tmp_path)
    assert device.pop("kernel").startswith("Linux ")
    assert device.pop("cores") == []
    assert device.pop("temperature_c") == {"before": None, "after": None, "sensor": None}
    assert set(device.values()) == {None}


def test_the_frequency_of_each_allowed_core_that_tells_it(parts, phone):
    write(phone, "sys/devices/system/cpu/cpu5/cpufreq/scaling_cur_freq", "<unsupported>\n")
    placement = parts("placement", phone, 4, 5, 7, 11)
    assert placement == {
        "allowed_cores": [4, 5, 7, 11],
        "before": [{"cpu": 4, "khz": 2415200}, {"cpu": 7, "khz": 2834600}],
        "after": [],
    }


def test_the_soc_of_android_12_comes_from_its_property(parts, phone):
    assert parts("device", phone, *PROPERTIES, "ro.soc.model=SM8550")["soc"] == "SM8550"


def test_a_core_without_a_name_shows_its_numbers(parts, tmp_path):
    write(tmp_path, "proc/cpuinfo", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xfff\nFeatures : fp asimd\n")
    device = parts("device", tmp_path)
    assert device["cores"][0]["type"] == "implementer 0x41 part 0xfff"
    assert device["fp16"] is False and device["dot_product"] is False


@pytest.mark.parametrize(
    "zones, celsius",
    [
        ([("soc_max", "41"), ("battery", "30")], 41),
        ([("CPU", "415")], 41.5),
        ([("tsens_tz_sensor1", "41500")], 41.5),
        ([("cpu0", "not a number"), ("cpu1", "999999"), ("soc", "-3500")], -3.5),
        ([("battery", "30000")], None),
    ],
)
def test_temperatures_in_the_units_that_kernels_use(parts, tmp_path, zones, celsius):
    for zone, (kind, value) in enumerate(zones):
        write(tmp_path, f"sys/class/thermal/thermal_zone{zone}/type", kind)
        write(tmp_path, f"sys/class/thermal/thermal_zone{zone}/temp", value)
    assert parts("device", tmp_path)["temperature_c"]["before"] == celsius


def test_the_code_for_android_reads_properties(tmp_path):
    """Compiled here as it is for Android, with the one function that only Android has."""
    write(
        tmp_path, "sys/system_properties.h",
        "#include <string.h>\n#define PROP_VALUE_MAX 92\n"
        "inline int __system_property_get(const char* name, char* value) {\n"
        "  return static_cast<int>(strlen(strcat(strcpy(value, \"value of \"), name)));\n}\n",
    )  # fmt: skip
    program = build(tmp_path, "-D__ANDROID__", f"-I{tmp_path}")
    assert subprocess.check_output([program, "property", "ro.product.model"]) == b'"value of ro.product.model"'


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 50, 250])
def test_statistics_are_those_of_the_host_and_numpys(parts, count):
    samples = np.random.default_rng(count).gamma(2, 3, count)
    found = parts("summary", *samples)
    assert found == pytest.approx(list(summarise(samples.tolist()).values()), rel=1e-8)
    tails = [np.sort(samples)[-(-count * share // 100) - 1] for share in (90, 99)]
    deviation = samples.std(ddof=1) if count > 1 else 0
    expected = [samples.min(), np.median(samples), samples.mean(), *tails, deviation]
    assert found == pytest.approx(expected, rel=1e-8)


def test_what_is_no_number_in_json_is_null(parts):
    numbers = ["nan", "inf", "-inf", "0", "-2.5", "1234.567891", "1e-300", "1e300"]
    assert parts("numbers", *numbers) == [None, None, None, 0, -2.5, 1234.56789, 1e-300, 1e300]
