"""The broker as the worker asks it for its tasks: typed calls through the broker's door."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from access.door import SOCKET, Ending, Refusal, Renewal, Signed, Signing, TaskAsks, Told
from access.secret_reads import SecretRead
from factory import daemons
from factory.errors import AccessDenied, CloudUnavailable, InputError, MillwrightError
from factory.paths import FactoryRoot

CALL_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
OPEN_SECONDS: Final = 60.0
ERRORS: Final[dict[int, type[MillwrightError]]] = {403: AccessDenied, 409: AccessDenied, 422: InputError}
ACTIVE: Final = "active"
ON_THE_WAY: Final = frozenset({"issuing"})
MANY: Final = TypeAdapter(list[Told])


class Access:
    """Grants of tasks, asked for and ended. The broker is started at the first call."""

    def __init__(self, root: FactoryRoot) -> None:
        self._root = root

    def ask(self, asks: TaskAsks) -> Told:
        """A grant that is on its way, or waits for people, with its token.

        Raises AccessDenied when no rule allows it, InputError for what there is not, CloudUnavailable.
        """
        return Told.model_validate(self._call("POST", "/grants", asks))

    def opened(self, told: Told) -> Told:
        """The same once it is open, or as it waits for people. Raises AccessDenied when it has ended before."""
        deadline = time.monotonic() + OPEN_SECONDS
        while True:
            now = self.now(told)
            if now.grant["state"] in (ACTIVE, "requested"):
                return now
            if now.grant["state"] not in ON_THE_WAY:
                raise AccessDenied(now.grant["ended_reason"] or f"it is {now.grant['state']}")
            if time.monotonic() > deadline:
                raise CloudUnavailable(f"the grant {told.grant['id']} does not open", hint="see the log of `access`")
            time.sleep(POLL_SECONDS)

    def now(self, told: Told) -> Told:
        """The same as it is now. Raises MillwrightError."""
        now = Told.model_validate(self._call("GET", f"/grants/{told.grant['id']}"))
        return Told(grant=now.grant, token=told.token)

    def of_task(self, app: str, task: str) -> dict[str, Told]:
        """Whatever a task was ever given, by id, without tokens. Raises MillwrightError."""
        found = MANY.validate_python(self._call("GET", f"/tasks/{app}/{task}"))
        return {each.grant["id"]: each for each in found}

    def renew(self, told: Told, minutes: int) -> Told:
        """Prolong it: so many minutes from now. Raises AccessDenied when it is over, or somebody else prolonged it."""
        asked = Renewal(fence=told.grant["fence"], minutes=minutes)
        now = Told.model_validate(self._call("POST", f"/grants/{told.grant['id']}/renew", asked))
        return Told(grant=now.grant, token=told.token)

    def end(self, told: Told, why: str) -> None:
        """Have it end. Raises MillwrightError."""
        self._call("POST", f"/grants/{told.grant['id']}/end", Ending(why=why))

    def secret(self, grant: str, token: str) -> SecretRead:
        """The secret that an open grant is about, by the grant's own token. Each read is told.

        Raises AccessDenied, CloudUnavailable.
        """
        return SecretRead.model_validate(self._call("POST", f"/grants/{grant}/secret", token=token))

    def end_task(self, app: str, task: str, why: str) -> list[Told]:
        """Have all of a task's end. Raises MillwrightError."""
        return MANY.validate_python(self._call("POST", f"/tasks/{app}/{task}/end", Ending(why=why)))

    def certificate(self, id: str, token: str, public_key: str) -> Signed:
        """A certificate for a key (OpenSSH's, Ed25519), by which a grant's holder is let in at the SSH bastion.

        `token` is the grant's. Raises AccessDenied when it is over.
        """
        asked = Signing(public_key=public_key)
        return Signed.model_validate(self._call("POST", f"/grants/{id}/certificate", asked, token))

    def _call(self, method: str, path: str, body: BaseModel | None = None, token: str = "") -> Any:
        """`token`: a grant's, where that is asked for and not the factory's."""
        factory = daemons.ensure(self._root, daemons.ACCESS).token
        try:
            with self._client(token or factory) as client:
                answer = client.request(method, path, content=body.model_dump_json() if body else None)
                said = answer.json()
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise CloudUnavailable(f"the broker does not answer: {type(error).__name__}") from None
        if answer.status_code == httpx2.codes.OK:
            return said
        try:
            refusal = Refusal.model_validate(said)
        except ValidationError:
            refusal = Refusal(problem=f"the broker answers {answer.status_code}")
        raise ERRORS.get(answer.status_code, CloudUnavailable)(refusal.problem, hint=refusal.hint)

    @contextmanager
    def _client(self, token: str) -> Iterator[httpx2.Client]:
        # By descriptor: a socket's path has 107 bytes, and a factory may lie deep.
        folder = os.open(self._root.run, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            transport = httpx2.HTTPTransport(uds=f"/proc/self/fd/{folder}/{SOCKET}")
            headers = {"authorization": f"Bearer {token}"}
            with httpx2.Client(
                transport=transport, base_url="http://broker", headers=headers, timeout=CALL_SECONDS, trust_env=False
            ) as client:
                yield client
        finally:
            os.close(folder)
