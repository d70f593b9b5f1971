"""A preview of many stacks as Markdown: one table, nothing in it can break out, and it stays short."""

import pytest

from console.markdown import MOST_STEPS, code, previewed
from factory.errors import InputError
from stacks.driver import Kind, Outcome, Result, Step

NAMES = {"plain": "plain", "a|b": r"a\|b", "two\nlines": "two lines"}


def _outcome(stack: str, *steps: Step) -> Outcome:
    result = Result(stack=stack, kind=Kind.PREVIEW, changes={}, steps=steps, duration=1.0)
    return Outcome(stack=stack, result=result)


def _step(action: str, name: str = "x", type_: str = "aws:sqs/queue:Queue") -> Step:
    return Step(urn=f"urn::{name}", type=type_, name=name, action=action, properties=("name",))


@pytest.mark.parametrize(("text", "shown"), NAMES.items())
def test_text_is_code_of_one_line_in_one_cell(text: str, shown: str) -> None:
    assert code(text) == f"`{shown}`"


@pytest.mark.parametrize("text", ["`", "a`b", "``` </details>", "<!-- x -->", "", "x" * 10_000])
def test_no_text_ends_its_own_code(text: str) -> None:
    shown = code(text)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    assert shown.endswith(fence)
    assert fence not in shown[len(fence) : -len(fence)]
    assert len(shown) < 500


def test_each_outcome_is_one_row_and_what_would_be_lost_is_named() -> None:
    lines = list(
        previewed(
            [
                _outcome("links-build", _step("create"), _step("delete", "y"), _step("same", "z")),
                Outcome(stack="notes", error=InputError("no | good\nmore")),
                Outcome(stack="links-production", skipped="nothing is proposed"),
            ]
        )
    )
    assert lines[0] == "### Preview of 3 stacks"
    assert [line for line in lines if line.startswith("| `")] == [
        "| `links-build` | 1 | 0 | 0 | 1 | **data at risk in 1** |",
        r"| `notes` |  |  |  |  | failed: `no \| good` |",
        "| `links-production` |  |  |  |  | skipped: `nothing is proposed` |",
    ]
    assert "- `links-build`: delete `aws:sqs/queue:Queue` `y` (`name`)" in lines
    assert "<details><summary>links-build: 2 changed</summary>" in lines


def test_long_lists_are_cut_and_nothing_at_all_is_said() -> None:
    many = _outcome("links-build", *(_step("create", f"n{n}") for n in range(MOST_STEPS + 5)))
    assert "- and 5 more" in list(previewed([many]))
    assert "No app may have changed." in list(previewed([]))
