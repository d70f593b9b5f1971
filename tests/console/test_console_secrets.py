"""`millwright secrets list`: how old the values of the apps' secrets are, as the cloud tells it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from change_bench import database
from console_runner import Runner
from spec_strategies import GOOD

from console.commands import stack_secrets
from factory import daemons, db, environments
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.errors import ExitCode
from factory.outputs import AppFactoryOutputs, NetworkOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings

RULED = GOOD.replace("signing-key: {}", "signing-key: {rotation: 30}\n  any-age: {}\n  later: {rotation: 1}")
REGION = "eu-central-1"
NOW = datetime.now(UTC)


@pytest.fixture
def vault(root: FactoryRoot) -> Iterator[Any]:
    """The local cloud's Secrets Manager, and an app that says how old one of its secrets may grow."""
    (root.apps / "links" / "app.yaml").write_text(RULED)
    yield client(root, Settings(), "secretsmanager", REGION)
    daemons.stop(root, daemons.LOCAL_CLOUD)


def stands(root: FactoryRoot, environment: str, secrets: dict[str, str]) -> None:
    """An update of the environment was recorded."""
    outputs = AppFactoryOutputs(
        app="links",
        environment=environment,
        region=REGION,
        account="123456789012",
        spec="sha256:0",
        network=NetworkOutputs(id="vpc", cidr="10.20.0.0/18", subnets=[]),
        key="key",
        secrets=secrets,
        agents={},
    )
    row = EnvironmentRecord(
        stack=f"links-{environment}",
        app="links",
        environment=environment,
        updated=environments.now(),
        actor="factory",
        version=1,
        cloud_generation=None,
        outputs=outputs,
    )
    with db.transaction(database(root)) as connection:
        environments.record(connection, row)


def at(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """The command runs so many days after this test."""
    monkeypatch.setattr(stack_secrets, "now", lambda: NOW + timedelta(days=days))


def test_a_value_older_than_the_file_says_is_told_and_a_new_one_is_in_time(
    millwright: Runner, root: FactoryRoot, vault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {name: vault.create_secret(Name=name, SecretString="s3cret")["ARN"] for name in ("signing-key", "any-age")}
    stands(root, "staging", made)
    at(monkeypatch, 29)
    fresh = millwright("secrets", "list", "links", "staging", "--json")
    assert fresh.code == ExitCode.OK
    assert [(each["secret"], each["rotation"], each["age"]) for each in fresh.documents] == [
        *(("signing-key", 30, "in time"), ("any-age", None, "no limit"), ("later", 1, "not there"))
    ]
    due = datetime.fromisoformat(fresh.documents[0]["due"])
    assert due - datetime.fromisoformat(fresh.documents[0]["since"]) == timedelta(days=30)

    at(monkeypatch, 31)
    # A tag is a change of the secret, and none of its value.
    vault.tag_resource(SecretId=made["signing-key"], Tags=[{"Key": "owner", "Value": "ops"}])
    late = millwright("secrets", "list", "links", "--json")
    assert late.code == ExitCode.OVERDUE
    assert {(each["environment"], each["age"]) for each in late.documents if each["secret"] == "signing-key"} == {
        *(("build", "not there"), ("staging", "overdue"), ("production", "not there"))
    }
    assert "s3cret" not in json.dumps(late.documents)
    shown = millwright("secrets", "list")
    assert (shown.code, "overdue" in shown.out) == (ExitCode.OVERDUE, True)
    assert "pulumi config set --secret secret.signing-key -s links-staging, then millwright up links sta" in shown.err


def test_a_secret_that_the_cloud_no_longer_has_is_not_there(
    millwright: Runner, root: FactoryRoot, vault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = vault.create_secret(Name="gone", SecretString="x")["ARN"]
    stands(root, "staging", {"signing-key": arn})
    vault.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    at(monkeypatch, 400)
    told = millwright("secrets", "list", "links", "staging", "--json")
    assert (told.code, {each["age"] for each in told.documents}) == (ExitCode.OK, {"not there"})


def test_an_app_or_environment_that_is_not_declared_is_refused(millwright: Runner, root: FactoryRoot) -> None:
    for words, hint in ((("link",), "'links'"), (("links", "stagin"), "'staging'")):
        told = millwright("secrets", "list", *words)
        assert (told.code, hint in told.err) == (ExitCode.INVALID_INPUT, True), told.err
