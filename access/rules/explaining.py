"""A verdict in words, as `millwright access why` tells it, and as data."""

from typing import Any

from access.rules.asked import Verdict
from access.rules.nearest import minutes
from factory.document import Document, Location


def explain(verdict: Verdict, app_yaml: Document | None = None) -> str:
    """Several lines: what was decided and why, on which terms, and by which policies of which version.

    With the app's file, also the lines in it that let somebody in, or that could be changed.
    """
    lines = ["allowed" if verdict.allowed else "refused", *(f"  {reason}" for reason in verdict.reasons)]
    if verdict.allowed and verdict.most_minutes:
        lines.append(f"  held for {minutes(verdict.most_minutes)} at most")
        asks = f"somebody who holds the role {verdict.approval} must approve each time" if verdict.approval else ""
        lines.append(f"  {asks or 'nobody is asked for approval'}")
    if app_yaml:
        lines.extend(f"  see {_line(app_yaml, place)}" for place in verdict.places)
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
        "places": [".".join(str(part) for part in place) for place in verdict.places],
    }


def _line(app_yaml: Document, place: Location) -> str:
    """`apps/links/app.yaml:31`: the nearest that the file says about a place, which may be left to a default."""
    while place and place not in app_yaml.keys:
        place = place[:-1]
    return f"{app_yaml.path}:{app_yaml.keys.get(place, (1, 1))[0]}"
