"""A bastion that dies while a grant is opened at it, and is followed by another one for somebody else's meanwhile."""

import os
import signal
from pathlib import Path

import pytest
from grant_waits import wait_for
from ssh_place import RESOURCE, run, ssh, ssh_plane
from sshd_place import sshd

from access.grants import Given, State
from access.ssh.process import Bastion
from factory.spec import Scope


@pytest.mark.parametrize("when", ["before", "after"])
def test_no_grant_ends_for_it_and_each_lets_its_holder_in(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sshd").mkdir()
    with sshd(tmp_path / "sshd") as host, ssh_plane(tmp_path, host) as plane:
        held, opened = plane.given(), Bastion.open

        def followed() -> None:
            monkeypatch.undo()
            os.kill(plane.bastions[-1].pid, signal.SIGKILL)
            wait_for(lambda: not plane.bastions[-1].alive())
            plane.provider._bastion.running()

        def open_and_die(bastion: Bastion, order: object) -> None:
            if when == "before":
                followed()
            opened(bastion, order)
            if when == "after":
                followed()

        monkeypatch.setattr(Bastion, "open", open_and_die)
        asked = plane.place.ask(resource=RESOURCE, scope=Scope.ADMIN)
        plane.look()
        plane.look()
        assert len(plane.bastions) == 2
        for each in (held, Given(plane.place.read(asked.grant), asked.token)):
            assert plane.place.state(each.grant) is State.ACTIVE, plane.place.read(each.grant).ended_reason
            assert run(ssh(plane.files(each), "echo in")).stdout == "in\n"
