"""What is nearest to something that no rule allows, and where app.yaml could be changed so that one would."""

from collections.abc import Iterator

from access.rules.asked import Asked
from access.rules.generated import VERBS, Rule, rules_of
from factory.gates import Role
from factory.people import People
from factory.spec import AppSpec, Environment, Scope


def hints(spec: AppSpec, people: People, asked: Asked) -> tuple[str, ...]:
    """Sentences for who was refused because nothing permits it."""
    if asked.function is None:
        return tuple(_for_a_person(people, asked))
    what = f"{VERBS[asked.scope]} {asked.resource} in {asked.environment}"
    if asked.function not in spec.agents:
        return (f"{spec.name} has no {asked.function}: app.yaml, agents",)
    return (f"no rule lets the {asked.function} {what} for {minutes(asked.minutes)}", *_for_an_agent(spec, asked))


def minutes(count: int) -> str:
    """A number of minutes, in words."""
    return "1 minute" if count == 1 else f"{count} minutes"


def _for_an_agent(spec: AppSpec, asked: Asked) -> Iterator[str]:
    rules = [rule for rule in rules_of(spec) if rule.resource == asked.resource]
    mine = [rule for rule in rules if rule.function is asked.function]
    here = [rule for rule in mine if rule.environment is asked.environment]
    if holds := [rule for rule in here if asked.scope in rule.scopes]:
        rule = holds[0]
        yield f"{_place(rule, 'lease')} allows {minutes(rule.lease)}, and {minutes(asked.minutes)} were asked for"
    elif here:
        rule = max(here, key=lambda each: each.scope.level)
        yield f"{_place(rule, 'scope')} allows it to {VERBS[rule.scope]}, not to {VERBS[asked.scope]}"
    elif elsewhere := [rule for rule in mine if rule.scope.level >= asked.scope.level] or mine:
        rule = elsewhere[0]
        where = " and ".join(each.environment for each in mine if each.index == rule.index)
        yield f"{_place(rule, 'environments')} names {where}, not {asked.environment}"
    elif rules:
        names = " and ".join(dict.fromkeys(rule.function for rule in rules))
        yield f"app.yaml lets the {names} into {asked.resource}, not the {asked.function}: {_place(rules[0])}"
    else:
        yield f"no rule is about {asked.resource}: app.yaml, access, would hold it"


def _place(rule: Rule, key: str = "") -> str:
    return f"app.yaml, access.{rule.index}{f'.{key}' if key else ''}"


def _for_a_person(people: People, asked: Asked) -> Iterator[str]:
    person = people.person(asked.principal)
    held = [role for role in Role if person.holds(role, asked.app)]
    yield f"{asked.principal} holds {' and '.join(held) or 'no role'} for {asked.app}"
    if asked.environment is Environment.PRODUCTION:
        yield "into production, operators are let for everything and security for reading, each by another's approval"
    elif asked.scope is Scope.READ:
        yield "reading is for maintainers, operators and security"
    elif asked.scope is Scope.ADMIN and asked.environment is Environment.STAGING:
        yield "administering staging is for operators"
    else:
        yield f"to {VERBS[asked.scope]} in {asked.environment} is for maintainers and operators"
