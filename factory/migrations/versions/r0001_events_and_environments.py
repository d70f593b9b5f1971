"""The outbox of events, and what each environment's last update left."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "factory_event",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("app", sa.String(64), nullable=True, index=True),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("task", sa.String(64), nullable=True),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
    )
    op.create_table(
        "factory_environment",
        sa.Column("stack", sa.String(64), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("cloud_generation", sa.String(64), nullable=True),
        sa.Column("outputs", sa.JSON, nullable=True),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("factory_environment")
    op.drop_table("factory_event")
