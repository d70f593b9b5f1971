"""Which stacks an operation on many works on, in which order, and which it leaves out, with the reason."""

from dataclasses import dataclass

from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import AppSpec, Environment, app_names, load_app
from stacks.driver.changed import changed_apps
from stacks.driver.model import Kind

KINDS = frozenset({Kind.UP, Kind.PREVIEW})
NEVER_UPDATED = "production changes one release at a time, by a person's decision: millwright promote"
NOTHING_PROPOSED = "no release is proposed or decided there yet: millwright promote"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A stack to work on."""

    stack: str
    app: str
    environment: Environment


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A stack that is left out on purpose."""

    stack: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An app whose file cannot be read, so that nobody knows its stacks. `stack` is the app's name."""

    stack: str
    error: MillwrightError


Selected = Chosen | Skipped | Broken


def select(
    root: FactoryRoot,
    settings: Settings,
    kind: Kind,
    *,
    environment: str | None = None,
    app: str | None = None,
    changed_since: str | None = None,
) -> list[Selected]:
    """The declared stacks of every app: first all of build, then staging, then production, by name within each.

    `environment` keeps the stacks of one, `app` those of one; `changed_since` (a git ref) those of apps that may have
    changed since. A broken app.yaml stops nobody else's stack. Raises InputError for another kind than up and preview,
    an unknown environment, app or ref, and a factory without apps.
    """
    if kind not in KINDS:
        raise InputError(f"{kind} is not for many stacks at once", hint=f"one of {', '.join(sorted(KINDS))}")
    wanted = _environments(environment)
    names = app_names(root)
    if not names:
        raise InputError(f"no app is declared in {root.apps}", hint="write apps/<app>/app.yaml first")
    if app is not None and app not in names:
        raise InputError(f"no app is named {app!r}", hint=f"one of {', '.join(names)}")
    if changed_since is not None:
        names = sorted(changed_apps(root, changed_since, names))
    if app is not None:
        names = [name for name in names if name == app]
    specs, broken = _read(root, names)
    chosen = (
        _judged(root, settings, kind, spec, which) for which in wanted for spec in specs if which in spec.environments
    )
    return [*broken, *chosen]


def _environments(name: str | None) -> list[Environment]:
    if name is None:
        return list(Environment)
    if name not in set(Environment):
        raise InputError(f"no environment is named {name!r}", hint=f"one of {', '.join(Environment)}")
    return [Environment(name)]


def _read(root: FactoryRoot, names: list[str]) -> tuple[list[AppSpec], list[Broken]]:
    specs: list[AppSpec] = []
    broken: list[Broken] = []
    for name in names:
        try:
            specs.append(load_app(root, name))
        except MillwrightError as error:
            broken.append(Broken(stack=name, error=error))
    return specs, broken


def _judged(root: FactoryRoot, settings: Settings, kind: Kind, spec: AppSpec, which: Environment) -> Selected:
    stack = spec.stack(which)
    if which is Environment.PRODUCTION:
        if kind is Kind.UP:
            return Skipped(stack=stack, reason=NEVER_UPDATED)
        if not _proposed(root, settings, spec):
            return Skipped(stack=stack, reason=NOTHING_PROPOSED)
    return Chosen(stack=stack, app=spec.name, environment=which)


def _proposed(root: FactoryRoot, settings: Settings, spec: AppSpec) -> bool:
    # Imported late: most commands need no database (0.5 s).
    from factory import db, releases

    with db.transaction(db.connect(root, settings)) as connection:
        return releases.wanted(connection, spec.name, Environment.PRODUCTION) is not None
