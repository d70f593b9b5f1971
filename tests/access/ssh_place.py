"""A factory whose app has a host, a broker with the real provider and bastion, and OpenSSH's programs as clients."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grant_place import RULES as DATABASE_RULES
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from ruamel.yaml import YAML
from sshd_place import Sshd

from access.broker import Broker
from access.door import Signed
from access.grants import Given, State
from access.providers.hosts import host_of
from access.providers.ssh import Ssh
from access.relays import ssh_bastion
from access.ssh.authorities import Keys, private_key, public_line
from access.ssh.keeper import marked
from access.ssh.process import Bastion
from console.ssh_files import Files, public_text, write_signed
from factory import events
from factory.spec import Scope

RESOURCE = "hosts.legacy"
RULES = [
    {"function": "coder", "resource": RESOURCE, "environments": ["build"], "scope": "admin", "lease": 60},
    *DATABASE_RULES,
]
# A bound, not an expectation: on a machine that others use as well.
SECONDS = 200


@dataclass
class SshPlane:
    """One factory and one host. `bastions`: those that were started, the newest last."""

    place: GrantPlace
    host: Sshd
    folder: Path
    bastions: list[Bastion] = field(default_factory=list)
    command: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A broker's process begins, with nothing but what is written down."""
        place = self.place
        self.provider = Ssh(self._bastion, partial(host_of, place.root), private_key(place.root, Keys.HOSTS))
        self.broker = Broker(place.desk, place.database, {"ssh": self.provider})

    def _bastion(self) -> Bastion:
        self.bastions.append(ssh_bastion(self.place.root, self.place.database, self.command))
        return self.bastions[-1]

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, scope: Scope = Scope.ADMIN) -> Given:
        """A task's open grant of the host."""
        given = self.place.ask(resource=RESOURCE, scope=scope)
        self.look()
        assert self.place.state(given.grant) is State.ACTIVE, self.place.read(given.grant).ended_reason
        return Given(self.place.read(given.grant), given.token)

    def end(self, given: Given, why: str = "enough") -> None:
        """Its end, and everything that the broker does then."""
        self.place.desk.end(self.place.read(given.grant), why, actor="ada")
        self.look()
        assert self.place.state(given.grant) is State.ENDED

    def files(self, given: Given, name: str = "client") -> Files:
        """What OpenSSH's programs need to come in by it."""
        key, desk, grant = Ed25519PrivateKey.generate(), self.place.desk, self.place.read(given.grant)
        signed = Signed(
            certificate=desk.certificate(grant, public_text(key)),
            login=grant.provider_ref,
            door=grant.door,
            known_hosts=desk.bastion_known_as(),
        )
        return write_signed("legacy", key, signed, self.folder / f"{name}-{grant.id}")

    def told(self, kind: str, given: Given) -> list[events.Event]:
        """What was told of a grant, of one kind."""
        with self.place.database.connect() as connection:
            found = events.of_kinds(connection, [kind])
        return [each for each in found if each.properties.get("grant") == given.grant.id]

    def refused(self, reason: str, given: Given, kind: str = "request.refused") -> list[events.Event]:
        """What was told of refusals with a code, once there is any."""
        return wait_for(lambda: [each for each in self.told(kind, given) if each.properties["reason"] == reason])

    def ended(self, given: Given, count: int = 1) -> list[events.Event]:
        """The ends of a grant's sessions, once there are so many."""
        wait_for(lambda: len(self.told("session.ended", given)) >= count)
        return self.told("session.ended", given)

    def recordings(self, given: Given, suffix: str) -> list[Path]:
        return sorted((self.place.root.recordings / "tally" / given.grant.id).glob(f"*{suffix}"))

    def lines(self, given: Given, suffix: str) -> list[Any]:
        """Everything that is recorded, session by session."""
        return [json.loads(line) for path in self.recordings(given, suffix) for line in path.read_text().splitlines()]


def ssh(files: Files, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    """The command of OpenSSH's ssh."""
    return [client("ssh"), "-F", str(files.config), *options, files.name, *arguments]


def run(command: list[str], sent: str = "", **more: Any) -> "subprocess.CompletedProcess[str]":
    """A client's program, to its end."""
    return subprocess.run(
        command, input=sent, capture_output=True, text=True, timeout=SECONDS, errors="replace", check=False, **more
    )


def kept_busy(plane: SshPlane, given: Given, command: str) -> "subprocess.Popen[str]":
    """A client whose command runs: it has said so."""
    files = plane.files(given)
    process = subprocess.Popen(
        ssh(files, f"echo begun; {command}"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def keepers(login: str) -> list[int]:
    """What would end a grant's sessions at the host."""
    return running(f"millwright-keeper {marked(login)}")


def client(name: str) -> str:
    """OpenSSH's program."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NO {name} HERE: apt-get install openssh-client; nothing of the SSH bastion was tested")
    return found


def running(words: str) -> list[int]:
    """Processes whose command line holds these words, and that are no zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if words in (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(path.name))
    return found


@contextlib.contextmanager
def ssh_plane(folder: Path, host: Sshd) -> Iterator[SshPlane]:
    """It runs until the block ends."""
    root = folder / "factory"
    root.mkdir()
    place = grant_place(root)
    place.wall = datetime.now(UTC)
    declare(place, host)
    host.trusted.write_text(public_line(place.root, Keys.HOSTS) + "\n")
    plane = SshPlane(place, host, folder)
    try:
        yield plane
    finally:
        plane.broker.close()
        print((place.root.logs / "bastion-ssh.log").read_text(errors="replace")[-3000:])


def declare(place: GrantPlace, host: Sshd, **other: Any) -> None:
    """app.yaml with the host, or with another one in its place."""
    yaml, file = YAML(), place.root.apps / "tally" / "app.yaml"
    document = yaml.load(file.read_text())
    document["access"] = RULES
    document["hosts"] = {
        "legacy": {
            "address": "127.0.0.1",
            "port": host.port,
            "user": host.user,
            "hostKeys": [host.host_key],
            "environments": ["build"],
            **other,
        }
    }
    with file.open("w") as written:
        yaml.dump(document, written)
