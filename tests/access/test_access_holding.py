"""One process dies in the middle of letting somebody in, and another one is started by somebody else meanwhile."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from grant_waits import wait_for

from access.apis.orders import Begin, Credential, Open
from access.apis.process import ApiRelay
from access.grants import Grant
from access.grants.model import new_token
from access.providers.holding import Holding
from access.providers.provider import Issued
from factory.errors import MillwrightError
from factory.spec import Scope

TOKEN = new_token()
GRANT = Grant.model_construct(id="one", ended_reason="over")
ORDER = Open(
    grant=GRANT.id,
    token_digest=hashlib.sha256(TOKEN.encode()).hexdigest(),
    # Nothing listens there.
    url="https://127.0.0.1:9",
    credential=Credential(header="x-key", value="value", form="{secret}", secrets=["value"]),
    scope=Scope.READ,
    app="tally",
    principal="ada",
)


class Relay(ApiRelay):
    """The relay's real process; what a test wants happens when it has let somebody in, or is about to."""

    before: Callable[["Relay"], None] | None = None
    after: Callable[["Relay"], None] | None = None

    def open(self, order: Open) -> None:
        if self.before:
            self.before(self)
        super().open(order)
        if self.after:
            self.after(self)

    def die(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not self.alive())

    def status(self) -> int:
        with httpx2.Client(trust_env=False, timeout=60) as client:
            shown = {"authorization": f"Bearer {TOKEN}"}
            return client.get(f"http://127.0.0.1:{self.port}/", headers=shown).status_code


class Held:
    """A holding, and the processes that it has started."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.relays = folder, list[Relay]()
        self.holding = Holding(self._start)

    def _start(self) -> Relay:
        relay = Relay(self._folder / "relay.log")
        relay.start(Begin(recordings=self._folder / "recordings", sockets=self._folder / "s"))
        self.relays.append(relay)
        return relay

    def issue(self) -> Issued:
        def once() -> Issued:
            relay = self.holding.running()
            self.holding.open(relay, GRANT, ORDER)
            return Issued("ref", f"127.0.0.1:{relay.port}", "")

        return self.holding.issued(once)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    made = Held(tmp_path)
    try:
        yield made
    finally:
        made.holding.close()


def _replaced(held: Held, relay: Relay) -> None:
    """It dies, and somebody else's grant has another one started before this one is noted."""
    relay.before = relay.after = None
    relay.die()
    assert held.holding.running() is not relay


@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_was_let_in_at_one_that_died_is_let_in_at_the_one_that_followed(held: Held, when: str) -> None:
    first = held.holding.running()
    setattr(first, when, lambda relay: _replaced(held, relay))
    door = held.issue().door
    (_, second) = held.relays
    assert door == f"127.0.0.1:{second.port}"
    assert held.holding.serves(GRANT)
    # It knows the token, and finds nothing behind.
    assert second.status() == httpx2.codes.BAD_GATEWAY
    held.holding.cut([GRANT])
    assert second.status() == httpx2.codes.UNAUTHORIZED


def test_whoever_is_not_let_in_at_the_second_one_either_is_not_taken_for_let_in(held: Held) -> None:
    first = held.holding.running()

    def again(relay: Relay) -> None:
        _replaced(held, relay)
        held.relays[-1].after = lambda other: _replaced(held, other)

    first.after = again
    with pytest.raises(MillwrightError, match="died"):
        held.issue()
    assert not held.holding.serves(GRANT)
    held.issue()
    assert held.holding.serves(GRANT)


def test_what_is_closed_starts_nothing_any_more(held: Held) -> None:
    held.issue()
    held.holding.close()
    with pytest.raises(MillwrightError, match="stops"):
        held.issue()
    assert len(held.relays) == 1
    assert not held.relays[0].alive()
