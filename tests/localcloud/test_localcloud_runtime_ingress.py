"""The ingress by itself: where requests go, what is passed on, and what is refused."""

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from localcloud_ingress import HOST, OK, Copy, get, more, raw, status, table

from localcloud.runtime import proxy
from localcloud.runtime.ingress import Ingress, listen
from localcloud.runtime.routes import Switch


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    made = Copy(tmp_path / "s")
    yield made
    made.close()


@pytest.fixture
def switch() -> Switch:
    return Switch(random.Random(1))


@pytest.fixture
def ingress(tmp_path: Path, switch: Switch, copy: Copy) -> Iterator[Ingress]:
    switch.swap(table(copy))
    made = Ingress(listen(tmp_path / "port"), listen(tmp_path / "tls-port"), switch, tmp_path / "ca")
    made.start()
    yield made
    made.close()


def test_the_host_chooses_the_service_whatever_its_case_and_port(ingress: Ingress, copy: Copy) -> None:
    for host in (HOST, HOST.upper(), f"{HOST}:{ingress.port}", f"{HOST}."):
        assert get(ingress, host=host).endswith(b"hi")
    assert len(copy.heads) == 4


def test_an_unknown_host_is_told_in_json(ingress: Ingress, copy: Copy) -> None:
    answer = get(ingress, host="nobody.local.test")
    assert status(answer) == 404
    assert "nobody.local.test" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert copy.heads == []


def test_without_a_healthy_copy_it_says_so_in_json(ingress: Ingress, switch: Switch) -> None:
    assert status(get(ingress)) == 200
    switch.swap(table())
    answer = get(ingress)
    assert status(answer) == 503
    assert "no copy" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_a_listeners_own_answer_is_given_and_what_it_cannot_do_is_named(ingress: Ingress) -> None:
    assert get(ingress, host="fixed.local.test").endswith(b"short and stout")
    answer = get(ingress, host="other.local.test")
    assert status(answer) == 501
    assert b"authenticate-oidc" in answer


def test_a_copy_that_cannot_be_reached_is_passed_over(
    ingress: Ingress, switch: Switch, copy: Copy, tmp_path: Path
) -> None:
    gone = Copy(tmp_path / "gone")
    gone.close()
    switch.swap(table(gone, copy))
    assert [status(get(ingress)) for _ in range(10)] == [200] * 10
    switch.swap(table(gone))
    assert status(get(ingress)) == 503


def test_the_path_is_passed_on_as_it_was_written(ingress: Ingress, copy: Copy) -> None:
    get(ingress, "/a/../b//c%2Fd;e?x=%20&y=[1]")
    assert copy.heads[-1].split(b"\r\n")[0] == b"GET /a/../b//c%2Fd;e?x=%20&y=[1] HTTP/1.1"


def test_what_the_client_says_of_itself_is_overwritten(ingress: Ingress, copy: Copy) -> None:
    lies = (
        "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n"
        "X_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nX-Mine: kept\r\n"
    )
    get(ingress, headers=lies)
    assert b"6.6.6.6" not in copy.heads[-1]
    assert b"evil" not in copy.heads[-1]
    told = dict(copy.headers)
    assert told["x-forwarded-for"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "http"
    assert told["x-forwarded-host"] == told["host"] == HOST
    assert told["x-mine"] == "kept"


def test_headers_about_the_connection_stay_on_it(ingress: Ingress, copy: Copy) -> None:
    raw(
        ingress,
        f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n"
        "Proxy-Authorization: x\r\nKeep-Alive: 5\r\nX-End: 2\r\n\r\n".encode(),
    )
    names = {name for name, _ in copy.headers}
    assert names.isdisjoint({"x-hop", "te", "upgrade", "proxy-authorization", "keep-alive"})
    assert "x-end" in names
    copy.answer = b"HTTP/1.1 200 OK\r\nConnection: X-Inner\r\nX-Inner: 1\r\nX-Outer: 2\r\nContent-Length: 0\r\n\r\n"
    answer = get(ingress).lower()
    assert b"x-inner" not in answer
    assert b"x-outer: 2" in answer


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5_0\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nX: a\rb\r\n",
        "Host: second.local.test\r\n",
    ],
)
def test_a_request_that_two_parsers_could_read_in_two_ways_is_refused(
    ingress: Ingress, copy: Copy, framing: str
) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    assert status(raw(ingress, f"{head}{framing}\r\n{hidden}".encode())) in {400, 501}
    assert copy.heads == []
    # The same request with one length is taken.
    assert status(raw(ingress, f"{head}Content-Length: 5\r\n\r\nhello".encode())) == 200
    assert copy.bodies == [b"hello"]


