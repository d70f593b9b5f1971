"""A host's grant whole, on real parts: asked for, used by OpenSSH, recorded, and ended while it is used."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from grant_waits import wait_for
from ssh_place import RESOURCE, SshPlane, declare, keepers, kept_busy, run, running, ssh, ssh_plane
from sshd_place import Sshd, sshd

from access.grants import State
from access.ssh.orders import Open
from access.ssh.process import Bastion
from factory.errors import AccessDenied, InputError
from factory.spec import Scope

SERVE = "import asyncio; from access.ssh.serve import serve; asyncio.run(serve(limits))"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture
def plane(tmp_path: Path, host: Sshd) -> Iterator[SshPlane]:
    with ssh_plane(tmp_path, host) as made:
        yield made


def test_what_is_asked_for_is_used_recorded_ended_and_told(plane: SshPlane) -> None:
    given = plane.given()
    files = plane.files(given)
    done = run(ssh(files, "cat; echo out; echo wrong >&2; exit 3"), "sent\n")
    assert (done.returncode, done.stdout, done.stderr) == (3, "sent\nout\n", "wrong\n")
    (ended,) = plane.ended(given)
    assert (ended.app, ended.actor, ended.properties["grant"]) == ("tally", given.grant.principal, given.grant.id)
    (path,) = plane.recordings(given, ".cast")
    assert ended.properties["recording"] == f"tally/{given.grant.id}/{path.name}"
    assert ended.properties["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    header, *lines = plane.lines(given, ".cast")
    assert (header["version"], header["command"]) == (2, "cat; echo out; echo wrong >&2; exit 3")
    said = {code: "".join(text for _, kind, text in lines if kind == code) for code in "io"}
    assert said["i"] == "sent\n"
    assert sorted(said["o"].splitlines()) == ["out", "sent", "wrong"]
    outcome = json.loads(lines[-1][2])
    assert (outcome["status"], outcome["left"], outcome["bytes"]) == ("3", False, len("sent\nout\nwrong\n"))
    plane.end(given)
    again = run(ssh(files, "echo hello"))
    assert (again.returncode, again.stdout) == (255, "")
    plane.place.logged("login.refused", reason="login", grant=given.grant.id)


def test_a_shell_has_a_terminal_and_what_is_typed_is_recorded(plane: SshPlane) -> None:
    given = plane.given()
    done = run(
        ssh(plane.files(given), options=("-tt",)), "test -t 0 && echo yes-$TERM\nexit 7\n", env={"TERM": "vt100"}
    )
    assert done.returncode == 7
    assert "yes-vt100" in done.stdout
    plane.ended(given)
    _, *lines = plane.lines(given, ".cast")
    assert "exit 7" in "".join(text for _, code, text in lines if code == "i")
    assert "yes-vt100" in "".join(text for _, code, text in lines if code == "o")


def test_the_end_comes_in_the_middle_of_a_command_and_nothing_survives_it(plane: SshPlane) -> None:
    given, kept = plane.given(), plane.given()
    survivors = "nohup sleep 7201 & setsid sleep 7202 & (setsid nohup sleep 7203 &) ; exec sleep 7204"
    client = kept_busy(plane, given, survivors)
    other = kept_busy(plane, kept, "exec sleep 7205")
    wait_for(lambda: all(running(f"sleep 720{each}") for each in range(1, 6)))
    inside = {each.grant: each.what for each in plane.bastions[-1].sessions()}
    assert inside == {
        given.grant.id: f"exec: echo begun; {survivors}",
        kept.grant.id: "exec: echo begun; exec sleep 7205",
    }
    plane.end(given)
    # It is over, so nothing of it is there.
    assert not [words for each in range(1, 5) if running(words := f"sleep 720{each}")]
    # Why is told to the client as well, but that can be lost with the connection.
    client.communicate(timeout=20)
    assert client.returncode == 255
    plane.place.logged("session.ended", reason="ended", grant=given.grant.id)
    # Somebody else's is none of that.
    assert running("sleep 7205")
    other.kill()
    other.communicate(timeout=20)
    wait_for(lambda: not running("sleep 7205"))


def test_nothing_outlives_its_session_either(plane: SshPlane) -> None:
    given = plane.given()
    done = run(ssh(plane.files(given), "nohup setsid sleep 7211 > /dev/null 2>&1 & echo left"))
    assert (done.returncode, done.stdout) == (0, "left\n")
    assert not running("sleep 7211")


def test_a_master_connection_ends_with_its_grant(plane: SshPlane) -> None:
    given = plane.given()
    files, control = plane.files(given), plane.folder / "c"
    master = subprocess.Popen(ssh(files, options=("-M", "-N", "-S", str(control))), stderr=subprocess.PIPE, text=True)
    wait_for(control.exists)
    reuse = ssh(files, "echo reused", options=("-S", str(control), "-o", "ProxyCommand=false"))
    assert run(reuse).stdout == "reused\n"
    plane.end(given)
    master.communicate(timeout=20)
    assert master.returncode == 255
    assert run(reuse).returncode == 255
    # Nor by itself, with the certificate that is still good by its time.
    assert run(ssh(files, "echo again")).returncode == 255
    plane.place.logged("login.refused", reason="login", grant=given.grant.id)


def test_a_bastion_that_is_killed_takes_every_session_with_it_and_is_followed_by_another(plane: SshPlane) -> None:
    given = plane.given()
    client = kept_busy(plane, given, "nohup setsid sleep 7221 & sleep 7222")
    wait_for(lambda: running("sleep 7221") and running("sleep 7222"))
    os.kill(plane.bastions[-1].pid, signal.SIGKILL)
    client.communicate(timeout=20)
    # Nobody tells the host anything: what waits there for the connection's end does it.
    wait_for(lambda: not running("sleep 7221") and not running("sleep 7222"))
    wait_for(lambda: not plane.bastions[-1].alive())
    plane.look()
    assert len(plane.bastions) == 2
    assert run(ssh(plane.files(given, "again"), "echo hello")).stdout == "hello\n"
    plane.end(given)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bastion_that_dies_while_a_grant_is_opened_and_is_followed_meanwhile_ends_no_grant(
    plane: SshPlane, when: str
) -> None:
    other, given = plane.given(), plane.place.ask(resource=RESOURCE, scope=Scope.ADMIN)

    class Dies(Bastion):
        def open(self, order: Open) -> None:
            if when == "after":
                super().open(order)
            os.kill(self.pid, signal.SIGKILL)
            wait_for(lambda: not self.alive())
            # Grants are opened side by side: somebody else's starts the next one.
            plane.provider.issue(plane.place.read(other.grant))
            if when == "before":
                super().open(order)

    plane.bastions[-1].__class__ = Dies
    for _ in range(2):
        plane.look()
    assert len(plane.bastions) == 2
    assert run(ssh(plane.files(given), "echo hello")).stdout == "hello\n"


def test_after_a_restart_of_the_broker_whoever_was_in_is_out_and_comes_in_again(plane: SshPlane) -> None:
    given = plane.given()
    client = kept_busy(plane, given, "sleep 7231")
    plane.broker.close()
    client.communicate(timeout=20)
    assert not running("sleep 7231")
    plane.begin()
    plane.look()
    assert run(ssh(plane.files(given, "again"), "echo hello")).stdout == "hello\n"


@pytest.mark.long
def test_a_broker_that_is_stopped_past_its_end_keeps_nobody_in(plane: SshPlane) -> None:
    # Nobody looks any more: the bastion's own clock is the bound.
    plane.place.wall -= timedelta(minutes=60) - timedelta(seconds=12)
    given = plane.given()
    client = kept_busy(plane, given, "sleep 7241")
    client.communicate(timeout=40)
    (ended,) = plane.ended(given)
    assert "its time is over" in ended.properties["detail"]
    assert not running("sleep 7241")


def test_what_cannot_be_told_to_be_gone_is_asked_for_again(plane: SshPlane, host: Sshd) -> None:
    given = plane.given()
    client = kept_busy(plane, given, "setsid sleep 7251 & sleep 7252")
    wait_for(lambda: running("sleep 7251"))
    # What would end it at the host is killed, by somebody who may; and nobody else's, who is tested beside this.
    for pid in keepers(given.grant.provider_ref):
        os.kill(pid, signal.SIGKILL)
    client.communicate(timeout=20)
    (ended,) = plane.ended(given)
    assert ended.properties["reason"] == "keeper"
    assert running("sleep 7251")
    plane.end(given)
    assert not running("sleep 7251")


def test_a_host_that_is_another_one_is_refused_and_told(plane: SshPlane, host: Sshd) -> None:
    good = plane.given()
    assert run(ssh(plane.files(good), "echo hello")).stdout == "hello\n"
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJr6ZOKH6FFIMWwNbJm1b6x5OjVUmmSjyFb2m4xF5e8Y"
    declare(plane.place, host, hostKeys=[other])
    given = plane.given()
    done = run(ssh(plane.files(given), "echo hello"))
    assert (done.returncode, done.stdout) == (255, "")
    assert "its key is another one" in done.stderr
    assert plane.ended(given)[-1].properties["reason"] == "host_key"


def test_a_host_that_does_not_trust_the_authority_lets_nobody_in(plane: SshPlane, host: Sshd) -> None:
    given = plane.given()
    host.trusted.write_text("")
    done = run(ssh(plane.files(given), "echo hello"))
    assert (done.returncode, plane.ended(given)[-1].properties["reason"]) == (255, "upstream")


def test_the_certificate_is_given_to_an_open_grants_holder_only(plane: SshPlane) -> None:
    given, database = plane.given(), plane.place.ask()
    plane.files(given)
    (told,) = plane.told("grant.certified", given)
    assert (told.properties["grant"], told.properties["until"]) == (given.grant.id, given.grant.lease_until)
    with pytest.raises(InputError, match="no Ed25519 public key"):
        plane.place.desk.certificate(given.grant, "ssh-rsa AAAA")
    with pytest.raises(AccessDenied, match="no certificate"):
        plane.files(database)
    plane.end(given)
    with pytest.raises(AccessDenied, match="no certificate"):
        plane.files(given, "later")
    assert len(plane.told("grant.certified", given)) == 1


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_only_the_scope_admin_runs_anything(plane: SshPlane, scope: Scope) -> None:
    given = plane.given(scope)
    for command in (ssh(plane.files(given), "echo hello"), ssh(plane.files(given, "shell"))):
        done = run(command, "echo hello\n")
        assert (done.returncode, "hello" in done.stdout) == (255, False)
    entry = plane.place.logged("request.refused", reason="scope", grant=given.grant.id)
    assert entry["actor"] == given.grant.principal
    wide = plane.given()
    assert run(ssh(plane.files(wide), "echo hello")).stdout == "hello\n"


def test_what_cannot_be_recorded_is_not_begun(plane: SshPlane) -> None:
    given = plane.given()
    folder = plane.place.root.recordings / "tally"
    assert run(ssh(plane.files(given), "echo hello")).stdout == "hello\n"
    for path in folder.rglob("*.cast"):
        path.unlink()
    for path in folder.iterdir():
        path.rmdir()
    (folder / given.grant.id).write_text("a file is in the way")
    done = run(ssh(plane.files(given, "again"), "echo hello"))
    assert (done.returncode, done.stdout) == (255, "")
    assert plane.refused("recording", given)


def test_a_grant_that_is_refused_too_often_is_over(plane: SshPlane) -> None:
    limits = "from access.ssh.limits import Limits; limits = Limits(grant_refusals=3)"
    plane.command = (sys.executable, "-P", "-c", f"{limits}; {SERVE}")
    given = plane.given(Scope.READ)
    files = plane.files(given)
    for _ in range(3):
        assert run(ssh(files, "echo hello")).returncode == 255
    wait_for(lambda: plane.place.state(given.grant) is State.REVOKING)
    plane.look()
    assert "3 requests of the grant were refused" in plane.place.read(given.grant).ended_reason
    assert len(plane.told("request.refused", given)) == 2


def test_an_opening_of_no_grant_is_closed_by_a_sweep(plane: SshPlane) -> None:
    given, kept = plane.given(), plane.given()
    client = kept_busy(plane, given, "sleep 7261")
    with plane.place.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM access_grant WHERE id = ?", (given.grant.id,))
    assert plane.broker.sweep("ssh") == [given.grant.provider_ref]
    client.communicate(timeout=20)
    assert not running("sleep 7261")
    assert run(ssh(plane.files(kept), "echo hello")).stdout == "hello\n"
    assert plane.place.state(kept.grant) is State.ACTIVE
