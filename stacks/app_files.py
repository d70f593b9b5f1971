"""Apps as files: made from a template, brought to the present format, checked with all that the factory knows."""

import ipaddress
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.cache import write_atomically
from factory.demo_people import where_more_are_named
from factory.document import Document, load_document
from factory.errors import InputError, Problem
from factory.gates import DEFAULT_ROLES, Gate
from factory.located import problem_at
from factory.paths import FactoryRoot
from factory.people import People
from factory.spec import AppSpec, Environment, app_names, require_apart, upgraded
from factory.spec.loading import networks_in, spec_from

# Where new apps get their network from: the ranges of 10.0.0.0/8, one after another.
FIRST_RANGES = (*range(30, 256), *range(30))


def check(root: FactoryRoot, spec: AppSpec, people: People | None) -> None:
    """What one app's file cannot show: networks of others, and whether somebody can decide what it asks people for.

    `people`: None where nobody is known yet. Raises InputError with the places.
    """
    require_apart(root, spec)
    document = load_document(root.apps / spec.name / "app.yaml")
    found = (_undecidable(root, spec, people, document), _unapprovable(root, spec, people, document)) if people else ()
    if problems := tuple(itertools.chain(*found)):
        raise InputError(f"{root.apps / spec.name / 'app.yaml'} asks for decisions nobody can make", problems=problems)


def _undecidable(root: FactoryRoot, spec: AppSpec, people: People, document: Document) -> Iterator[Problem]:
    for gate in DEFAULT_ROLES:
        if gate is Gate.ARCHITECTURE and not spec.environments.keys() - {Environment.BUILD}:
            continue
        if gate in (Gate.PRODUCTION, Gate.DESTROY) and Environment.PRODUCTION not in spec.environments:
            continue
        role, approvals = spec.deciders_at(gate)
        holding = people.who_may(role, spec.name, [])
        named = spec.gates.get(gate)
        if not holding:
            yield problem_at(
                document,
                ("gates", gate.value, "role") if named and named.role else ("environments",),
                f"nobody holds the role {role} for {spec.name}, which decides at the gate {gate}",
                allowed="a role that somebody holds",
                fix=f"give somebody the role {role} in {root.people_file.name}",
            )
        elif len(holding) < approvals:
            yield problem_at(
                document,
                ("gates", gate.value, "approvals"),
                f"so many people do not hold the role {role} for {spec.name}",
                allowed=f"at most {len(holding)}",
                fix=f"give more people the role {role} ({where_more_are_named(holding)}), or ask for fewer",
            )


def _unapprovable(root: FactoryRoot, spec: AppSpec, people: People, document: Document) -> Iterator[Problem]:
    for index, rule in enumerate(spec.access):
        if rule.approval and not people.who_may(rule.approval, spec.name, []):
            yield problem_at(
                document,
                ("access", index, "approval"),
                f"nobody holds the role {rule.approval} for {spec.name}, which this access needs",
                allowed="a role that somebody holds",
                fix=f"give somebody the role {rule.approval} in {root.people_file.name}",
            )


def free_network(root: FactoryRoot) -> str:
    """A range that no app of the factory has. Raises InputError when there is none."""
    taken = [network for app in app_names(root) for network in networks_in(root.apps / app / "app.yaml")]
    for number in FIRST_RANGES:
        network = ipaddress.IPv4Network(f"10.{number}.0.0/16")
        if not any(network.overlaps(other) for other in taken):
            return str(network)
    raise InputError("no range of 10.0.0.0/8 is free for another app", hint="give the apps smaller networks (/20)")


def upgraded_file(root: FactoryRoot, app: str) -> tuple[str, str]:
    """The text of an app's file, and the same in the present format.

    Raises InputError when there is no such app, the file is no good YAML, or what it means is wrong in either format.
    """
    if app not in app_names(root):
        raise InputError(f"no app named {app!r}", hint=f"known: {', '.join(app_names(root)) or 'none'}")
    path = root.apps / app / "app.yaml"
    # Refuses what only looks like YAML of ours, before another parser reads it.
    load_document(path)
    old = path.read_bytes().decode("utf-8-sig")
    new = upgraded(old)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / app / "app.yaml"
        draft.parent.mkdir()
        draft.write_text(new)
        try:
            spec_from(load_document(draft), app)
        except InputError as error:
            places = "; ".join(f"{p.field}: {p.message}" for p in error.problems)
            raise InputError(f"{path} cannot be upgraded: {places}", hint="mend that first") from None
    return old, new


def write_app(root: FactoryRoot, app: str, text: str) -> None:
    """Put a new text into an app's file, whole or not at all."""
    path = root.apps / app / "app.yaml"
    write_atomically(path, text, mode=path.stat().st_mode & 0o777)
