"""What adb and a phone reply, through a program that replies in adb's place."""

import json
import os
import shlex
from pathlib import Path
from random import Random
from typing import Any, Dict, Tuple

from paddleseg_mobileseg.deploy.android.adb import Adb
from paddleseg_mobileseg.deploy.android.bench_binary import DEFAULT_SETTINGS, DeviceBinary, Program
from paddleseg_mobileseg.deploy.android.device_cache import DeviceCache
from paddleseg_mobileseg.deploy.android.phone import choose, list_phones, read_phone

from ..case import Files, Kind
from ..damage import ESCAPES, damage_bytes, damage_tree, to_json

_DONE = b"mobileseg-status:0\n"

_TIMES: Dict[str, Any] = {
    "network_ms": [1.0],
    "label_map_ms": [],
    "cores": [0],
    "migrations": 0,
    "cpu_time_ms": 1.0,
    "voluntary_switches": 0,
    "involuntary_switches": 0,
}

_REPORT: Dict[str, Any] = {
    "schema": 3,
    "program": {"version": "1", "build_id": None},
    "library_version": "v2.13",
    "library_build_id": None,
    "configuration": {"power_mode": "high"},
    "init_ms": 1.0,
    "first": {"network_ms": 1.0, "label_map_ms": None},
    "warmup": _TIMES,
    "samples": _TIMES,
    "peak_memory_bytes": 5,
    "placement": {"allowed_cores": [0], "before": [], "after": []},
    "output": {"dtype": "float32", "shape": [1, 4, 8, 8], "digest": "d", "digests": ["d"]},
    "label_map": None,
    "classes_present": None,
    "device": {"temperature_c": {}},
}

_REPLIES: Dict[str, Tuple[str, bytes]] = {
    "devices": ("devices", b"List of devices attached\nSERIAL\tdevice\n\n"),
    "features": ("*features", b"shell_v2\ncmd\n"),
    "getprop": (
        "*getprop*",
        b"[ro.product.model]: [Phone]\n[ro.product.manufacturer]: [Maker]\n[ro.product.cpu.abilist]: [arm64-v8a]\n"
        b"[ro.build.version.sdk]: [30]\n[ro.build.version.release]: [11]\n" + _DONE,
    ),
    "cpuinfo": ("*cpuinfo*", b"processor : 0\nFeatures : fp asimd asimdhp asimddp\n" + _DONE),
    "battery": ("*battery*", b"  level: 80\n  scale: 100\n  temperature: 300\n  status: 2\n" + _DONE),
    "low_power": ("*low_power*", b"0\n" + _DONE),
    "df": ("*df*", b"Filesystem 1K-blocks Used Available Use%\n/data 100 50 50 50%\n" + _DONE),
    "digest": ("*sha256sum*", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  x\n" + _DONE),
    "bench": ("*LD_LIBRARY_PATH*", json.dumps(_REPORT).encode() + b"\n"),
    "other": ("*", _DONE),
}
"""By name: what of a command line asks for it, as a pattern of the shell, and what is replied."""

_STATUSES = (b"1", b"255", b"-1", b"", b"1" * 30, "²".encode(), b"0x", "٣".encode(), b" 0 \x1b[2J", b"nan")

_TEXTS = (
    b"",
    b"\0",
    b"\xff\xfe" * 100,
    ESCAPES.encode("utf-8", "surrogatepass") * 3,
    b"x" * 3_000_000,
    b"x\n" * 300_000,
    b"error: device offline\n",
    b"error: closed",
    b"* daemon not running; starting now\n",
    b"SERIAL\tunauthorized\nOTHER\tdevice\n",
    b"\x1b[2J\tdevice\n" * 3,
    b"a\tb\tc\n\t\n\t",
    b"[a]: [" + b"9" * 6000 + b"]\n",
    b"[ro.build.version.sdk]: [\xc2\xb2]\n",
    b"[ro.product.cpu.abilist]: [,,,]\n",
    b"[" * 100_000,
    b"  level: " + b"9" * 6000 + b"\n",
    b"  level: 5\n  scale: 0\n",
    b"  level: -99999999999999999999999\n  scale: -1\n",
    b"Filesystem Available\n/data \xc2\xb2\n",
    b"Filesystem Available\n/data " + b"9" * 6000 + b"\n",
    b"Available\n\n",
    b'{"schema": []}',
    b'{"schema": NaN}',
    b'{"schema": "' + b"x" * 100_000 + b'"}',
    b'{"schema": "\\u001b[2J"}',
    b'{"schema": 3}',
    b"{" * 100_000,
    b"[" * 100_000,
    b"9" * 6000,
    b"null",
    b"[1]",
    b'"schema"',
)


class AdbReplies(Kind):
    """Finding phones, reading what they are, sending a file, running the program."""

    mentions = ("SERIAL", "adb", "phone", "OTHER", "mobileseg_bench")
    starts_programs = True

    def honest(self) -> Files:
        files: Files = {}
        for name, (_, reply) in _REPLIES.items():
            files.update({f"{name}.out": reply, f"{name}.err": b"", f"{name}.status": b"0"})
        return files

    def damage(self, random: Random) -> Tuple[str, Files]:
        files = self.honest()
        names = []
        for _ in range(random.choice((1, 1, 2, 4))):
            name = random.choice(list(_REPLIES))
            names.append(name)
            way = random.randrange(5)
            if name == "bench" and way < 2 and random.random() < 0.7:
                files["bench.out"] = (to_json(damage_tree(random, _REPORT)[1]) + "\n").encode("utf-8", "surrogatepass")
                continue
            reply = files[f"{name}.out"]
            if way == 0:
                files[f"{name}.out"] = damage_bytes(random, reply)[1]
            elif way == 1:
                keeps_mark = random.random() < 0.7 and reply.endswith(_DONE)
                files[f"{name}.out"] = random.choice(_TEXTS) + (_DONE if keeps_mark else b"")
            elif way == 2:
                files[f"{name}.out"] = reply.replace(b"status:0", b"status:" + random.choice(_STATUSES))
            elif way == 3:
                files[f"{name}.err"] = random.choice(_TEXTS)
                files[f"{name}.status"] = random.choice((b"0", b"1", b"255"))
            else:
                files[f"{name}.status"] = random.choice((b"1", b"2", b"137", b"255"))
                files[f"{name}.out"] = random.choice((b"", reply, random.choice(_TEXTS)))
        return f"replies to {', '.join(names)}", files

    def attempt(self, folder: Path) -> None:
        there = shlex.quote(str(folder))
        cases = "\n".join(f"  {pattern.replace(' ', '?')}) reply={name};;" for name, (pattern, _) in _REPLIES.items())
        program = folder / "adb"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in\n{cases}\nesac\ncd {there}\n'
            "cat $reply.out\ncat $reply.err >&2\nexit $(cat $reply.status)\n"
        )
        program.chmod(0o700)
        sent = folder / "sent"
        sent.write_bytes(b"")
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{folder}{os.pathsep}{before}"
        try:
            self._use(Adb(), sent)
        finally:
            os.environ["PATH"] = before

    def _use(self, adb: Adb, sent: Path) -> None:
        list_phones(adb)
        (serial,) = choose(adb, None)
        phone = read_phone(adb, serial)
        phone.battery.warnings()
        with DeviceCache(adb, serial) as there:
            program = Program(sent, "arm64-v8a", {})
            DeviceBinary(adb, there, program, DEFAULT_SETTINGS).run(["--model", "x"])
