"""The relay before APIs, as clients meet it: what passes has the credential that nobody sees, and is recorded first."""

import hashlib
import json
import threading
from collections.abc import Iterator

import httpx2
import pytest
from api_place import CREDENTIAL
from api_relay_place import RelayPlace, relay_place
from grant_waits import wait_for

from access.apis.orders import Credential
from access.said import said
from factory.spec import Scope


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPlace]:
    with relay_place(tmp_path_factory.mktemp("relay")) as made:
        yield made


def test_a_request_has_the_credential_and_the_client_never_does(place: RelayPlace) -> None:
    held = place.open()
    answer = place.call(held, "POST", "/items?page=2&api_key=abc", json={"a": 1}, headers={"x-own": "kept"})
    assert (answer.status_code, answer.text) == (200, "hello")
    heard = place.api.heard[-1]
    assert (heard.method, heard.target, heard.body) == ("POST", "/v1/items?page=2&api_key=abc", b'{"a":1}')
    assert heard.headers["authorization"] == f"Bearer {CREDENTIAL}"
    assert heard.headers["host"].startswith("api.example.com:")
    assert heard.headers["x-own"] == "kept"
    assert held.token not in json.dumps(heard.headers)


def test_what_is_asked_is_recorded_with_its_outcome_and_without_credentials(place: RelayPlace) -> None:
    held = place.open()
    place.call(held, "POST", "/items?page=2&access_token=abcdef&x=ghp_" + "a" * 36, content=b"body")
    assert place.call(held, "GET", "/missing").status_code == 404
    wait_for(lambda: len([line for line in place.recorded(held) if line["kind"] == "outcome"]) == 2)
    start, asked, outcome, *_ = place.recorded(held)
    assert (start["kind"], start["url"]) == ("session_start", place.api.url)
    assert asked["text"] == "POST /items?page=2&access_token=[redacted]&x=[redacted: a GitHub token]"
    assert (asked["bytes"], asked["sha256"]) == (4, hashlib.sha256(b"body").hexdigest())
    assert (outcome["of"], outcome["tags"], outcome["sqlstate"]) == (1, ["200", "5 bytes"], "")
    told = list(said(place.recorded(held)))
    assert [(each.text, each.tags, each.refused) for each in told] == [
        (asked["text"], ["200", "5 bytes"], ""),
        ("GET /missing", ["404", "13 bytes"], ""),
    ]
    place.relay.close_all({held.id: "done"})
    ended = wait_for(lambda: [each for each in place.happened if each.happened == "session_ended"][-1:])
    content = (place.folder / "recordings" / ended[0].recording).read_bytes()
    assert ended[0].digest == hashlib.sha256(content).hexdigest()
    assert CREDENTIAL not in content.decode()
    assert held.token not in content.decode()


@pytest.mark.parametrize(
    ("scope", "passes", "refused"),
    [
        (Scope.READ, ["GET", "HEAD", "OPTIONS"], ["POST", "PUT", "PATCH", "DELETE", "TRACE"]),
        (Scope.WRITE, ["GET", "POST", "PUT", "PATCH"], ["DELETE", "PROPFIND", "TRACE", "TRACK"]),
        (Scope.ADMIN, ["GET", "POST", "DELETE", "PROPFIND"], ["TRACE", "CONNECT", "TRACK"]),
    ],
)
def test_a_scope_is_held_by_the_method(place: RelayPlace, scope: Scope, passes: list[str], refused: list[str]) -> None:
    held = place.open(scope)
    for method in passes:
        assert place.call(held, method, "/items").status_code == 200
        assert place.api.heard[-1].method == method
    for method in refused:
        status, _ = place.raw(held, "/items", method=method)
        place.refused(held, 405 if method in ("TRACE", "TRACK", "CONNECT") else 403, "method", status)


