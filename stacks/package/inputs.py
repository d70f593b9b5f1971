"""What a program in another language says, read and refused: for every component of the package."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi import Output
from pulumi.errors import InputPropertiesError

from factory.errors import DecisionRequired, InputError, MillwrightError
from factory.paths import FactoryRoot
from factory.spec import Environment

_roots: list[FactoryRoot] = []


def factory_at(folder: str) -> None:
    """Say which factory's apps are meant; the process serves no other."""
    _roots[:] = [FactoryRoot(Path(folder))]


@contextmanager
def as_input_errors() -> Iterator[None]:
    """Turn our errors into the one that a package's caller is shown without a traceback."""
    try:
        yield
    except MillwrightError as error:
        raise InputPropertiesError(error.rendered(), []) from None


def the_factory() -> FactoryRoot:
    """The factory whose engine runs the program."""
    return _roots[0]


def refuse_production(name: str, app: str, environment: Environment) -> None:
    """Raises DecisionRequired for production."""
    if environment is Environment.PRODUCTION:
        raise DecisionRequired(
            f"{name}: production changes only by a person's recorded decision, and a program holds none",
            hint=f"millwright promote {app} asks for one, and puts the release where it was decided for",
        )


def is_known(value: object) -> bool:
    """Whether it is written out: what depends on other resources is known only when they are there."""
    if isinstance(value, Output):
        return False
    if isinstance(value, Mapping):
        return all(is_known(each) for each in value.values())
    return all(is_known(each) for each in value) if isinstance(value, list) else True


def values_of(name: str, key: str, given: Any, named: list[str]) -> dict[str, Output[str]]:
    """A value for each name, marked secret. Names are checked where the mapping itself is known, else by its use."""
    if isinstance(given, Mapping) or given is None:
        missing, strange = set(named) - set(given or {}), set(given or {}) - set(named)
        if missing or strange:
            wrong = [
                *(f"{each} is missing" for each in sorted(missing)),
                *(f"{each} is not declared" for each in strange),
            ]
            raise InputError(f"{name}: {key}: {', '.join(wrong)}", hint=f"declared: {', '.join(named) or 'none'}")
    values = Output.secret(given)
    return {each: values.apply(lambda known, each=each: str(known[each])) for each in named}  # type: ignore[misc]
