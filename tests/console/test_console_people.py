"""`millwright people` and `millwright promote`: who may decide, and who asks for production."""

import pytest
from change_bench import AUTHOR, database
from console_runner import Runner

from console.commands import promote
from factory import daemons, db, demo_people, environments, signatures
from factory.environments import EnvironmentRecord
from factory.errors import ExitCode
from factory.outputs import AppFactoryOutputs, NetworkOutputs, ServiceOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings

ARTEFACT = "sha256:" + "b" * 64


def test_demo_people_are_made_and_said_to_be_stand_ins(millwright: Runner, root: FactoryRoot) -> None:
    assert "nobody may act yet" in millwright("people", "list").out
    assert millwright("people", "list", "--json").documents == []
    answer = millwright("people", "demo")
    assert (answer.code, answer.out.count("stand-in, nobody real")) == (ExitCode.OK, 5)
    listed = millwright("people", "list", "--json").documents
    assert {person["id"]: [held["role"] for held in person["roles"]] for person in listed} == {
        demo_people.AUTHOR: [],
        demo_people.MAINTAINER: ["maintainer"],
        demo_people.OPERATOR: ["operator"],
        demo_people.SECURITY: ["security"],
        demo_people.ARCHITECT: ["architect"],
    }
    assert all(person["demo"] for person in listed)
    assert signatures.key_id(listed[0]["keys"][0]) in millwright("people", "list").out
    # Made once: their keys stay.
    assert millwright("people", "demo", "--json").documents == listed


def test_there_are_no_demo_people_on_a_real_account(millwright: Runner, root: FactoryRoot) -> None:
    root.settings_file.write_text("aws: account\naws_account: '111122223333'\n")
    answer = millwright("people", "demo", "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert answer.documents[0]["error"] == "demo people are stand-ins for the local cloud only"
    assert not root.demo_people.exists()


def test_mistakes_in_people_yaml_are_told_instead_of_a_list(millwright: Runner, root: FactoryRoot) -> None:
    root.people_file.write_text("people:\n  ben:\n    name: Ben\n    roles: [maintaner]\n    keys: [x]\n")
    answer = millwright("people", "list")
    assert (answer.code, answer.out) == (ExitCode.INVALID_INPUT, "")
    assert "has 2 mistakes" in answer.err
    assert "people.yaml:4:13: people.ben.roles.0.role: not one of" in answer.err
    assert "did you mean 'maintainer'?" in answer.err


def _serve_in_staging(root: FactoryRoot) -> None:
    outputs = AppFactoryOutputs(
        app="links",
        environment="staging",
        region="eu-central-1",
        account="123456789012",
        spec="sha256:" + "c" * 64,
        network=NetworkOutputs(id="vpc-1", cidr="10.20.0.0/18", subnets=[]),
        key="key",
        secrets={},
        agents={},
        service=ServiceOutputs(address="http://links", service="arn", artefact=ARTEFACT),
    )
    row = EnvironmentRecord(
        stack="links-staging",
        app="links",
        environment="staging",
        updated=environments.now(),
        actor="factory",
        version=1,
        cloud_generation=None,
        outputs=outputs,
    )
    with db.transaction(database(root)) as connection:
        environments.record(connection, row)


@pytest.fixture
def started(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The daemons that a command has started; none really runs here."""
    names: list[str] = []
    monkeypatch.setattr(promote.daemons, "ensure", lambda _root, name: names.append(name))
    demo_people.ensure(root, Settings())
    return names


def test_a_promotion_is_signed_put_on_the_line_and_the_worker_is_started(
    millwright: Runner, root: FactoryRoot, started: list[str]
) -> None:
    _serve_in_staging(root)
    answer = millwright("promote", "links", "--as", AUTHOR)
    assert answer.code == ExitCode.OK
    first, second, third = answer.out.splitlines()
    assert first == f"links/promotion-1: {ARTEFACT} is to serve in production, asked by demo-author (stand-in)"
    assert second.startswith("  waits for: ")
    assert third == "  millwright change show links promotion-1 --watch"
    assert started == [daemons.WORKER]
    (document,) = millwright("promote", "links", "--as", AUTHOR, "--json").documents
    assert (document["id"], document["author"], document["artefact"]) == ("links/promotion-1", AUTHOR, ARTEFACT)
    assert len(millwright("change", "list", "--json").documents) == 1


def test_what_does_not_serve_in_staging_is_not_promoted(
    millwright: Runner, root: FactoryRoot, started: list[str]
) -> None:
    answer = millwright("promote", "links", "--as", AUTHOR, "--json")
    assert (answer.code, answer.documents[0]["hint"]) == (ExitCode.INVALID_INPUT, "millwright up links staging")
    assert millwright("change", "list", "--json").documents == []
    assert started == []


def test_nobody_asks_for_production_in_somebody_elses_name(
    millwright: Runner, root: FactoryRoot, started: list[str]
) -> None:
    _serve_in_staging(root)
    key = str(demo_people.key_file(root, demo_people.MAINTAINER))
    answer = millwright("promote", "links", "--as", AUTHOR, "--key", key, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert f"is none of {AUTHOR}'s" in answer.documents[0]["error"]
    assert (millwright("change", "list", "--json").documents, started) == ([], [])
    assert millwright("promote", "links", "--as", AUTHOR).code == ExitCode.OK