@pytest.mark.parametrize(
    "target",
    [
        "/../v2/items",
        "/items/../../v2",
        "/%2e%2e/v2",
        "/%2E%2e%2fv2",
        "/items%2f..%2f..%2fv2",
        "/%252e%252e/v2",
        "/..;/v2",
        "/.;x/..;x/v2",
        "//evil.example.net/items",
        "/items//..",
        "/items%2f%2fx",
        "/%5c..%5cv2",
        "/a\\..\\v2",
        "/items#x",
        "/items%00",
        "/items%0d%0aX-A:b",
        "/%25252525252e",
        "/%ff%fe",
        "http://evil.example.net/v1/items",
        "https://api.example.com/v1/items",
        "https://127.0.0.1/v1/items",
        "evil.example.net:443",
        "*",
    ],
)
def test_nothing_but_what_is_below_the_base_url_is_asked_for(place: RelayPlace, target: str) -> None:
    held = place.open()
    status, _ = place.raw(held, target)
    place.refused(held, 400, "place", status)
    assert place.raw(held, "/group%2Fname/items;v=1/a.b?next=/../x")[0] == 200
    assert place.api.heard[-1].target == "/v1/group%2Fname/items;v=1/a.b?next=/../x"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Authorization: Bearer another", "header"),
        ("authorization: Basic abc", "header"),
        ("Proxy-Authorization: Basic abc", "header"),
        ("Cookie: session=1", "header"),
        ("X-HTTP-Method-Override: DELETE", "header"),
        ("X_HTTP_Method_Override: DELETE", "header"),
        ("X-Original-URL: /admin", "header"),
        ("X-Forwarded-Host: evil.example.net", "header"),
        ("Host: evil.example.net", "place"),
        ("Host: api.example.com", "place"),
    ],
)
def test_no_header_makes_another_request_of_it(place: RelayPlace, line: str, reason: str) -> None:
    held = place.open()
    status, _ = place.raw(held, "/items", line)
    place.refused(held, 400, reason, status)
    assert place.raw(held, "/items", "X-Own: x", "Host: localhost:1")[0] == 200


def test_the_apis_own_header_is_nobody_elses_in_any_spelling(place: RelayPlace) -> None:
    said = Credential(header="X-Api-Key", value=CREDENTIAL, form="{secret}", secrets=[CREDENTIAL])
    held = place.open(credential=said)
    for name in ("X-Api-Key", "x_api_key", "X-API_KEY"):
        status, _ = place.raw(held, "/items", f"{name}: another")
        place.refused(held, 400, "header", status)
    # A client of that API says the grant's token where it would say its key.
    found = httpx2.get(f"http://127.0.0.1:{place.relay.port}/items", headers={"X-Api-Key": held.token}, trust_env=False)
    assert found.status_code == 200
    assert place.api.heard[-1].headers["x-api-key"] == CREDENTIAL
    assert "authorization" not in place.api.heard[-1].headers


