"""The steps: one function for each form. A pytest plugin, loaded by name with the acceptance suites only.

Imports are relative here: in the sandbox this package stands alone.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest
from pytest_bdd import given, parsers, then, when

from . import forms
from .forms import Form
from .scene import Scene

DOORS = Path("/doors")
P = ParamSpec("P")
T = TypeVar("T")
DEFINED: list[Form] = []


def step(form: Form) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """The decorator that makes a function the step of `form`."""
    DEFINED.append(form)
    kinds = {forms.GIVEN: given, forms.WHEN: when, forms.THEN: then}
    return kinds[form.keyword](parsers.re(form.pattern.pattern))


def pytest_bdd_step_error(request: pytest.FixtureRequest, step: Any, exception: Exception) -> None:
    """Note which step failed: the verdict tells it."""
    del exception
    request.node.user_properties.append(("step", f"{step.keyword} {step.name}"))


@pytest.fixture
def scene() -> Iterator[Scene]:
    """This scenario's service; it ends with the scenario, and its data with it."""
    made = Scene(DOORS)
    yield made
    made.close()


@step(forms.RUNS)
def _(scene: Scene) -> None:
    scene.start(None)


@step(forms.RUNS_AS)
def _(scene: Scene, environment: str) -> None:
    scene.start(environment)


@step(forms.EVERY_REQUEST)
def _(scene: Scene, header: str, value: str) -> None:
    scene.headers[header] = value


@step(forms.ASK)
def _(scene: Scene, method: str, path: str) -> None:
    scene.request(method, path, headers={})


@step(forms.ASK_TIMES)
def _(scene: Scene, method: str, path: str, count: str) -> None:
    for _ in range(int(count)):
        scene.request(method, path, headers={})


@step(forms.ASK_WITH_HEADER)
def _(scene: Scene, method: str, path: str, header: str, value: str) -> None:
    scene.request(method, path, headers={header: value})


@step(forms.SEND)
def _(scene: Scene, method: str, path: str, json: str) -> None:
    scene.request(method, path, headers={"Content-Type": "application/json"}, body=_encoded(scene.value(json)))


@step(forms.SEND_TEXT)
def _(scene: Scene, method: str, path: str, text: str) -> None:
    scene.request(method, path, headers={}, body=scene.filled(text).encode())


@step(forms.REMEMBER)
def _(scene: Scene, field: str, name: str) -> None:
    scene.remember(field, name)


@step(forms.RESTARTS)
def _(scene: Scene) -> None:
    scene.again("restart")


@step(forms.IS_KILLED)
def _(scene: Scene) -> None:
    scene.again("kill")


@step(forms.STATUS)
def _(scene: Scene, status: str) -> None:
    _hold(scene.answer.status == int(status), f"the status is not {status}: {scene.shown()}")


@step(forms.STATUS_NOT)
def _(scene: Scene, status: str) -> None:
    _hold(scene.answer.status != int(status), f"the status is {status}: {scene.shown()}")


@step(forms.EQUAL)
def _(scene: Scene, field: str, json: str) -> None:
    found, wanted = scene.field(field), scene.value(json)
    _hold(_same(found, wanted), f"{field!r} is {found!r}, not {wanted!r}: {scene.shown()}")


@step(forms.NOT_EQUAL)
def _(scene: Scene, field: str, json: str) -> None:
    found, refused = scene.field(field), scene.value(json)
    _hold(not _same(found, refused), f"{field!r} is {found!r}: {scene.shown()}")


@step(forms.HAS)
def _(scene: Scene, field: str) -> None:
    scene.field(field)


@step(forms.HAS_NOT)
def _(scene: Scene, field: str) -> None:
    _hold(not scene.has(field), f"the answer has {field!r}: {scene.shown()}")


@step(forms.ANSWER_IS)
def _(scene: Scene, json: str) -> None:
    wanted = scene.value(json)
    _hold(_same(scene.json(), wanted), f"the answer is not {wanted!r}: {scene.shown()}")


@step(forms.CONTAINS)
def _(scene: Scene, text: str) -> None:
    _hold(scene.filled(text) in scene.answer.body, f"{text!r} is not in the body: {scene.shown()}")


@step(forms.HEADER_IS)
def _(scene: Scene, header: str, value: str) -> None:
    found, wanted = scene.answer.header(header), scene.filled(value)
    _hold(found == wanted, f"the header {header} is {found!r}, not {wanted!r}: {scene.shown()}")


@step(forms.HEADER_STARTS)
def _(scene: Scene, header: str, value: str) -> None:
    found, wanted = scene.answer.header(header), scene.filled(value)
    _hold(found is not None and found.startswith(wanted), f"the header {header} is {found!r}: {scene.shown()}")


@step(forms.HEADER_NOT)
def _(scene: Scene, header: str) -> None:
    found = scene.answer.header(header)
    _hold(found is None, f"the header {header} is {found!r}: {scene.shown()}")


def _hold(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _same(found: Any, wanted: Any) -> bool:
    # As JSON, not as Python: true is not 1.
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
