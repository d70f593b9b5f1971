"""After an engine was killed: creates whose end it did not see are looked for in the cloud, then adopted or dropped.

Left alone, the engine would create them again (see engine.pending): twice the thing, or a name that is taken.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from engine import pending_operations, without_pending_creates
from factory import daemons
from factory.errors import UpdateFailed
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver.cli import Answer, project_name, run_cli, state_file

CREATING = "creating"


def settle_pending(root: FactoryRoot, settings: Settings, stack: str, cli: Path) -> bool:
    """Adopt or drop every pending create of the stack; whether there was anything pending.

    The caller holds the stack's lock, and refreshes the state next when the answer is yes. Raises UpdateFailed on a
    real cloud, where only a person can say what became of a create, and when the engine refuses.
    """
    if not _may_be_pending(root, stack):
        return False
    exported = json.loads(_answer(run_cli(cli, ["stack", "export", "--stack", stack], root), stack))
    deployment = exported["deployment"]
    pending = pending_operations(deployment)
    creates = [operation.urn for operation in pending if operation.kind == CREATING]
    if not creates:
        return bool(pending)
    if settings.aws != "local":
        raise UpdateFailed(
            f"{stack}: the engine was killed while it created {', '.join(creates)}; nobody knows whether they exist",
            hint="look for each in the cloud; then `pulumi refresh -s STACK --import-pending-creates URN ID` for those "
            "that exist, and `--clear-pending-creates` for the rest",
        )
    known = {(resource["urn"], resource.get("id")) for resource in deployment.get("resources") or ()}
    found = {urn: identifier for urn, identifier in _created(root, creates).items() if (urn, identifier) not in known}
    exported["deployment"] = without_pending_creates(deployment, [urn for urn in creates if urn not in found])
    _answer(run_cli(cli, ["stack", "import", "--stack", stack], root, json.dumps(exported)), stack)
    if found:
        # The flag takes one word at a time: first the URN, then the id.
        words = [word for pair in found.items() for word in pair]
        adopted = [f"--import-pending-creates={word}" for word in words]
        _answer(run_cli(cli, ["refresh", "--yes", "--skip-preview", "--stack", stack, *adopted], root), stack)
    return True


def discard_unnamed(root: FactoryRoot, settings: Settings, stack: str, cli: Path) -> None:
    """After an engine of this stack was killed: delete what it made in the local cloud and no state names.

    A create can be done before the state says that it began. On a real cloud nobody can tell such a thing from one
    that somebody wants, so nothing is deleted there. The caller holds the stack's lock.
    """
    if settings.aws != "local":
        return
    exported = json.loads(_answer(run_cli(cli, ["stack", "export", "--stack", stack], root), stack))["deployment"]
    named = {(resource["urn"], resource.get("id", "")) for resource in exported.get("resources") or ()}
    # What is pending is named as well: it is adopted next.
    named |= set(_created(root, [operation.urn for operation in pending_operations(exported)]).items())
    lines = [f"urn:pulumi:{stack}::{project_name(root)}::", *(f"{urn}\t{identifier}" for urn, identifier in named)]
    daemons.call(daemons.ensure(root, daemons.LOCAL_CLOUD), "discard", "\n".join(lines).encode())


def _may_be_pending(root: FactoryRoot, stack: str) -> bool:
    # Asking the CLI costs half a second; the file backend's state says it at a glance.
    path = state_file(root, stack)
    return path is None or (path.is_file() and b'"pending_operations"' in path.read_bytes())


def _created(root: FactoryRoot, urns: Sequence[str]) -> dict[str, str]:
    """What the local cloud has made for these URNs, as it remembers: id by URN."""
    answer = daemons.call(daemons.ensure(root, daemons.LOCAL_CLOUD), "created", "\n".join(urns).encode())
    return dict(answer)


def _answer(answer: Answer, stack: str) -> str:
    if answer.code:
        said = (answer.err or answer.out).strip()
        raise UpdateFailed(f"{stack}: what a killed engine left cannot be settled: {said}")
    return answer.out
