"""Requests and decisions, findings, artefacts and releases; changes and their tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _decisions()
    _products()
    _changes()


def _decisions() -> None:
    op.create_table(
        "factory_request",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("gate", sa.String(24), nullable=False),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("environment", sa.String(16), nullable=True),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("authors", sa.JSON, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.String(80), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("opened", sa.String(32), nullable=False),
        sa.Column("closed", sa.String(32), nullable=True),
    )
    op.create_table(
        "factory_decision",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("request", sa.Integer, nullable=False, unique=True),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("decided", sa.String(32), nullable=False),
    )
    op.create_table(
        "factory_finding",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("run", sa.String(128), nullable=False, index=True),
        sa.Column("tool", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(80), nullable=False),
    )


def _products() -> None:
    op.create_table(
        "factory_artefact",
        sa.Column("digest", sa.String(80), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("commit", sa.String(64), nullable=True),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("built", sa.String(32), nullable=False),
    )
    op.create_table(
        "factory_release",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("environment", sa.String(16), nullable=False),
        sa.Column("artefact", sa.String(80), nullable=False),
        sa.Column("spec_digest", sa.String(80), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("request", sa.Integer, nullable=True),
        sa.Column("replaces", sa.Integer, nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("ended", sa.String(32), nullable=True),
    )


def _changes() -> None:
    op.create_table(
        "pipeline_change",
        sa.Column("id", sa.String(160), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("specification", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("head", sa.String(64), nullable=True),
        sa.Column("artefact", sa.String(80), nullable=True),
        sa.Column("submitted", sa.String(32), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
    )
    op.create_table(
        "pipeline_task",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("app", sa.String(64), nullable=False, index=True),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("function", sa.String(24), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("scripted", sa.Boolean, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
        sa.Column("dollars", sa.Float, nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("ended", sa.String(32), nullable=True),
    )


def downgrade() -> None:
    """Take back."""
    for table in (
        "pipeline_task",
        "pipeline_change",
        "factory_release",
        "factory_artefact",
        "factory_finding",
        "factory_decision",
        "factory_request",
    ):
        op.drop_table(table)
