"""Stack names: `<app>-<environment>`, for what this factory's apps declare, and `platform`; no others."""

from factory.errors import InputError
from factory.located import nearest
from factory.paths import FactoryRoot
from factory.settings import load
from factory.spec import Environment, app_names, load_app, require_apart
from stacks.shared_platform import PLATFORM, Shared, Spec, Which, platform_spec


def declared_stacks(root: FactoryRoot) -> list[str]:
    """Every stack that the factory's apps declare, sorted."""
    return sorted(spec.stack(e) for spec in (load_app(root, app) for app in app_names(root)) for e in spec.environments)


def resolve(root: FactoryRoot, stack: str) -> tuple[Spec, Which]:
    """The app and the environment that a stack name stands for, or what all apps share.

    Raises InputError for a stack that no app declares.
    """
    if stack == PLATFORM:
        return declared(root, PLATFORM, Shared.SHARED)
    app, _, environment = stack.rpartition("-")
    if app in app_names(root) and environment in set(Environment):
        return declared(root, app, environment)
    known = [*declared_stacks(root), PLATFORM]
    guess = nearest(stack, known)
    raise InputError(
        f"no stack named {stack!r} is declared; declared: {', '.join(known)}",
        hint=f"did you mean {guess!r}?" if guess else "a stack is declared by an environment in apps/<app>/app.yaml",
    )


def declared(root: FactoryRoot, app: str, environment: str) -> tuple[Spec, Which]:
    """The app's spec and one of the environments it declares; what all apps share is `platform` in `shared`.

    Raises InputError for an unknown app, an environment that its app.yaml does not list, or a network that is another
    app's as well.
    """
    if app == PLATFORM:
        if environment != Shared.SHARED:
            raise InputError(f"{PLATFORM} has no environment {environment!r}", hint="leave it out: there is one")
        return platform_spec(load(root)), Shared.SHARED
    spec = load_app(root, app)
    require_apart(root, spec)
    known = [e.value for e in spec.environments]
    if environment not in known:
        if guess := nearest(environment, known):
            hint = f"did you mean {guess!r}?"
        elif environment in set(Environment):
            hint = f"add `{environment}: {{}}` under `environments:` in its app.yaml"
        else:
            hint = f"the environments of an app: {', '.join(Environment)}"
        raise InputError(f"{app} declares no environment {environment!r}; declared: {', '.join(known)}", hint=hint)
    return spec, Environment(environment)
