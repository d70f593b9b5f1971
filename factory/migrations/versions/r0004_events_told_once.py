"""An event may have a key, which no second one has."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What is in the outbox has none: it may be told once more, if it is what a killed stage repeats."""
    op.add_column("factory_event", sa.Column("key", sa.String(80), nullable=True))
    op.create_index("ix_factory_event_key", "factory_event", ["key"], unique=True)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_factory_event_key", "factory_event")
    op.drop_column("factory_event", "key")
