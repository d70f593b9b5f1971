"""Scanners' findings that a person accepted in `exceptions.yaml`: they stop no change, and are shown as accepted.

Asked anew wherever it counts: when a commit is scanned, when its merge is carried out, when it is scanned as merged.
"""

from collections.abc import Sequence
from typing import NamedTuple

from factory.errors import DecisionRequired
from factory.exceptions import Accepted
from factory.findings import Finding
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from policies.accepted import exceptions_of, utc_now


class Split(NamedTuple):
    """What somebody accepted, each with the exception, and what is left."""

    left: list[Finding]
    accepted: list[tuple[Finding, Accepted]]

    def as_json(self) -> list[Json]:
        """What was accepted, as a request shows it."""
        return [finding.model_dump(mode="json") | {"accepted": entry.as_json()} for finding, entry in self.accepted]

    def told(self) -> str:
        """What was accepted, one a line."""
        return "\n".join(f"{entry}: {f.severity} {f.tool}:{f.rule} {f.path}:{f.line}" for f, entry in self.accepted)


def split(context: Context, record: ChangeRecord, found: Sequence[Finding]) -> Split:
    """What of it people accepted. Raises InputError: exceptions.yaml has a mistake, or one of the app's has expired.

    An exception covers one finding: the same mistake made a second time was not accepted. And nobody accepts what is
    found in their own change.
    """
    entries = exceptions_of(context.root, context.settings).of_app(record.app, utc_now())
    open_ones = [entry for entry in entries if entry.approver != record.author]
    made = Split([], [])
    for finding in found:
        entry = next((entry for entry in open_ones if _covers(entry, finding)), None)
        if entry is None:
            made.left.append(finding)
        else:
            open_ones.remove(entry)
            made.accepted.append((finding, entry))
    return made


def require_accepted(context: Context, record: ChangeRecord, shown: Sequence[Json]) -> None:
    """Whether what was shown as accepted is so now. Raises DecisionRequired; that is an event too."""
    found = [
        Finding.model_validate({key: value for key, value in each.items() if key in Finding.model_fields})
        for each in shown
    ]
    if split(context, record, found).as_json() != list(shown):
        reason = "what exceptions.yaml accepted is not accepted any more, or by another exception"
        context.tell("merge.refused", record, reason=reason)
        raise DecisionRequired(reason, hint="millwright policy report")


def _covers(entry: Accepted, finding: Finding) -> bool:
    return entry.rule == f"{finding.tool}/{finding.rule}" and entry.fingerprint == finding.fingerprint()
