"""What previews found, as Markdown for a comment on a pull request: one table, and what deserves a second look."""

from collections.abc import Iterator, Sequence

from stacks.driver import Effect, Outcome, Step, at_risk, counts

# A comment on GitHub holds 65,536 characters.
MOST_STEPS = 40
MOST_LETTERS = 400


def previewed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The lines: the table of all stacks, the resources whose data is at risk, then each stack's changes."""
    yield f"### Preview of {len(outcomes)} stack{'' if len(outcomes) == 1 else 's'}"
    yield ""
    if not outcomes:
        yield "No app may have changed."
        return
    yield f"| stack | {' | '.join(Effect)} | |"
    yield f"|---|{'--:|' * len(Effect)}---|"
    for outcome in outcomes:
        yield f"| {code(outcome.stack)} | {' | '.join(_numbers(outcome))} | {_said(outcome)} |"
    yield from _at_risk(outcomes)
    for outcome in outcomes:
        if outcome.result and outcome.result.changed:
            yield from _details(outcome.stack, outcome.result.changed)


def code(text: str) -> str:
    """`text` as code in a cell: what it says is neither markup nor the end of the cell."""
    plain = " ".join(text.split())[:MOST_LETTERS].replace("|", "\\|")
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in plain).split()), default=0)
    fence = "`" * (longest + 1)
    # A backtick at either end would become part of the fence.
    return f"{fence} {plain} {fence}" if longest else f"{fence}{plain or ' '}{fence}"


def _numbers(outcome: Outcome) -> list[str]:
    if outcome.result is None:
        return ["" for _ in Effect]
    return [str(number) for number in counts(outcome.result.steps).values()]


def _said(outcome: Outcome) -> str:
    if outcome.error:
        return f"failed: {code(str(outcome.error).splitlines()[0])}"
    if outcome.result is None:
        return f"skipped: {code(outcome.skipped)}"
    lost = len(at_risk(outcome.result.steps))
    return f"**data at risk in {lost}**" if lost else ""


def _at_risk(outcomes: Sequence[Outcome]) -> Iterator[str]:
    lost = [(o.stack, step) for o in outcomes if o.result for step in at_risk(o.result.steps)]
    if lost:
        yield ""
        yield "**Data at risk.** The update would replace or delete what holds data:"
        yield ""
        yield from (f"- {code(stack)}: {_step(step)}" for stack, step in lost)


def _details(stack: str, changed: Sequence[Step]) -> Iterator[str]:
    yield ""
    yield f"<details><summary>{stack}: {len(changed)} changed</summary>"
    yield ""
    yield from (f"- {_step(step)}" for step in changed[:MOST_STEPS])
    if len(changed) > MOST_STEPS:
        yield f"- and {len(changed) - MOST_STEPS} more"
    yield ""
    yield "</details>"


def _step(step: Step) -> str:
    properties = f" ({code(', '.join(step.properties))})" if step.properties else ""
    return f"{step.action} {code(step.type)} {code(step.name)}{properties}"
