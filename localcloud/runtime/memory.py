"""How much memory a process and everything below it hold, from the kernel's own tables."""

import os
from pathlib import Path
from typing import Final

MOST_PROCESSES: Final = 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found: list[int] = []
    unseen = [pid]
    while unseen and len(found) < MOST_PROCESSES:
        pid = unseen.pop()
        found.append(pid)
        try:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                unseen += map(int, (thread / "children").read_text().split())
        except (OSError, ValueError):
            # It has just ended.
            continue
    return found


def resident(pid: int) -> int:
    """Bytes that a process holds for itself; what it shares with others is nobody's. 0 for one that is gone."""
    try:
        # proc(5): statm counts pages; the second field is what is resident, the third what is shared of it.
        _, all_pages, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(all_pages) - int(shared)) * PAGE
