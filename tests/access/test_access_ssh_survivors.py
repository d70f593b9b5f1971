"""What hides from the end of its session at a host: found where the host tells logins apart, and not where it does not.

Both are told in docs/explanation/ssh-bastion.md; this holds them true.
"""

import os
import signal
from pathlib import Path

import pytest
from ssh_place import run, running, ssh, ssh_plane
from sshd_place import sshd

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
