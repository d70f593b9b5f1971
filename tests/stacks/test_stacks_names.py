"""Stack names stand for declared apps and environments; production needs a decision; the project has one name."""

from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError
from factory.paths import FactoryRoot
from stacks.driver.cli import project_name
from stacks.names import declared, declared_stacks, resolve

ONLY_BUILD = GOOD.replace("  staging: {}\n  production: {}\n", "").replace("name: links", "name: build-tools")


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    factory_in(tmp_path)
    return factory_in(tmp_path, ONLY_BUILD, app="build-tools")


def test_the_stacks_of_a_factory_are_those_its_apps_declare(root: FactoryRoot) -> None:
    assert declared_stacks(root) == ["build-tools-build", "links-build", "links-production", "links-staging"]


@pytest.mark.parametrize("stack", ["links-build", "links-production", "build-tools-build"])
def test_a_declared_stack_is_its_app_and_environment(stack: str, root: FactoryRoot) -> None:
    spec, environment = resolve(root, stack)
    assert spec.stack(environment) == stack
    assert declared(root, spec.name, environment) == (spec, environment)


@pytest.mark.parametrize(
    ("stack", "message", "hint"),
    [
        (
            "links-stagin",
            "no stack named 'links-stagin' is declared; declared: build-tools-build, ",
            "'links-staging'?",
        ),
        ("lynks-staging", "no stack named", "'links-staging'?"),
        ("build-tools-staging", "build-tools declares no environment 'staging'; declared: build", "staging: {}"),
        ("links-", "no stack named", ""),
        ("links", "no stack named", ""),
        ("-build", "no stack named", ""),
        ("", "no stack named ''", "apps/<app>/app.yaml"),
        ("../links-build", "no stack named", "'links-build'?"),
    ],
)
def test_an_undeclared_stack_is_refused_with_the_nearest_one(
    stack: str, message: str, hint: str, root: FactoryRoot
) -> None:
    with pytest.raises(InputError) as caught:
        resolve(root, stack)
    assert str(caught.value).startswith(message)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("app", "environment", "hint"),
    [
        ("link", "build", "did you mean 'links'?"),
        ("links", "prod", "did you mean 'production'?"),
        ("build-tools", "staging", "add `staging: {}` under `environments:`"),
        ("links", "qa", "the environments of an app: build, staging, production"),
        ("links", "", "the environments of an app"),
    ],
)
def test_an_unknown_app_or_environment_is_refused_with_what_to_do(
    app: str, environment: str, hint: str, root: FactoryRoot
) -> None:
    with pytest.raises(InputError) as caught:
        declared(root, app, environment)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("content", [None, "", "runtime: python\n", "- a\n", "a: [\n"])
def test_a_factory_without_a_project_name_is_refused(content: str | None, root: FactoryRoot) -> None:
    assert project_name(root) == "my-factory"
    if content is None:
        root.project_file.unlink()
    else:
        root.project_file.write_text(content)
    with pytest.raises(InputError, match=r"Pulumi\.yaml is missing or names no project"):
        project_name(root)
