"""Tools of agents by name: which function has which, and which it cannot do its work without.

What a tool does is `agents.tools`; `submit`, which ends a task, is every agent's and is not named.
"""

from enum import StrEnum

from factory.spec.names import Function


class Tool(StrEnum):
    """What an agent may ask for besides `submit`."""

    READ = "read"
    SEARCH = "search"
    EDIT = "edit"
    RUN = "run"


# What each function has where app.yaml says nothing; nothing where no agent is built for it yet.
FUNCTION_TOOLS: dict[Function, tuple[Tool, ...]] = {
    Function.PLANNER: (),
    Function.CODER: (Tool.READ, Tool.SEARCH, Tool.EDIT, Tool.RUN),
    Function.TESTER: (),
    Function.SECURITY_REVIEWER: (),
    Function.CODE_REVIEWER: (Tool.READ, Tool.SEARCH),
}
# A coder that cannot read does not know what it changes, and one that cannot edit changes nothing. A reviewer is given
# the diff, and judges it by the code around.
NEEDED_TOOLS: dict[Function, frozenset[Tool]] = {
    Function.PLANNER: frozenset(),
    Function.CODER: frozenset({Tool.READ, Tool.EDIT}),
    Function.TESTER: frozenset(),
    Function.SECURITY_REVIEWER: frozenset(),
    Function.CODE_REVIEWER: frozenset({Tool.READ}),
}
