"""Approvals where a stage uses them: what holds for one anywhere, by the deciders that app.yaml names now."""

from factory import approvals
from factory.approvals import Approval
from factory.fingerprints import fingerprint
from factory.gates import Gate
from pipeline.context import Context
from pipeline.durable import Json


def approved(context: Context, app: str, request: int | None, gate: Gate, shown: Json) -> Approval:
    """The approval of exactly `shown`, by everybody it takes now. Raises DecisionRequired; an event too."""
    return approvals.verified(
        context.database,
        context.people(),
        request,
        gate=gate,
        fingerprint=fingerprint(shown),
        deciders=context.spec(app).deciders_at(gate),
    )
