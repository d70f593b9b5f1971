"""An app's file may take tools from a function: the agent is not told of them, and asks for them in vain."""

from collections.abc import Sequence

import pytest
from agents_place import Surroundings

from agents.brief import EgressWay, OutcomeState
from agents.fence import Fence
from agents.functions import FUNCTIONS, SUBMISSIONS
from agents.prompt import first_message
from agents.task import toolbox
from agents.tools import INPUTS
from agents.tools.toolbox import EFFECTS
from factory.spec import FUNCTION_TOOLS, NEEDED_TOOLS, Function, Tool

# A file of the app tells the model to run something: unchecked, as no honest script holds it.
ATTACK = """
    attempts:
      1:
        turns:
          - use: [{raw: {name: run, input: {argv: [python, -c, "open('made', 'w')"]}}}]
          - choose:
              - when: {is_error: true, contains: ["there is no tool 'run' here; there are: edit, read"]}
                use: [{submit: {summary: refused}}]
              - use: [{submit: {summary: it ran}}]
"""
ALL = FUNCTION_TOOLS[Function.CODER]


@pytest.mark.parametrize(("tools", "said"), [((Tool.READ, Tool.EDIT), "refused"), (ALL, "it ran")])
def test_a_tool_that_is_not_offered_is_refused_by_name_and_does_nothing(
    place: Surroundings, tools: Sequence[Tool], said: str
) -> None:
    place.script(ATTACK)
    outcome = place.run(tools=tools)
    assert (outcome.state, outcome.submission) == (OutcomeState.SUBMITTED, {"summary": said})
    assert (place.worktree / "made").exists() == (said == "it ran")


def test_what_is_not_offered_stands_neither_in_the_request_nor_in_the_prompt(place: Surroundings) -> None:
    # The twin answers with a call by name only where the request offers it.
    place.script("attempts: {1: {turns: [{use: [{run: {argv: [python]}}]}, {use: [{submit: {summary: done}}]}]}}")
    outcome = place.run(tools=(Tool.READ, Tool.EDIT))
    assert outcome.state is OutcomeState.FAILED
    assert "the script calls run, and the request offers: edit, read, submit" in outcome.reason
    start = place.lines()[0]
    assert start["tools"] == ["read", "edit", "submit"]
    assert "Run the tests" not in start["system"]
    assert "Run the tests" in FUNCTIONS["coder"].prompt
    assert "You are the coder." in start["system"]


@pytest.mark.parametrize(("tools", "told"), [((Tool.READ, Tool.EDIT), False), (ALL, True)])
def test_a_way_out_of_commands_is_told_only_to_who_has_any(
    place: Surroundings, tools: Sequence[Tool], told: bool
) -> None:
    way = EgressWay(socket=place.path / "way", proxy="http://127.0.0.1:1", hosts=["api.example.com"])
    message = first_message(place.brief(tools=tools, egress=way), Fence("n"))
    assert ("api.example.com" in message, "programs that you run" in message) == (told, told)


def test_a_brief_gives_no_function_more_than_it_has(place: Surroundings) -> None:
    reviewer = place.brief("code-reviewer", tools=tuple(Tool))
    assert toolbox(reviewer, place.folder).names == {"read", "search"}
    assert FUNCTIONS["code-reviewer"].only([*Tool, "submit"]) == FUNCTIONS["code-reviewer"]
    assert toolbox(place.brief(tools=()), place.folder).names == frozenset()


def test_every_tool_that_a_file_can_name_is_one_that_there_is() -> None:
    assert list(INPUTS) == list(Tool)
    assert set(FUNCTION_TOOLS) == set(NEEDED_TOOLS) == set(Function)
    assert set(SUBMISSIONS) == {function for function in Function if FUNCTION_TOOLS[function]}
    assert all(NEEDED_TOOLS[function] <= set(FUNCTION_TOOLS[function]) for function in Function)
    # Whoever cannot change anything cannot do a coder's work.
    assert not EFFECTS.isdisjoint(NEEDED_TOOLS[Function.CODER])
