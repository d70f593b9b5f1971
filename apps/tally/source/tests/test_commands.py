"""Both commands as processes, over moto's SQS and a real PostgreSQL."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 30
POLL_SECONDS = 0.05


@dataclass
class Command:
    process: subprocess.Popen[str]
    log: Path

    def first_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@contextmanager
def running(words: list[str], environment: dict[str, str], log: Path) -> Iterator[Command]:
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | environment,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        yield Command(process, log)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def environment(aws: dict[str, str], postgres: Postgres, database: str) -> dict[str, str]:
    """Its queue shows every message to every worker, until it is deleted."""
    client = boto3.client("sqs", region_name=aws["AWS_REGION"])
    url = client.create_queue(QueueName=database, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    return aws | {"DATABASE_URL": postgres.url(database), "QUEUE_URL": url, "QUEUE_WAIT_SECONDS": "1"}


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path, None if body is None else json.dumps(body))
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(POLL_SECONDS)


def test_what_is_posted_is_told_once_two_workers_have_added_it_up(environment: dict[str, str], tmp_path: Path) -> None:
    with ExitStack() as stack:
        web = stack.enter_context(running(["tally", "--port", "0"], environment, tmp_path / "web"))
        workers = [
            stack.enter_context(running(["tally.worker"], environment, tmp_path / f"worker{number}"))
            for number in range(2)
        ]
        port = int(web.first_line().rpartition(":")[2])
        assert [worker.first_line() for worker in workers] == ["taking messages"] * 2
        for _ in range(15):
            assert ask(port, "POST", "/events", {"name": "signup", "count": 2})[0] == 202
        assert ask(port, "POST", "/events", {"name": "last"})[0] == 202
        eventually(lambda: ask(port, "GET", "/tally")[1]["tally"] == {"signup": 30, "last": 1})
        # One more that comes after all others, by which repeated ones would show.
        assert ask(port, "POST", "/events", {"name": "end"})[0] == 202
        eventually(lambda: ask(port, "GET", "/tally/end")[0] == 200)
        assert ask(port, "GET", "/tally/signup") == (200, {"name": "signup", "total": 30})
        assert [command.end() for command in (web, *workers)] == [0, 0, 0]
        lines = [json.loads(line) for command in (web, *workers) for line in command.log.read_text().splitlines()]
        assert sum(line["event"] == "counted" for line in lines) == 17
        told = json.dumps(lines)
        assert environment["AWS_SECRET_ACCESS_KEY"] not in told
        assert environment["DATABASE_URL"] not in told


@pytest.mark.parametrize("words", [["tally", "--port", "0"], ["tally.worker"]])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://u:hidden@localhost/tally"),
        ("QUEUE_URL", ""),
        ("AWS_REGION", ""),
        ("AWS_ENDPOINT_URL", "hidden"),
    ],
)
def test_a_command_that_is_not_told_all_says_what_is_missing(
    words: list[str], name: str, value: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    with running(words, environment | {name: value}, tmp_path / "log") as command:
        assert command.process.wait(SECONDS) == 2
    said = command.log.read_text()
    assert said.startswith("tally: error: ")
    assert name.partition("_")[0] in said
    assert "hidden" not in said


def test_the_worker_wants_a_time_that_sqs_can_wait(environment: dict[str, str], tmp_path: Path) -> None:
    for value in ("21", "-1", "soon"):
        with running(["tally.worker"], environment | {"QUEUE_WAIT_SECONDS": value}, tmp_path / "log") as command:
            assert command.process.wait(SECONDS) == 2
        assert "QUEUE_WAIT_SECONDS" in command.log.read_text()
