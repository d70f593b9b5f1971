"""A release keeps which infra.py it runs, and what its stack was configured with."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of earlier releases neither is known: they run what the app's folder holds."""
    op.add_column("factory_release", sa.Column("infra", sa.String(80), nullable=True))
    op.add_column("factory_release", sa.Column("configuration", sa.JSON, nullable=True))


def downgrade() -> None:
    """Take back."""
    for column in ("configuration", "infra"):
        op.drop_column("factory_release", column)
