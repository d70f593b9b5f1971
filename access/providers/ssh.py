"""The provider for hosts: a certificate per grant, behind the bastion that records every session.

Nothing stands at a host for a grant: it trusts an authority, and the certificate ends with the grant's hard limit.
What a grant's sessions ran there ends with them; where the host did not say so, it is asked again until it does.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.certificates import ADDRESS
from access.grants import Grant, State, utc_now
from access.grants.model import seconds_until
from access.providers.provider import Issued, Place
from access.ssh.authorities import certify, private_text
from access.ssh.orders import Open, Target
from access.ssh.process import Bastion
from factory.errors import CloudUnavailable, InputError, MillwrightError
from factory.spec.outside import HostSpec

PREFIX: Final = "mw-"
REF_CHARACTERS: Final = 32
SHORTEST_SECONDS: Final = 0.001
# For what is to end what a session left behind: a certificate of its own, when the grant's is over.
REAP_LIFE: Final = timedelta(minutes=5)
REAP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1
WHY: Final = "it has ended"


class Ssh:
    """Hosts of the factory's apps.

    `host_of` knows what app.yaml says of them, `authority` is the key that they trust.
    """

    def __init__(
        self, bastion: Callable[[], Bastion], host_of: Callable[[Place], HostSpec], authority: Ed25519PrivateKey
    ) -> None:
        self._start, self._host_of, self._authority = bastion, host_of, authority
        self._bastion: Bastion | None = None
        self._open: dict[str, str] = {}
        # Grants at whose hosts nothing is left by a session that is over: those that this process let in first, until
        # there is a doubt. Who was let in by another one, which was killed, is not among them.
        self._clear: set[str] = set()
        self._lock = threading.Lock()

    def ref(self, grant: Grant) -> str:
        """The name that its holder logs in with at the bastion. From the whole id: beginnings are alike."""
        return PREFIX + hashlib.sha256(grant.id.encode()).hexdigest()[:REF_CHARACTERS]

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder in at the bastion. Raises MillwrightError."""
        bastion: Bastion | None = None
        try:
            bastion = self._running()
            return self._issued(grant, bastion)
        except MillwrightError:
            # Whether *another* one runs says nothing: grants are issued side by side.
            if bastion is not None and bastion.alive():
                raise
            # It died in the middle of it, or did not start: another one, once.
            return self._issued(grant, self._running())

    def _issued(self, grant: Grant, bastion: Bastion) -> Issued:
        until = str(grant.hard_until)
        target = self._target(grant, datetime.fromisoformat(until))
        if grant.state is State.ISSUING:
            self._clear.add(grant.id)
        if grant.id in self._open:
            # Opened before, and not written down.
            self._close(bastion, {grant.id: "it is opened anew"})
        ref = self.ref(grant)
        bastion.open(
            Open(
                grant=grant.id,
                login=ref,
                target=target,
                scope=grant.scope,
                app=grant.app,
                principal=grant.principal,
                seconds=max(seconds_until(until, utc_now()), SHORTEST_SECONDS),
            )
        )
        with self._lock:
            # It may have died since, and been followed by another one: whoever was in at it is out.
            if bastion is self._bastion:
                self._open[grant.id] = ref
            else:
                self._clear.discard(grant.id)
        return Issued(ref, f"{ADDRESS}:{bastion.port}", until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._bastion is not None and self._bastion.alive() and grant.id in self._open

    def cut(self, grants: Collection[Grant]) -> None:
        """End their sessions at the bastion, all at once, and what they run at the hosts."""
        if not grants or self._bastion is None:
            return
        if not self._bastion.alive():
            self._clear -= {grant.id for grant in grants if self._open.pop(grant.id, None)}
            return
        for grant in grants:
            self._open.pop(grant.id, None)
        self._close(self._bastion, {grant.id: grant.ended_reason or WHY for grant in grants})

    def remove(self, grant: Grant) -> None:
        """See to it that nothing is left at its host. Raises MillwrightError: something may be."""
        if grant.id in self._clear or not grant.door:
            # One that was never open left nothing.
            self._clear.discard(grant.id)
            return
        try:
            target = self._target(grant, utc_now() + REAP_LIFE)
        except InputError:
            # app.yaml names this host no more: nobody knows where it is.
            return
        bastion = self._running()
        bastion.reap(grant.id, self.ref(grant), target)
        deadline = time.monotonic() + REAP_SECONDS
        while bastion.left_by({grant.id: grant.ended_reason or WHY}):
            if time.monotonic() > deadline:
                raise CloudUnavailable(f"{target.address} does not say that nothing of it runs there any more")
            time.sleep(POLL_SECONDS)

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:  # noqa: ARG002 -- of every place at once
        """Close what is open at the bastion for no live grant; the names. Raises MillwrightError."""
        found = {id: ref for id, ref in list(self._open.items()) if ref not in live}
        if found and self._bastion is not None and self._bastion.alive():
            self._close(self._bastion, dict.fromkeys(found, "there is no such grant"))
        for id in found:
            self._open.pop(id, None)
        return sorted(found.values())

    def close(self) -> None:
        """End the bastion, and every session with it."""
        if self._bastion is not None:
            self._bastion.stop()

    def _close(self, bastion: Bastion, grants: dict[str, str]) -> None:
        try:
            self._clear -= bastion.left_by(grants)
        except MillwrightError:
            self._clear -= set(grants)
            raise

    def _target(self, grant: Grant, until: datetime) -> Target:
        """Its host, with a key and a certificate until a moment. Raises InputError where there is none."""
        host = self._host_of(Place(grant.app, grant.environment.value, grant.resource))
        key = Ed25519PrivateKey.generate()
        name = f"millwright:{grant.id}"
        return Target(
            address=host.address,
            port=host.port,
            user=host.user,
            host_keys=host.host_keys,
            key=private_text(key),
            certificate=certify(self._authority, key.public_key(), host.user, name, utc_now(), until).line,
        )

    def _running(self) -> Bastion:
        # Grants are issued side by side.
        with self._lock:
            if self._bastion is None or not self._bastion.alive():
                # Whoever was in at a bastion that died is out: everybody is issued anew.
                self._clear -= set(self._open)
                self._open.clear()
                self._bastion = self._start()
            return self._bastion
