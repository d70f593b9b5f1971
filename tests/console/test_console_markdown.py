"""A preview of many stacks as Markdown: one table, nothing in it can break out, and it stays short."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from console.markdown import LEFT_OUT, MOST_CHARACTERS, MOST_STEPS, code, previewed
from factory.errors import InputError, PolicyViolation
from stacks.driver import Kind, Outcome, Result, Step

NAMES = {
    "plain": "plain",
    "a|b": r"a\|b",
    "two\nlines": "two lines",
    # What turns the order of letters around would show another name than it is.
    "safe\u202eexe.txt\x1b[0m": "safe\ufffdexe.txt\ufffd[0m",
}
# What a comment consists of, and nothing else.
TAGS = {"h3", "table", "thead", "tbody", "tr", "th", "td", "code", "details", "summary", "ul", "li", "p", "strong"}
HOSTILE = st.lists(
    st.sampled_from(
        ["|", "`", "``", "\\", "\n", "<img src=x>", "</details>", "@team", "[a](http://b)", "<!--", "a", " "]
    )
).map("".join)


class Tags(HTMLParser):
    """The tags of a page, and its text outside of code."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.in_code = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.in_code += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self.in_code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += "" if self.in_code else data

    def handle_comment(self, data: str) -> None:
        self.tags.add("a comment")


def shown(lines: list[str]) -> Tags:
    """What a reader of the comment gets."""
    page = Tags()
    page.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render("\n".join(lines)))
    return page


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


@given(HOSTILE)
def test_no_name_and_no_message_gets_out_of_its_code(text: str) -> None:
    step = _step("delete", name=text, type_="aws:sqs/queue:Queue")
    refused = PolicyViolation(f"refused by policy:\n{text}", hint=text)
    page = shown(list(previewed([_outcome("links-build", step), Outcome(stack="links-staging", error=refused)])))
    assert page.tags <= TAGS
    assert "@team" not in page.text
    assert "http" not in page.text


def test_what_a_policy_refused_is_named_with_its_rule() -> None:
    told = "no-world-ingress: ingress[0].cidrBlocks[0] lets in 100 % (open)"
    refused = PolicyViolation(f"preview of links-build refused by policy:\n{told}", hint="mend it")
    lines = list(previewed([Outcome(stack="links-build", error=refused)]))
    assert f"- `links-build`: `{told}`" in lines
    assert "- `links-build`: `hint: mend it`" in lines


def test_a_comment_is_never_longer_than_one_may_be_and_says_what_it_left_out() -> None:
    steps = [_step("create", f"n{n}" * 50) for n in range(MOST_STEPS)]
    lines = list(previewed([_outcome(f"app{n}-build", *steps) for n in range(60)]))
    assert len("\n".join(lines)) < MOST_CHARACTERS + 200
    assert lines[-1] == LEFT_OUT
    # Every fold that was begun was ended.
    assert sum("<details>" in line for line in lines) == lines.count("</details>") > 5


def test_long_lists_are_cut_and_nothing_at_all_is_said() -> None:
    many = _outcome("links-build", *(_step("create", f"n{n}") for n in range(MOST_STEPS + 5)))
    assert "- and 5 more" in list(previewed([many]))
    assert "No app may have changed." in list(previewed([]))
