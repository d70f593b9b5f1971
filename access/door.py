"""The broker's door: HTTP over a Unix socket that only the factory's own user reaches.

With the factory's token (that of the daemon's run file) grants of agents' tasks are asked for, looked at and ended.
With a grant's own token that one grant is looked at, prolonged and ended, the secret is read that it is about, and
nothing else: whoever tries is refused, and that is told. Approving, and whatever people sign, does not go through here.
"""

import asyncio
import hmac
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from access.grants import Desk, Grant, Overtaken, Wanted, store
from access.grants.model import digest
from access.secret_reads import SecretRead, SecretReads
from factory import db
from factory.doorway import Patience
from factory.errors import AccessDenied, InputError, MillwrightError
from factory.loopback import Serving
from factory.spec import LEASE_MINUTES, Environment, Function, Scope
from factory.spec.names import APP_NAME_LENGTH

LOG: Final = logging.getLogger("millwright.access")
SOCKET: Final = "access.sock"
BODY_BYTES: Final = 16_000
BODY_SECONDS: Final = 20.0
STATUS: Final[dict[type[MillwrightError], int]] = {AccessDenied: 403, InputError: 422, Overtaken: 409}
# As long as the rows have room for; a task's stands in the name of whoever acts, after its app's and its function's.
NAME_CHARACTERS: Final = 64
ACTOR_CHARACTERS: Final = 128
TASK_CHARACTERS: Final = ACTOR_CHARACTERS - len(f"agent:{APP_NAME_LENGTH * '-'}/{max(Function, key=len)}/")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
REASON_CHARACTERS: Final = 500
# No rule gives anything for longer.
MOST_MINUTES: Final = max(LEASE_MINUTES.values())
MOST_ATTEMPTS: Final = 1_000_000
FOUND_CHARACTERS: Final = 40
KEY_CHARACTERS: Final = 1000
# Of what somebody asked for who may not, as it is told.
ID_CHARACTERS: Final = 40
PATH_CHARACTERS: Final = 200


def _text(most: int, least: int = 0) -> Any:
    # Not every database takes a NUL.
    return Field(min_length=least, max_length=most, pattern=r"^[^\x00]*$")


_Name = Annotated[str, _text(NAME_CHARACTERS)]
_Reason = Annotated[str, _text(REASON_CHARACTERS)]
_Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskAsks(_Body):
    """What a task asks for, as the worker that runs it says."""

    app: Annotated[str, _text(APP_NAME_LENGTH)]
    environment: Environment
    resource: _Name
    scope: Scope
    function: Function
    change: _Name
    task: Annotated[str, _text(TASK_CHARACTERS)]
    attempt: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    on_behalf_of: _Name = ""
    reason: _Reason = ""
    minutes: _Minutes | None = None

    def wanted(self) -> Wanted:
        """The same, under the task's own name."""
        return Wanted(**vars(self), principal=f"agent:{self.app}/{self.function}/{self.task}")


class Renewal(_Body):
    """For how many minutes from now, by whoever knows the present fence."""

    fence: int
    minutes: _Minutes


class Ending(_Body):
    """Why it ends."""

    why: Annotated[str, _text(REASON_CHARACTERS, least=1)]


class Signing(_Body):
    """The public key (OpenSSH's, Ed25519) that a holder wants a certificate for."""

    public_key: str = Field(min_length=1, max_length=KEY_CHARACTERS)


class Signed(_Body):
    """The certificate; whom to log in as at the bastion, where that is, and the line it is known by."""

    certificate: str
    login: str
    door: str
    known_hosts: str


class Told(_Body):
    """A grant as it is told at the door; `token` only to whoever has just asked for it."""

    grant: dict[str, Any]
    token: str = ""


class Refusal(_Body):
    """Why not."""

    problem: str
    hint: str = ""


