"""The site as its users meet it: a process that answers HTTP."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 30
ATTACK = "<script>alert(1)</script>"


@dataclass
class Told:
    status: int
    headers: HTTPMessage
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass
class Service:
    process: subprocess.Popen[str]
    log: Path
    port: int = 0

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Told:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        told = Told(response.status, response.headers, response.read())
        connection.close()
        return told


@contextmanager
def starting(log: Path, *words: str) -> Iterator[Service]:
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "docsite", "--port", "0", *words],
            cwd=ROOT,
            env=os.environ,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        yield Service(process, log)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def running(log: Path, *words: str) -> Iterator[Service]:
    with starting(log, *words) as service:
        assert service.process.stdout is not None
        service.port = int(service.process.stdout.readline().rpartition(":")[2])
        yield service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests that only ask, with the site's own pages."""
    with running(tmp_path_factory.mktemp("service") / "log") as shared:
        yield shared


def test_the_index_lists_every_page_and_each_opens(service: Service) -> None:
    index = service.ask("/")
    assert (index.status, index.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    names = [file.stem for file in (ROOT / "pages").glob("*.md")]
    for name in names:
        assert f'<a href="/{name}">' in index.text
        page = service.ask(f"/{name}")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "<h1>" in page.text
    assert len(names) >= 10


def test_the_style_and_health_have_their_types(service: Service) -> None:
    assert service.ask("/style.css").headers["Content-Type"] == "text/css; charset=utf-8"
    health = service.ask("/health")
    assert (health.status, health.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(health.text)["status"] == "ok"
    assert (health.headers["Cache-Control"], health.headers["ETag"]) == ("no-store", None)


@pytest.mark.parametrize("path", ["/", "/gate", "/style.css", "/search?q=gate"])
def test_what_a_client_has_already_is_not_sent_again(service: Service, path: str) -> None:
    first = service.ask(path)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for said in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = service.ask(path, headers={"If-None-Match": said})
        assert (again.status, again.content, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Content-Length"] is None
    for said in ('"other"', etag.strip('"'), ""):
        assert service.ask(path, headers={"If-None-Match": said}).content == first.content


def test_two_pages_have_two_etags(service: Service) -> None:
    assert service.ask("/gate").headers["ETag"] != service.ask("/stage").headers["ETag"]


@pytest.mark.parametrize("path", ["/", "/gate", "/nothere", "/health", "/search?q=gate", "/search"])
def test_head_says_what_get_says_without_the_content(service: Service, path: str) -> None:
    get, head = service.ask(path), service.ask(path, "HEAD")
    assert head.content == b""
    assert head.status == get.status
    for told in (get, head):
        del told.headers["Date"]
    assert head.headers.items() == get.headers.items()
    assert head.headers["Content-Length"] == str(len(get.content))


@pytest.mark.parametrize(
    "path", ["/nothere", "/gate/", "/gate.md", "//nothere", "/../pages/gate", "/%2e%2e/pyproject.toml"]
)
def test_what_is_not_there_has_a_page_that_says_so(service: Service, path: str) -> None:
    told = service.ask(path)
    assert (told.status, told.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "No such page" in told.text
    assert told.headers["ETag"] is None


def test_a_search_is_ranked_and_says_where(service: Service) -> None:
    told = service.ask("/search?q=held-out+criteria")
    assert (told.status, told.headers["Content-Type"]) == (200, "application/json")
    answer = json.loads(told.text)
    assert answer["query"] == "held-out criteria"
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    first = answer["results"][0]
    assert (first["page"], first["title"]) == ("/held-out-criteria", "Held-out criteria")
    assert service.ask(first["page"]).status == 200
    assert json.loads(service.ask("/search?q=zzz").text)["results"] == []


@pytest.mark.parametrize(
    "query", ["", "?", "?q=", "?q=+", "?other=x", "?q=a&q=b", "?q=" + "a" * 101, "?" + "&".join(["a=b"] * 20)]
)
def test_what_is_no_search_is_told_why(service: Service, query: str) -> None:
    told = service.ask(f"/search{query}")
    assert (told.status, told.headers["Content-Type"]) == (400, "application/json")
    assert json.loads(told.text)["error"]
    assert service.ask("/search?q=" + "a" * 100).status == 200


@pytest.mark.parametrize("path", ["/{}", "/search?q={}", "/search?q={}&q=x", "/gate?{}", "/gate/{}", "/search/{}"])
@pytest.mark.parametrize("spelled", [quote(ATTACK), ATTACK, quote('"><img src=x onerror=alert(1)>')])
def test_nothing_of_a_request_becomes_markup(service: Service, path: str, spelled: str) -> None:
    told = service.ask(path.format(spelled))
    assert "<script" not in told.text
    assert "<img" not in told.text
    assert "default-src 'none'" in told.headers["Content-Security-Policy"]
    assert told.headers["X-Content-Type-Options"] == "nosniff"


def test_a_query_that_holds_markup_is_told_as_it_is(service: Service) -> None:
    assert json.loads(service.ask(f"/search?q={quote(ATTACK)}").text)["query"] == ATTACK


def test_a_page_that_holds_markup_shows_it_as_text(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "attack.md").write_text(f"# `{ATTACK}`\n\n`{ATTACK}` & {ATTACK}\n")
    with running(tmp_path / "log", "--pages", str(pages)) as service:
        for path in ("/", "/attack", "/search?q=script"):
            text = service.ask(path).text
            assert "<script" not in text
            assert "alert(1)" in text
        assert json.loads(service.ask("/search?q=script").text)["results"][0]["title"] == ATTACK


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(service: Service, method: str) -> None:
    told = service.ask("/gate", method, body=b"x" * 200_000)
    assert (told.status, told.headers["Allow"]) == (405, "GET, HEAD")
    assert json.loads(told.text)["error"]


def test_each_request_is_one_line_of_json_without_its_query_and_sigterm_ends_it_well(tmp_path: Path) -> None:
    with running(tmp_path / "log") as service:
        service.ask("/search?q=hidden")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(SECONDS) == 0
        (line,) = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert (line["event"], line["method"], line["path"], line["status"]) == ("request", "GET", "/search", 200)
    assert "hidden" not in json.dumps(line)


def test_with_a_page_that_cannot_be_shown_it_does_not_start(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "broken.md").write_text("no title")
    with starting(tmp_path / "log", "--pages", str(pages)) as service:
        assert service.process.wait(SECONDS) == 2
        assert "broken.md: it must begin with its title" in service.log.read_text()
