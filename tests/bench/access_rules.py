"""`python -m tests.bench.access_rules`: what one decision about access costs, in microseconds of CPU.

Nothing to compare it with runs here: the same questions are put to `factory.access_rules`, which decides nothing about
people, statements or broken policies, and to a Cedar that parses its policies each time.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import cedarpy
from rich.console import Console
from rich.table import Table

from access.rules import Asked, decide, engine, policies_of, questions, statement_kinds
from factory.access_rules import rule_for
from factory.gates import Role
from factory.people import HeldRole, People, Person
from factory.spec import AppSpec, Environment, Function, Scope

PEOPLE = People([Person(id="otto", name="Otto", roles=(HeldRole(role=Role.OPERATOR),), keys=(), demo=True)])


def an_app(rules: int) -> AppSpec:
    """An app with so many rules, each about a secret of its own; the last is about its database."""
    secrets = [f"secret-{index}" for index in range(rules - 1)]
    about = [*(f"secrets.{name}" for name in secrets), "databases.database"]
    return AppSpec.model_validate(
        {
            "apiVersion": "millwright/v2",
            "name": "links",
            "owner": "web-team",
            "region": "eu-central-1",
            "network": {"cidr": "10.20.0.0/16"},
            "services": {"web": {"port": 8080}},
            "databases": {"database": {}},
            "secrets": {name: {} for name in secrets},
            "agents": {"coder": {}},
            "environments": {"build": {}, "staging": {}},
            "access": [
                {"function": "coder", "resource": each, "environments": ["build", "staging"], "scope": "write"}
                for each in about
            ],
        }
    )


def asked_by(principal: str, function: Function | None, scope: Scope) -> Asked:
    """A question about the database."""
    return Asked("links", principal, function, Environment.BUILD, "databases.database", scope, 5)


def microseconds(what: Callable[[], object], rounds: int, calls: int) -> float:
    """The median over rounds of what one call takes of the CPU."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            what()
        taken.append((time.process_time() - began) / calls * 1e6)
    return median(taken)


def measured(rules: int, rounds: int, calls: int) -> dict[str, float]:
    """Every figure for an app with so many rules."""
    spec = an_app(rules)
    agent = asked_by("agent:links/coder/links.shorter-links.coder.1", Function.CODER, Scope.WRITE)
    person, refused = asked_by("otto", None, Scope.WRITE), asked_by(agent.principal, Function.CODER, Scope.ADMIN)
    text = f"{engine.base_text()}\n{policies_of(spec)}"
    request, entities = questions.access_request(agent, "write"), questions.access_entities(PEOPLE, agent)
    place = (Function.CODER, agent.resource, agent.environment, agent.scope)

    def parsed_anew() -> object:
        return cedarpy.is_authorized(dict(request), text, entities, engine.schema_text())

    def first() -> object:
        engine.policies_from.cache_clear()
        return decide(spec, PEOPLE, agent)

    cases: dict[str, tuple[Callable[[], object], int]] = {
        "an agent is let in": (lambda: decide(spec, PEOPLE, agent), calls),
        "a person is let in": (lambda: decide(spec, PEOPLE, person), calls),
        "an agent is refused, with the nearest rule": (lambda: decide(spec, PEOPLE, refused), calls),
        "13 classes of statements": (lambda: statement_kinds(spec, PEOPLE, agent), calls),
        "the first after a change (parse, validate)": (first, max(1, calls // 50)),
        "Cedar with the text each time, unvalidated": (parsed_anew, max(1, calls // 20)),
        "factory.access_rules alone": (lambda: rule_for(spec, *place), calls),
    }
    return {name: round(microseconds(what, rounds, times), 1) for name, (what, times) in cases.items()}


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, nargs="+", default=[1, 20, 100], help="how many rules the app has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    found = {rules: measured(rules, given.rounds, given.calls) for rules in given.rules}
    if given.json:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": load}
        print(json.dumps({**machine, "microseconds": found}))
        return
    title = f"us of CPU, median of {given.rounds} rounds; {os.cpu_count()} cores, load {load:.1f} at the start"
    table = Table("", *(f"{rules} rule(s)" for rules in found), title=title, title_justify="left")
    for name in found[given.rules[0]]:
        table.add_row(name, *(f"{found[rules][name]:,.0f}" for rules in given.rules))
    Console().print(table)


if __name__ == "__main__":
    main()
