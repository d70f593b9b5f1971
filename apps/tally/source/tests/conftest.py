import json
from collections.abc import Iterator
from typing import Any

import pytest
from postgres import CannotRun, Postgres, postgres_server

from tally.counts import Counts


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each has a database of its own."""
    try:
        with postgres_server() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The name of a new database."""
    return postgres.new_database()


@pytest.fixture
def counts(postgres: Postgres, database: str) -> Counts:
    return Counts(postgres.url(database))


class Log:
    """The lines that were logged since it was last asked."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._captured.readouterr().err.splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(capsys)


@pytest.fixture(scope="session")
def sqs_endpoint() -> Iterator[str]:
    """An SQS on loopback: moto's."""
    # It takes a second to import, which tests without it need not wait for.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(sqs_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the environment says of the cloud, here and in the processes of a test."""
    said = {
        "AWS_ENDPOINT_URL": sqs_endpoint,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said
