"""What a phone is: its processor, its Android, its battery, as far as they bear on a measurement."""

import os
import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from ...errors import InputError, MobilesegError, ToolError
from .adb import CONNECT, NO_PERMISSION, OFFLINE, UNAUTHORIZED, Adb, Connected

# Where adb's user may write and execute.
WRITABLE = "/data/local/tmp"

# Android's ABIs that Paddle-Lite is released for, and the machine in the header of their programs (ELF e_machine).
ABI_MACHINES = {"arm64-v8a": 183, "armeabi-v7a": 40}

_LOW_BATTERY = 20
_WARM_BATTERY_C = 38.0
_CHARGING = 2


@dataclass(frozen=True)
class Battery:
    """As Android's battery service tells; None for what it does not.

    Attributes:
        level: percent.
        saver: battery saver is on, which lowers clock frequencies.
    """

    level: Optional[int]
    temperature_c: Optional[float]
    charging: Optional[bool]
    saver: Optional[bool]

    def warnings(self) -> List[str]:
        """What of it makes a phone slower than it can be, and what to do."""
        found = []
        if self.saver:
            found.append("battery saver is on, which slows it down: switch it off")
        if self.level is not None and self.level < _LOW_BATTERY:
            found.append(f"its battery is at {self.level} %, where phones slow down: charge it first")
        if self.temperature_c is not None and self.temperature_c >= _WARM_BATTERY_C:
            heat = "charging has warmed it" if self.charging else "it is warm"
            found.append(f"{heat} (battery at {self.temperature_c:g} °C), which slows it down: let it cool")
        return found


# Other digits than these, and more of them, are no numbers of a phone's.
_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Phone:
    """A phone that can be used.

    Attributes:
        abis: what its programs may be for, the preferred first, such as "arm64-v8a".
        soc: the name of its chip.
        api_level: Android's, as a number.
        fp16: its cores compute in half precision (asimdhp).
        dot_product: they have 8-bit dot products (asimddp).
        cores: how many /proc/cpuinfo lists.
        free_bytes: left in /data/local/tmp; None if unknown.
    """

    serial: str
    model: str
    soc: str
    abis: List[str]
    android: str
    api_level: Optional[int]
    fp16: bool
    dot_product: bool
    cores: int
    battery: Battery
    free_bytes: Optional[int]

    @property
    def system(self) -> str:
        return f"Android {self.android} {self.abis[0] if self.abis else ''}".strip()


_STATE_ADVICE = {
    "unauthorized": f"does not trust this computer: {UNAUTHORIZED}",
    "authorizing": f"does not trust this computer yet: {UNAUTHORIZED}",
    "offline": f"is offline: {OFFLINE}",
    "no permissions": f"may not be opened by this user: {NO_PERMISSION}",
}


def state_fault(connected: Connected) -> Optional[str]:
    """Why a phone cannot be used, and what to do; None if it can."""
    if connected.state == "device":
        return None
    advice = _STATE_ADVICE.get(connected.state, f"is in the state '{connected.state}': start Android on it")
    return f"the phone {connected.serial} {advice}"


def choose(adb: Adb, serials: Optional[Sequence[str]]) -> List[str]:
    """The serial numbers of the phones to use: those asked for, or ANDROID_SERIAL's, or the only one.

    Raises:
        InputError: there is none, one that was asked for is not connected, or there are several and none was asked for.
        ToolError: a phone is there but cannot be used.
    """
    connected = {device.serial: device for device in adb.devices()}
    named = os.environ.get("ANDROID_SERIAL")
    asked = list(dict.fromkeys(serials or ([named] if named else [])))
    if not connected:
        raise InputError(f"no phone is connected: {CONNECT}")
    unknown = [serial for serial in asked if serial not in connected]
    if unknown:
        raise InputError(f"there is no phone {unknown[0]}; connected: {', '.join(connected)}")
    usable = [serial for serial, device in connected.items() if device.state == "device"]
    if not asked and len(usable) > 1:
        raise InputError(f"{len(usable)} phones are connected: choose with --device, from {', '.join(usable)}")
    chosen = asked or usable[:1] or list(connected)[:1]
    for serial in chosen:
        fault = state_fault(connected[serial])
        if fault:
            raise ToolError(fault)
    return chosen


