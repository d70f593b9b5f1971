"""A host's files for sftp and scp: each operation is read here, recorded, and asked of the host as one of our own.

The library's server would serve this machine's files: each of its operations is overridden, which a test holds, and
below them stands a root in which there is nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import asyncssh
from asyncssh.sftp import MAX_SFTP_READ_LEN, SFTPClientFile

from access.ssh.refusals import Reason, Refused
from access.ssh.transfer import Operations, Pieces

NOWHERE: Final = b"/dev/null"
WRITES: Final = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC | asyncssh.FXF_EXCL
# As the library tells clients (limits@openssh.com), and does not hold them to: one read is kept in memory as a whole.
READ_BYTES: Final = MAX_SFTP_READ_LEN
# The library answers without waiting until the client takes what was answered before: that stays in this process.
READS_AT_ONCE: Final = 8
UNREAD_BYTES: Final = 8 << 20
LOOK_SECONDS: Final = 0.02
# OpenSSH's client asks for 64 pieces ahead, the library's for 128.
MOST_READS: Final = 1024
SET: Final = ("size", "uid", "gid", "permissions", "atime", "mtime")
Found = TypeVar("Found")
Attrs = asyncssh.SFTPAttrs


@dataclass(eq=False)
class Handle:
    """A file that is open, and what has passed of it."""

    file: SFTPClientFile
    path: bytes
    read: Pieces = field(default_factory=Pieces)
    written: Pieces = field(default_factory=Pieces)


class Files(asyncssh.SFTPServer):
    """The files, as one session may have them. Of the library are the methods that it calls, one for each operation.

    `refused` is told what the scope does not allow, `broken` what ends the session.
    """

    def __init__(
        self,
        channel: "asyncssh.SSHServerChannel[bytes]",
        client: asyncssh.SFTPClient,
        log: Operations,
        *,
        writes: bool,
        refused: Callable[[Refused], None],
        broken: Callable[[Refused], None],
    ) -> None:
        super().__init__(channel, chroot=NOWHERE)
        self._client, self._log, self._writes = client, log, writes
        self._refused, self._broken = refused, broken
        self._reads, self._waiting = asyncio.Semaphore(READS_AT_ONCE), 0

    # --- What reads ---

    async def stat(self, path: bytes) -> Attrs:
        return await self._do("stat", lambda: self._client.stat(path), path)

    async def lstat(self, path: bytes) -> Attrs:
        return await self._do("lstat", lambda: self._client.lstat(path), path)

    async def fstat(self, file_obj: object) -> Attrs:
        handle = _handle(file_obj)
        return await self._do("fstat", handle.file.stat, handle.path)

    async def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        return await self._do("statvfs", lambda: self._client.statvfs(path), path)

    async def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        handle = _handle(file_obj)
        return await self._do("fstatvfs", handle.file.statvfs, handle.path)

    async def readlink(self, path: bytes) -> bytes:
        return await self._do("readlink", lambda: self._client.readlink(path), path)

    async def realpath(self, path: bytes) -> bytes:
        return await self._do("realpath", lambda: self._client.realpath(path), path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        for name in await self._do("list", lambda: self._client.readdir(path), path):
            yield name

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        handle, size = _handle(file_obj), min(size, READ_BYTES)
        self._waiting += 1
        try:
            self._require_few_waiting()
            async with self._reads:
                # The library has nothing that says when it was taken.
                while self.channel.get_write_buffer_size() > UNREAD_BYTES:  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
                data = cast(bytes, await self._moved(handle, "read", lambda: handle.file.read(size, offset), offset))
        finally:
            self._waiting -= 1
        self._pass(handle, "read", handle.read, offset, data)
        return data

    # --- What writes ---

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        handle = _handle(file_obj)
        self._pass(handle, "written", handle.written, offset, data)
        return await self._moved(handle, "write", lambda: handle.file.write(data, offset), offset)

    async def setstat(self, path: bytes, attrs: Attrs) -> None:
        await self._change("setstat", lambda: self._client.setstat(path, attrs), path, _set(attrs))

    async def lsetstat(self, path: bytes, attrs: Attrs) -> None:
        change = self._client.setstat
        await self._change("lsetstat", lambda: change(path, attrs, follow_symlinks=False), path, _set(attrs))

    async def fsetstat(self, file_obj: object, attrs: Attrs) -> None:
        handle = _handle(file_obj)
        await self._change("fsetstat", lambda: handle.file.setstat(attrs), handle.path, _set(attrs))

    async def fsync(self, file_obj: object) -> None:
        handle = _handle(file_obj)
        await self._change("fsync", handle.file.fsync, handle.path)

    async def remove(self, path: bytes) -> None:
        await self._change("remove", lambda: self._client.remove(path), path)

    async def mkdir(self, path: bytes, attrs: Attrs) -> None:
        await self._change("mkdir", lambda: self._client.mkdir(path, attrs), path, _set(attrs))

    async def rmdir(self, path: bytes) -> None:
        await self._change("rmdir", lambda: self._client.rmdir(path), path)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change("rename", lambda: self._client.rename(oldpath, newpath), oldpath, newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change("replace", lambda: self._client.posix_rename(oldpath, newpath), oldpath, newpath)

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change("symlink", lambda: self._client.symlink(oldpath, newpath), oldpath, newpath)

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        await self._change("link", lambda: self._client.link(oldpath, newpath), oldpath, newpath)

    # --- Files that are open ---

    async def open(self, path: bytes, pflags: int, attrs: Attrs) -> object:
        do = self._change if pflags & WRITES else self._do
        file = await do("open", lambda: self._client.open(path, pflags, attrs, encoding=None), path, _flags(pflags))
        return Handle(file, path)

    async def close(self, file_obj: object) -> None:
        handle = _handle(file_obj)
        told = {way: pieces.told() for way, pieces in (("read", handle.read), ("written", handle.written))}
        passed = {way: pieces for way, pieces in told.items() if pieces["bytes"]}
        await self._do("close", handle.file.close, handle.path, **passed)

    # --- What nobody gets ---

    async def open56(self, path: bytes, desired_access: int, flags: int, attrs: Attrs) -> object:
        raise asyncssh.SFTPOpUnsupported("the bastion speaks version 3")

    async def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        raise asyncssh.SFTPOpUnsupported("the bastion speaks version 3")

    async def unlock(self, file_obj: object, offset: int, length: int) -> None:
        raise asyncssh.SFTPOpUnsupported("the bastion speaks version 3")

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        # The host has said it already; the library would look up names of this machine.
        name.longname = name.longname or name.filename

    def map_path(self, path: bytes) -> bytes:
        raise asyncssh.SFTPOpUnsupported("nothing of the bastion's own is served")

    async def _do(
        self, operation: str, work: Callable[[], Awaitable[Found]], *about: bytes | str, **more: Any
    ) -> Found:
        number = self._asked(operation, *about, **more)
        began = time.monotonic()
        error: dict[str, str] = {}
        try:
            return await work()
        except asyncssh.SFTPError as problem:
            error = {"error": type(problem).__name__}
            raise
        finally:
            took = round((time.monotonic() - began) * 1000, 3)
            self._recorded(lambda: self._log.outcome(number, ms=took, **error))

    async def _change(self, operation: str, work: Callable[[], Awaitable[Found]], *about: bytes | str) -> Found:
        if self._writes:
            return await self._do(operation, work, *about)
        why = Refused(Reason.SCOPE, f"the grant is for reading: {operation} {_text(about[0])}")
        self._asked(operation, *about, refused=why.reason.value)
        self._refused(why)
        raise asyncssh.SFTPPermissionDenied(why.detail)

    def _asked(self, operation: str, *about: bytes | str, **more: Any) -> int:
        told = [_text(each) for each in about if each]
        return self._recorded(lambda: self._log.asked(operation, told, **more))

    def _pass(self, handle: Handle, way: str, pieces: Pieces, offset: int, data: bytes) -> None:
        if not pieces.joins(offset, data) and data:
            self._recorded(lambda: self._log.piece(_text(handle.path), way, offset, data))

    async def _moved(self, handle: Handle, way: str, work: Callable[[], Awaitable[Found]], offset: int) -> Found:
        try:
            return await work()
        except asyncssh.SFTPError as error:
            failed, kind = self._asked(way, handle.path, f"at {offset}"), type(error).__name__
            self._recorded(lambda: self._log.outcome(failed, error=kind))
            raise

    def _require_few_waiting(self) -> None:
        if self._waiting > MOST_READS:
            why = Refused(Reason.LIMIT, f"{MOST_READS} reads are asked for, and none is taken")
            self._broken(why)
            raise asyncssh.SFTPFailure(why.detail)

    def _recorded(self, write: Callable[[], Found]) -> Found:
        try:
            return write()
        except Refused as why:
            self._broken(why)
            raise asyncssh.SFTPFailure(why.detail) from None


def _handle(file_obj: object) -> Handle:
    if not isinstance(file_obj, Handle):
        raise asyncssh.SFTPFailure("this is no file that was opened here")
    return file_obj


def _set(attrs: Attrs) -> str:
    found = {name: value for name in SET if (value := getattr(attrs, name, None)) is not None}
    return ",".join(f"{name}={oct(value) if name == 'permissions' else value}" for name, value in found.items())


def _flags(pflags: int) -> str:
    names = {
        "read": asyncssh.FXF_READ,
        "write": asyncssh.FXF_WRITE,
        "append": asyncssh.FXF_APPEND,
        "create": asyncssh.FXF_CREAT,
        "truncate": asyncssh.FXF_TRUNC,
        "new": asyncssh.FXF_EXCL,
    }
    return ",".join(name for name, flag in names.items() if pflags & flag)


def _text(path: bytes | str) -> str:
    return path if isinstance(path, str) else path.decode(errors="backslashreplace")
