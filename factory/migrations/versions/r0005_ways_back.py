"""A release may bring an earlier one back; when one was first seen to serve is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. What serves, or was replaced by something, has served; when it began to is the nearest that is known."""
    op.add_column("factory_release", sa.Column("restores", sa.Integer, nullable=True))
    op.add_column("factory_release", sa.Column("set_aside", sa.String(80), nullable=True))
    op.add_column("factory_release", sa.Column("served", sa.String(32), nullable=True))
    op.execute("UPDATE factory_release SET served = started WHERE state IN ('serving', 'replaced')")


def downgrade() -> None:
    """Take back."""
    for column in ("served", "set_aside", "restores"):
        op.drop_column("factory_release", column)