def test_hop_by_hop_headers_and_ranges_are_the_relays_own(place: RelayPlace) -> None:
    held = place.open()
    lines = ("Connection: x-mine, authorization", "X-Mine: 1", "TE: trailers", "Range: bytes=0-1", "Upgrade: websocket")
    assert place.raw(held, "/items", *lines, "Accept-Encoding: gzip")[0] == 200
    heard = place.api.heard[-1].headers
    assert not {"x-mine", "te", "range", "upgrade"} & heard.keys()
    assert (heard["accept-encoding"], heard["authorization"]) == ("identity", f"Bearer {CREDENTIAL}")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /items HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n", 400),
        (b"POST /items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"POST /items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"POST /items HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
        (b"GET /items HTTP/1.1\r\nHost : 127.0.0.1\r\n", 400),
        (b"GET /items HTTP/3.0\r\nHost: 127.0.0.1\r\n", 505),
        (b"nonsense\r\n", 400),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_no_request(place: RelayPlace, sent: bytes, status: int) -> None:
    held = place.open()
    heard, told = len(place.api.heard), len(place.happened)
    found, _ = place.says(sent + f"Authorization: Bearer {held.token}\r\n\r\n".encode())
    assert found == status
    wait_for(lambda: [each.reason for each in place.happened[told:] if each.reason] == ["protocol"])
    assert len(place.api.heard) == heard


def test_a_second_request_in_the_same_bytes_is_not_one(place: RelayPlace) -> None:
    held = place.open(Scope.READ)
    head = f"GET /items HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {held.token}\r\n"
    heard = len(place.api.heard)
    _, said_back = place.says(
        f"{head}Content-Length: 0\r\n\r\nDELETE /items HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    )
    assert said_back.count("HTTP/1.1 ") == 1
    assert [each.method for each in place.api.heard[heard:]] == ["GET"]


def test_an_answer_that_echoes_the_credential_is_passed_on_without_it(place: RelayPlace) -> None:
    held = place.open()
    answer = place.call(held, "POST", "/echo", content=b"body")
    assert CREDENTIAL not in answer.text + str(answer.headers)
    assert answer.json()["headers"]["authorization"] == "Bearer [redacted: credential]"
    assert answer.headers["x-echo"] == "Bearer [redacted: credential]"
    assert answer.json()["body"] == "body"


def test_sessions_and_other_ways_stay_at_the_relay(place: RelayPlace) -> None:
    answer = place.call(place.open(), "GET", "/cookie")
    assert (answer.text, {"set-cookie", "alt-svc"} & answer.headers.keys()) == ("ok", set())


def test_what_cannot_be_looked_through_is_not_passed_on(place: RelayPlace) -> None:
    held = place.open()
    assert place.call(held, "GET", "/gzip").status_code == 502
    wait_for(lambda: place.refusals(held) == ["upstream"])
    assert place.call(held, "GET", "/items").status_code == 200


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("below", "/items"),
        ("path", "/items?page=2"),
        ("beside", "https://api.example.com:{port}/v2/items"),
        ("elsewhere", "https://evil.example.net/v1/items"),
        ("schemeless", "https://evil.example.net/x"),
    ],
)
def test_a_redirect_is_followed_by_nobody(place: RelayPlace, where: str, location: str) -> None:
    held, heard = place.open(), len(place.api.heard)
    answer = place.call(held, "GET", f"/redirect/{where}")
    port = place.api.url.rpartition(":")[2].partition("/")[0]
    assert (answer.status_code, answer.headers["location"]) == (302, location.replace("{port}", port))
    assert len(place.api.heard) == heard + 1


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer mwg_" + "a" * 43, "Basic {own}", "bearer x{own}", "{own}"])
def test_without_an_open_grants_token_nobody_comes_in(place: RelayPlace, token: str) -> None:
    held, heard = place.open(), len(place.api.heard)
    told = len(place.happened)
    shows = {"authorization": token.replace("{own}", held.token)} if token else {}
    answer = httpx2.get(f"http://127.0.0.1:{place.relay.port}/items", headers=shows, trust_env=False)
    assert (answer.status_code, answer.headers["x-millwright-refused"]) == (401, "credentials")
    (refused,) = wait_for(lambda: place.happened[told:])
    # Whose it is, where it is anybody's.
    assert (refused.happened, refused.grant) == ("login_refused", held.id if "{own}" in token else "")
    assert len(place.api.heard) == heard
    assert place.call(held, "GET", "/items").status_code == 200


def test_two_tokens_are_nobodys(place: RelayPlace) -> None:
    one, two = place.open(), place.open()
    answer = place.call(one, "GET", "/items", headers={"x-other": two.token})
    assert answer.status_code == 401


def test_after_the_end_a_token_is_nobodys_and_the_grant_is_told_of_it(place: RelayPlace) -> None:
    held, other = place.open(), place.open()
    assert place.call(held, "GET", "/items").status_code == 200
    place.relay.close_all({held.id: "done"})
    assert place.call(held, "GET", "/items").status_code == 401
    wait_for(lambda: place.refusals(held, "login_refused") == ["credentials"])
    assert not (place.folder / "sockets" / held.id).exists()
    assert place.call(other, "GET", "/items").status_code == 200