class Door:
    """Serves it. `token` is the factory's; without `secrets` none is read here. `asked` hears of each new grant."""

    def __init__(
        self,
        desk: Desk,
        database: Engine,
        token: str,
        secrets: SecretReads | None = None,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self._desk, self._database, self._token, self._secrets = desk, database, token, secrets
        self._asked = asked

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/grants", self._guarded(self._ask), methods=["POST"]),
                Route("/grants/{id}", self._guarded(self._show), methods=["GET"]),
                Route("/grants/{id}/renew", self._guarded(self._renew), methods=["POST"]),
                Route("/grants/{id}/end", self._guarded(self._end), methods=["POST"]),
                Route("/grants/{id}/secret", self._guarded(self._read_secret), methods=["POST"]),
                Route("/tasks/{app}/{task}", self._guarded(self._of_task), methods=["GET"]),
                Route("/grants/{id}/certificate", self._guarded(self._certificate), methods=["POST"]),
                Route("/tasks/{app}/{task}/end", self._guarded(self._end_task), methods=["POST"]),
                Route("/{other:path}", self._guarded(self._nothing), methods=METHODS),
            ]
        )

    def _ask(self, request: Request, body: bytes) -> Told:
        self._require_factory(request)
        given = self._desk.ask(TaskAsks.model_validate_json(body).wanted())
        self._asked()
        return Told(grant=given.grant.shown(), token=given.token)

    def _show(self, request: Request, _: bytes) -> Told:
        return Told(grant=self._named(request).shown())

    def _renew(self, request: Request, body: bytes) -> Told:
        grant, asked = self._named(request), Renewal.model_validate_json(body)
        try:
            return Told(grant=self._desk.renew(grant, asked.fence, asked.minutes, actor=grant.principal).shown())
        except (AccessDenied, Overtaken) as error:
            # Who slept past the lease, or comes with an older fence.
            self._refused(grant, str(error))
            raise

    def _end(self, request: Request, body: bytes) -> Told:
        grant = self._named(request)
        return Told(grant=self._desk.end(grant, Ending.model_validate_json(body).why, actor=grant.principal).shown())

    def _read_secret(self, request: Request, _: bytes) -> SecretRead:
        grant, told = self._named(request), _bearer(request)
        # Who asks for a grant may be asked to by others: the value is its holder's only.
        if digest(told) != grant.token_digest:
            raise AccessDenied("this takes the grant's own token")
        if self._secrets is None:
            raise AccessDenied("nobody reads secrets here")
        return self._secrets.read(grant)

    def _of_task(self, request: Request, _: bytes) -> list[Told]:
        self._require_factory(request)
        with db.transaction(self._database) as connection:
            return [Told(grant=each.shown()) for each in store.of_task(connection, *self._task(request))]

    def _certificate(self, request: Request, body: bytes) -> Signed:
        grant = self._own(request)
        line = self._desk.certificate(grant, Signing.model_validate_json(body).public_key)
        return Signed(
            certificate=line, login=grant.provider_ref, door=grant.door, known_hosts=self._desk.bastion_known_as()
        )

    def _end_task(self, request: Request, body: bytes) -> list[Told]:
        self._require_factory(request)
        why = Ending.model_validate_json(body).why
        return [Told(grant=each.shown()) for each in self._desk.end_task(*self._task(request), why)]

    def _nothing(self, request: Request, _: bytes) -> Told:
        """Who looks here for more than there is, is told of like whoever takes what is not theirs."""
        self._require_factory(request)
        raise InputError(f"there is no {request.method} {request.url.path} here")

    def _named(self, request: Request) -> Grant:
        """The grant that is asked about, by the factory or by its holder. Raises AccessDenied for anybody else."""
        id, told = _of_path(request, "id"), _bearer(request)
        with db.transaction(self._database) as connection:
            named, own = store.read(connection, id), store.by_token(connection, digest(told))
        if named is not None and (self._is_factory(told) or (own is not None and own.id == named.id)):
            return named
        self._refused(own, f"it is not the token of the grant {id[:ID_CHARACTERS]}")
        # The same for one that there is not: nobody learns which there are.
        raise AccessDenied("there is no such grant for this token")

    def _own(self, request: Request) -> Grant:
        """The same, by its holder only: who has its token. Raises AccessDenied."""
        grant = self._named(request)
        if grant.token_digest != digest(_bearer(request)):
            raise AccessDenied("this takes the grant's own token")
        return grant

    def _require_factory(self, request: Request) -> None:
        told = _bearer(request)
        if self._is_factory(told):
            return
        with db.transaction(self._database) as connection:
            own = store.by_token(connection, digest(told))
        self._refused(own, f"{request.method} {request.url.path[:PATH_CHARACTERS]} takes the factory's token")
        raise AccessDenied("this takes the factory's own token")

    def _refused(self, own: Grant | None, why: str) -> None:
        """Somebody who holds a grant tries to do more with it, or who holds none anything: that is told."""
        self._desk.refused_uses.refuse(own, why)

    def _is_factory(self, told: str) -> bool:
        return hmac.compare_digest(told.encode(), self._token.encode())

    @staticmethod
    def _task(request: Request) -> tuple[str, str]:
        return _of_path(request, "app"), _of_path(request, "task")

    def _guarded(
        self, answer: Callable[[Request, bytes], BaseModel | list[Told]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            body = b""
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    async for part in request.stream():
                        body += part
                        if len(body) > BODY_BYTES:
                            return _problem(413, f"more than {BODY_BYTES} bytes")
            except TimeoutError:
                return _problem(408, f"it did not come within {BODY_SECONDS:.0f} seconds")
            try:
                told = await run_in_threadpool(answer, request, body)
            except ValidationError as error:
                return _problem(422, "; ".join(map(_wrong, error.errors())))
            except MillwrightError as error:
                return _problem(STATUS.get(type(error), 503), str(error), error.hint)
            except SQLAlchemyError as error:
                LOG.exception("the factory's database does not take it")
                said = str(getattr(error, "orig", None) or type(error).__name__)
                return _problem(503, f"the factory's database does not take it: {said}")
            many = [each.model_dump() for each in told] if isinstance(told, list) else told.model_dump()
            return JSONResponse(many)

        return serve


class Served:
    """An ASGI application at a Unix socket in a folder of its owner's only; removed when it is closed."""

    def __init__(self, app: Starlette, folder: Path, patience: Patience | None = None) -> None:
        """Serves from now on. Raises MillwrightError when it does not begin."""
        self._path = folder / SOCKET
        self._path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # By descriptor: a socket's path has 107 bytes, and a factory may lie deep.
        opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            bound.bind(f"/proc/self/fd/{opened}/{SOCKET}")
        finally:
            os.close(opened)
        self._path.chmod(0o600)
        self._serving = Serving(app, bound, patience)
        self._serving.start()

    def close(self) -> None:
        """Serve no more."""
        self._serving.stop()
        self._path.unlink(missing_ok=True)


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _of_path(request: Request, name: str) -> str:
    """Raises InputError."""
    value = str(request.path_params[name])
    if "\0" in value or len(value) > ACTOR_CHARACTERS:
        raise InputError(f"{name}: {_shown(value)} is none: at most {ACTOR_CHARACTERS} characters, and no NUL")
    return value


def _wrong(error: ErrorDetails) -> str:
    """Which field, what is allowed there, and what was found."""
    place = ".".join(map(str, error["loc"])) or "body"
    plain = error["loc"] and isinstance(error["input"], str | int | float | None)
    return f"{place}: {error['msg']}" + (f", not {_shown(error['input'])}" if plain else "")


def _shown(value: object) -> str:
    said = repr(value)
    return said if len(said) <= FOUND_CHARACTERS else f"{said[:FOUND_CHARACTERS]}... ({len(str(value))} characters)"


def _problem(status: int, problem: str, hint: str = "") -> Response:
    return JSONResponse(Refusal(problem=problem, hint=hint).model_dump(), status)
