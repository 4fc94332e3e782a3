#!/bin/sh
# Make .venv with CPython 3.10 and install the plugin into it. Needs nothing but a Python 3.10 or uv.
# With LOCKED=1 in the environment it installs exactly what requirements.lock lists, by checksum.
set -eu
cd "$(dirname "$0")"

find_python() {
    if command -v python3.10 >/dev/null 2>&1 && python3.10 -c '' 2>/dev/null; then
        command -v python3.10
        return
    fi
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python3.10; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    if [ -n "$python" ]; then
        echo "making .venv with $python" >&2
        "$python" -m venv .venv
    elif command -v uv >/dev/null 2>&1; then
        echo "making .venv with uv's CPython 3.10" >&2
        uv venv --seed --python 3.10 .venv
    else
        echo "error: no CPython 3.10 here, and Paddle-Lite's wheels need it;" \
            "install it (apt-get install python3.10, pyenv install 3.10, or uv) and run this again" >&2
        exit 2
    fi
fi

pip() {
    .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"
}

if [ -n "${LOCKED:-}" ]; then
    # Nothing but the files whose checksums are listed, the tools that build the plugin among them.
    pip install --require-hashes --no-build-isolation -r requirements.lock
    pip install --no-deps --no-build-isolation -e .
else
    pip install -e '.[lite,test]'
fi
if ! message=$(.venv/bin/python -c 'import cv2' 2>&1); then
    echo "error: OpenCV cannot be loaded: $(echo "$message" | tail -n 1);" \
        "on Debian and Ubuntu: apt-get install libgl1 libglib2.0-0" >&2
    exit 2
fi
touch .venv/.installed
