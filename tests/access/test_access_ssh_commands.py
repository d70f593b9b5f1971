"""A person at a host by the commands, as they are typed: let in, worked, out again, and played back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from ssh_place import declare, run
from sshd_place import sshd

from factory import daemons, demo_people

pytestmark = pytest.mark.e2e
MILLWRIGHT = Path(sys.executable).parent / "millwright"
WHO = ("--as", demo_people.OPERATOR)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrantPlace]:
    root = tmp_path_factory.mktemp("factory")
    with sshd(tmp_path_factory.mktemp("sshd")) as host:
        place = grant_place(root)
        declare(place, host)
        host.trusted.write_text(said(place, "access", "authority").stdout)
        yield place
        daemons.stop(place.root, daemons.ACCESS)


def said(place: GrantPlace, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """What a command says, when it ends as it is to."""
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    done = run([str(MILLWRIGHT), *arguments], cwd=place.root.path, env={**kept, "COLUMNS": "200", "NO_COLOR": "1"})
    assert done.returncode == code, done.stderr
    return done


def ended(played: str) -> str:
    return played if "as the audit log has it" in played else ""


def test_a_person_works_at_a_host_and_what_they_did_is_played_back(place: GrantPlace, tmp_path: Path) -> None:
    connected = said(place, "access", "connect", "ssh", "tally", "build", *WHO, "--", "echo hello; exit 4", code=4)
    assert connected.stdout == "hello\n"
    (grant,) = [json.loads(line) for line in said(place, "access", "list", "--all", "--json").stdout.splitlines()]
    assert (grant["resource"], grant["scope"], grant["provider_kind"]) == ("hosts.legacy", "admin", "ssh")
    # Its end is told by another process.
    played = wait_for(lambda: ended(said(place, "access", "replay", grant["id"]).stdout))
    assert "echo hello; exit 4" in played
    assert "\nhello\n" in played
    (told,) = [json.loads(line) for line in said(place, "access", "replay", grant["id"], "--json").stdout.splitlines()]
    assert (told["held"], told["said"][0]["sqlstate"]) == ("whole", "status 4")
    assert told["file"].endswith(".cast")


def test_files_for_ones_own_programs_are_made_by_the_grants_token(place: GrantPlace, tmp_path: Path) -> None:
    asked = ("access", "request", "tally", "build", "hosts.legacy", "--reason", "a look", "--scope", "write", *WHO)
    given = json.loads(said(place, *asked, "--json").stdout)
    folder = tmp_path / "files"
    made = ("access", "ssh-config", given["id"], str(folder), "--json")
    assert "there is no such grant" in said(place, *made, "--token", "mwg_another", code=17).stdout
    config = json.loads(said(place, *made, "--token", given["token"]).stdout)
    assert oct((folder / "key").stat().st_mode & 0o777) == "0o600"
    (tmp_path / "mine").write_text("mine")
    there = tmp_path / "there"
    done = run(["scp", "-F", config["config"], str(tmp_path / "mine"), f"{config['name']}:{there}"])
    assert (done.returncode, there.read_text()) == (0, "mine"), done.stderr
    said(place, "access", "revoke", given["id"], "--reason", "done", *WHO)
    assert run(["scp", "-F", config["config"], f"{config['name']}:{there}", str(tmp_path / "x")]).returncode != 0
    played = said(place, "access", "replay", given["id"]).stdout
    assert f"open {there} write,create" in played
    assert "written 4 bytes" in played
    got = tmp_path / "got"
    said(place, "access", "connect", "scp", "tally", "build", *WHO, "--", f"legacy:{there}", str(got))
    assert got.read_text() == "mine"
