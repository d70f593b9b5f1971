"""What is nearest to something that no rule allows, and where app.yaml could be changed so that one would."""

from collections.abc import Iterator
from dataclasses import dataclass

from access.rules.asked import Asked
from access.rules.generated import VERBS, Rule, rules_of
from factory.document import Location
from factory.gates import Role
from factory.people import People
from factory.spec import AppSpec, Environment, Scope


@dataclass(frozen=True)
class Hints:
    """Sentences for who was refused, and the place in app.yaml that they are about; () where there is none."""

    reasons: tuple[str, ...]
    place: Location = ()


def hints(spec: AppSpec, people: People, asked: Asked) -> Hints:
    """What to tell somebody who was refused because nothing permits it."""
    if asked.function is None:
        return Hints(tuple(_for_a_person(people, asked)))
    if asked.function not in spec.agents:
        return Hints((f"{spec.name} has no {asked.function}: app.yaml, agents",), ("agents",))
    what = f"{VERBS[asked.scope]} {asked.resource} in {asked.environment}"
    found = _for_an_agent(spec, asked)
    nothing = f"no rule lets the {asked.function} {what} for {minutes(asked.minutes)}"
    return Hints((nothing, *found.reasons), found.place)


def minutes(count: int) -> str:
    """A number of minutes, in words."""
    return "1 minute" if count == 1 else f"{count} minutes"


def _for_an_agent(spec: AppSpec, asked: Asked) -> Hints:
    rules = [rule for rule in rules_of(spec) if rule.resource == asked.resource]
    mine = [rule for rule in rules if rule.function is asked.function]
    here = [rule for rule in mine if rule.environment is asked.environment]
    if holds := [rule for rule in here if asked.scope in rule.scopes]:
        lease = minutes(holds[0].lease)
        return _at(holds[0], "lease", f"allows {lease}, and {minutes(asked.minutes)} were asked for")
    if here:
        rule = max(here, key=lambda each: each.scope.level)
        return _at(rule, "scope", f"allows it to {VERBS[rule.scope]}, not to {VERBS[asked.scope]}")
    if elsewhere := [rule for rule in mine if rule.scope.level >= asked.scope.level] or mine:
        where = " and ".join(each.environment for each in mine if each.index == elsewhere[0].index)
        return _at(elsewhere[0], "environments", f"names {where}, not {asked.environment}")
    if rules:
        names = " and ".join(dict.fromkeys(rule.function for rule in rules))
        return _at(rules[0], "function", f"names the {names}, not the {asked.function}")
    return Hints((f"no rule is about {asked.resource}: app.yaml, access, would hold it",), ("access",))


def _at(rule: Rule, key: str, told: str) -> Hints:
    if rule.index is None:
        # No line of the file: what could be changed is that there is none.
        what = f"what the {rule.function} needs of {rule.resource} in {rule.environment}"
        return Hints((f"{what}, without a rule of app.yaml, {told}",), ("access",))
    return Hints((f"app.yaml, access.{rule.index}.{key} {told}",), ("access", rule.index, key))


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
