"""Mistakes in app.yaml's access rules and agents' tools that no single field shows."""

from collections.abc import Iterator, Mapping

from factory.document import Document, Location
from factory.errors import Problem
from factory.located import nearest, problem_at
from factory.spec.access import LEASE_MINUTES, AccessRule, Scope, approvers, named_resources, stands_in
from factory.spec.model import AppSpec
from factory.spec.names import Environment
from factory.spec.tools import FUNCTION_TOOLS, NEEDED_TOOLS, Tool


def declared(document: Document, group: str) -> list[str] | None:
    """The names under a key of the file, whatever stands behind them; None where there are no names."""
    named = document.data.get(group, {})
    return [str(name) for name in named] if isinstance(named, Mapping) else None


def tool_problems(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """Tools that a function does not have, lists that lack what it needs, hosts for commands that it cannot run."""
    for function, agent in spec.agents.items():
        at: Location = ("agents", function.value, "tools")
        has = FUNCTION_TOOLS[function]
        allowed = ", ".join(has) or "none: no agent is built for it yet"
        for index, tool in enumerate(agent.tools or ()):
            if tool not in has:
                message = f"the {function} has no such tool"
                yield problem_at(document, (*at, index), message, allowed=allowed, fix="remove it")
        if agent.tools is not None and (missing := [t for t in has if t in NEEDED_TOOLS[function] - {*agent.tools}]):
            message = f"the {function} cannot do its work without {' and '.join(missing)}"
            fix = f"add {' and '.join(missing)}, or leave the key out"
            yield problem_at(document, at, message, allowed=allowed, fix=fix)
        if agent.egress and Tool.RUN not in spec.tools_of(function):
            message, at = f"the {function} runs no commands that could reach them", (*at[:2], "egress")
            fix = "remove it, or add `run` to its tools" if Tool.RUN in has else "remove it"
            yield problem_at(document, at, message, allowed="hosts for an agent that has the tool `run`", fix=fix)


def access_problems(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """Rules that name what is not there, that ask for more than any rule may, or that say a thing twice."""
    for index, rule in enumerate(spec.access):
        at: Location = ("access", index)
        yield from _unknown(rule, document, at)
        yield from _places(rule, document, at)
        yield from _too_much(rule, document, at)
        for other, earlier in enumerate(spec.access[:index]):
            yield from _twice(rule, earlier, document, at, other)


def _unknown(rule: AccessRule, document: Document, at: Location) -> Iterator[Problem]:
    agents = declared(document, "agents")
    if agents is not None and rule.function not in agents:
        yield problem_at(
            document,
            (*at, "function"),
            "no such agent in this app",
            allowed=", ".join(agents) or "none: the app declares no agents",
            fix=_guessed(rule.function, agents, "declare it under `agents:`"),
        )
    known = named_resources(document.data)
    if rule.resource not in known:
        yield problem_at(
            document,
            (*at, "resource"),
            "no such resource in this app",
            allowed=", ".join(known),
            fix=_guessed(rule.resource, known, "declare it first"),
        )


def _guessed(word: str, known: list[str], otherwise: str) -> str:
    # `database` is `databases.database`.
    by_name = [each for each in known if each.rpartition(".")[2] == word]
    guess = by_name[0] if by_name else nearest(word, known)
    return f"did you mean {guess!r}?" if guess else otherwise


def _places(rule: AccessRule, document: Document, at: Location) -> Iterator[Problem]:
    environments = declared(document, "environments")
    stands = stands_in(document.data, rule.resource)
    for index, environment in enumerate(rule.environments):
        here = (*at, "environments", index)
        if environments is not None and environment not in environments:
            allowed = ", ".join(environments) or "none: the app declares no environments"
            message = "no such environment of this app"
            yield problem_at(document, here, message, allowed=allowed, fix="declare it under `environments:`")
        elif stands and environment not in stands:
            message = f"{rule.resource} does not stand in {environment}"
            yield problem_at(document, here, message, allowed=", ".join(stands), fix="remove it")


def _too_much(rule: AccessRule, document: Document, at: Location) -> Iterator[Problem]:
    """What the strictest of a rule's environments does not allow."""
    if not rule.environments:
        return
    strictest = min(rule.environments, key=lambda each: LEASE_MINUTES[each])
    most, roles = LEASE_MINUTES[strictest], approvers(strictest)
    allowed = ", ".join(sorted(roles))
    if rule.lease > most:
        message = f"lease over the hard limit of {strictest}: {most} minutes"
        yield problem_at(document, (*at, "lease"), message, allowed=f"1 to {most}", fix="lower it")
    if rule.approval not in (None, *roles):
        message = f"does not let anybody into {strictest}"
        yield problem_at(document, (*at, "approval"), message, allowed=allowed, fix="name one of them")
    if strictest is Environment.PRODUCTION:
        if rule.approval is None:
            message = "production is let into only by a person's approval"
            yield problem_at(document, (*at, "approval"), message, allowed=allowed, fix="name one of them")
        if rule.scope is Scope.ADMIN:
            message = "no agent administers production"
            yield problem_at(document, (*at, "scope"), message, allowed="read, write", fix="write one of them")


def _twice(rule: AccessRule, earlier: AccessRule, document: Document, at: Location, other: int) -> Iterator[Problem]:
    """Two rules for one thing go together only where the wider scope has the stricter terms: or one says nothing."""
    both = [each for each in rule.environments if each in earlier.environments]
    if (rule.function, rule.resource) != (earlier.function, earlier.resource) or not both:
        return
    narrow, wide = sorted((rule, earlier), key=lambda each: each.scope.level)
    if narrow.scope is wide.scope:
        message = f"access.{other} is about the same in {', '.join(both)}"
        allowed, fix = "one rule for each function, resource, environment and scope", "remove one of the two"
    elif (narrow.lease, narrow.approval) == (wide.lease, wide.approval):
        message = (
            f"access.{other} overlaps it in {', '.join(both)}: {wide.scope} holds {narrow.scope} on the same terms"
        )
        allowed, fix = "a wider scope on stricter terms", f"remove the rule for {narrow.scope}"
    elif narrow.lease < wide.lease or narrow.approval not in (None, wide.approval):
        message = (
            f"access.{other} contradicts it in {', '.join(both)}: {wide.scope} holds {narrow.scope} on other terms"
        )
        allowed = "a wider scope on stricter terms"
        fix = f"give {wide.scope} no longer a lease than {narrow.scope}, and the same approval or one more"
    else:
        return
    yield problem_at(document, (*at, "scope"), message, allowed=allowed, fix=fix)
