"""Where each app's main is by the factory's own doing."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "pipeline_main",
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("commit", sa.String(64), nullable=True),
        sa.Column("intended", sa.String(64), nullable=True),
        sa.Column("updated", sa.String(32), nullable=False),
    )
    # Apps that had a repository before this table: main is taken as it is when it is looked at next, once.
    op.execute("INSERT INTO pipeline_main (app, updated) SELECT app, MAX(updated) FROM pipeline_change GROUP BY app")


def downgrade() -> None:
    """Take back."""
    op.drop_table("pipeline_main")
