"""A request may need the approvals of several people: one verdict of each person, and so many as it asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The constraint of the first form has no name: PostgreSQL gives it this one, SQLite keeps it without.
ONE_VERDICT = "factory_decision_request_key"
NAMES = {"uq": "%(table_name)s_%(column_0_name)s_key"}
ONE_OF_EACH = "factory_decision_once"


def upgrade() -> None:
    """Apply. What was asked before asked for one approval."""
    op.add_column("factory_request", sa.Column("approvals", sa.Integer, nullable=True))
    op.execute("UPDATE factory_request SET approvals = 1")
    with op.batch_alter_table("factory_request") as table:
        table.alter_column("approvals", existing_type=sa.Integer, nullable=False)
    with op.batch_alter_table("factory_decision", naming_convention=NAMES) as table:
        table.drop_constraint(ONE_VERDICT, type_="unique")
        table.create_unique_constraint(ONE_OF_EACH, ["request", "person"])


def downgrade() -> None:
    """Take back; impossible where a request has two verdicts."""
    with op.batch_alter_table("factory_decision") as table:
        table.drop_constraint(ONE_OF_EACH, type_="unique")
        table.create_unique_constraint(ONE_VERDICT, ["request"])
    op.drop_column("factory_request", "approvals")
