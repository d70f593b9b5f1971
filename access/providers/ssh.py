"""The provider for hosts: a certificate per grant, behind the bastion that records every session.

Nothing stands at a host for a grant: it trusts an authority, and the certificate ends with the grant's hard limit.
What a grant's sessions ran there ends with them; where the host did not say so, it is asked again until it does.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Set
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.certificates import ADDRESS
from access.grants import Grant, State, utc_now
from access.providers.holding import Holding, seconds_left
from access.providers.provider import Issued, Place
from access.ssh.authorities import certify, private_text
from access.ssh.orders import Open, Target
from access.ssh.process import Bastion
from factory.errors import CloudUnavailable, InputError, MillwrightError
from factory.spec.outside import HostSpec

PREFIX: Final = "mw-"
REF_CHARACTERS: Final = 32
# For what is to end what a session left behind: a certificate of its own, when the grant's is over.
REAP_LIFE: Final = timedelta(minutes=5)
REAP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.1
WHY: Final = "it has ended"


class _Bastions(Holding[Bastion]):
    """The bastion. `clear`: the grants at whose hosts nothing is left by a session that is over, which are those that
    this process let in first, until there is a doubt. Who was let in by another one, which was killed, is not among
    them.
    """

    def __init__(self, start: Callable[[], Bastion]) -> None:
        super().__init__(start)
        self.clear: set[str] = set()

    def _end(self, process: Bastion, grants: dict[str, str]) -> None:
        try:
            self.clear -= process.left_by(grants)
        except MillwrightError:
            self.clear -= grants.keys()
            raise

    def _lost(self, grants: Set[str]) -> None:
        self.clear -= grants


class Ssh:
    """Hosts of the factory's apps.

    `host_of` knows what app.yaml says of them, `authority` is the key that they trust.
    """

    def __init__(
        self, bastion: Callable[[], Bastion], host_of: Callable[[Place], HostSpec], authority: Ed25519PrivateKey
    ) -> None:
        self._bastion, self._host_of, self._authority = _Bastions(bastion), host_of, authority

    def ref(self, grant: Grant) -> str:
        """The name that its holder logs in with at the bastion."""
        return _ref(grant.id)

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder in at the bastion. Raises MillwrightError."""
        until, ref = str(grant.hard_until), self.ref(grant)
        target = self._target(grant, datetime.fromisoformat(until))
        if grant.state is State.ISSUING:
            self._bastion.clear.add(grant.id)
        bastion = self._bastion.open(
            grant,
            Open(
                grant=grant.id,
                login=ref,
                target=target,
                scope=grant.scope,
                app=grant.app,
                principal=grant.principal,
                seconds=seconds_left(grant),
            ),
        )
        return Issued(ref, f"{ADDRESS}:{bastion.port}", until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._bastion.serves(grant)

    def cut(self, grants: Collection[Grant]) -> None:
        """End their sessions at the bastion, all at once, and what they run at the hosts."""
        self._bastion.cut(grants)

    def remove(self, grant: Grant) -> None:
        """See to it that nothing is left at its host. Raises MillwrightError: something may be."""
        if grant.id in self._bastion.clear or not grant.door:
            # One that was never open left nothing.
            self._bastion.clear.discard(grant.id)
            return
        try:
            target = self._target(grant, utc_now() + REAP_LIFE)
        except InputError:
            # app.yaml names this host no more: nobody knows where it is.
            return
        bastion = self._bastion.running()
        bastion.reap(grant.id, self.ref(grant), target)
        deadline = time.monotonic() + REAP_SECONDS
        while bastion.left_by({grant.id: grant.ended_reason or WHY}):
            if time.monotonic() > deadline:
                raise CloudUnavailable(f"{target.address} does not say that nothing of it runs there any more")
            time.sleep(POLL_SECONDS)

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:  # noqa: ARG002 -- of every place at once
        """Close what is open at the bastion for no live grant; the names. Raises MillwrightError."""
        found = {id: _ref(id) for id in self._bastion.opened() if _ref(id) not in live}
        self._bastion.end(dict.fromkeys(found, "there is no such grant"))
        return sorted(found.values())

    def close(self) -> None:
        """End the bastion, and every session with it."""
        self._bastion.close()

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


def _ref(grant: str) -> str:
    # From the whole id: the beginnings of ids that are made together are alike.
    return PREFIX + hashlib.sha256(grant.encode()).hexdigest()[:REF_CHARACTERS]
