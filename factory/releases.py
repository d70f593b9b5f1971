"""Releases: which artefact, with which spec and infra.py, serves (or is to) in which environment, and who decided it.

The newest release that is `deploying` or `serving` is the wanted one: the program declares it, by every door.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Column, Connection, Integer, String, Table, Text, insert, select, update

from factory.db import METADATA
from factory.fingerprints import fingerprint

RELEASES = Table(
    "factory_release",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(128), nullable=False, unique=True),
    Column("app", String(64), nullable=False, index=True),
    Column("environment", String(16), nullable=False),
    Column("artefact", String(80), nullable=False),
    Column("spec_digest", String(80), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("change", String(64)),
    Column("request", Integer),
    Column("replaces", Integer),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("started", String(32), nullable=False),
    Column("ended", String(32)),
    Column("restores", Integer),
    Column("set_aside", String(80)),
    Column("served", String(32)),
    Column("infra", String(80)),
    Column("configuration", JSON),
)


class ReleaseState(StrEnum):
    """`proposed`: shown to people; `deploying`, `serving`: the wanted one; the others are history."""

    PROPOSED = "proposed"
    DEPLOYING = "deploying"
    SERVING = "serving"
    REPLACED = "replaced"
    FAILED = "failed"
    REFUSED = "refused"


WANTED = (ReleaseState.DEPLOYING, ReleaseState.SERVING)


class Release(BaseModel):
    """One artefact + spec in one environment.

    `request` is the id of the decided request that allows it (None where none is needed); `replaces` the id of the
    release that served before, to which it returns by itself when it turns out bad. `restores` is the id of an earlier
    release that it brings back: the same artefact, spec and infra.py. `set_aside` is the digest of files
    (`files_digest`) that the environment does not follow, because it went back; `served` when the release was first
    seen to serve. `infra` is the digest of the app's own code ("": it had none; None: of a release from before it was
    kept), `configuration` those of what the stack was configured with when it was last seen to serve.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    key: str
    app: str
    environment: str
    artefact: str
    spec_digest: str
    spec: dict[str, Any]
    change: str | None
    request: int | None
    replaces: int | None
    state: ReleaseState
    reason: str
    started: str
    ended: str | None
    restores: int | None
    set_aside: str | None
    served: str | None
    infra: str | None
    configuration: dict[str, str] | None

    @property
    def went_back(self) -> bool:
        """Whether the environment is at this release because a later one was taken back."""
        return self.restores is not None or self.set_aside is not None

    def same_as(self, other: "Release") -> bool:
        """Whether both are the same artefact with the same spec and, where both keep it, the same infra.py."""
        known = None not in (self.infra, other.infra)
        alike = (self.artefact, self.spec_digest) == (other.artefact, other.spec_digest)
        return alike and not (known and self.infra != other.infra)

    def as_it_knows(self, spec: str, infra: str | None) -> str:
        """The digest of files that say this, as this release compares them: by their spec alone without an `infra`."""
        return files_digest(spec, None if self.infra is None else infra)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A release to be: see Release. `key` names it for good, whoever proposes it again."""

    key: str
    app: str
    environment: str
    artefact: str
    spec: dict[str, Any]
    spec_digest: str
    change: str | None
    restores: int | None = None
    set_aside: str | None = None
    infra: str | None = None


def files_digest(spec: str, infra: str | None) -> str:
    """One digest for what an app's files declare: its app.yaml's, and its own code's where it has any."""
    return fingerprint([spec, infra]) if infra else spec


def propose(connection: Connection, proposal: Proposal) -> Release:
    """A release to be, replacing the wanted one. The same `key` again is the same release: nothing is written."""
    if known := _first(connection, RELEASES.c.key == proposal.key):
        return known
    before = wanted(connection, proposal.app, proposal.environment)
    connection.execute(
        insert(RELEASES).values(
            **{f.name: getattr(proposal, f.name) for f in fields(proposal)},
            request=None,
            replaces=before.id if before else None,
            state=ReleaseState.PROPOSED,
            reason="",
            started=_now(),
            ended=None,
        )
    )
    made = _first(connection, RELEASES.c.key == proposal.key)
    if made is None:
        raise RuntimeError(f"the release {proposal.key} was written and is not there")
    return made


def wanted(connection: Connection, app: str, environment: str) -> Release | None:
    """The release that the environment is to serve; None before the first one."""
    return _first(
        connection,
        RELEASES.c.app == app,
        RELEASES.c.environment == environment,
        RELEASES.c.state.in_(WANTED),
    )


def read(connection: Connection, release: int) -> Release | None:
    """One release by its id."""
    return _first(connection, RELEASES.c.id == release)


def of_app(connection: Connection, app: str) -> list[Release]:
    """Every release of an app, newest first."""
    rows = connection.execute(select(RELEASES).where(RELEASES.c.app == app).order_by(RELEASES.c.id.desc())).mappings()
    return [Release.model_validate(dict(row)) for row in rows]


def begin(connection: Connection, release: int, request: int | None) -> None:
    """From now on the environment is to serve it; `request` allows that. The one before stays, to return to."""
    _set(connection, release, state=ReleaseState.DEPLOYING, request=request)


def serves(connection: Connection, release: Release, configuration: dict[str, str] | None = None) -> None:
    """It serves and is healthy, with this configuration: what it replaced is history."""
    values = {"state": ReleaseState.SERVING, "served": release.served or _now()}
    _set(connection, release.id, **values, configuration=configuration or release.configuration)
    if release.replaces is not None:
        _set(connection, release.replaces, state=ReleaseState.REPLACED, ended=_now())


def failed(connection: Connection, release: Release, reason: str) -> Release | None:
    """It is bad: the one that it replaced, or was to replace, is the wanted one again, and is returned."""
    _set(connection, release.id, state=ReleaseState.FAILED, reason=reason, ended=_now())
    if (left := wanted(connection, release.app, release.environment)) or release.replaces is None:
        return left
    # It had served for a while, so the one before was history already.
    _set(connection, release.replaces, state=ReleaseState.SERVING, ended=None)
    return read(connection, release.replaces)


def returned(connection: Connection, release: Release, before: Release) -> None:
    """The environment is back at `before`, away from `release`; the files of that one are set aside."""
    if before.id == release.replaces:
        aside = before.as_it_knows(release.spec_digest, release.infra)
        _set(connection, before.id, set_aside=release.set_aside or aside)


def refused(connection: Connection, release: int, reason: str) -> None:
    """A person refused it, or it was superseded before it was applied. One that serves, or did, stays what it is."""
    query = update(RELEASES).where(
        RELEASES.c.id == release, RELEASES.c.state.in_((ReleaseState.PROPOSED, ReleaseState.DEPLOYING))
    )
    connection.execute(query.values(state=ReleaseState.REFUSED, reason=reason, ended=_now()))


def forget_environment(connection: Connection, app: str, environment: str) -> None:
    """The environment was destroyed: nothing is wanted there any more."""
    query = update(RELEASES).where(
        RELEASES.c.app == app, RELEASES.c.environment == environment, RELEASES.c.state.in_(WANTED)
    )
    connection.execute(query.values(state=ReleaseState.REPLACED, reason="destroyed", ended=_now()))


def _set(connection: Connection, release: int, **values: Any) -> None:
    connection.execute(update(RELEASES).where(RELEASES.c.id == release).values(**values))


def _first(connection: Connection, *conditions: Any) -> Release | None:
    row = connection.execute(select(RELEASES).where(*conditions).order_by(RELEASES.c.id.desc())).mappings().first()
    return None if row is None else Release.model_validate(dict(row))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