def test_the_end_comes_in_the_middle_of_an_answer(place: RelayPlace) -> None:
    held, broken = place.open(), threading.Event()

    def read() -> None:
        try:
            place.call(held, "GET", "/slow")
        except httpx2.HTTPError:
            broken.set()

    place.api.begun.clear()
    reading = threading.Thread(target=read)
    reading.start()
    assert place.api.begun.wait(20)
    place.relay.close_all({held.id: "enough"})
    reading.join(20)
    place.api.hold.set()
    assert broken.is_set()
    lines = place.recorded(held)
    assert [line["kind"] for line in lines] == ["session_start", "request", "outcome", "session_end"]
    assert (lines[2]["sqlstate"], lines[3]["detail"]) == ("it was cut off", "enough")


def test_its_time_ends_it_though_nobody_says_so(place: RelayPlace) -> None:
    held = place.open(seconds=0.5)
    wait_for(lambda: not (place.folder / "sockets" / held.id).exists())
    assert place.call(held, "GET", "/items").status_code == 401
    assert place.call(place.open(seconds=60), "GET", "/items").status_code == 200


def test_a_grants_own_socket_needs_no_token_and_takes_none(place: RelayPlace) -> None:
    held, other = place.open(Scope.READ), place.open()
    assert place.by_socket(held, "GET", "/items").status_code == 200
    assert place.api.heard[-1].headers["authorization"] == f"Bearer {CREDENTIAL}"
    place.refused(held, 403, "method", place.by_socket(held, "POST", "/items").status_code)
    replayed = place.by_socket(held, "POST", "/items", headers={"authorization": f"Bearer {other.token}"})
    place.refused(held, 403, "method", replayed.status_code)
    replayed = place.by_socket(held, "GET", "/items", headers={"authorization": f"Bearer {other.token}"})
    place.refused(held, 400, "header", replayed.status_code)
    assert (place.folder / "sockets").stat().st_mode & 0o777 == 0o700


def test_what_leads_inside_or_proves_nothing_is_not_reached(place: RelayPlace) -> None:
    port = place.api.url.rpartition(":")[2].partition("/")[0]
    for host in ("inside.example.com", "metadata.example.com", "other.example.com"):
        held, heard = place.open(url=f"https://{host}:{port}/v1"), len(place.api.heard)
        assert place.call(held, "GET", "/items").status_code == 502
        wait_for(lambda held=held: place.refusals(held) == ["upstream"])
        assert len(place.api.heard) == heard


def test_what_cannot_be_recorded_is_not_sent(place: RelayPlace) -> None:
    held = place.open()
    assert place.call(held, "GET", "/items").status_code == 200
    (file,) = (place.folder / "recordings" / "tally" / held.id).iterdir()
    file.unlink()
    heard = len(place.api.heard)
    answer = place.call(held, "GET", "/items")
    assert (answer.status_code, answer.headers["x-millwright-refused"]) == (503, "recording")
    assert len(place.api.heard) == heard
    assert place.call(place.open(), "GET", "/items").status_code == 200


def test_a_request_that_is_too_long_is_refused_and_one_that_waits_for_it_is_told_to_go_on(place: RelayPlace) -> None:
    held = place.open()
    assert place.call(held, "POST", "/items", content=b"x" * (4 << 20)).status_code == 200
    status, _ = place.raw(held, "/items", f"Content-Length: {5 << 20}", method="POST", body=b"x" * (5 << 20))
    place.refused(held, 413, "limit", status)
    status, said_back = place.raw(
        held, "/items", "Expect: 100-continue", "Content-Length: 2", method="POST", body=b"ab"
    )
    assert (status, "200 " in said_back) == (100, True)
