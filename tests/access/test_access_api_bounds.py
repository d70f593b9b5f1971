"""How much a grant's holder may use of the relay before APIs, and that whoever goes beyond it hears nothing more."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from api_relay_place import RelayPlace, relay_place
from grant_waits import wait_for

from access.apis.limits import Limits
from factory.spec import Scope


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPlace]:
    """With few refusals, refused logins that are told, requests, and bytes of an answer."""
    with relay_place(tmp_path_factory.mktemp("relay"), "few") as made:
        yield made


def test_who_is_refused_too_often_is_answered_no_more_and_others_are(place: RelayPlace) -> None:
    held, other = place.open(Scope.READ), place.open(Scope.READ)
    assert [place.call(held, "POST", "/items").status_code for _ in range(3)] == [403, 403, 403]
    for method in ("POST", "GET"):
        with pytest.raises(httpx2.HTTPError):
            place.call(held, method, "/items")
    wait_for(lambda: len(place.refusals(held)) == 3)
    assert "the last answer" in [each for each in place.happened if each.grant == held.id][-1].detail
    place.relay.close_all({held.id: "done"})
    (more,) = wait_for(lambda: [each for each in place.happened if each.grant == held.id and each.more])
    assert (more.happened, more.reason, more.more) == ("request_refused", "limit", 2)
    assert place.call(other, "GET", "/items").status_code == 200


def test_a_grants_requests_are_counted(place: RelayPlace) -> None:
    held = place.open(Scope.READ)
    assert {place.call(held, "GET", "/items").status_code for _ in range(20)} == {200}
    assert place.call(held, "GET", "/items").status_code == 429
    wait_for(lambda: place.refusals(held) == ["limit"])
    assert place.call(place.open(), "GET", "/items").status_code == 200


def test_of_logins_that_are_refused_over_and_over_a_few_are_told_and_the_others_summed_up(tmp_path: Path) -> None:
    with relay_place(tmp_path, "few") as place:
        held = place.open()
        place.relay.close_all({held.id: "done"})
        for _ in range(5):
            assert place.call(held, "GET", "/items").status_code == 401
        # Of another one it is told; what came before has been, too, by then.
        other = place.open()
        place.relay.close_all({other.id: "done"})
        assert place.call(other, "GET", "/items").status_code == 401
        wait_for(lambda: place.refusals(other, "login_refused") == ["credentials"])
        assert place.refusals(held, "login_refused") == ["credentials", "credentials"]
    wait_for(lambda: place.refusals(held, "login_refused") == ["credentials", "credentials", "limit"])
    assert place.refusals(other, "login_refused") == ["credentials"]


def test_an_answer_that_is_too_long_is_broken_off(place: RelayPlace) -> None:
    held = place.open()
    with pytest.raises(httpx2.HTTPError):
        place.call(held, "GET", "/long")
    wait_for(lambda: place.refusals(held) == ["limit"])
    outcome = place.recorded(held)[-1]
    assert (outcome["kind"], outcome["sqlstate"][:5]) == ("outcome", "limit")
    assert place.call(place.open(), "GET", "/items").status_code == 200


def test_strangers_who_fill_the_port_keep_nobody_from_a_grants_own_socket(place: RelayPlace) -> None:
    held = place.open(Scope.READ)

    def answered() -> bool:
        try:
            return place.call(held, "GET", "/items").status_code == httpx2.codes.OK
        except httpx2.HTTPError:
            return False

    assert answered()
    with contextlib.ExitStack() as idle:
        for _ in range(Limits().waiting):
            idle.enter_context(socket.create_connection(("127.0.0.1", place.relay.port)))
        wait_for(lambda: not answered())
        assert place.by_socket(held, "GET", "/items").status_code == httpx2.codes.OK
    wait_for(answered)
