"""An app's source tree as one digest: what an artefact is named by."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def source_digest(folder: Path, files: Iterable[Path] | None = None) -> str:
    """SHA-256 over the paths, modes (executable or not) and contents of a source tree; caches do not count.

    `files`: only these of `source_files`, in their order.
    """
    total = hashlib.sha256()
    for path in (p for p in (source_files(folder) if files is None else files) if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(f"{path.relative_to(folder).as_posix()}\0{executable:d}\0{content}\n".encode())
    return "sha256:" + total.hexdigest()


def source_files(folder: Path) -> list[Path]:
    """The files of a source tree, in the order in which its digest counts them."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    return sorted(p for p in found if not _is_cache(p.relative_to(folder)))


def _is_cache(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)
