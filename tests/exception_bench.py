"""Exceptions on a bench: a factory with people who have keys, and entries that these people really sign."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML
from spec_strategies import factory_in

from factory import signatures
from factory.errors import ExitCode, InputError
from factory.exception_file import Exceptions, exceptions_file, load_exceptions
from factory.exceptions import Accepted, Requested, policy_fingerprint, scanner_fingerprint
from factory.paths import FactoryRoot
from factory.settings import Settings

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
FACTORY_ID = "0d5a37a6-5f0e-4f67-9a55-6f1f0a4c2b10"
HERE = f"{FACTORY_ID}@local"
ACCOUNT = "111122223333"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
PARENT = "millwright:aws:Service$"
DOOR = f"urn:pulumi:links-staging::millwright::{PARENT}{GROUP}::links-staging-door"
RULE = "no-world-ingress"
NEVER = "trail-complete"
CONTROLS = {RULE: "", "no-public-addresses": "", NEVER: "exceptions themselves rest on it"}
ROLES: dict[str, list[object]] = {
    "ada": [],
    "max": ["maintainer"],
    "sam": ["security"],
    "sol": [{"role": "security", "apps": ["links"]}],
    "nia": [{"role": "security", "apps": ["notes"]}],
}
Fields = dict[str, Any]


def fields(**differs: Any) -> Fields:
    """What an honest entry says before anybody has signed it; None takes a field away."""
    said: Fields = {
        "id": "door-until-vpn",
        "factory": HERE,
        "rule": RULE,
        "resource": DOOR,
        "path": "ingress[0].cidrBlocks[0]",
        "message": "lets in the whole world (found 0.0.0.0/0)",
        "reason": "the partner's addresses are not fixed yet",
        "ticket": "SEC-12",
        "requester": "ada",
        "requested": "2026-11-28T09:00:00+00:00",
        "expires": "2026-12-29",
        "approver": "sam",
        "approved": "2026-11-29T09:00:00+00:00",
    } | differs
    tool, _, rule = said["rule"].rpartition("/")
    finding = (said["path"], said["message"])
    mark = scanner_fingerprint(tool, rule, *finding) if tool else policy_fingerprint(rule, *finding)
    said.setdefault("fingerprint", mark)
    return {name: value for name, value in said.items() if value is not None}


@dataclass
class ExceptionBench:
    """A factory with the apps links and notes; ada asks, sam accepts."""

    root: FactoryRoot
    settings: Settings = field(default_factory=lambda: Settings(factory_id=FACTORY_ID))

    @classmethod
    def in_folder(cls, folder: Path) -> "ExceptionBench":
        root = factory_in(folder)
        (root.apps / "notes").mkdir()
        (root.apps / "notes" / "app.yaml").write_text("name: notes\n")
        root.settings_file.write_text(f"aws: local\nfactory_id: {FACTORY_ID}\n")
        bench = cls(root)
        bench.people({person: {"roles": roles} for person, roles in ROLES.items()})
        return bench

    def key(self, person: str) -> Path:
        return self.root.path / f"{person}.key"

    def people(self, roles: dict[str, dict[str, object]]) -> None:
        """Write people.yaml; whoever is there already keeps the key."""
        told = {id: {"name": id.title(), "keys": [self._public(id)], **said} for id, said in roles.items()}
        YAML(typ="safe").dump({"people": told}, self.root.people_file)

    def new_key(self, person: str) -> None:
        """The person has another key from now on, and people.yaml says so."""
        self.key(person).unlink()
        self.people({id: {"roles": roles} for id, roles in ROLES.items()})

    def sign(self, person: str, payload: bytes, namespace: str) -> str:
        return signatures.sign_unattended(payload, self.key(person), namespace=namespace)

    def entry(self, *, asker: str = "", signer: str = "", **differs: Any) -> Fields:
        """An entry that its requester and approver have signed; `asker` and `signer` sign in their place."""
        said = fields(**differs)
        asked = Requested.model_validate(
            {k: v for k, v in said.items() if k in Requested.model_fields} | {"request_signature": ""}
        )
        said["request_signature"] = self.sign(
            asker or said["requester"], asked.request_payload(), signatures.EXCEPTION_REQUEST
        )
        accepted = Accepted.model_validate(said | {"signature": ""})
        said["signature"] = self.sign(signer or said["approver"], accepted.payload(), signatures.EXCEPTION)
        return said

    def write(self, *entries: Fields) -> Path:
        """Write exceptions.yaml, as somebody does who writes past all code of ours."""
        path = exceptions_file(self.root)
        yaml = YAML(typ="safe")
        yaml.default_flow_style = False
        yaml.dump({"exceptions": list(entries)}, path)
        return path

    def load(self, now: datetime = NOW) -> Exceptions:
        return load_exceptions(self.root, self.settings, CONTROLS, now)

    def refused(self, *entries: Fields, now: datetime = NOW) -> InputError:
        """How a file of these entries is refused, the whole of it."""
        self.write(*entries)
        with pytest.raises(InputError) as caught:
            self.load(now)
        assert caught.value.exit_code is ExitCode.INVALID_INPUT
        assert "policy except" in caught.value.hint
        return caught.value

    def _public(self, person: str) -> str:
        path = self.key(person)
        if not path.exists():
            made = Ed25519PrivateKey.generate()
            path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            path.chmod(0o600)
        key = signatures.load_ssh_private_key(path.read_bytes(), password=None)
        return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
