"""Approvals where a stage uses them: what holds for a decision anywhere, and the role that app.yaml names now."""

from factory import decisions
from factory.decisions import Decision
from factory.fingerprints import fingerprint
from factory.gates import Gate
from pipeline.context import Context
from pipeline.durable import Json


def approved(context: Context, app: str, request: int | None, gate: Gate, shown: Json) -> Decision:
    """The approval of exactly `shown`, by somebody who may decide it now. Raises DecisionRequired; an event too."""
    return decisions.verified(
        context.database,
        context.people(),
        request,
        gate=gate,
        fingerprint=fingerprint(shown),
        role=context.spec(app).role_at(gate),
    )
