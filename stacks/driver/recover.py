"""After an engine was killed: what it made and no state names is taken back, and what was pending is pending no more.

Left alone, the engine would create it again (see engine.pending): twice the thing, or a name that is taken. It is
deleted and not adopted: nothing depends on it yet, and the engine can adopt nothing that it does not import from code.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import clear_wreckage, pending_operations, wait_for_engines, without_pending_creates
from factory import daemons
from factory.errors import UpdateFailed
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver import unsettled
from stacks.driver.cli import Answer, may_be_pending, run_cli, urn_prefix

CREATING = "creating"
# It waits until nothing is being made, and then deletes.
DISCARD_SECONDS = 180.0


def look(
    root: FactoryRoot,
    settings: Settings,
    stack: str,
    on_wait: Callable[[str], None],
    check: Callable[[], None] = lambda: None,
) -> bool:
    """Find the stack as the last operation left it, and clear away what keeps the next one out.

    Whether an engine of it was killed, or its operation not seen to end. The caller holds the stack's lock.
    """
    wait_for_engines(root, settings, stack, on_wait=on_wait, check=check)
    killed = unsettled.found_dead(root, settings, stack) or unsettled.left(root, stack)
    clear_wreckage(root, settings, stack)
    return killed


def settle(root: FactoryRoot, settings: Settings, stack: str, cli: Path, *, killed: bool, creates_again: bool) -> bool:
    """Bring the stack's state and the local cloud together; whether the state has to be refreshed next.

    `killed`: an engine of this stack was found dead. `creates_again`: what follows would create what is pending. The
    caller holds the stack's lock. Raises UpdateFailed when the engine refuses, and on a real cloud when a create is
    pending that would be done again: there only a person can say what became of it, so nothing is deleted.
    """
    if not (killed or may_be_pending(root, stack)):
        return False
    exported = json.loads(_answer(run_cli(cli, ["stack", "export", "--stack", stack], root), stack))
    deployment = exported["deployment"]
    pending = pending_operations(deployment)
    creates = [operation.urn for operation in pending if operation.kind == CREATING]
    if settings.aws != "local":
        if creates and creates_again:
            raise UpdateFailed(
                f"{stack}: the engine was killed while it created {', '.join(creates)}; nobody knows whether they "
                "exist",
                hint="look for each in the cloud; then `pulumi refresh --clear-pending-creates`, and `pulumi import` "
                "for those that exist",
            )
        return killed or bool(pending)
    _discard(root, stack, deployment)
    if creates:
        exported["deployment"] = without_pending_creates(deployment, creates)
        _answer(run_cli(cli, ["stack", "import", "--stack", stack], root, json.dumps(exported)), stack)
    return killed or bool(pending)


def _discard(root: FactoryRoot, stack: str, deployment: dict[str, Any]) -> None:
    """Delete what was made in the local cloud for this stack, was never seen since, and is no resource of its state.

    That is what is pending, and what was done before the state could say that it began.
    """
    kept = []
    for resource in deployment.get("resources") or ():
        arn = (resource.get("outputs") or {}).get("arn")
        # A secret one is no text here.
        kept.append((resource["type"], resource.get("id", ""), arn if isinstance(arn, str) else ""))
    asked = {"prefix": urn_prefix(root, stack), "kept": kept}
    cloud = daemons.ensure(root, daemons.LOCAL_CLOUD)
    daemons.call(cloud, "discard", json.dumps(asked).encode(), seconds=DISCARD_SECONDS)


def _answer(answer: Answer, stack: str) -> str:
    if answer.code:
        said = (answer.err or answer.out).strip()
        raise UpdateFailed(f"{stack}: what a killed engine left cannot be settled: {said}")
    return answer.out
