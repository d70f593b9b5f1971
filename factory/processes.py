"""Which process a pid means: its start, in the kernel's own count, which no step of the clock moves. What one inherits.

Standard library only: the provider plugin pays for every import on every engine run.
"""

import os
from pathlib import Path

STANDARD = 3
# As many as a process may usually have open.
MOST_DESCRIPTORS = 1 << 16


def start_ticks(pid: int) -> int:
    """When process `pid` started, in clock ticks since the boot (proc(5): field 22 of stat).

    Raises ProcessLookupError when there is none, or it has ended and only its parent does not know yet.
    """
    try:
        # The name stands in parentheses and may hold anything; fields are counted after it.
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}") from None
    if fields[0] == "Z":
        raise ProcessLookupError(f"process {pid} has ended")
    return int(fields[19])


def close_all_but(*kept: int) -> None:
    """Close every descriptor above the standard ones except those: in a forked process that goes on by itself."""
    low = STANDARD
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, MOST_DESCRIPTORS)
