"""What previews found, as Markdown for a comment on a pull request: one table, and what deserves a second look."""

import re
from collections.abc import Iterator, Sequence

from stacks.driver import Effect, Outcome, Step, at_risk, counts

# A comment on GitHub holds 65,536 characters.
MOST_CHARACTERS = 60_000
MOST_STEPS = 40
MOST_REASONS = 20
MOST_LETTERS = 400
# Leaves room for what comes after the table.
MOST_ROWS = 100
LEFT_OUT = "The rest does not fit into a comment: see the run of the preview."


def previewed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The lines: a table of all stacks, what was refused, the resources whose data is at risk, each stack's changes."""
    yield f"### Preview of {len(outcomes)} stack{'' if len(outcomes) == 1 else 's'}"
    yield ""
    if not outcomes:
        yield "No app may have changed."
        return
    written = 0
    for block in _blocks(outcomes):
        # Whole blocks only: half a table or half a fold would take what follows in.
        written += sum(len(line) + 1 for line in block)
        if written > MOST_CHARACTERS:
            yield from ("", LEFT_OUT)
            return
        yield from block


def code(text: str) -> str:
    """`text` as code in a cell: what it says is neither markup nor the end of the cell, and hides nothing."""
    plain = " ".join(text.split())[:MOST_LETTERS]
    # Control characters hide text or show it in another order than it is.
    visible = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in plain)
    kept = visible.replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", kept)), default=0)
    fence = "`" * (longest + 1)
    # A backtick at either end would become part of the fence.
    return f"{fence} {kept} {fence}" if longest else f"{fence}{kept or ' '}{fence}"


def _blocks(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    yield list(_table(outcomes))
    yield list(_refused(outcomes))
    yield list(_at_risk(outcomes))
    for outcome in outcomes:
        if outcome.result and outcome.result.changed:
            yield list(_details(outcome.stack, outcome.result.changed))


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield f"| stack | {' | '.join(Effect)} | |"
    yield f"|---|{'--:|' * len(Effect)}---|"
    for outcome in outcomes[:MOST_ROWS]:
        yield f"| {code(outcome.stack)} | {' | '.join(_numbers(outcome))} | {_said(outcome)} |"
    if len(outcomes) > MOST_ROWS:
        yield f"| and {len(outcomes) - MOST_ROWS} more | {' | '.join('' for _ in Effect)} | |"


def _refused(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Why: the first line of an error stands in the table; the others name the rules, or the lines of a file."""
    reasons = [(o.stack, line) for o in outcomes if o.error for line in o.error.rendered().splitlines()[1:]]
    if reasons:
        yield from ("", "**Why it failed**", "")
        yield from (f"- {code(stack)}: {code(line)}" for stack, line in reasons[:MOST_REASONS])
    if len(reasons) > MOST_REASONS:
        yield f"- and {len(reasons) - MOST_REASONS} more"


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
        yield from (f"- {code(stack)}: {_step(step)}" for stack, step in lost[:MOST_STEPS])
    if len(lost) > MOST_STEPS:
        yield f"- and {len(lost) - MOST_STEPS} more"


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
