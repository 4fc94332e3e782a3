"""The one place that calls `adb`: with a time limit, and with its failures as our errors."""

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

from ...errors import InputError, MobilesegError, ToolError, shown
from ...processes.tool import Finished, last_words, run_to_end

_QUICK = 60
# A slow cable still moves this many bytes a second.
_SLOWEST_TRANSFER = 500_000
_LARGEST_PULL = 200_000_000
# Linux takes 128 KiB as one argument, which is what the shell on the phone gets.
_LONGEST_COMMAND = 120_000
_STATUS = "mobileseg-status:"
_STATUS_NUMBER = re.compile(r"[0-9]{1,3}")

CONNECT = "connect a phone, switch on USB debugging in its developer options, and look at `adb devices`"
UNAUTHORIZED = "unlock it and allow USB debugging from this computer, then try again"
OFFLINE = "pull the cable and plug it in again, or run `adb reconnect offline`"
NO_PERMISSION = "add a udev rule for it (Debian and Ubuntu: apt-get install android-sdk-platform-tools-common)"
_LOST = "was lost: was it pulled out or switched off? Connect it again"
_NO_SPACE = "has no space left in /data/local/tmp: free some"

# What adb says, in the words of its releases since 2017, and what that means for the phone it was asked about.
_FAULTS = [
    (re.compile(r"unauthorized|still authorizing"), f"does not trust this computer: {UNAUTHORIZED}"),
    (re.compile(r"[Nn]o space left on device|ENOSPC"), _NO_SPACE),
    (re.compile(r"insufficient permissions|no permissions"), f"may not be opened by this user: {NO_PERMISSION}"),
    (re.compile(r"device offline|still connecting"), f"is offline: {OFFLINE}"),
    (
        re.compile(
            r"device '.*' not found|no devices/emulators found|couldn't read from device|error: closed|connect failed|"
            r"failed to read copy response|protocol fault|[Cc]onnection reset|device disconnected|transport error"
        ),
        _LOST,
    ),
]
_SERVER = re.compile(r"cannot connect to daemon|failed to (start|check) .*(daemon|server)|ADB [Ss]erver|smartsocket")


def command_line(words: Sequence[str]) -> str:
    """`words` for a POSIX shell, each of them quoted, so that it means nothing but itself."""
    return " ".join(map(shlex.quote, words))


@dataclass(frozen=True)
class Connected:
    """One row of `adb devices`.

    Attributes:
        state: "device" if it can be used; else "unauthorized", "offline", "no permissions" or another word of adb's.
    """

    serial: str
    state: str


def phone_fault(serial: str, output: str) -> Optional[MobilesegError]:
    """The error that words of adb, or of a command on the phone, are known to mean; None if they are not."""
    if _SERVER.search(output):
        return ToolError(f"adb's server does not answer ({last_words(output)}); run `adb kill-server` and try again")
    for pattern, meaning in _FAULTS:
        if pattern.search(output):
            return ToolError(f"the phone {serial} {meaning}")
    return None


