"""The machine refuses: descriptors, processes, room. What was answered is kept, and nothing else is answered."""

import gzip
import time

import pytest
from file_locks import is_taken
from localcloud_process import in_a_process
from localcloud_runtime import wait_for

from factory.paths import FactoryRoot

# Of a snapshot that takes its time.
SLOW = """
    import threading, time
    from localcloud.durable import pickling, state
    dump = pickling.dump
    def slow(others):
        time.sleep(SECONDS)
        return dump(others)
    pickling.dump = slow
    def begin():
        with backends._lock:
            finish = backends._state.snapshot(backends._actions())
        threading.Thread(target=finish).start()
"""
FULL = """
    import errno
    from localcloud.durable import files, folder, log
    from localcloud.durable.errors import StateFull
    def full(*_): raise OSError(errno.ENOSPC, "No space left on device")
"""


def users_after(root: FactoryRoot) -> str:
    after = in_a_process(root, "print(users(), recovered.differing)")
    assert after.returncode == 0, after.stderr
    return after.stdout.strip()


def test_without_a_descriptor_for_the_next_log_the_last_one_goes_on(new_root: FactoryRoot) -> None:
    code = """
        import resource
        iam("before")
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, most[1]))
        finish = backends._state.snapshot(backends._actions())
        finish()
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
        print(backends.kept()["problem"])
        # What is opened next must not be what the log writes to.
        os.open(os.devnull, os.O_RDWR)
        iam("after")
    """
    told = in_a_process(new_root, code)
    assert told.stdout.startswith("the last snapshot could not be begun: [Errno 24] Too many open files"), told.stderr
    assert users_after(new_root) == "['before', 'after'] ()"


def test_without_a_process_for_a_snapshot_the_next_one_is_tried(new_root: FactoryRoot) -> None:
    code = """
        from factory.errors import UpdateFailed
        iam("before")
        fork = os.fork
        def none(): raise BlockingIOError(11, "Resource temporarily unavailable")
        os.fork = none
        try: backends.snapshot(1)
        except UpdateFailed as error: print(error)
        iam("between")
        os.fork = fork
        print(backends.snapshot(5)["calls_since_snapshot"])
    """
    told = in_a_process(new_root, code)
    assert told.stdout == ("the last snapshot could not be begun: [Errno 11] Resource temporarily unavailable\n0\n"), (
        told.stderr
    )
    assert users_after(new_root) == "['before', 'between'] ()"


def test_a_reset_that_finds_no_room_changes_nothing(new_root: FactoryRoot) -> None:
    code = f"""
        iam("old")
        write, folder.write = folder.write, full
        generation = backends.generation
        try: backends.reset()
        except StateFull as error: print(error)
        assert backends.generation == generation and users() == ["old"]
        iam("too")
        folder.write = write
        assert len([path for path in Path({str(new_root.local_cloud)!r}).iterdir() if path.is_dir()]) == 1
    """
    told = in_a_process(new_root, FULL, code)
    assert "a new cloud cannot be begun: [Errno 28] No space left on device" in told.stdout, told.stderr
    assert users_after(new_root) == "['old', 'too'] ()"


def test_a_reset_ends_the_snapshot_that_is_being_written(new_root: FactoryRoot) -> None:
    code = f"""
        for number in range(4): iam(f"old-{{number}}")
        begin()
        began = time.monotonic()
        backends.reset()
        assert time.monotonic() - began < 10
        iam("new")
        pickling.dump = dump
        print(backends.kept()["calls_since_snapshot"], len(list(Path({str(new_root.local_cloud)!r}).iterdir())))
    """
    told = in_a_process(new_root, SLOW.replace("SECONDS", "30"), code)
    # Its identity and one generation.
    assert told.stdout == "1 2\n", told.stderr
    assert users_after(new_root) == "['new'] ()"


@pytest.mark.parametrize(("allowed", "needed"), [(60, 2), (1, 30)], ids=["until it is written", "until its time is up"])
def test_whoever_comes_next_waits_for_a_snapshot_that_is_still_written(
    new_root: FactoryRoot, allowed: int, needed: int
) -> None:
    code = f"""
        import fcntl
        fcntl.flock(place, fcntl.LOCK_EX)
        state.SNAPSHOT_SECONDS = {allowed}
        iam("u")
        # What has them open would be waited for.
        for number in (1, 2): os.dup2(os.open(os.devnull, os.O_RDWR), number)
        begin()
        os._exit(9)
    """
    assert in_a_process(new_root, SLOW.replace("SECONDS", str(needed)), code).returncode == 9
    ended = time.monotonic()
    place = new_root.path / "place"
    assert is_taken(place)
    wait_for(lambda: not is_taken(place))
    assert time.monotonic() - ended < 25
    assert users_after(new_root) == "['u'] ()"


def test_what_was_refused_for_want_of_room_is_in_no_snapshot(new_root: FactoryRoot) -> None:
    code = """
        iam("kept")
        write = os.write
        with backends.operation():
            iam("half")
            os.write = full
            try: iam("refused")
            except Exception as error: print(type(error).__name__)
            os.write = write
            try: backends.snapshot(0.2)
            except StateFull as error: print("no snapshot")
        try: backends.snapshot(0.2)
        except StateFull as error: print("no snapshot")
    """
    told = in_a_process(new_root, FULL, code)
    assert told.stdout.count("no snapshot") == 2, told.stderr
    assert users_after(new_root) == "['kept'] ()"


def test_a_state_whose_name_is_lost_is_not_taken_for_an_empty_one(new_root: FactoryRoot) -> None:
    in_a_process(new_root, "iam('u')")
    identity = new_root.local_cloud / "state.json"
    name = identity.rename(new_root.path / "kept.json")
    refused = in_a_process(new_root, "print(users())")
    assert "state.json is missing, which says what" in refused.stderr
    name.rename(identity)
    assert users_after(new_root) == "['u'] ()"


@pytest.mark.parametrize("kept", [pytest.param(0, marks=pytest.mark.long), 0.5])
def test_a_damaged_old_log_is_named(new_root: FactoryRoot, kept: float) -> None:
    in_a_process(new_root, "iam('u'); backends.snapshot(5); iam('v')")
    (old,) = new_root.local_cloud.rglob("log-*.gz")
    assert gzip.decompress(old.read_bytes())
    whole = old.read_bytes()
    for snapshot in new_root.local_cloud.rglob("snapshot-*"):
        snapshot.unlink()
    old.write_bytes(whole[: int(len(whole) * kept)])
    refused = in_a_process(new_root, "print(users())")
    assert "StateBroken" in refused.stderr
    assert str(old) in refused.stderr or "call 1 is missing" in refused.stderr
    old.write_bytes(whole)
    assert users_after(new_root) == "['u', 'v'] ()"
