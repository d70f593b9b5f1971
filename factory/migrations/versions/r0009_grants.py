"""Grants: leases on resources, each with the state of its life; events are found by their task."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_grant",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("resource", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("principal", sa.String(192), nullable=False),
        sa.Column("function", sa.String(32)),
        sa.Column("change", sa.String(64)),
        sa.Column("task", sa.String(64)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("on_behalf_of", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("policy_version", sa.String(80), nullable=False),
        sa.Column("request", sa.Integer),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("requested_at", sa.String(32), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.String(32)),
        sa.Column("hard_until", sa.String(32)),
        sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("verifier", sa.String(256), nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("provider_kind", sa.String(16), nullable=False),
        sa.Column("provider_ref", sa.String(128), nullable=False),
        sa.Column("provider_expires_at", sa.String(32)),
        sa.Column("door", sa.String(128), nullable=False),
        sa.Column("revoke_attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("ended_reason", sa.Text, nullable=False),
        sa.Column("ended_at", sa.String(32)),
    )
    op.create_index("ix_access_grant_app", "access_grant", ["app"])
    op.create_index("ix_access_grant_state", "access_grant", ["state"])
    op.create_index("ix_access_grant_task", "access_grant", ["app", "task"])
    # Each grant of a task is asked whether that has ended, several times a second.
    op.create_index("ix_factory_event_task", "factory_event", ["task"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_factory_event_task", "factory_event")
    op.drop_table("access_grant")
