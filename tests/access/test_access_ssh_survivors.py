"""What hides from the end of its session at a host: found where the host tells logins apart, and not where it does not.

Both are told in docs/explanation/ssh-bastion.md; this holds them true.
"""

import os
import signal
from pathlib import Path

import pytest
from grant_waits import wait_for
from ssh_place import keepers, kept_busy, run, running, ssh, ssh_plane
from sshd_place import sshd

from access.grants import State

# Without its environment, and in a session of its own.
HIDES = "env -i setsid {} > /dev/null 2>&1 < /dev/null &"
NO_SESSION = "4294967295"


@pytest.mark.parametrize("settings", [("UsePAM yes",), ()], ids=["told apart", "not"])
def test_what_clears_its_environment_and_leaves_its_session(tmp_path: Path, settings: tuple[str, ...]) -> None:
    if settings and (os.getuid() != 0 or not Path("/etc/pam.d/sshd").exists()):
        pytest.skip("ONLY root's sshd opens PAM's sessions, and only with Debian's /etc/pam.d/sshd: not tested here")
    (tmp_path / "sshd").mkdir()
    sleeper = "sleep 7401" if settings else "sleep 7402"
    with sshd(tmp_path / "sshd", *settings) as host, ssh_plane(tmp_path, host) as plane:
        given = plane.given()
        command = f"{HIDES.format(sleeper)} cat /proc/self/sessionid"
        done = run(ssh(plane.files(given), command))
        if settings and done.stdout == NO_SESSION:
            pytest.skip("THIS kernel counts no audit sessions: not tested here")
        assert done.returncode == 0
        left = running(sleeper)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert (done.stdout == NO_SESSION, bool(left)) == (not settings, not settings)
        plane.end(given)


def test_what_was_left_under_a_broker_that_is_killed_ends_with_its_grant_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "sshd").mkdir()
    with sshd(tmp_path / "sshd") as host, ssh_plane(tmp_path, host) as plane:
        given, unused = plane.given(), plane.given()
        client = kept_busy(plane, given, "setsid sleep 7403 & sleep 7404")
        wait_for(lambda: running("sleep 7403"))
        # What would end it at the host is killed, by somebody who may.
        for pid in keepers(given.grant.provider_ref):
            os.kill(pid, signal.SIGKILL)
        client.communicate(timeout=20)
        assert plane.ended(given)[0].properties["reason"] == "keeper"
        for each in (given, unused):
            plane.place.desk.end(plane.place.read(each.grant), "enough", actor="ada")
        # The broker, which knew of it, is killed before it has seen that, and the bastion with it.
        plane.bastions[-1].stop()
        assert running("sleep 7403")
        plane.begin()
        plane.look()
        assert not running("sleep 7403")
        assert [plane.place.state(each.grant) for each in (given, unused)] == [State.ENDED, State.ENDED]