class Adb:
    """The `adb` on the PATH.

    Raises:
        InputError: there is none.
    """

    def __init__(self) -> None:
        found = shutil.which("adb")
        if found is None:
            raise InputError(
                "there is no adb on the PATH, and phones are reached through it; "
                "install it: `apt-get install adb`, or Android's platform-tools"
            )
        self._program = found

    def _run(self, arguments: Sequence[str], timeout: float, doing: str) -> Finished:
        return run_to_end([self._program, *arguments], doing, timeout)

    def version(self) -> str:
        """What adb calls itself.

        Raises:
            ToolError: adb failed.
        """
        answer = self._run(["version"], _QUICK, "adb version")
        if answer.status != 0:
            raise ToolError(f"adb version failed: {last_words(answer.stderr)}")
        return (answer.stdout.splitlines() or ["adb"])[0]

    def devices(self) -> List[Connected]:
        """Every phone and emulator that adb knows, usable or not.

        Raises:
            ToolError: adb or its server failed.
        """
        answer = self._run(["devices"], _QUICK, "adb devices")
        if answer.status != 0:
            raise phone_fault("", answer.stderr) or ToolError(f"adb devices failed: {last_words(answer.stderr)}")
        rows = [row.split("\t", 1) for row in answer.stdout.splitlines() if "\t" in row]
        return [Connected(serial, re.sub(r"(no permissions).*", r"\1", state.strip())) for serial, state in rows]

    def features(self, serial: str) -> List[str]:
        """What the phone's end of adb can do, such as "shell_v2"."""
        answer = self._run(["-s", serial, "features"], _QUICK, f"adb features of {serial}")
        if answer.status != 0:
            raise self._failed(serial, "adb features", answer)
        return answer.stdout.split()

    def shell(self, serial: str, words: Sequence[str], timeout: float = _QUICK) -> Finished:
        """Run a command of the phone to its end; its status is in the answer and not checked.

        Args:
            serial: of the phone.
            words: the command and its arguments, as they are: quoting them is done here.
            timeout: seconds.

        Raises:
            ToolError: the phone did not answer in time, or was lost.
        """
        # adb exits with status 0 when the phone is lost, so the shell itself has to say that it came to the end.
        command = f"{command_line(words)}; echo {_STATUS}$?"
        answer = self._run(["-s", serial, "shell", command], timeout, f"`{words[0]}` on {serial}")
        output, mark, status = answer.stdout.rpartition(_STATUS)
        if not mark:
            raise self._failed(serial, words[0], answer)
        if not _STATUS_NUMBER.fullmatch(status.strip()):
            raise ToolError(f"the phone {serial} gave {shown(status.strip(), 40)!r} as the status of `{words[0]}`")
        return Finished(int(status), output, answer.stderr)

    def checked_shell(self, serial: str, words: Sequence[str], timeout: float = _QUICK) -> str:
        """As `shell`, for a command that must succeed: its standard output.

        Raises:
            ToolError: it failed, or the phone did.
        """
        answer = self.shell(serial, words, timeout)
        if answer.status != 0:
            raise self._failed(serial, words[0], answer)
        return answer.stdout

    def run_program(self, serial: str, words: Sequence[str], libraries: str, pid_file: str, timeout: float) -> Finished:
        """Run a program on the phone; whatever ends this call early ends the program too.

        Args:
            serial: of the phone.
            words: the program's path and its arguments, as they are.
            libraries: LD_LIBRARY_PATH.
            pid_file: path on the phone to keep the number of its process in.
            timeout: seconds.

        Returns:
            What it wrote. Nothing at all with a status of 0 is what a lost phone looks like.

        Raises:
            InputError: the arguments are too long.
            ToolError: it took too long, or the phone was lost.
        """
        # exec: the shell's process becomes the program's, so the number is right, and adb's hang-up reaches it.
        command = (
            f"echo $$ > {shlex.quote(pid_file)} && "
            f"LD_LIBRARY_PATH={shlex.quote(libraries)} exec {command_line(words)}"
        )
        if len(command) > _LONGEST_COMMAND:
            raise InputError(f"a phone's shell does not take {len(command)} characters at once: give fewer images")
        name = Path(words[0]).name
        try:
            return self._run(["-s", serial, "shell", command], timeout, f"{name} on {serial}")
        except BaseException:
            self._kill(serial, pid_file)
            raise

    def _kill(self, serial: str, pid_file: str) -> None:
        try:
            pid = self.shell(serial, ["cat", pid_file], timeout=10).stdout.strip()
            if re.fullmatch("[0-9]+", pid):
                self.shell(serial, ["kill", "-9", pid], timeout=10)
        except MobilesegError:
            pass  # the phone is gone, and its own end of adb hangs up on the program

    def is_usable(self, serial: str) -> bool:
        """Whether the phone is still there."""
        return Connected(serial, "device") in self.devices()

    def push(self, serial: str, local: Path, remote: str) -> None:
        """Copy a file to the phone; the folder of `remote` is made.

        Raises:
            ToolError: there is no space, or the phone was lost.
        """
        size = local.stat().st_size
        self._transfer(serial, ["push", str(local.resolve()), remote], size)

    def pull(self, serial: str, remote: str, local: Path) -> None:
        """Copy a file from the phone.

        Raises:
            ToolError: it is not there, it cannot be written here, or the phone was lost.
        """
        self._transfer(serial, ["pull", remote, str(local.resolve())], _LARGEST_PULL)

    def _transfer(self, serial: str, arguments: List[str], size: int) -> None:
        doing = f"adb {arguments[0]} of {Path(arguments[1]).name}"
        answer = self._run(["-s", serial, *arguments], _QUICK + size / _SLOWEST_TRANSFER, f"{doing} ({serial})")
        if answer.status != 0:
            raise self._failed(serial, doing, answer)

    def _failed(self, serial: str, doing: str, answer: Finished) -> MobilesegError:
        # Without a terminal some releases write their errors to standard output.
        lines = (answer.stderr + "\n" + answer.stdout).splitlines()
        # The reason stands behind the names of the files, which may hold any words.
        output = "\n".join(line.rpartition("': ")[2] for line in lines if " skipped. " not in line)
        known = phone_fault(serial, output)
        if known is None and not output.strip() and not self.is_usable(serial):
            known = ToolError(f"the phone {serial} {_LOST}")
        failed = f"{doing} failed on the phone {serial} (status {answer.status})"
        return known or ToolError(f"{failed}: {last_words(output)}")

    def lost_or(self, serial: str, other: MobilesegError) -> MobilesegError:
        """The error of a lost phone if it is lost, and `other` if it is still there."""
        return other if self.is_usable(serial) else ToolError(f"the phone {serial} {_LOST}")
