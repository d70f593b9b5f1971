"""Where the logs are in the factory's database: entries, how far each log is, and its checkpoints."""

from sqlalchemy import Column, Integer, String, Table, Text

from factory.db import METADATA

ENTRIES = Table(
    "access_audit_entry",
    METADATA,
    Column("app", String(64), primary_key=True),
    # From 0, without a gap.
    Column("index", Integer, primary_key=True, autoincrement=False),
    # The outbox row that it tells of.
    Column("sequence", Integer, nullable=False, unique=True),
    Column("time", String(32), nullable=False),
    # Exactly what is hashed; NULL once it is older than it has to be kept.
    Column("leaf", Text),
    Column("hash", String(64), nullable=False),
)
LOGS = Table(
    "access_audit_log",
    METADATA,
    Column("app", String(64), primary_key=True),
    Column("size", Integer, nullable=False),
    # The right edge of the tree, in hexadecimal, one hash per line.
    Column("frontier", Text, nullable=False),
)
CHECKPOINTS = Table(
    "access_audit_checkpoint",
    METADATA,
    Column("app", String(64), primary_key=True),
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    # Where its copy is, out of the factory's reach; NULL while it has none.
    Column("copy", String(512)),
)
# One row: who holds it is the only one that appends.
TURN = Table("access_audit_turn", METADATA, Column("id", Integer, primary_key=True), Column("turns", Integer))
