"""Findings: what a scanner, a policy or a reviewer reports, in one form and on one scale of severity."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Integer, String, Table, Text, delete, insert, select

from factory.db import METADATA
from factory.fingerprints import fingerprint

FINDINGS = Table(
    "factory_finding",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("app", String(64), nullable=False, index=True),
    Column("change", String(64), nullable=False),
    Column("run", String(128), nullable=False, index=True),
    Column("tool", String(32), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("path", String(512), nullable=False),
    Column("line", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("fingerprint", String(80), nullable=False),
)


class Severity(StrEnum):
    """How bad a finding is. A critical one stops a change until a person has decided."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Finding(BaseModel):
    """One thing that a tool reports: `path` relative to the app's tree, `line` from 1 ("" and 0: none).

    A secret's value never stands in `message`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    rule: str
    severity: Severity
    path: str = ""
    line: int = 0
    message: str

    def fingerprint(self) -> str:
        """The same finding again has the same one, also when it has moved to another line."""
        return fingerprint({"tool": self.tool, "rule": self.rule, "path": self.path, "message": self.message})


def record(connection: Connection, *, app: str, change: str, run: str, found: list[Finding]) -> None:
    """Keep what one run of the scanners found; the same run again replaces what it wrote."""
    connection.execute(delete(FINDINGS).where(FINDINGS.c.run == run))
    for finding in found:
        row = finding.model_dump(mode="json") | {"fingerprint": finding.fingerprint()}
        connection.execute(insert(FINDINGS).values(app=app, change=change, run=run, **row))


def of_app(connection: Connection, app: str, *, tool: str, rule: str) -> list[Finding]:
    """What a rule of a scanner ever found on changes of an app, each finding once, newest first."""
    same = (FINDINGS.c.app == app, FINDINGS.c.tool == tool, FINDINGS.c.rule == rule)
    rows = connection.execute(select(FINDINGS).where(*same).order_by(FINDINGS.c.id.desc())).mappings().all()
    found = [Finding(**{field: row[field] for field in Finding.model_fields}) for row in rows]
    return list({finding.fingerprint(): finding for finding in reversed(found)}.values())[::-1]


def of_change(connection: Connection, app: str, change: str) -> list[Finding]:
    """What the newest run of each tool found on a change."""
    query = select(FINDINGS).where(FINDINGS.c.app == app, FINDINGS.c.change == change).order_by(FINDINGS.c.id)
    rows = connection.execute(query).mappings().all()
    newest = {row["tool"]: row["run"] for row in rows}
    fields = Finding.model_fields
    return [Finding(**{k: row[k] for k in fields}) for row in rows if newest[row["tool"]] == row["run"]]
