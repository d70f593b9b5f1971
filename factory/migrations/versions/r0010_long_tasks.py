"""A task's name has up to 80 characters (app 16, change 41, function 17, attempt); SQLite never minded."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (("factory_event", "task"), ("access_grant", "task"), ("pipeline_task", "id"))


def upgrade() -> None:
    """Apply."""
    for table, column in COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.String(64), type_=sa.String(128))


def downgrade() -> None:
    """Take back."""
    for table, column in COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=sa.String(128), type_=sa.String(64))
