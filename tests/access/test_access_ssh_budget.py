"""What a grant of a host may have recorded in sum: its running sessions count as they go, and what came before too."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grant_waits import wait_for
from ssh_place import SshPlane, run, running, ssh, ssh_plane
from sshd_place import Sshd, sshd
from test_access_ssh_grants import SERVE

from access.grants import Given, State
from factory.errors import AccessDenied

MOST = 300_000
# The host may take its time, on a machine that others use as well.
LIMITS = f"from access.ssh.limits import Limits; limits = Limits(grant_recording_bytes={MOST}, host_seconds=120)"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def plane(tmp_path: Path, host: Sshd) -> Iterator[SshPlane]:
    with ssh_plane(tmp_path, host) as made:
        made.command = (sys.executable, "-P", "-c", f"{LIMITS}; {SERVE}")
        yield made


def spent(plane: SshPlane, given: Given) -> None:
    """The grant is over for what it had recorded, and that is at most what it may have, but for how each ended."""
    wait_for(lambda: plane.place.state(given.grant) is State.REVOKING)
    plane.look()
    assert f"the grant's recordings have reached {MOST} bytes" in plane.place.read(given.grant).ended_reason
    files = plane.recordings(given, ".cast")
    assert sum(path.stat().st_size for path in files) < MOST + 1_000 * len(files)


def test_sessions_that_run_use_up_what_the_grant_may_have_recorded(plane: SshPlane) -> None:
    given, other = plane.given(), plane.given()
    # None of them by itself has had enough, and none ends by itself.
    command = ssh(plane.files(given), "head -c 140000 /dev/zero | tr '\\0' x; sleep 7262")
    clients = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert all(process.wait(timeout=200) for process in clients)
    spent(plane, given)
    wait_for(lambda: plane.look() or not running("sleep 7262"))
    assert run(ssh(plane.files(other), "echo hello")).stdout == "hello\n"
    assert plane.place.state(other.grant) is State.ACTIVE


def test_what_was_recorded_before_a_bastion_began_counts(plane: SshPlane) -> None:
    given, other = plane.given(), plane.given()
    for each in (given, other):
        assert run(ssh(plane.files(each), "echo hello")).stdout == "hello\n"
    plane.ended(given)
    plane.bastions[-1].stop()
    before = plane.place.root.recordings / "tally" / given.grant.id / "before.cast"
    before.write_bytes(b"x" * MOST)
    plane.look()
    assert run(ssh(plane.files(given, "again"), "echo hello")).returncode != 0
    wait_for(lambda: plane.place.state(given.grant) is State.REVOKING)
    assert run(ssh(plane.files(other, "again"), "echo hello")).stdout == "hello\n"


def test_a_grant_has_so_many_certificates(plane: SshPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.grants.desk.MOST_CERTIFICATES", 2)
    given, other = plane.given(), plane.given()
    files = [plane.files(given, name) for name in ("one", "two")]
    with pytest.raises(AccessDenied, match="has had its 2 certificates"):
        plane.files(given, "three")
    assert len(plane.told("grant.certified", given)) == 2
    assert run(ssh(files[1], "echo hello")).stdout == "hello\n"
    assert plane.files(other)
