"""Stack names stand for declared apps and environments; production needs a decision; the project has one name."""

from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.project import project_name
from stacks.names import declared, declared_stacks, resolve

ONLY_BUILD = (
    GOOD.replace("  staging: {}\n  production: {}\n", "")
    .replace("name: links", "name: build-tools")
    .replace("10.20.0.0", "10.21.0.0")
)


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


PROJECT_MISTAKES = {
    "empty": ("", "name: missing"),
    "no name": ("runtime: python\n", "1:1: name: missing"),
    "a list": ("- a\n", "mapping"),
    "no YAML": ("name: [\n", "Pulumi.yaml:2:1"),
    "a tab": ("name: a\n\truntime: python\n", "Pulumi.yaml:2:"),
    "a number": ("name: 7\nruntime: python\n", "1:7: name: "),
    "no name of a project": ("name: ../x\nruntime: python\n", "1:7: name: "),
    "twice": ("name: a\nname: b\nruntime: python\n", "2:1: "),
    "another language": ("name: a\nruntime: nodejs\n", "2:10: runtime: a factory's program is Python"),
    "another language, at length": ("name: a\nruntime:\n  name: go\n", "3:3: runtime: a factory's program is Python"),
}


@pytest.mark.parametrize(("content", "said"), PROJECT_MISTAKES.values(), ids=PROJECT_MISTAKES)
def test_a_broken_project_file_is_one_error_that_says_where(content: str, said: str, root: FactoryRoot) -> None:
    assert project_name(root) == "my-factory"
    root.project_file.write_text(content)
    with pytest.raises(InputError) as refused:
        project_name(root)
    assert str(root.project_file) in refused.value.rendered()
    assert said in refused.value.rendered()


def test_a_factory_without_a_project_file_says_what_a_whole_one_has(root: FactoryRoot) -> None:
    root.project_file.unlink()
    with pytest.raises(InputError, match=r"Pulumi\.yaml does not exist") as refused:
        project_name(root)
    assert "millwright init" in refused.value.hint
