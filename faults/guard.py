"""What a case does to the world while it is read: files written elsewhere, programs started, connections made."""

import os
import sys
from pathlib import Path
from typing import Any, List, Tuple

_PROGRAMS = ("os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pty.spawn")
_NEVER = ("os.system", "os.spawn", "socket.connect", "socket.bind", "webbrowser.open", "urllib.Request")
_CHANGES = {
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.link": 2,
    "os.symlink": 2,
    "os.chmod": 1,
    "os.chown": 1,
    "os.truncate": 1,
    "shutil.rmtree": 1,
    "shutil.move": 2,
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Notes what Python's audit events tell of side effects; there is one a process, since a hook cannot be removed.

    Args:
        own: the folder in which a case may write.
    """

    def __init__(self, own: Path):
        self._own = str(own.resolve()) + os.sep
        self._watching = False
        self._programs = False
        self._seen: List[str] = []
        sys.addaudithook(self._note)

    def watch(self, programs: bool) -> None:
        """Begin; `programs` says whether some may be started."""
        self._seen, self._programs, self._watching = [], programs, True

    def stop(self) -> List[str]:
        """What was seen since."""
        self._watching = False
        return self._seen

    def _note(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = isinstance(flags, int) and flags & _WRITING
            if writes and not isinstance(path, int) and self._elsewhere(path):
                self._seen.append(f"opened {os.fsdecode(path)[:200]} for writing")
        elif event in _NEVER or (event in _PROGRAMS and not self._programs):
            self._seen.append(f"{event} {str(arguments)[:200]}")
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                if isinstance(path, (str, bytes, os.PathLike)) and self._elsewhere(path):
                    self._seen.append(f"{event} {os.fsdecode(path)[:200]}")

    def _elsewhere(self, path: Any) -> bool:
        name = os.path.abspath(os.fsdecode(path))
        return name != "/dev/null" and not name.startswith(self._own)
