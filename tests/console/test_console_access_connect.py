"""`access connect secret` and `access connect api`, with the real broker: the command has it, and nobody sees it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from change_bench import database
from console_runner import Runner

from access.grants import State, store
from factory import daemons, db, demo_people, environments, events
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.errors import ExitCode
from factory.outputs import AppFactoryOutputs, NetworkOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings

VALUE = "s3cret-of-links"
OPERATOR = demo_people.OPERATOR
SECRET = ("access", "connect", "secret", "links", "build", "signing-key", "--as", OPERATOR)
API = ("access", "connect", "api", "links", "build", "payments", "--as", OPERATOR)
# Looks at its environment, and leaves what it saw in a file.
SEES = "import os, sys; open(sys.argv[1], 'w').write(os.environ.get(sys.argv[2], 'nothing'))"
# The same, of an API's answer.
CALLS = """
import os, sys, urllib.error, urllib.request
asked = urllib.request.Request(os.environ["PAYMENTS_URL"] + "/items", method=sys.argv[2])
asked.add_header("Authorization", "Bearer " + os.environ["PAYMENTS_TOKEN"])
try:
    urllib.request.urlopen(asked, timeout=30)
except urllib.error.HTTPError as error:
    open(sys.argv[1], "w").write(str(error.code) + " " + error.headers["x-millwright-refused"])
"""


@pytest.fixture
def place(root: FactoryRoot) -> Iterator[FactoryRoot]:
    """An environment that stands, with a secret and an API, and demo people."""
    app = root.apps / "links" / "app.yaml"
    # Nobody's host: what is asked for is decided before any name is looked up, or not at all.
    app.write_text(f"{app.read_text()}apis:\n  payments:\n    url: https://nowhere.invalid\n    secret: signing-key\n")
    demo_people.ensure(root, Settings())
    try:
        arn = client(root, Settings(), "secretsmanager", "eu-central-1").create_secret(
            Name="links/build/signing-key", SecretString=VALUE
        )["ARN"]
        stands(root, arn)
        yield root
    finally:
        for name in (daemons.ACCESS, daemons.LOCAL_CLOUD):
            daemons.stop(root, name)


def stands(root: FactoryRoot, arn: str) -> None:
    place = {"app": "links", "environment": "build"}
    network = NetworkOutputs(id="vpc", cidr="10.20.0.0/16", subnets=[])
    outputs = AppFactoryOutputs(
        **place, region="eu-central-1", account="1", spec="1", network=network, key="k", agents={},
        secrets={"signing-key": arn},
    )  # fmt: skip
    told = {"updated": "2026-03-01T12:00:00.000+00:00", "actor": "test", "version": 1, "cloud_generation": "1"}
    with db.transaction(database(root)) as connection:
        environments.record(connection, EnvironmentRecord(stack="links-build", outputs=outputs, **place, **told))


def told(root: FactoryRoot, kind: str) -> list[events.Event]:
    with db.transaction(database(root)) as connection:
        return events.of_kinds(connection, [kind])


def python(*words: Any) -> list[str]:
    return ["--", sys.executable, "-c", *map(str, words)]


def test_a_command_has_the_secret_or_calls_the_api_and_the_grant_ends_with_it(
    millwright: Runner, place: FactoryRoot, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    answer = millwright(*SECRET, "--reason", "a look", *python(SEES, seen, "SIGNING_KEY"))
    assert (answer.code, seen.read_text()) == (ExitCode.OK, VALUE)
    assert VALUE not in answer.out + answer.err
    (read,) = told(place, "secret.read")
    assert (read.actor, read.properties["resource"]) == (OPERATOR, "secrets.signing-key")
    assert read.properties["grant"] in millwright("access", "show", read.properties["grant"]).out
    # Under another name, and with the command's own exit code.
    assert millwright(*SECRET, "--variable", "OTHER", *python(SEES, seen, "OTHER")).code == ExitCode.OK
    assert seen.read_text() == VALUE
    assert millwright(*SECRET, *python("raise SystemExit(41)")).code == 41
    # A grant that is held is used by its token, and by nobody without.
    (held,) = millwright(
        *("access", "request", "links", "build", "secrets.signing-key", "--reason", "x", "--as", OPERATOR, "--json")
    ).documents
    assert VALUE not in str(held)
    assert "connect secret links build signing-key" in millwright("access", "show", held["id"]).out or held["door"]
    millwright(*API, *python(CALLS, seen, "POST"))
    assert seen.read_text() == "403 method"
    millwright(*API, *python(CALLS, seen, "GET"))
    assert seen.read_text() == "502 upstream"
    replayed = millwright("access", "replay", told(place, "session.began")[-1].properties["grant"])
    assert "GET /items" in replayed.out
    with db.transaction(database(place)) as connection:
        still = store.in_states(connection, [State.ACTIVE])
    assert [grant.id for grant in still] == [held["id"]]
    assert not [path for path in place.logs.iterdir() if VALUE in path.read_text()]


def test_without_a_command_there_is_nothing_to_be_let_in_for(millwright: Runner, root: FactoryRoot) -> None:
    demo_people.ensure(root, Settings())
    for words in (SECRET, API):
        refused = millwright(*words)
        assert (refused.code, "Say which command" in refused.err) == (ExitCode.USAGE, True)
    assert millwright(*SECRET, "--variable", "not one", *python("0")).code == ExitCode.USAGE
    for words in (("secret", "links", "build", "nosuch"), ("api", "links", "build", "nosuch")):
        assert millwright("access", "connect", *words, "--as", OPERATOR, *python("0")).code == ExitCode.INVALID_INPUT
    assert told(root, "grant.requested") == []