@pytest.mark.parametrize("target", ["http://web.local.test/x", "web.local.test:80", "*"])
def test_only_paths_can_be_asked_for(ingress: Ingress, copy: Copy, target: str) -> None:
    assert status(get(ingress, target)) == 400
    assert copy.heads == []


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "BREW"])
def test_methods_that_are_not_for_services_are_refused(ingress: Ingress, copy: Copy, method: str) -> None:
    assert status(get(ingress, method=method)) in {400, 501}
    assert copy.heads == []


def test_chunked_bodies_pass_in_both_directions(ingress: Ingress, copy: Copy) -> None:
    copy.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    request = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(ingress, request.encode() + b"4\r\nfour\r\n3\r\nxyz\r\n0\r\n\r\n")
    assert b"transfer-encoding: chunked" in answer.lower()
    assert b"abc" in answer
    assert answer.endswith(b"0\r\n\r\n")
    assert b"four" in copy.bodies[-1]
    assert b"xyz" in copy.bodies[-1]


def test_an_answer_is_passed_on_while_it_is_made(ingress: Ingress, copy: Copy) -> None:
    go_on = threading.Event()

    def slowly(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        go_on.wait(10)
        connection.sendall(b"4\r\nlast\r\n0\r\n\r\n")

    copy.answer = slowly
    with socket.create_connection(("127.0.0.1", ingress.port), 5) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        answer = b""
        while b"first" not in answer:
            answer += more(connection)
        assert b"last" not in answer
        go_on.set()
        while not answer.endswith(b"0\r\n\r\n"):
            answer += more(connection)
        # The connection goes on.
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        copy.answer = OK
        assert connection.recv(65536)


def test_an_answer_to_head_has_a_length_and_no_body(ingress: Ingress, copy: Copy) -> None:
    copy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    answer = get(ingress, method="HEAD")
    assert b"content-length: 1234" in answer.lower()
    assert answer.endswith(b"\r\n\r\n")


def test_an_answer_that_breaks_off_is_no_complete_answer(ingress: Ingress, copy: Copy) -> None:
    copy.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
    answer = get(ingress)
    assert b"first" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    copy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    assert get(ingress).endswith(b"short")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n"])
def test_a_copy_that_does_not_speak_http_is_a_bad_gateway(ingress: Ingress, copy: Copy, answer: bytes) -> None:
    copy.answer = answer
    assert status(get(ingress)) == 502


def test_a_copy_that_does_not_answer_in_time_is_given_up(
    ingress: Ingress, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(proxy.TIMEOUTS, "read", 0.2)
    copy.answer = lambda connection: time.sleep(2)
    assert status(get(ingress)) == 504


def test_bodies_have_a_largest_size(ingress: Ingress, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "LARGEST_REQUEST", 10)
    monkeypatch.setattr(proxy, "LARGEST_RESPONSE", 10)
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
    assert status(raw(ingress, f"{head}Content-Length: 10\r\n\r\n0123456789".encode())) == 200
    assert status(raw(ingress, f"{head}Content-Length: 11\r\n\r\n".encode())) == 413
    assert len(copy.heads) == 1
    chunks = f"{head}Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n"
    assert status(raw(ingress, chunks.encode())) == 413
    copy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a"
    assert not get(ingress).endswith(b"0123456789a")


def test_what_answers_still_is_busy_until_it_has_answered(ingress: Ingress, switch: Switch, copy: Copy) -> None:
    go_on, asked = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        asked.set()
        go_on.wait(10)
        connection.sendall(OK)

    copy.answer = wait
    answers: list[bytes] = []
    client = threading.Thread(target=lambda: answers.append(get(ingress)))
    client.start()
    assert asked.wait(5)
    switch.swap(table())
    assert switch.busy(str(copy.path))
    assert status(get(ingress)) == 503
    go_on.set()
    client.join()
    assert status(answers[0]) == 200
    assert not switch.busy(str(copy.path))


def test_a_client_that_leaves_ends_its_request(ingress: Ingress, switch: Switch, copy: Copy) -> None:
    asked = threading.Event()

    def wait(connection: socket.socket) -> None:
        asked.set()
        time.sleep(5)

    copy.answer = wait
    with socket.create_connection(("127.0.0.1", ingress.port), 5) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert asked.wait(5)
        assert switch.busy(str(copy.path))
    deadline = time.monotonic() + 3
    while switch.busy(str(copy.path)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not switch.busy(str(copy.path))


def test_a_connection_serves_many_requests(ingress: Ingress, copy: Copy) -> None:
    with socket.create_connection(("127.0.0.1", ingress.port), 5) as connection:
        for _ in range(20):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"hi"):
                answer += more(connection)
    assert len(copy.heads) == 20
