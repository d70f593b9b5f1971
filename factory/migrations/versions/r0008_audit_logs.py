"""The audit logs: entries, how far each log is, its checkpoints; an event knows whether it is in one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Everything that the outbox holds waits to be logged, from its first row on."""
    op.add_column("factory_event", sa.Column("logged", sa.Boolean, nullable=False, server_default=sa.false()))
    waits = sa.text("NOT logged")
    op.create_index("ix_factory_event_waits", "factory_event", ["sequence"], sqlite_where=waits, postgresql_where=waits)
    op.create_table(
        "access_audit_entry",
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer, nullable=False, unique=True),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("leaf", sa.Text),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "access_audit_log",
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("frontier", sa.Text, nullable=False),
    )
    op.create_table(
        "access_audit_checkpoint",
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("size", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("copy", sa.String(512)),
    )
    turn = op.create_table(
        "access_audit_turn",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("turns", sa.Integer, nullable=False),
    )
    op.bulk_insert(turn, [{"id": 1, "turns": 0}])


def downgrade() -> None:
    """Take back."""
    for table in ("turn", "checkpoint", "log", "entry"):
        op.drop_table(f"access_audit_{table}")
    op.drop_index("ix_factory_event_waits", "factory_event")
    op.drop_column("factory_event", "logged")
