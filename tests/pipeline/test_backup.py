"""A backup holds everything that cannot be made again, whoever works meanwhile, and comes back whole or not at all."""

import contextlib
import fcntl
import os
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backup_place import KEPT, MADE_AGAIN, SETTINGS, Place, tree
from backup_place import place as made
from git_place import BRANCH
from git_place import Place as GitPlace
from spec_strategies import factory_in

from factory.errors import Busy, InputError
from factory.paths import private_folder
from factory.settings import Settings
from pipeline.backup import Step, restore, save


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return made(tmp_path)


def test_what_cannot_be_made_again_comes_back_and_the_rest_does_not(place: Place) -> None:
    place.save()
    assert place.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.file.parent.iterdir() if path.name.startswith(".")] == []
    place.lose()
    restore(place.root, SETTINGS, place.file)
    after = tree(place.root.state)
    assert {name: after.get(name) for name in KEPT} == KEPT
    assert not set(MADE_AGAIN) & set(after)
    modes = {name: (place.root.state / name).stat().st_mode & 0o777 for name in (".", "passphrase", "artefacts")}
    assert modes == {".": 0o700, "passphrase": 0o600, "artefacts": 0o555}


def test_a_database_is_saved_as_it_was_committed_while_somebody_writes_to_it(place: Place) -> None:
    with contextlib.closing(sqlite3.connect(place.root.database)) as writer:
        writer.execute("INSERT INTO t VALUES ('kept')")
        writer.commit()
        writer.execute("INSERT INTO t VALUES ('not committed')")
        place.save()
    place.lose()
    restore(place.root, SETTINGS, place.file)
    with contextlib.closing(sqlite3.connect(place.root.database)) as database:
        assert database.execute("SELECT x FROM t").fetchall() == [("kept",)]
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_whoever_works_on_a_stack_is_named_and_waited_for(place: Place) -> None:
    told = []
    with (place.root.locks / "links-build.lock").open("w") as lock:
        lock.write("pid 4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)

        def report(step: Step) -> None:
            told.append(step.what)
            fcntl.flock(lock, fcntl.LOCK_UN)

        place.save(report=report)
    assert told[0] == "waiting for links-build: pid 4711 works on it"
    assert place.file.is_file()


def test_nothing_is_saved_while_a_database_server_that_nobody_ended_works_on_its_data(place: Place) -> None:
    folder = private_folder(place.root.postgres / "db-1")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="a database server still works"):
            place.save()
    assert not place.file.exists()
    place.save()


def test_an_interrupt_at_any_point_leaves_nothing(place: Place) -> None:
    def press(at: Callable[[Step], bool]) -> Callable[[Step], None]:
        def report(step: Step) -> None:
            if at(step):
                raise KeyboardInterrupt

        return report

    points = (lambda step: step.what == "reading", lambda step: (step.fraction or 0) > 0.5)
    before = tree(place.file.parent)
    for at in points:
        with pytest.raises(KeyboardInterrupt):
            place.save(report=press(at))
        assert set(tree(place.file.parent)) - set(before) <= {
            f"factory/.millwright/{name}"
            for name in (
                "run/worker.lock",
                "run/access.lock",
                "run/localcloud.lock",
                "factory.db-shm",
                "factory.db-wal",
                *(f"locks/links-{environment}.lock" for environment in ("build", "staging", "production")),
            )
        }
    place.save()
    place.lose()
    without = tree(place.file.parent)
    for at in points:
        with pytest.raises(KeyboardInterrupt):
            restore(place.root, SETTINGS, place.file, report=press(at))
        assert tree(place.file.parent) == without
    restore(place.root, SETTINGS, place.file)


def test_what_an_agent_put_into_its_worktree_is_no_reason_to_have_no_backup(place: Place) -> None:
    worktree = private_folder(place.root.tasks / "links.tags.coder.1" / "worktree")
    (worktree / "out").symlink_to("/etc/passwd")
    (worktree / "in").symlink_to("main.py")
    os.mkfifo(worktree / "pipe")
    (worktree / os.fsdecode(b"\xff")).touch()
    manifest = save(place.root, SETTINGS, place.file)
    assert len(manifest.left_out) == 2
    with tarfile.open(place.file) as archive:
        assert not any(member.issym() or member.islnk() for member in archive)
    place.lose()
    restore(place.root, SETTINGS, place.file)
    assert tree(worktree) == {"out": "/etc/passwd", "in": "main.py"}


def test_what_no_archive_can_hold_is_refused_where_the_factory_itself_keeps_it(place: Place) -> None:
    os.mkfifo(place.root.state / "pipe")
    with pytest.raises(InputError, match="pipe is neither a file nor a folder"):
        place.save()
    (place.root.state / "pipe").unlink()
    place.save()


def test_a_worktree_goes_on_where_the_factory_has_moved(place: Place, tmp_path: Path) -> None:
    work = GitPlace(place.root)
    work.repository.ensure(work.source)
    work.work()
    work.write("not-committed.py")
    place.save()
    moved = GitPlace(factory_in(tmp_path / "moved"))
    restore(moved.root, SETTINGS, place.file)
    place.lose()
    moved.work()
    assert moved.repository.commit_step(moved.tree, BRANCH, message="m", trailers={"Change": "c"}, key="1")
    assert "not-committed.py" in moved.repository.files(moved.repository.head(BRANCH))


def test_what_settings_keep_elsewhere_is_left_out_only_when_asked_for(place: Place) -> None:
    outside = Settings(database="postgresql+pg8000://owner:word@db/factory", backend="s3://states")
    with pytest.raises(InputError) as caught:
        save(place.root, outside, place.file)
    assert "postgresql+pg8000://owner:***@db/factory" in str(caught.value)
    assert "s3://states" in str(caught.value)
    manifest = save(place.root, outside, place.file, only_here=True)
    assert set(manifest.elsewhere) == {"database", "backend"}
    assert "word" not in manifest.model_dump_json()
    place.lose()
    assert "has no backend: that was kept at s3://states" in str(place.refused())
    restore(place.root, outside, place.file)
