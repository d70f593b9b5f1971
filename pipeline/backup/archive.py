"""The archive's own form: a tar file, compressed, whose first member is the manifest. Nothing here knows a factory."""

import contextlib
import gzip
import hashlib
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from factory.errors import InputError, MillwrightError
from pipeline.backup.manifest import CONTENT, NAME, Entry, Manifest, parse
from pipeline.backup.progress import Counter, Report

# Everything stands still meanwhile, and what is copied is mostly empty pages.
COMPRESSION = 3
CHUNK = 1 << 20
MOST_MANIFEST_BYTES = 256 << 20
OWNER_ONLY = 0o700
Opener = Callable[[Entry], BinaryIO]


def write(target: BinaryIO, manifest: Manifest, opened: Opener, report: Report) -> None:
    """Write the archive of `manifest`; `opened` gives each file's bytes.

    Raises MillwrightError when a file is no longer what the manifest says.
    """
    progress = Counter("writing the archive", manifest.size, report)
    with (
        gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=COMPRESSION, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        text = manifest.model_dump_json(exclude_defaults=False).encode()
        head = tarfile.TarInfo(NAME)
        head.size, head.mode = len(text), 0o600
        tar.addfile(head, io.BytesIO(text))
        for entry in manifest.entries:
            if entry.kind != "link":
                _add(tar, entry, opened, progress)


def read_manifest(file: Path) -> Manifest:
    """What the archive says about itself. Raises InputError for a file that is none, is newer or damaged."""
    with _reading(file) as tar:
        return _manifest(tar)


def extract(file: Path, manifest: Manifest, folder: Path, report: Report) -> None:
    """Make in the empty `folder` everything that the archive holds, and verify it: each file's checksum, none missing.

    Raises InputError for an archive that is damaged, cut short, or is not what `manifest` says. What had been written
    until then is in `folder`.
    """
    with _reading(file) as tar:
        if _manifest(tar) != manifest:
            raise InputError("it was exchanged while it was read")
        progress = Counter("restoring", manifest.size, report)
        for entry in manifest.entries:
            if entry.kind == "folder":
                (folder / entry.path).mkdir(mode=OWNER_ONLY)
        missing = {f"{CONTENT}/{entry.path}": entry for entry in manifest.entries if entry.kind != "link"}
        # Iterating would begin with the manifest again.
        while (member := tar.next()) is not None:
            _take(tar, member, missing.pop(member.name, None), folder, progress)
        if missing:
            raise InputError(f"{len(missing)} files are missing in it, the first of them {min(missing)}")
    # Last: nothing is ever written through a link, and a folder may be one that nobody may write.
    for entry in reversed(manifest.entries):
        if entry.kind == "link":
            (folder / entry.path).symlink_to(entry.target or "")
        elif entry.kind == "folder":
            (folder / entry.path).chmod(entry.mode)


def _add(tar: tarfile.TarFile, entry: Entry, opened: Opener, progress: Counter) -> None:
    info = tarfile.TarInfo(f"{CONTENT}/{entry.path}")
    info.mode = entry.mode
    if entry.kind == "folder":
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
        return
    info.size = entry.size
    with opened(entry) as file:
        read = _Hashed(file, progress)
        tar.addfile(info, read)
        longer = bool(file.read(1))
    if longer or read.digest.hexdigest() != entry.sha256:
        raise MillwrightError(f"{entry.path} changed while it was copied", hint="try again")


class _Hashed(io.RawIOBase):
    """Bytes on their way into the archive, hashed and counted."""

    def __init__(self, file: BinaryIO, progress: Counter) -> None:
        self._file = file
        self._progress = progress
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self.digest.update(data)
        self._progress.add(len(data))
        return data


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[tarfile.TarFile]:
    """The archive, to be read once from its beginning, and to its end: what was cut off is noticed."""
    try:
        with gzip.open(file, "rb") as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                yield tar
            while packed.read(CHUNK):
                pass
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{file}: it is damaged or cut short, or no backup: {error}", hint="nothing was changed; take another one"
        ) from None
    except InputError as error:
        raise InputError(f"{file}: {error}", hint=error.hint or "nothing was changed; take another one") from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != NAME or not first.isreg() or first.size > MOST_MANIFEST_BYTES:
        raise InputError("it is no backup of a factory", hint="it is what `millwright factory backup` writes")
    return parse(_content(tar, first).read())


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise InputError(f"{member.name} has no content")
    return content


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry | None, folder: Path, progress: Counter) -> None:
    """One member: refused unless it is what the manifest names."""
    # Also refuses paths that lead out, absolute ones, and devices.
    tarfile.data_filter(member, str(folder))
    if entry is None:
        raise InputError(f"it holds {member.name!r}, which its manifest does not name")
    if not (member.isreg() if entry.kind == "file" else member.isdir()) or member.size != entry.size:
        raise InputError(f"{member.name!r} in it is not the {entry.kind} that its manifest names")
    if entry.kind == "folder":
        return
    digest = hashlib.sha256()
    content = _content(tar, member)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(folder / entry.path, flags, stat.S_IRUSR | stat.S_IWUSR), "wb") as file:
        while data := content.read(CHUNK):
            digest.update(data)
            file.write(data)
            progress.add(len(data))
    if digest.hexdigest() != entry.sha256:
        raise InputError(f"{member.name!r} in it is not what was saved")
    (folder / entry.path).chmod(entry.mode)
