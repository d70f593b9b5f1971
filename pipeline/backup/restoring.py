"""`restore`: verified and unpacked into a folder beside `.millwright`, which then takes its place in one step."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from factory import db
from factory.errors import Busy, InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.trees import remove_tree
from pipeline.backup import archive
from pipeline.backup.contents import elsewhere
from pipeline.backup.manifest import Manifest
from pipeline.backup.progress import Report, Step, silent
from pipeline.backup.saving import origin_of
from pipeline.backup.still import left_behind

DRAFT = ".restoring"


def restore(root: FactoryRoot, settings: Settings, file: Path, *, report: Report = silent) -> Manifest:
    """Make `.millwright` what the backup in `file` holds: whole, or not at all.

    Raises InputError for an archive that is damaged, newer, of another factory or of other settings, and where
    `.millwright` holds anything already; Busy while another restore, or a daemon of this factory, runs.
    """
    # A link to another disk stays one.
    state = root.state.resolve()
    with _alone(root):
        _require_free(root, state)
        report(Step("reading"))
        manifest = archive.read_manifest(file)
        _require_same(root, settings, file, manifest)
        draft = state.with_name(f"{state.name}{DRAFT}")
        remove_tree(draft)
        draft.mkdir(mode=0o700)
        try:
            _require_room(draft, manifest)
            archive.extract(file, manifest, draft, report)
            _follow_move(Path(manifest.origin.state), state, draft)
            draft.rename(state)
        except BaseException:
            remove_tree(draft)
            raise
    return manifest


@contextlib.contextmanager
def _alone(root: FactoryRoot) -> Iterator[None]:
    """One restore at a time. The folder itself is locked: no file is left."""
    descriptor = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Busy("another restore of this factory runs", hint="wait until it ends") from None
    finally:
        os.close(descriptor)


def _require_free(root: FactoryRoot, state: Path) -> None:
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        raise InputError(
            f"{root.state} is not empty, and nothing in it is written over",
            hint=f"millwright factory down, then move it away: mv {root.state} {root.state}.old",
        )
    if running := left_behind(root):
        pids = ", ".join(map(str, running))
        raise Busy(
            f"daemons of this factory still run, whose .millwright was removed: pid {pids}",
            hint=f"end them: kill {pids.replace(',', '')}",
        )


def _require_same(root: FactoryRoot, settings: Settings, file: Path, manifest: Manifest) -> None:
    there, here = manifest.origin, origin_of(root, settings)
    if there.project != here.project:
        raise InputError(
            f"{file} is a backup of another factory: its project is {there.project!r}, this one's {here.project!r}",
            hint=f"restore it where {root.project_file.name} names that project",
        )
    if (there.aws, there.aws_account) != (here.aws, here.aws_account):
        raise InputError(
            f"{file} was made with `aws: {there.aws}` (account {there.aws_account or 'none'}), and this factory has "
            f"`aws: {here.aws}` (account {here.aws_account or 'none'})",
            hint=f"what it describes is there: set {root.settings_file.name} so",
        )
    if manifest.revision > db.HEAD:
        raise InputError(
            f"{file} holds a database of a newer Millwright ({manifest.revision}; this one knows {db.HEAD})",
            hint=f"restore it with Millwright {manifest.millwright} or newer",
        )
    outside = elsewhere(root, settings)
    for name in sorted(manifest.elsewhere.keys() ^ outside.keys()):
        place = manifest.elsewhere.get(name)
        raise InputError(
            f"{file} {f'has no {name}: that was kept at {place}' if place else f'has its own {name}'}, and "
            f"{root.settings_file.name} says {name}: {outside.get(name, 'nothing')}",
            hint=f"set {name} as it was",
        )


def _require_room(draft: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(draft).free
    if manifest.size > free:
        raise InputError(f"it needs {manifest.size >> 20} MiB on {draft.parent}, and {free >> 20} MiB are free")


def _follow_move(was: Path, state: Path, draft: Path) -> None:
    """Repositories name their worktrees by absolute paths; where the factory has moved, they follow."""
    if was == state:
        return
    for record in draft.glob("git/*.git/worktrees/*/gitdir"):
        folder = Path(record.read_text().strip())
        if folder.is_relative_to(was):
            record.write_text(f"{state / folder.relative_to(was)}\n")
