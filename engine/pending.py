"""Pending operations: what an engine that was killed was doing, as its state says it.

What the engine does with them (tried with v3.259.0, with a provider killed in mid-create):
- `preview` says nothing about them. `up` warns, goes on, and **creates again** what was being created, with the
  pending entry kept in the state: when the first create did happen, there are now two, or the name is taken.
- A plain `refresh`, not interactive, settles pending updates and deletes and leaves pending creates as they are; an
  interactive one asks for each.
- `refresh --clear-pending-creates` drops them all; `refresh --import-pending-creates=URN --import-pending-creates=ID`
  writes `importing` in place of `creating`, which nothing acts on: the next `up` creates the thing again.
So whoever changes stacks must, before `up` or `destroy`, and while holding the stack's lock: export the state, list
the pending creates, look for each in the cloud, remove what is there, then drop the entries
(`without_pending_creates`, then import the state). Never drop one without having looked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PendingOperation:
    """One operation whose end the engine did not see. `kind` is the engine's word (creating, updating, ...)."""

    urn: str
    kind: str
    resource_type: str
    inputs: Mapping[str, Any]


def pending_operations(deployment: Mapping[str, Any]) -> tuple[PendingOperation, ...]:
    """The pending operations in an exported state's `deployment` object (`pulumi stack export`)."""
    return tuple(
        PendingOperation(
            urn=operation["resource"]["urn"],
            kind=operation["type"],
            resource_type=operation["resource"]["type"],
            inputs=operation["resource"].get("inputs") or {},
        )
        for operation in deployment.get("pending_operations") or ()
    )


def without_pending_creates(deployment: Mapping[str, Any], urns: Collection[str]) -> dict[str, Any]:
    """A copy of `deployment` in which the creates of `urns` are no longer pending; all else is as it was."""
    kept = [
        operation
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] != "creating" or operation["resource"]["urn"] not in urns
    ]
    return {**deployment, "pending_operations": kept}
