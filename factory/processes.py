"""Which process a pid means: its start, in the kernel's own count, which no step of the clock moves.

Standard library only: the provider plugin pays for every import on every engine run.
"""

from pathlib import Path


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
