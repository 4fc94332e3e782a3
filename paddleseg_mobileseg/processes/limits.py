"""How much memory and disk a child process may take that works on what a stranger made."""

import os
import resource
from typing import Optional

_LEAST_MEMORY, _MOST_MEMORY = 2 << 30, 8 << 30
_THREAD_MEMORY = 32 << 20
FILE_BYTES = 64 << 20
"""Of a file that a child writes, its log among them, unless it is asked for a larger one."""


def memory_limit() -> int:
    """Bytes of memory for one child: half of the machine's, but 2 to 8 GiB, and the stacks of its maths libraries."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(machine // 2, _LEAST_MEMORY), _MOST_MEMORY) + _THREAD_MEMORY * (os.cpu_count() or 1)


def confine(pid: int, memory: Optional[int] = None, file_bytes: int = FILE_BYTES) -> None:
    """Limit a child of ours that has just been started.

    Args:
        pid: its number.
        memory: bytes that it can write to (RLIMIT_DATA; Paddle reserves far more addresses than it uses);
            `memory_limit` if None.
        file_bytes: of the largest file that it may write. It leaves no core dump.
    """
    limits = {
        resource.RLIMIT_DATA: memory or memory_limit(), resource.RLIMIT_FSIZE: file_bytes, resource.RLIMIT_CORE: 0
    }
    for kind, wanted in limits.items():
        try:
            _, hard = resource.prlimit(pid, kind)
            if hard != resource.RLIM_INFINITY:
                wanted = min(wanted, hard)
            resource.prlimit(pid, kind, (wanted, wanted))
        except (ProcessLookupError, PermissionError):
            # It has ended already, which its first answer tells; or the system lets nobody lower another's limits.
            return
