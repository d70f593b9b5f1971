"""A verdict in words, as `millwright access why` tells it, and as data."""

from typing import Any

from access.rules.asked import Verdict
from access.rules.nearest import minutes


def explain(verdict: Verdict) -> str:
    """Several lines: what was decided and why, on which terms, and by which policies of which version."""
    lines = ["allowed" if verdict.allowed else "refused", *(f"  {reason}" for reason in verdict.reasons)]
    if verdict.allowed and verdict.most_minutes:
        lines.append(f"  held for {minutes(verdict.most_minutes)} at most")
        asks = f"somebody who holds the role {verdict.approval} must approve each time" if verdict.approval else ""
        lines.append(f"  {asks or 'nobody is asked for approval'}")
    lines.append(f"policies: {', '.join(verdict.policies) or 'none applies'}")
    lines.append(f"version: {verdict.version}")
    return "\n".join(lines)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The same as plain data; `approval` is a role or None."""
    return {
        "allowed": verdict.allowed,
        "approval": verdict.approval.value if verdict.approval else None,
        "most_minutes": verdict.most_minutes,
        "reasons": list(verdict.reasons),
        "policies": list(verdict.policies),
        "version": verdict.version,
    }
