"""What everything in a sandbox uses together, from the kernel's own tables: a limit of each process bounds no sum."""

import os
import stat
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from sandbox.bubblewrap import DEPTH
from sandbox.model import Confined

MIB = 1024 * 1024
MOST_PROCESSES = 1024
INTERVAL_SECONDS = 0.25
# A look takes at most a tenth of the time.
RESTS = 10
# No process fills a folder faster: room for so many bytes lasts a second, and needs no look before.
FILLED_PER_SECOND = 1024 * MIB
# Folders can be reached from outside the sandbox too.
LONGEST_DISK_SECONDS = 10.0
# Each name costs something, also where the file is empty.
LEAST_BYTES = 4096
BLOCK = 512
# Nothing honest lies deeper, and each level costs a descriptor while it is looked at.
DEEPEST = 128
INODE_BYTES = 1024
IN_MEMORY = ("tmp", "dev/shm")


def family(pid: int, most: int = MOST_PROCESSES) -> list[int]:
    """The process and its descendants, up to `most`."""
    found: list[int] = []
    unseen = [pid]
    while unseen and len(found) < most:
        pid = unseen.pop()
        found.append(pid)
        try:
            for thread in Path(f"/proc/{pid}/task").iterdir():
                unseen += map(int, (thread / "children").read_text().split())
        except (OSError, ValueError):
            # It has just ended.
            continue
    return found


def memory(pid: int, enough: int = 0) -> int:
    """Bytes of memory that the sandbox of the process `pid` holds, also in shared mappings and in files in memory.

    A file of /tmp that is mapped counts twice. Where no more than `enough` is held even if each process's shared pages
    were its own, that is told: it is never less, and the kernel tells it without walking all mappings.
    """
    members = family(pid)
    files = {key: size for key, (name, size) in _nameless(members).items() if name.startswith("/memfd:")}
    others = sum(files.values()) + _in_memory(members)
    resident = sum(map(_resident, members)) + others
    return resident if resident <= enough else sum(map(_mapped, members)) + others


def _mapped(pid: int) -> int:
    """Pss divides what is shared among those that share it."""
    return _told(pid, "smaps_rollup", ("Pss_Anon", "Pss_Shmem")) or _resident(pid)


def _resident(pid: int) -> int:
    return _told(pid, "status", ("RssAnon", "RssShmem"))


def _told(pid: int, name: str, fields: tuple[str, ...]) -> int:
    """The sum of lines of a table of the process, in bytes; proc(5): "Pss_Anon:     1234 kB"."""
    try:
        lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(fields)) * 1024


def _in_memory(members: Sequence[int]) -> int:
    """What the file systems in memory of the sandbox hold, with their inodes."""
    used = 0
    for pid in members[DEPTH - 1 : DEPTH]:
        # The sandbox's init: the first one that sees the sandbox's files.
        for name in IN_MEMORY:
            try:
                folder = Path(f"/proc/{pid}/root/{name}")
                if folder.stat().st_dev == Path("/", name).stat().st_dev:
                    continue
                told = os.statvfs(folder)
            except OSError:
                continue
            used += (told.f_blocks - told.f_bfree) * told.f_frsize + (told.f_files - told.f_ffree) * INODE_BYTES
    return used


def _nameless(members: Iterable[int]) -> dict[tuple[int, int], tuple[str, int]]:
    """Files that are open and have no name any more: device and inode, what the name was, bytes held."""
    found: dict[tuple[int, int], tuple[str, int]] = {}
    for pid in members:
        try:
            opened = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208 -- thousands, several times a second
        except OSError:
            continue
        for number in opened:
            try:
                told = os.stat(f"/proc/{pid}/fd/{number}")  # noqa: PTH116 -- as above
                if stat.S_ISREG(told.st_mode) and told.st_nlink == 0:
                    name = os.readlink(f"/proc/{pid}/fd/{number}")  # noqa: PTH115 -- as above
                    found[told.st_dev, told.st_ino] = (name, told.st_blocks * BLOCK)
            except OSError:
                continue
    return found


def disk(folders: Iterable[Path], most: int) -> int:
    """Bytes that the folders hold; looks no further once there are more than `most`.

    What is too deep, or may not be looked into, counts as more than `most`: nothing may hide there.
    """
    used = 0
    for folder in folders:
        try:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            continue
        used = _below(opened, used, most, DEEPEST)
        if used > most:
            break
    return used


def _below(folder: int, used: int, most: int, levels: int) -> int:
    """`used` and what is in the open folder, which is closed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    told = entry.stat(follow_symlinks=False)
                    used += max(LEAST_BYTES, told.st_blocks * BLOCK)
                    if used <= most and stat.S_ISDIR(told.st_mode):
                        if levels == 0:
                            return most + 1
                        inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                        used = _below(inner, used, most, levels - 1)
                except PermissionError:
                    return most + 1
                except OSError:
                    # It has just been removed.
                    continue
                if used > most:
                    break
    finally:
        os.close(folder)
    return used


class Watch:
    """Looks now and then whether a sandbox uses more in sum than it may.

    At its processes several times a second; at its folders, which costs ten times as much, as soon as they could be
    over the limit.
    """

    def __init__(self, confined: Confined) -> None:
        self._limits = confined.limits
        self._folders = [bind.host for bind in confined.binds if bind.writable]
        self._due = self._disk_due = time.monotonic() + INTERVAL_SECONDS

    def rest(self) -> float:
        """Seconds until the next look."""
        return max(0.0, self._due - time.monotonic())

    def overuse(self, pid: int) -> str:
        """What the sandbox of the process `pid` uses too much of; empty when nothing, or when no look is due."""
        begun = time.monotonic()
        if begun < self._due:
            return ""
        try:
            return self._look(pid)
        finally:
            now = time.monotonic()
            self._due = now + max(INTERVAL_SECONDS, RESTS * (now - begun))

    def _look(self, pid: int) -> str:
        most = self._limits.processes + DEPTH
        members = family(pid, most + 1)
        if len(members) > most:
            return f"ProcessLimitExceeded: it has more than {self._limits.processes} processes"
        if time.monotonic() < self._disk_due:
            return ""
        allowed = self._limits.disk_mib * MIB
        used = self._on_disk(members, allowed)
        if used > allowed:
            limit = self._limits.disk_mib
            return f"DiskLimitExceeded: its folders hold more than {limit} MiB, or what cannot be looked into"
        self._disk_due = time.monotonic() + min((allowed - used) / FILLED_PER_SECOND, LONGEST_DISK_SECONDS)
        return ""

    def _on_disk(self, members: Sequence[int], allowed: int) -> int:
        used = disk(self._folders, allowed)
        if self._folders and used <= allowed:
            # A file that is removed while it is open takes room all the same.
            devices = {folder.stat().st_dev for folder in self._folders if folder.exists()}
            used += sum(size for (device, _), (_, size) in _nameless(members).items() if device in devices)
        return used
