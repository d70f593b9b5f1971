"""What the service does, whichever store it has; and what only holds over a database."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from postgres import Postgres
from service import SECONDS, Kept, Service, listening, running, starting

from links.database import Address, InvalidDatabaseUrl, read_url
from links.store import codes

URL = "https://example.org/long"
# More clients than the five that wait unheard by default, fewer threads than a small sandbox has memory for.
AT_ONCE = 8


@pytest.fixture(scope="module")
def service(shared_kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests that only ask, each for a URL of its own."""
    with running(shared_kept, tmp_path_factory.mktemp("service") / "log") as shared:
        yield shared


@pytest.fixture
def own(kept: Kept, tmp_path: Path) -> Iterator[Service]:
    """One that a test may end, and that knows no link yet."""
    with running(kept, tmp_path / "log") as mine:
        yield mine


@pytest.fixture
def url() -> str:
    """A URL that nobody has shortened."""
    return f"https://example.org/{uuid.uuid4()}"


@pytest.fixture
def in_database(postgres: Postgres) -> tuple[str, Kept]:
    """A new database and where it is."""
    name = postgres.new_database()
    return name, Kept(database_url=postgres.url(name))


def at_once(work: Callable[[int], object], times: int) -> list[object]:
    """What `work` answers in so many threads, all of which begin together."""
    begin = threading.Barrier(times)

    def one(number: int) -> object:
        begin.wait(SECONDS)
        return work(number)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times)))


def test_a_shortened_url_redirects_and_counts(service: Service, url: str) -> None:
    status, made, _ = service.ask("POST", "/links", {"url": url})
    assert (status, made["url"]) == (201, url)
    status, _, location = service.ask("GET", f"/{made['code']}")
    assert (status, location) == (302, url)
    assert service.ask("GET", f"/links/{made['code']}")[:2] == (200, made | {"hits": 1})


def test_the_same_url_gets_the_same_answer_and_another_url_another(service: Service, url: str) -> None:
    first = service.ask("POST", "/links", {"url": url})
    assert service.ask("POST", "/links", {"url": url}) == first
    assert service.ask("POST", "/links", {"url": f"{url}/er"})[1]["code"] != first[1]["code"]


def test_a_url_has_the_same_code_in_every_store(service: Service, url: str) -> None:
    assert service.ask("POST", "/links", {"url": url})[1]["code"] == next(codes(url))


@pytest.mark.parametrize("body", [{"url": "ftp://a.b"}, {"url": 7}, {}, ["url"], "text", {"link": "https://a.b"}])
def test_a_bad_request_is_told_why_and_makes_nothing(service: Service, body: object) -> None:
    before = service.ask("GET", "/health")
    status, answer, _ = service.ask("POST", "/links", body)
    assert status == 400
    assert answer["error"]
    assert service.ask("GET", "/health") == before


def test_what_is_unknown_or_not_offered_is_refused_in_json(service: Service, url: str) -> None:
    for path in ("/nothere", "/links/nothere", "/", "/links/", "/%00", "/links/%00", "/%C3%A9"):
        assert service.ask("GET", path)[0] == 404, path
    assert service.ask("POST", "/other", {"url": url})[0] == 404
    assert service.ask("PUT", "/links", {"url": url})[0] == 501
    assert service.ask("POST", "/links", {"url": url})[0] == 201


def test_a_body_that_is_too_large_is_refused(service: Service, url: str) -> None:
    assert service.ask("POST", "/links", {"url": f"{url}/" + "a" * 200_000})[0] == 413
    assert service.ask("POST", "/links", {"url": f"{url}/" + "a" * 1900})[0] == 201


def test_many_clients_lose_no_link_and_no_hit(service: Service, url: str) -> None:
    before = service.ask("GET", "/health")[1]["links"]
    code = service.ask("POST", "/links", {"url": url})[1]["code"]

    def work(number: int) -> None:
        service.ask("POST", "/links", {"url": f"{url}/{number}"})
        service.ask("GET", f"/{code}")

    at_once(work, AT_ONCE)
    at_once(work, AT_ONCE)
    assert service.ask("GET", "/health")[1]["links"] == before + 1 + AT_ONCE
    assert service.ask("GET", f"/links/{code}")[1]["hits"] == 2 * AT_ONCE


def test_health_says_how_many_links_there_are(own: Service) -> None:
    assert own.ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 0})
    own.ask("POST", "/links", {"url": URL})
    assert own.ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 1})


def test_sigterm_ends_it_well_and_the_next_one_knows_the_links(own: Service, kept: Kept, tmp_path: Path) -> None:
    code = own.ask("POST", "/links", {"url": URL})[1]["code"]
    assert own.ask("GET", "/health?token=hidden")[0] == 200
    assert own.end() == 0
    # Each request was one line of JSON, without its query.
    asked = [(line["method"], line["path"], line["status"]) for line in own.lines() if line["event"] == "request"]
    assert asked == [("POST", "/links", 201), ("GET", "/health", 200)]
    assert "hidden" not in own.log.read_text()
    with running(kept, tmp_path / "log2") as again:
        assert again.ask("GET", f"/{code}")[0] == 302


def test_what_was_answered_survives_a_kill(own: Service, kept: Kept, tmp_path: Path) -> None:
    code = own.ask("POST", "/links", {"url": URL})[1]["code"]
    own.process.kill()
    own.process.wait(SECONDS)
    with running(kept, tmp_path / "log2") as again:
        assert again.ask("GET", f"/links/{code}")[0] == 200


