#!/bin/sh
# Build mobileseg_bench for a phone. Prints the folder with the program and the library that belongs beside it.
set -eu

# The version of opt in the paddlelite wheel that `mobileseg convert` uses. The library must be of the same version.
OPT_VERSION=v2.13-rc
RELEASES=https://github.com/PaddlePaddle/Paddle-Lite/releases/download

usage() {
    cat <<END
usage: build.sh --lite DIR [--ndk DIR] [--abi arm64-v8a|armeabi-v7a] [--model x.nb] [--output DIR]

  --lite DIR     unpacked release of Paddle-Lite, the folder inference_lite_lib.android.armv8 or armv7
  --ndk DIR      Android NDK, r21 or newer (\$ANDROID_NDK_HOME)
  --abi ABI      of the phone (arm64-v8a)
  --model x.nb   a model that it shall run: the library must be of the version that made it ($OPT_VERSION)
  --output DIR   where to build (build/mobileseg_bench/ABI)

$(download_advice)
END
}

download_advice() {
    case $abi in
        armeabi-v7a) arch=armv7 ;;
        *) arch=armv8 ;;
    esac
    archive=inference_lite_lib.android.$arch.clang.c++_static.with_extra.with_cv.tar.gz
    echo "For $abi and models made by opt $wanted, download and unpack $RELEASES/$wanted/$archive"
}

fail() {
    echo "error: $1" >&2
    exit "${2:-2}"
}

# The version that a .nb says made it: the 16 characters behind its first two bytes, up to a NUL.
model_version() {
    dd if="$1" bs=1 skip=2 count=16 2>/dev/null | tr '\000' '\n' | head -n 1
}

# e_machine of an ELF file: 183 is AArch64, 40 is ARM.
elf_machine() {
    dd if="$1" bs=1 skip=18 count=1 2>/dev/null | od -An -tu1 | tr -d ' \n'
}

check_library() {
    case $abi in
        arm64-v8a) machine=183 ;;
        *) machine=40 ;;
    esac
    [ "$(elf_machine "$library")" = "$machine" ] ||
        fail "$library is not for $abi. $(download_advice)"
    # The program and the library pass each other std::string: both must have the NDK's C++ library.
    LC_ALL=C grep -a -q __ndk1 "$library" ||
        fail "$library was built with gcc or for Linux, and no NDK of today can link with it. $(download_advice)"
}

# Compilers may hide so short a text inside instructions; then only the program can tell, and does when it runs.
check_version() {
    found=$(LC_ALL=C tr -c '[:alnum:]._-' '\n' <"$library" |
        LC_ALL=C grep -E '^v2\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?$' | sort -u | tr '\n' ' ')
    case " $found" in
        *" $wanted "*) ;;
        " ") echo "note: $library does not say its version; mobileseg_bench compares it with the model's" >&2 ;;
        *) fail "$library is Paddle-Lite ${found% }, but opt $wanted made the model. $(download_advice)" ;;
    esac
}

abi=arm64-v8a lite='' ndk=${ANDROID_NDK_HOME:-} model='' output='' wanted=$OPT_VERSION
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0 ;;
        --abi | --lite | --ndk | --model | --output) [ $# -ge 2 ] || fail "$1 needs a value; see --help" ;;
        *) fail "unknown flag '$1'; see --help" ;;
    esac
    case $1 in
        --abi) abi=$2 ;;
        --lite) lite=$2 ;;
        --ndk) ndk=$2 ;;
        --model) model=$2 ;;
        --output) output=$2 ;;
    esac
    shift 2
done

case $abi in
    arm64-v8a | armeabi-v7a) ;;
    *) fail "--abi must be arm64-v8a or armeabi-v7a, not '$abi'" ;;
esac
if [ -n "$model" ]; then
    [ -f "$model" ] && [ -r "$model" ] ||
        fail "cannot read the model $model; \`mobileseg convert --target arm\` makes one"
    wanted=$(model_version "$model")
    case $wanted in
        v[0-9]*) ;;
        *) fail "$model does not say which version of opt made it; is it a .nb of Paddle-Lite?" ;;
    esac
fi
[ -n "$lite" ] || fail "--lite is missing. $(download_advice)"
[ ! -d "$lite/cxx" ] || lite=$lite/cxx
library=$lite/lib/libpaddle_light_api_shared.so
for needed in "$lite/include/paddle_api.h" "$library"; do
    [ -f "$needed" ] || fail "there is no $needed: --lite must name an unpacked release. $(download_advice)"
done
check_library
check_version
toolchain=$ndk/build/cmake/android.toolchain.cmake
[ -n "$ndk" ] ||
    fail "--ndk is missing, and ANDROID_NDK_HOME is not set; get the NDK from https://developer.android.com/ndk"
[ -f "$toolchain" ] || fail "$ndk is no Android NDK: it has no build/cmake/android.toolchain.cmake"
command -v cmake >/dev/null || fail "cmake is not installed; on Debian and Ubuntu: apt-get install cmake"

sources=$(cd "$(dirname "$0")/../cpp" && pwd)
output=${output:-build/mobileseg_bench/$abi}
lite=$(cd "$lite" && pwd)
cmake -S "$sources" -B "$output" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DANDROID_ABI="$abi" \
    -DANDROID_PLATFORM=android-21 -DANDROID_STL=c++_static -DCMAKE_BUILD_TYPE=Release \
    -DPADDLE_LITE_DIR="$lite" >&2 || fail "cmake could not set up the build; what it said stands above" 1
cmake --build "$output" >&2 || fail "the build failed; what the compiler said stands above" 1
cp "$library" "$output/"
echo "$output"