def read_phone(adb: Adb, serial: str) -> Phone:
    """Ask a phone what it is.

    Raises:
        ToolError: it does not answer, or its adb is too old to tell the exit status of a program.
    """
    if "shell_v2" not in adb.features(serial):
        raise ToolError(f"the phone {serial} does not tell the exit status of programs: it needs Android 7 or newer")
    properties = parse_properties(adb.checked_shell(serial, ["getprop"]))
    cores = parse_cores(adb.shell(serial, ["cat", "/proc/cpuinfo"]).stdout)
    features = set.intersection(*cores) if cores else set()
    maker, model = (properties.get(f"ro.product.{name}", "") for name in ("manufacturer", "model"))
    abis = properties.get("ro.product.cpu.abilist") or properties.get("ro.product.cpu.abi", "")
    level = properties.get("ro.build.version.sdk", "")
    return Phone(
        serial=serial,
        model=f"{maker} {model}".strip() or "unknown",
        soc=next(filter(None, map(properties.get, ("ro.soc.model", "ro.board.platform", "ro.hardware"))), "unknown"),
        abis=[abi for abi in abis.split(",") if abi],
        android=properties.get("ro.build.version.release", "unknown"),
        api_level=int(level) if _NUMBER.fullmatch(level) else None,
        fp16="asimdhp" in features,
        dot_product="asimddp" in features,
        cores=len(cores),
        battery=read_battery(adb, serial),
        free_bytes=parse_free_bytes(adb.shell(serial, ["df", "-k", WRITABLE]).stdout),
    )


def read_battery(adb: Adb, serial: str) -> Battery:
    """The battery now.

    Raises:
        ToolError: the phone was lost.
    """
    facts = parse_battery(adb.shell(serial, ["dumpsys", "battery"]).stdout)
    saver = adb.shell(serial, ["settings", "get", "global", "low_power"]).stdout.strip()
    scale = facts.get("scale") or 100
    return Battery(
        level=round(100 * facts["level"] / scale) if "level" in facts else None,
        temperature_c=facts["temperature"] / 10 if "temperature" in facts else None,
        charging=facts["status"] == _CHARGING if "status" in facts else None,
        saver={"0": False, "1": True}.get(saver),
    )


def read_thermal_status(adb: Adb, serial: str) -> Optional[int]:
    """How hot Android calls the phone now: 0 none, 1 light, 2 moderate, 3 severe, to 6; None before Android 10.

    Raises:
        ToolError: the phone was lost.
    """
    return parse_thermal_status(adb.shell(serial, ["dumpsys", "thermalservice"]).stdout)


def parse_thermal_status(text: str) -> Optional[int]:
    """`dumpsys thermalservice`: its line "Thermal Status: 1"."""
    found = re.search(r"^\s*Thermal Status: ([0-6])\s*$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def parse_properties(text: str) -> Dict[str, str]:
    """`getprop`: "[ro.product.model]: [Pixel]" -> its name and its value."""
    return dict(re.findall(r"^\[(.+?)\]: \[(.*)\]\s*$", text, re.MULTILINE))


def parse_cores(text: str) -> List[set]:
    """/proc/cpuinfo of an ARM kernel: the features of each core."""
    return [set(row.split()) for row in re.findall(r"^Features\s*:(.*)$", text, re.MULTILINE)]


def parse_battery(text: str) -> Dict[str, int]:
    """`dumpsys battery`: its numbers by name."""
    return {name: int(value) for name, value in re.findall(r"^\s*(\w+): (-?[0-9]{1,18})\s*$", text, re.MULTILINE)}


def parse_free_bytes(text: str) -> Optional[int]:
    """`df -k`: the column "Available" of its last row, in bytes."""
    rows = [row.split() for row in text.splitlines() if row.strip()]
    if len(rows) < 2:
        return None
    column = next((index for index, title in enumerate(rows[0]) if title in ("Available", "Avail", "Free")), None)
    value = rows[-1][column] if column is not None and column < len(rows[-1]) else ""
    return int(value) * 1024 if _NUMBER.fullmatch(value) else None


@dataclass(frozen=True)
class Listed:
    """A row of a listing: a phone, or why it cannot be used."""

    connected: Connected
    phone: Optional[Phone]
    fault: Optional[str]


def list_phones(adb: Adb) -> List[Listed]:
    """Every phone that adb knows.

    Raises:
        ToolError: adb failed.
    """
    return [_describe(adb, connected) for connected in adb.devices()]


def _describe(adb: Adb, connected: Connected) -> Listed:
    fault = state_fault(connected)
    if fault:
        return Listed(connected, None, fault)
    try:
        return Listed(connected, read_phone(adb, connected.serial), None)
    except MobilesegError as error:
        return Listed(connected, None, str(error))
