"""Where grants are in the factory's database."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from factory.db import METADATA

GRANTS = Table(
    "access_grant",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("app", String(64), nullable=False, index=True),
    Column("environment", String(16), nullable=False),
    Column("resource", String(64), nullable=False),
    Column("scope", String(16), nullable=False),
    # Who holds it: `agent:<app>/<function>/<task>`, or a person's id.
    Column("principal", String(192), nullable=False),
    Column("function", String(32)),
    Column("change", String(64)),
    Column("task", String(128)),
    Column("attempt", Integer, nullable=False),
    # The person for whom it is asked; none of an agent's where nobody has submitted anything.
    Column("on_behalf_of", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    # Which rules decided, and the request that people decided on.
    Column("policy_version", String(80), nullable=False),
    Column("request", Integer),
    Column("state", String(16), nullable=False, index=True),
    # Counts its moves and its renewals: who knows an older number has been overtaken, and may do nothing to it.
    Column("fence", Integer, nullable=False),
    Column("requested_at", String(32), nullable=False),
    # The lease is given when it becomes active; minutes for which it was asked until then.
    Column("minutes", Integer, nullable=False),
    Column("lease_until", String(32)),
    Column("hard_until", String(32)),
    # What the token must hash to, and what the relay compares a password with. The token itself stands nowhere.
    Column("token_digest", String(64), nullable=False, unique=True),
    Column("verifier", String(256), nullable=False),
    Column("proof", Text, nullable=False),
    Column("provider_kind", String(16), nullable=False),
    Column("provider_ref", String(128), nullable=False),
    Column("provider_expires_at", String(32)),
    # Where a client finds it: `host:port/database`.
    Column("door", String(128), nullable=False),
    Column("revoke_attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("ended_reason", Text, nullable=False),
    Column("ended_at", String(32)),
    Index("ix_access_grant_task", "app", "task"),
)
