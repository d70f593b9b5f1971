"""Production on a bench: a factory's database and people, releases proposed and decided; no engine."""

import json
import shutil
from pathlib import Path

import pytest

from factory import artefacts, db, decisions, demo_people, environments, events, releases, requests, signatures
from factory.decisions import Verdict
from factory.environments import EnvironmentRecord
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.releases import Proposal, Release
from factory.requests import Question, Request
from factory.settings import Settings
from factory.spec import Environment, load_app
from stacks import destruction, production
from stacks.driver.model import Step
from stacks.infra_code import keep_infra
from stacks.places import Place

REPOSITORY = Path(__file__).parents[2]
STEP = Step(urn="urn:a::b::x", type="aws:ecs/service:Service", name="x", action="update", properties=("image",))
OTHER = Step(urn="urn:a::b::y", type="aws:kms/key:Key", name="y", action="delete")
SAME = Step(urn="urn:a::b::z", type="aws:ec2/vpc:Vpc", name="z", action="same")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    root, settings = FactoryRoot(tmp_path), Settings()
    (tmp_path / "millwright.yaml").touch()
    shutil.copytree(REPOSITORY / "apps" / "links", root.apps / "links")
    demo_people.ensure(root, settings)
    return Place(root, settings, db.connect(root, settings), load_app(root, "links"), Environment.PRODUCTION)


def propose(
    place: Place, artefact: str = "sha256:" + "a" * 64, authors: tuple[str, ...] = (), back: Release | None = None
) -> tuple[Release, int]:
    """A proposed release, and the request that shows it. `back`: the earlier one that it restores."""
    infra = keep_infra(place.root, "links")
    deciders = place.spec.deciders_at(Gate.PRODUCTION)
    with db.transaction(place.database) as connection:
        number = len(releases.of_app(connection, "links"))
        release = releases.propose(
            connection,
            Proposal(
                key=f"links/x:{place.environment}:{number}",
                app="links",
                environment=place.environment.value,
                artefact=artefact,
                spec=back.spec if back else place.spec.model_dump(mode="json", by_alias=True),
                spec_digest=back.spec_digest if back else place.spec.digest(),
                change="x",
                restores=back.id if back else None,
                set_aside=releases.files_digest(place.spec.digest(), infra) if back else None,
                infra=back.infra if back else infra,
            ),
        )
        replaced = releases.read(connection, release.replaces) if release.replaces else None
        request = requests.open_request(
            connection,
            Question(
                key=f"links/x:{place.environment}:{number}",
                gate=Gate.PRODUCTION,
                app="links",
                change="x",
                environment=place.environment.value,
                title="x",
                role=deciders.role,
                approvals=deciders.approvals,
                authors=list(authors),
                shown=production.shown(place, release, replaced, production.plan_of([STEP, SAME]), {"title": "x"}),
            ),
        )
    return release, request.id


def decide(
    place: Place, request_id: int, verdict: Verdict = Verdict.APPROVE, person: str = demo_people.OPERATOR
) -> None:
    with db.transaction(place.database) as connection:
        request = requests.read(connection, request_id)
    assert request is not None
    key = demo_people.key_file(place.root, person)
    signature = signatures.sign_unattended(decisions.payload(request, verdict, person, "why"), key)
    people = load_people(place.root, place.settings)
    decisions.decide(
        place.database, people, request_id, verdict=verdict, person=person, reason="why", signature=signature
    )


def deploy(place: Place, release: Release, request: int, *, serves: bool = True) -> None:
    with db.transaction(place.database) as connection:
        releases.begin(connection, release.id, request)
        if serves:
            releases.serves(connection, release)


def decided(place: Place, artefact: str = "sha256:" + "a" * 64) -> tuple[Release, int]:
    release, request = propose(place, artefact)
    decide(place, request)
    deploy(place, release, request)
    return release, request


def refused(place: Place) -> list[str]:
    with db.transaction(place.database) as connection:
        found = events.recent(connection, app="links", limit=1000)
    return [str(event.properties["reason"]) for event in found if event.kind == "update.refused"]


def lose_roles(place: Place) -> None:
    file = place.root.demo_people / "people.yaml"
    file.write_text(file.read_text().replace("[operator]", "[viewer]").replace("- operator", "- viewer"))
    assert "operator\n" not in file.read_text().replace("demo-operator", "")


def second_operator(place: Place) -> str:
    """Somebody else who holds the role operator as well."""
    file = place.root.demo_people / "people.yaml"
    known = file.read_text()
    file.write_text(known.replace("roles: [security]", "roles: [security, operator]"))
    assert file.read_text() != known
    return demo_people.SECURITY


def stand(place: Place, updated: str) -> None:
    row = EnvironmentRecord(
        stack=place.stack,
        app="links",
        environment=place.environment.value,
        updated=updated,
        actor="factory",
        version=1,
        cloud_generation=None,
        outputs=None,
    )
    with db.transaction(place.database) as connection:
        environments.record(connection, row)


def ask_to_destroy(place: Place, person: str) -> Request:
    return destruction.ask(place, person, asked_by(place, person, key_of=person))


def asked_by(place: Place, person: str, *, key_of: str) -> str:
    key = demo_people.key_file(place.root, key_of)
    return signatures.sign_unattended(destruction.payload(place, person), key, namespace=signatures.SUBMIT)


@pytest.fixture
def kept(place: Place) -> list[str]:
    """Three artefacts that are kept."""
    source = place.root.apps / "links" / "source"
    digests = []
    for number in range(3):
        (source / f"{number}.txt").write_text(str(number))
        digests.append(artefacts.store(place.root, source))
    return digests


def edit(place: Place, old: str = "replicas: 1", new: str = "replicas: 2") -> Place:
    """The place after app.yaml was edited."""
    file = place.root.apps / "links" / "app.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return place._replace(spec=load_app(place.root, "links"))


def back(place: Place, to: Release) -> tuple[Release, int]:
    """A way back that is proposed, and the request that shows it."""
    return propose(place, to.artefact, back=to)


def two_specs(place: Place, kept: list[str]) -> tuple[Place, Release, Release]:
    """One release, and another one with a later app.yaml, which serves."""
    first, _ = decided(place, kept[0])
    edited = edit(place)
    second, _ = decided(edited, kept[1])
    return edited, first, second


def write_infra(place: Place, text: str, name: str = "infra.py") -> None:
    """The app's own code, or what stands beside it, as it is from now on."""
    (place.root.apps / "links" / name).write_text(text)


def configure(place: Place, values: dict[str, object]) -> None:
    place.root.stack_config.mkdir(parents=True, exist_ok=True)
    (place.root.stack_config / f"Pulumi.{place.stack}.yaml").write_text(json.dumps({"config": values}))


def read(place: Place, release: Release) -> Release:
    with db.transaction(place.database) as connection:
        found = releases.read(connection, release.id)
    assert found is not None
    return found
