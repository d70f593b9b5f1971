"""Two small apps as records: what a proof of their isolation is made from."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from stacks.isolation import Cloud, Proof, Stack, prove
from stacks.isolation.records import Document, Identity, Kind, Owner, Reference, Resource, Unread

ACCOUNT = "123456789012"
REGION = "eu-central-1"
RANGES = {"links": "10.20.0.0/18", "notes": "10.30.0.0/18"}
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
TASKS = {"Service": "ecs-tasks.amazonaws.com"}
OF_HERE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:*:{ACCOUNT}:*"}}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def arn(service: str, rest: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{rest}"


def role(app: str) -> str:
    return arn("iam", f"role/{app}-build-coder", region="")


def secret(app: str) -> str:
    return arn("secretsmanager", f"secret:{app}/build/token-abcdef")


def key(app: str) -> str:
    return arn("kms", f"key/{app}")


def bucket(app: str) -> str:
    return f"arn:aws:s3:::{app}-files"


def repository(name: str) -> str:
    return arn("ecr", f"repository/{name}")


def network(app: str) -> str:
    return f"vpc-{app}"


def document(*statements: dict[str, Any], name: str = "policy") -> Document:
    return Document(name=name, content=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def to(principal: dict[str, Any] | str, action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def owned(app: str, environment: str = "build") -> dict[str, str]:
    return {"app": app, "environment": environment}


def resources(app: str) -> list[Resource]:
    """A network, a role, a key, a secret under it, a bucket, a queue and an image repository."""
    tags = owned(app)
    trust = document(to(TASKS, "sts:AssumeRole", Condition=OF_HERE), name="trust")
    by_account = document(to(ROOT, "kms:*", Resource="*"), name="key policy")
    plain = [
        Resource(kind=Kind.NETWORK, id=network(app), tags=tags, ranges=(RANGES[app],)),
        Resource(kind=Kind.FIREWALL, id=f"sg-{app}", tags=tags, refers=(Reference("in network", network(app)),)),
        Resource(kind=Kind.ROLE, id=role(app), tags=tags, arns=(role(app),), policy=trust),
        Resource(kind=Kind.KEY, id=key(app), tags=tags, arns=(key(app),), policy=by_account),
        Resource(kind=Kind.BUCKET, id=bucket(app), tags=tags, arns=(bucket(app), f"{bucket(app)}/*")),
        Resource(kind=Kind.REPOSITORY, id=repository(app), tags=tags, arns=(repository(app),)),
    ]
    encrypted = (Reference("encrypted by", key(app)),)
    kept = Resource(kind=Kind.SECRET, id=secret(app), tags=tags, arns=(secret(app),), refers=encrypted)
    return [*plain, kept]


def state(app: str, environment: str = "build", *more: str, held: Sequence[Resource] | None = None) -> Stack:
    known = {each.id: "aws:iam/role:Role" for each in (resources(app) if held is None else held)}
    return Stack(owner=Owner(app=app, environment=environment), known=known | dict.fromkeys(more, "aws:iam/role:Role"))


@dataclasses.dataclass
class Bench:
    """Two apps that stand, to be changed in one thing."""

    held: dict[str, Resource] = dataclasses.field(
        default_factory=lambda: {each.id: each for app in RANGES for each in resources(app)}
    )
    identities: dict[str, Identity] = dataclasses.field(
        default_factory=lambda: {role(app): Identity(role=role(app), documents=()) for app in RANGES}
    )
    stacks: list[Stack] = dataclasses.field(default_factory=lambda: [state(app) for app in RANGES])
    unread: tuple[Unread, ...] = ()

    def add(self, *more: Resource) -> "Bench":
        self.held |= {each.id: each for each in more}
        return self

    def change(self, identifier: str, **values: Any) -> "Bench":
        self.held[identifier] = dataclasses.replace(self.held[identifier], **values)
        return self

    def may(self, *statements: dict[str, Any], boundary: Document | None = None, app: str = "links") -> "Bench":
        documents = (document(*statements, name="inline policy"),) if statements else ()
        self.identities[role(app)] = Identity(role=role(app), documents=documents, boundary=boundary)
        return self

    def proof(self, *apps: str) -> Proof:
        cloud = Cloud(
            account=ACCOUNT,
            regions=(REGION,),
            resources=tuple(self.held.values()),
            identities=tuple(self.identities.values()),
            unread=self.unread,
        )
        return prove(cloud, self.stacks, apps)

    def told(self) -> list[tuple[str, str, str | None, str | None]]:
        """Verdict, rule and ends of each finding."""
        return [(each.verdict.value, each.rule.value, each.one, each.other) for each in self.proof().findings]
