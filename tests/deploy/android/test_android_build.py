"""deploy/android/build.sh: what it asks for, and what it refuses before any compiler runs.

There is no NDK here. Its toolchain file is stood in for by one that sets nothing up but this host's compiler
for aarch64: the script's own steps are tested, not what the NDK makes of them.
"""

import os
import re
import shutil
import struct
import subprocess

import pytest

from support import bench_program
from support.bench_program import double_model

SCRIPT = bench_program.ROOT / "deploy" / "android" / "build.sh"
ARCHIVE = (
    "https://github.com/PaddlePaddle/Paddle-Lite/releases/download/{version}/"
    "inference_lite_lib.android.{arch}.clang.c++_static.with_extra.with_cv.tar.gz"
)
NDK_MARK = b"_ZN6paddle8lite_api12MobileConfig19set_model_from_fileERKNSt6__ndk112basic_stringE\0"


def build(*flags, shell="sh", **environment):
    environment = {**{key: value for key, value in os.environ.items() if key != "ANDROID_NDK_HOME"}, **environment}
    command = [shell, str(SCRIPT), *map(str, flags)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def error_of(done, status=2):
    assert done.returncode == status and done.stdout == "", done
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return error


def release(folder, machine=183, text=b"\0v2.13-rc\0"):
    """An unpacked release whose library is an ELF header and the texts that the script looks for."""
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HH", 3, machine)
    (folder / "cxx" / "include").mkdir(parents=True)
    (folder / "cxx" / "lib").mkdir()
    (folder / "cxx" / "include" / "paddle_api.h").touch()
    (folder / "cxx" / "lib" / bench_program.LIBRARY).write_bytes(header + NDK_MARK + text)
    return folder


@pytest.fixture
def shells():
    return [shell for shell in ("sh", "dash", "bash", "mksh") if shutil.which(shell)]


@pytest.mark.parametrize("abi, arch", [("arm64-v8a", "armv8"), ("armeabi-v7a", "armv7")])
def test_the_archive_to_download_is_named_exactly(shells, abi, arch):
    for shell in shells:
        error = error_of(build("--abi", abi, shell=shell))
        assert "--lite is missing" in error and error.endswith(ARCHIVE.format(version="v2.13-rc", arch=arch))


def test_the_archive_is_of_the_version_that_made_the_model(tmp_path):
    nb = double_model(tmp_path / "a 'model'.nb", [[1, 2, 3]], opt_version="v2.12")
    assert ARCHIVE.format(version="v2.12", arch="armv8") in error_of(build("--model", nb))


def test_help_says_the_same():
    done = build("--help")
    assert done.returncode == 0 and ARCHIVE.format(version="v2.13-rc", arch="armv8") in done.stdout
    flags = re.search(r"(--[a-z]+ \| )+--[a-z]+", SCRIPT.read_text()).group().split(" | ")
    assert flags == ["--abi", "--lite", "--ndk", "--model", "--output"]
    assert all(f"  {flag} " in done.stdout for flag in flags)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--frobnicate"], "unknown flag '--frobnicate'"),
        (["--abi"], "--abi needs a value"),
        (["--abi", "x86"], "--abi must be arm64-v8a or armeabi-v7a, not 'x86'"),
        (["--model", "/nowhere.nb"], "cannot read the model /nowhere.nb"),
        (["--model", __file__], "does not say which version of opt made it"),
        (["--lite", "/nowhere"], "there is no /nowhere/include/paddle_api.h"),
    ],
)
def test_flags_that_make_no_sense(flags, message):
    assert message in error_of(build(*flags))


def test_a_library_of_another_version_is_refused(tmp_path):
    lite = release(tmp_path / "lite", text=b"\0v2.12\0v2.13-rc1\0")
    nb = double_model(tmp_path / "m.nb", [[1, 2, 3]], opt_version="v2.13-rc")
    error = error_of(build("--lite", lite, "--model", nb))
    assert "is Paddle-Lite v2.12 v2.13-rc1, but opt v2.13-rc made the model" in error
    assert "is Paddle-Lite v2.12" in error_of(build("--lite", lite))


def test_a_library_that_hides_its_version_is_left_to_the_program(tmp_path):
    done = build("--lite", release(tmp_path / "lite", text=b""))
    assert "note: " in done.stderr and "does not say its version" in done.stderr
    assert "--ndk is missing" in error_of(done)


def test_a_library_for_another_processor_is_refused(tmp_path):
    for_arm = release(tmp_path / "armv7", machine=40)
    assert "is not for arm64-v8a" in error_of(build("--lite", for_arm))
    assert "--ndk is missing" in error_of(build("--lite", for_arm, "--abi", "armeabi-v7a"))
    assert "is not for armeabi-v7a" in error_of(build("--lite", release(tmp_path / "v8"), "--abi", "armeabi-v7a"))


def test_a_library_built_with_gcc_is_refused(tmp_path):
    lite = release(tmp_path / "lite")
    library = lite / "cxx" / "lib" / bench_program.LIBRARY
    library.write_bytes(library.read_bytes().replace(b"__ndk1", b"__cxx1"))
    assert "was built with gcc or for Linux" in error_of(build("--lite", lite))


def test_an_ndk_that_is_none_is_refused(tmp_path):
    lite = release(tmp_path / "lite")
    assert "has no build/cmake/android.toolchain.cmake" in error_of(build("--lite", lite, "--ndk", tmp_path))
    assert "has no build/cmake/android" in error_of(build("--lite", lite, ANDROID_NDK_HOME=str(tmp_path)))


def test_program_and_library_end_in_one_folder(tmp_path):
    bench_program.need("cmake", "aarch64-linux-gnu-g++")
    lite = tmp_path / "lite dir"
    shutil.copytree(bench_program.double_lite_dir("aarch64"), lite / "cxx")
    with open(lite / "cxx" / "lib" / bench_program.LIBRARY, "ab") as library:
        library.write(NDK_MARK + b"\0v2.13-rc\0")
    toolchain = tmp_path / "ndk" / "build" / "cmake" / "android.toolchain.cmake"
    toolchain.parent.mkdir(parents=True)
    # Which files the script has compiled is looked at, not how well: that takes a third of the time.
    launcher = tmp_path / "without_optimisation"
    launcher.write_text('#!/bin/sh\nexec "$@" -O0\n')
    launcher.chmod(0o755)
    toolchain.write_text(
        f"set(CMAKE_CXX_COMPILER_LAUNCHER {launcher})\n"
        "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_SYSTEM_PROCESSOR aarch64)\n"
        "set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)\n"
        'if(NOT "${ANDROID_ABI} ${ANDROID_STL} ${ANDROID_PLATFORM}" STREQUAL "arm64-v8a c++_static android-21")\n'
        '  message(FATAL_ERROR "not asked for what a phone needs: ${ANDROID_ABI} ${ANDROID_STL}")\nendif()\n'
        "set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ANDROID_ABI ANDROID_STL ANDROID_PLATFORM)\n"
    )
    output = tmp_path / "out put"
    done = build("--lite", lite, "--ndk", tmp_path / "ndk", "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{output}\n"
    assert (output / bench_program.LIBRARY).read_bytes() == (lite / "cxx" / "lib" / bench_program.LIBRARY).read_bytes()
    with open(output / "mobileseg_bench", "rb") as program:
        assert struct.unpack("<H", program.read(20)[18:]) == (183,)
