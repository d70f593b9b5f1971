"""The provider for the model: lets a grant's holder in at the relay that has the API's key."""

import threading
from collections.abc import Callable, Collection
from typing import Final

from access.grants import Grant, Now, utc_now
from access.grants.model import seconds_until
from access.messages.forwarding import Upstream
from access.messages.relay import ModelRelay
from access.providers.provider import Issued, Place
from factory import daemons
from factory.errors import CloudUnavailable, InputError
from factory.paths import FactoryRoot
from factory.settings import Settings, model_key

LIVE_URL: Final = "https://api.anthropic.com"


class Model:
    """The model of the factory's settings. `start` starts the relay, `upstream` is what it asks."""

    def __init__(self, start: Callable[[], ModelRelay], upstream: Callable[[], Upstream], now: Now = utc_now) -> None:
        self._start, self._upstream, self._now = start, upstream, now
        self._relay: ModelRelay | None = None
        self._lock = threading.Lock()

    def ref(self, grant: Grant) -> str:
        """There is no object of its own: the grant's id."""
        return grant.id

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder in at the relay. Raises MillwrightError: there is no model to ask."""
        self._upstream()
        with self._lock:
            if self._relay is None:
                self._relay = self._start()
        until = str(grant.hard_until)
        self._relay.open(grant, seconds_until(until, self._now()))
        return Issued(self.ref(grant), self._relay.url, until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._relay is not None and self._relay.serves(grant)

    def cut(self, grants: Collection[Grant]) -> None:
        """End their calls, in the middle of an answer too. Raises MillwrightError when they do not end."""
        if self._relay is not None and grants:
            self._relay.cut(grants)

    def remove(self, grant: Grant) -> None:
        """Nothing is left once it is cut."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Nothing can be left: whatever was let in ended with the relay's process."""
        del place, live
        return []

    def close(self) -> None:
        """End the relay, and every call with it."""
        if self._relay is not None:
            self._relay.close()


def upstream(root: FactoryRoot, settings: Settings) -> Upstream:
    """What answers: Anthropic's API with the key of this process's environment, or the scripted stand-in that the
    worker serves. Raises InputError without a key, CloudUnavailable without a worker.
    """
    if settings.model == "live":
        if (key := model_key()) is None:
            raise InputError(
                "`model: live` needs a key, and the access plane was started without one",
                hint="millwright factory down; then millwright factory up, with ANTHROPIC_API_KEY",
            )
        return Upstream(LIVE_URL, key)
    twin = daemons.read(root, daemons.TWIN)
    if twin is None:
        raise CloudUnavailable("no worker plays the scripts of the model", hint="millwright factory up")
    return Upstream(twin.addresses["http"], None)
