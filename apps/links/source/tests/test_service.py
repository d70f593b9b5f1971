"""The service as its users meet it: a process that answers HTTP."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 10


@dataclass
class Service:
    process: subprocess.Popen[str]
    port: int

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any], str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        answer = response.status, json.loads(response.read()), response.headers["Location"]
        connection.close()
        return answer

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


def start(data: Path) -> Service:
    process = subprocess.Popen(
        [sys.executable, "-m", "links", "--port", "0", "--data", str(data)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return Service(process, int(process.stdout.readline().rpartition(":")[2]))


@contextmanager
def running(data: Path) -> Iterator[Service]:
    service = start(data)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.communicate()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests that only ask."""
    with running(tmp_path_factory.mktemp("service") / "links.json") as shared:
        yield shared


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """One that a test may end, and that knows no link yet."""
    with running(tmp_path / "links.json") as mine:
        yield mine


def test_a_shortened_url_redirects_and_counts(service: Service) -> None:
    status, made, _ = service.ask("POST", "/links", {"url": "https://example.org/long"})
    assert (status, made["url"]) == (201, "https://example.org/long")
    status, _, location = service.ask("GET", f"/{made['code']}")
    assert (status, location) == (302, "https://example.org/long")
    assert service.ask("GET", f"/links/{made['code']}")[:2] == (200, made | {"hits": 1})


def test_the_same_url_gets_the_same_answer(service: Service) -> None:
    first = service.ask("POST", "/links", {"url": "https://example.org/"})
    assert service.ask("POST", "/links", {"url": "https://example.org/"}) == first


@pytest.mark.parametrize("path", ["/nothere", "/links/nothere", "/", "/links/"])
def test_an_unknown_code_is_not_found(service: Service, path: str) -> None:
    assert service.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    "body", [{"url": "ftp://example.org"}, {"url": 7}, {}, ["url"], "text", {"link": "https://a.b"}]
)
def test_a_bad_request_is_told_why(service: Service, body: object) -> None:
    status, answer, _ = service.ask("POST", "/links", body)
    assert status == 400
    assert answer["error"]


def test_a_body_that_is_too_large_is_refused(service: Service) -> None:
    assert service.ask("POST", "/links", {"url": "https://example.org/" + "a" * 9000})[0] == 413


def test_health_says_how_many_links_there_are(own: Service) -> None:
    assert own.ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 0})
    own.ask("POST", "/links", {"url": "https://example.org/"})
    assert own.ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 1})


def test_sigterm_ends_it_well_and_the_next_one_knows_the_links(own: Service, tmp_path: Path) -> None:
    code = own.ask("POST", "/links", {"url": "https://example.org/"})[1]["code"]
    assert own.end() == 0
    again = start(tmp_path / "links.json")
    try:
        assert again.ask("GET", f"/{code}")[0] == 302
    finally:
        assert again.end() == 0


def test_what_was_answered_survives_a_kill(own: Service, tmp_path: Path) -> None:
    code = own.ask("POST", "/links", {"url": "https://example.org/"})[1]["code"]
    own.process.kill()
    own.process.wait(SECONDS)
    again = start(tmp_path / "links.json")
    try:
        assert again.ask("GET", f"/links/{code}")[0] == 200
    finally:
        assert again.end() == 0
