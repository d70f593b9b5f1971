"""app.yaml from disk: every mistake of the file at once, each with its place."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from factory.document import Document, Location, load_document
from factory.errors import InputError, Problem
from factory.located import nearest, problem_at, validate
from factory.paths import FactoryRoot
from factory.spec.crossfield import problems_of
from factory.spec.model import AppSpec
from factory.spec.remains import what_is_left
from factory.spec.upgrade import UPGRADES, VERSION

_RANGE = re.compile(rb"\d+\.\d+\.\d+\.\d+/\d+")


def load_app(root: FactoryRoot, app: str) -> AppSpec:
    """The spec of one app.

    Raises InputError: no such app (with the nearest name), or every mistake of its file at once.
    """
    path = root.apps / app / "app.yaml"
    known = app_names(root)
    # Not merely whether the file exists: `../x` would lead out of the apps' folder.
    if app not in known:
        guess = nearest(app, known)
        raise InputError(
            f"no app named {app!r}: {path} does not exist; known: {', '.join(known) or 'none'}",
            hint=f"did you mean {guess!r}?" if guess else "write its app.yaml first",
        )
    document = load_document(path)
    _require_current(document)
    return spec_from(document, app)


def spec_from(document: Document, folder: str | None = None) -> AppSpec:
    """The spec that a document declares, in the folder of an app or elsewhere. Raises InputError with every mistake."""
    try:
        spec = validate(AppSpec, document)
    except InputError as error:
        rest = what_is_left(document)
        wrong = tuple(problem.field for problem in error.problems)
        others = tuple(p for p in problems_of(rest, document, folder) if not _is_told(p, wrong)) if rest else ()
        raise InputError(_title(document, error.problems, others), problems=(*error.problems, *others)) from None
    if problems := tuple(problems_of(spec, document, folder)):
        raise InputError(_title(document, problems), problems=problems)
    return spec


def _is_told(problem: Problem, wrong: tuple[str, ...]) -> bool:
    """Whether it is about what was taken out for another mistake."""
    return any(f"{problem.field}.".startswith(f"{field}.") for field in wrong)


def app_names(root: FactoryRoot) -> list[str]:
    """The apps of this factory: every folder of `apps/` with an app.yaml, sorted."""
    return sorted(path.parent.name for path in root.apps.glob("*/app.yaml"))


def require_apart(root: FactoryRoot, spec: AppSpec, document: Document | None = None) -> None:
    """The app's network overlaps no other app's: they could never be connected, and a mistake would go unseen.

    `document`: what declares it, where that is not the app's file. Raises InputError with the place in it, and the
    other app.
    """
    own = dict(_networks_of(spec.model_dump(mode="json")))
    for other in app_names(root):
        path = root.apps / other / "app.yaml"
        # Parsing costs 2 ms a file, and there may be a hundred: only what looks as if it did is parsed.
        if other != spec.name and any(_overlaps(own, found) for found in _RANGE.findall(path.read_bytes())):
            for at, theirs in ((at, theirs) for theirs in networks_in(path) for at in own if own[at].overlaps(theirs)):
                own_file = document or load_document(root.apps / spec.name / "app.yaml")
                wrong = problem_at(
                    own_file,
                    at,
                    f"overlaps {theirs}, the network of {other}",
                    allowed="a range that no other app has",
                    fix="give one of them another range",
                )
                raise InputError(_title(own_file, (wrong,)), problems=(wrong,))


def _overlaps(own: dict[Location, ipaddress.IPv4Network], text: bytes) -> bool:
    try:
        found = ipaddress.IPv4Network(text.decode(), strict=False)
    except ValueError:
        return False
    return any(network.overlaps(found) for network in own.values())


def networks_in(path: Path) -> list[ipaddress.IPv4Network]:
    """The networks that an app's file declares; none where the file is wrong: that is its own error."""
    try:
        return [network for _, network in _networks_of(load_document(path).data)]
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return []


def _networks_of(data: Mapping[str, Any]) -> Iterator[tuple[Location, ipaddress.IPv4Network]]:
    """The app's own range, and those of the networks that its environments adopt, with their places."""
    yield ("network", "cidr"), ipaddress.IPv4Network(data["network"]["cidr"])
    for environment, declared in (data.get("environments") or {}).items():
        if network := (declared or {}).get("network"):
            at = ("environments", str(environment), "network", "existing", "cidr")
            yield at, ipaddress.IPv4Network(network["existing"]["cidr"])


def _require_current(document: Document) -> None:
    version = document.data.get("apiVersion")
    if isinstance(version, str) and version in UPGRADES:
        wrong = problem_at(
            document,
            ("apiVersion",),
            "is an older format",
            allowed=VERSION,
            fix=f"`millwright app upgrade {document.path.parent.name}` rewrites the file",
        )
        raise InputError(_title(document, (wrong,)), problems=(wrong,))


def _title(document: Document, *problems: Sequence[Problem]) -> str:
    count = sum(len(some) for some in problems)
    return f"{document.path} has {'1 mistake' if count == 1 else f'{count} mistakes'}"