def test_copies_that_start_together_make_the_schema_once(in_database: tuple[str, Kept], tmp_path: Path) -> None:
    with ExitStack() as stack:
        begun = [stack.enter_context(starting(in_database[1], tmp_path / f"log{number}")) for number in range(4)]
        for copy in begun:
            assert listening(copy).ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 0})
            # None had to try again.
            assert {line["event"] for line in copy.lines()} <= {"database", "request"}


def test_several_copies_agree_on_codes_and_lose_no_hit(in_database: tuple[str, Kept], tmp_path: Path) -> None:
    with ExitStack() as stack:
        copies = [stack.enter_context(running(in_database[1], tmp_path / f"log{number}")) for number in range(3)]
        made = at_once(lambda number: copies[number % 3].ask("POST", "/links", {"url": URL}), AT_ONCE)
        assert all(answer == made[0] for answer in made)
        code = copies[0].ask("POST", "/links", {"url": URL})[1]["code"]
        at_once(lambda number: copies[number % 3].ask("GET", f"/{code}"), AT_ONCE)
        for copy in copies:
            assert copy.ask("GET", "/health")[1]["links"] == 1
            assert copy.ask("GET", f"/links/{code}")[1]["hits"] == AT_ONCE


def test_a_code_that_another_url_holds_is_not_given_away(
    in_database: tuple[str, Kept], postgres: Postgres, tmp_path: Path
) -> None:
    name, kept = in_database
    taken = next(codes(URL))
    with running(kept, tmp_path / "log") as service:
        postgres.run("INSERT INTO links VALUES (:code, 'https://other.example/', 3)", name, code=taken)
        code = service.ask("POST", "/links", {"url": URL})[1]["code"]
        assert code != taken
        assert service.ask("POST", "/links", {"url": URL})[1]["code"] == code
        assert service.ask("GET", f"/links/{taken}")[1] == {"code": taken, "url": "https://other.example/", "hits": 3}


def test_while_the_database_is_away_it_says_so_and_then_goes_on(
    in_database: tuple[str, Kept], postgres: Postgres, tmp_path: Path
) -> None:
    with running(in_database[1], tmp_path / "log") as service:
        code = service.ask("POST", "/links", {"url": URL})[1]["code"]
        postgres.stop()
        try:
            for method, path in (("GET", "/health"), ("GET", f"/{code}"), ("POST", "/links")):
                status, answer, _ = service.ask(method, path, {"url": URL} if method == "POST" else None)
                assert (status, answer) == (503, {"error": "the database does not answer; try again later"})
        finally:
            postgres.start()
        # The first request after it is answered: a broken connection is noticed before it is used.
        assert service.ask("GET", f"/{code}")[0] == 302
        assert service.ask("GET", "/health")[0] == 200
        assert any(line["event"] == "database-away" for line in service.lines())


def test_it_starts_while_the_database_is_away(
    in_database: tuple[str, Kept], postgres: Postgres, tmp_path: Path
) -> None:
    postgres.stop()
    try:
        with running(in_database[1], tmp_path / "log") as service:
            assert service.ask("GET", "/health")[0] == 503
            postgres.start()
            assert service.ask("GET", "/health")[:2] == (200, {"status": "ok", "links": 0})
            assert service.ask("POST", "/links", {"url": URL})[0] == 201
    finally:
        postgres.stop()
        postgres.start()


def test_a_wrong_password_is_told_by_its_code_and_shown_nowhere(postgres: Postgres, tmp_path: Path) -> None:
    kept = Kept(database_url=postgres.url("postgres", password="not-the-password"))
    with running(kept, tmp_path / "log") as service:
        assert service.ask("GET", "/health")[0] == 503
    assert any("SQLSTATE 28P01" in line.get("why", "") for line in service.lines())
    assert "not-the-password" not in service.log.read_text()


def test_the_database_is_taken_before_the_file(in_database: tuple[str, Kept], tmp_path: Path) -> None:
    both = Kept(data=tmp_path / "links.json", database_url=in_database[1].database_url)
    with running(both, tmp_path / "log") as service:
        assert service.ask("POST", "/links", {"url": URL})[0] == 201
    assert not (tmp_path / "links.json").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hidden@localhost/links", "postgresql://"),
        ("postgresql://u:hidden@localhost", "a database"),
        ("postgresql://localhost/links", "a user"),
        ("postgresql://u:hidden@localhost:port/links", "cannot be read"),
        ("postgresql://u:hidden@localhost/links?sslmode=maybe", "sslmode"),
        ("postgresql://u:hidden@localhost/links?options=x", "sslmode"),
    ],
)
def test_what_names_no_database_is_refused_without_being_shown(url: str, said: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match=said) as caught:
        read_url(url)
    assert "hidden" not in str(caught.value)


def test_a_database_url_is_read_as_others_read_it() -> None:
    address = read_url("postgresql://us%40er:p%2Fw%3A@[::1]:5433/a%20b?sslmode=require")
    assert address == Address("::1", 5433, "a b", "us@er", "p/w:", "require")
    assert read_url("postgres://u@host/name") == Address("host", 5432, "name", "u", "", "prefer")
    assert "p/w:" not in repr(address)


@pytest.mark.parametrize("url", ["", "mysql://u:hidden@localhost/links"])
def test_without_a_place_for_the_links_it_does_not_start(url: str, tmp_path: Path) -> None:
    with starting(Kept(database_url=url), tmp_path / "log") as service:
        assert service.process.wait(SECONDS) == 2
    assert "DATABASE_URL" in service.log.read_text()
    assert "hidden" not in service.log.read_text()
