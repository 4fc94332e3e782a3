#!/bin/sh
# Make an environment and install the plugin into it. Needs nothing but a CPython of 3.8 to 3.13, or uv.
#
#   PYTHON=python3.12  what to make it with. Without: CPython 3.10 if there is one, else the newest.
#   VENV=.venv312      the folder to make. Without: .venv.
#   LOCKED=1           install exactly what requirements.lock lists, by checksum; for CPython 3.10.
#
# Under CPython 3.10 it gets what the README's figures are of: Paddle 2.6.2, NumPy 1. Under any other the newest.
set -eu
cd "$(dirname "$0")"
venv=${VENV:-.venv}

version_of() {
    # Only of a CPython that can make an environment: Debian keeps ensurepip apart.
    "$1" -c 'import ensurepip, platform, sys, venv
assert platform.python_implementation() == "CPython"
print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

supported() {
    case $1 in 3.8 | 3.9 | 3.10 | 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac
}

find_python() {
    for wanted in 3.10 3.13 3.12 3.11 3.9 3.8; do
        for candidate in "python$wanted" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted".*/bin/python python3 python; do
            if [ "$(version_of "$candidate")" = "$wanted" ]; then
                command -v "$candidate"
                return
            fi
        done
    done
}

if [ ! -x "$venv/bin/python" ]; then
    if [ -n "${PYTHON:-}" ]; then
        if ! supported "$(version_of "$PYTHON")"; then
            echo "error: PYTHON=$PYTHON is no CPython of 3.8 to 3.13 that can make an environment" \
                "(on Debian and Ubuntu that needs python3-venv)" >&2
            exit 2
        fi
        python=$PYTHON
    else
        python=$(find_python)
    fi
    if [ -n "$python" ]; then
        echo "making $venv with $python" >&2
        "$python" -m venv "$venv"
    elif command -v uv >/dev/null 2>&1; then
        echo "making $venv with uv's CPython 3.10" >&2
        uv venv --seed --python 3.10 "$venv"
    else
        echo "error: no CPython of 3.8 to 3.13 here that can make an environment; install one" \
            "(apt-get install python3 python3-venv, pyenv install 3.12, or uv) and run this again" >&2
        exit 2
    fi
fi

pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

version=$(version_of "$venv/bin/python")
if [ -n "${LOCKED:-}" ]; then
    if [ "$version" != 3.10 ]; then
        echo "error: requirements.lock is for CPython 3.10, and $venv has $version: choose PYTHON=python3.10 and" \
            "another VENV, or do without LOCKED" >&2
        exit 2
    fi
    # Nothing but the files whose checksums are listed, the tools that build the plugin among them.
    pip install --require-hashes --no-build-isolation -r requirements.lock
    pip install --no-deps --no-build-isolation -e .
elif [ "$version" = 3.10 ]; then
    echo "installing Paddle 2.6.2, NumPy 1 and the plugin into $venv, about 1.4 GB" >&2
    pip install -e '.[reference,lite,test]'
else
    echo "installing the newest Paddle and NumPy for CPython $version, and the plugin, into $venv, about 1.6 GB" >&2
    pip install -e '.[cpu,lite,test]'
    pip install --no-deps 'paddleseg>=2.8.0,<2.10'
fi
if ! message=$("$venv/bin/python" -c 'import cv2' 2>&1); then
    echo "error: OpenCV cannot be loaded: $(echo "$message" | tail -n 1);" \
        "on Debian and Ubuntu: apt-get install libgl1 libglib2.0-0" >&2
    exit 2
fi
touch "$venv/.installed"
