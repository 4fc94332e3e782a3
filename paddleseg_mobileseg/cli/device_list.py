"""`mobileseg device list`: the phones that adb knows."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any, Dict, List

from ..deploy.android.adb import CONNECT, Adb
from ..deploy.android.phone import Listed, list_phones
from ..report.tables import Table, cell
from .device_options import warn

EXAMPLE = "mobileseg device list"

_TITLES = ("serial", "state", "model", "chip", "ABI", "Android", "fp16", "dot product", "battery", "free")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> None:
    listed = list_phones(Adb())
    if args.json:
        print(json.dumps([_to_dict(row) for row in listed], indent=2))
        return
    if not listed:
        print(f"no phone is connected: {CONNECT}", file=sys.stderr)
        return
    print(table(listed))
    for row in listed:
        for message in [row.fault] if row.phone is None else row.phone.battery.warnings():
            warn(message if row.phone is None else f"{row.phone.serial}: {message}")


def _to_dict(row: Listed) -> Dict[str, Any]:
    return {
        "serial": row.connected.serial,
        "state": row.connected.state,
        "fault": row.fault,
        "phone": asdict(row.phone) if row.phone else None,
    }


def table(listed: List[Listed]) -> str:
    """A Markdown table: one row a phone."""
    rows = []
    for row in listed:
        cells = [row.connected.serial, row.connected.state, *["-"] * (len(_TITLES) - 2)]
        phone = row.phone
        if phone:
            cells[2:] = [
                phone.model,
                phone.soc,
                ", ".join(phone.abis) or "-",
                phone.android,
                "yes" if phone.fp16 else "no",
                "yes" if phone.dot_product else "no",
                f"{cell(phone.battery.level, '{} %')}, {cell(phone.battery.temperature_c, '{:g} °C')}",
                cell(phone.free_bytes and phone.free_bytes / 1e9, "{:.1f} GB"),
            ]
        rows.append(cells)
    return Table("l" * len(_TITLES), _TITLES, rows).markdown()
