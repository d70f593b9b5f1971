"""A state goes back only where it came from: another stack's, an empty one, or one that shows secrets is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from production_bench import decided, refused
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from spec_strategies import factory_in

from factory.errors import DecisionRequired, InputError
from factory.paths import FactoryRoot
from stacks.driver import Kind, require_decided
from stacks.driver.model import MARK
from stacks.driver.state import check
from stacks.places import Place

URN = "urn:pulumi:links-build::my-factory::aws:kms/key:Key::a"
GOOD: dict[str, Any] = {
    "version": 3,
    "deployment": {
        "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:x"}},
        "resources": [{"urn": URN, "type": "aws:kms/key:Key", "outputs": {"a": {MARK: "s", "ciphertext": "v1:c"}}}],
        "pending_operations": [{"type": "updating", "resource": {"urn": URN}}],
    },
}


def _other(state: dict[str, Any], stack: str) -> None:
    state["deployment"]["resources"].append({"urn": URN.replace("links-build", stack)})


def _project(state: dict[str, Any]) -> None:
    state["deployment"]["resources"][0]["urn"] = URN.replace("my-factory", "theirs")


def _pending(state: dict[str, Any]) -> None:
    state["deployment"]["pending_operations"][0]["resource"]["urn"] = URN.replace("links-build", "notes-build")


def _plain(state: dict[str, Any]) -> None:
    state["deployment"]["resources"][0]["outputs"] = {"deep": [{"s": {MARK: "s", "plaintext": '"hunter2"'}}]}


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        *folders, last = path
        for name in folders:
            state = state[name]
        state[last] = to

    return change


WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another app's": (lambda state: _other(state, "notes-build"), "not a state of links-build"),
    "another environment's": (lambda state: _other(state, "links-staging"), "not a state of links-build"),
    "a name that only begins so": (lambda state: _other(state, "links-build2"), "not a state of links-build"),
    "another project's": (_project, "not a state of links-build"),
    "something pending elsewhere": (_pending, "not a state of links-build"),
    "a resource that is none": (_set("deployment", "resources", to=["x"]), "not a state of links-build"),
    "no resources": (_set("deployment", "resources", to=[]), "holds no resources"),
    "no deployment": (_set("deployment", to=None), "no exported state"),
    "no version": (_set("version", to="x"), "no exported state"),
    "a foreign key": (_set("deployment", "secrets_providers", "type", to="cloud"), "encrypted by 'cloud'"),
    "no key": (_set("deployment", "secrets_providers", to=None), "encrypted by None"),
    "plain secrets": (_plain, "shows secrets in plain text"),
}


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    return factory_in(tmp_path)


def test_a_state_under_a_key_of_kms_is_taken_where_that_is_the_stacks_own(root: FactoryRoot) -> None:
    url = "awskms://alias/states?region=eu-central-1"
    state = copy.deepcopy(GOOD)
    state["deployment"]["secrets_providers"] = {"type": "cloud", "state": {"url": url, "encryptedkey": "eA=="}}
    with pytest.raises(InputError, match="encrypted by 'cloud'"):
        check(root, "links-build", state)
    root.stack_config.mkdir(parents=True)
    (root.stack_config / "Pulumi.links-build.yaml").write_text(f"secretsprovider: {url}\nencryptedkey: eA==\n")
    check(root, "links-build", state)


def test_a_state_of_this_very_stack_is_taken(root: FactoryRoot) -> None:
    check(root, "links-build", json.loads(json.dumps(GOOD)))


@pytest.mark.parametrize("case", WRONG)
def test_anything_else_is_refused_and_no_secret_is_told(case: str, root: FactoryRoot) -> None:
    change, words = WRONG[case]
    state = copy.deepcopy(GOOD)
    change(state)
    with pytest.raises(InputError, match=words) as caught:
        check(root, "links-build", state)
    assert "hunter2" not in caught.value.rendered()


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_what_is_no_object_is_no_state(document: object, root: FactoryRoot) -> None:
    with pytest.raises(InputError, match="no exported state"):
        check(root, "links-build", document)


def test_production_is_refreshed_by_its_decision_and_never_given_another_state(place: Place) -> None:
    def ask(kind: Kind) -> None:
        require_decided(place.root, place.settings, place.spec, place.environment, kind, None)

    with pytest.raises(DecisionRequired, match="no release was decided"):
        ask(Kind.REFRESH)
    decided(place)
    ask(Kind.REFRESH)
    with pytest.raises(DecisionRequired, match="not replaced by an exported one"):
        ask(Kind.IMPORT_STATE)
    assert len(refused(place)) == 2
