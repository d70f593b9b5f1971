"""`millwright preview --plans DIR`: what each previewed stack would become, as files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from console.session import Session
from factory.errors import ExitCode
from stacks.driver import Outcome
from stacks.driver.plans import write_plan

Plans = Annotated[
    Path | None,
    typer.Option(
        "--plans",
        metavar="DIR",
        help="Write each stack's plan to DIR/STACK.json, for `millwright policy check --state`.",
        show_default=False,
    ),
]


def save_plans(session: Session, outcomes: Sequence[Outcome], folder: Path, parallel: int) -> None:
    """Write the plans of what was previewed, also of what the policies refuse; at most `parallel` at once.

    Raises UpdateFailed or InputError for the first that cannot be written, after all have been tried.
    """
    judged = [each.stack for each in outcomes if _has_plan(each)]
    with ThreadPoolExecutor(parallel) as pool:
        written = [pool.submit(write_plan, session.root, session.env, stack, folder) for stack in judged]
    for each in written:
        each.result()


def _has_plan(outcome: Outcome) -> bool:
    if outcome.error is None:
        return outcome.result is not None
    return outcome.error.exit_code is ExitCode.POLICY_VIOLATION
