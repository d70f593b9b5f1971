"""Image references, patterns and names, over many of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases.case import SETTINGS

from policies import UNKNOWN, Context, Fail, Unknown
from policies.checks.ci_gates import means_production
from policies.checks.ci_webhooks import anchored
from policies.helpers.fields import found, found_or_missing, must_be, must_not_be_set
from policies.helpers.images import approved, image_faults

CONTEXT = Context(settings=SETTINGS)
DIGEST = "sha256:" + "0a" * 32


@given(st.text(alphabet="abz0/.:@-_", max_size=40))
def test_an_image_without_a_digest_never_passes(name: str) -> None:
    assert list(image_faults(name, ("image",), CONTEXT))
    assert list(image_faults(f"registry.example/acme/{name}:1", ("image",), CONTEXT))


@given(st.from_regex(r"[a-z0-9]+(/[a-z0-9]+){0,3}", fullmatch=True))
def test_an_image_of_a_listed_path_passes_by_digest_and_beside_the_path_does_not(name: str) -> None:
    assert not list(image_faults(f"registry.example/acme/{name}@{DIGEST}", ("image",), CONTEXT))
    for beside in (f"registry.example/{name}x/web", f"registry.example/acme{name}", f"a.registry.example/acme/{name}"):
        assert not approved(beside, SETTINGS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docker.io/library/nginx", True),
        ("nginx", True),
        ("index.docker.io/library/nginx", True),
        ("acme/nginx", False),
    ],
)
def test_a_name_without_a_host_is_of_docker_hub(name: str, expected: bool) -> None:
    settings = SETTINGS.model_copy(update={"registries": ("docker.io/library",)})
    assert approved(name, settings) is expected


# Python warns of sets in sets, which are made here on purpose.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text(alphabet="^$ab|()[]\\", max_size=10), st.sampled_from(("a", "b", "ab", "ba", "aab", "")))
def test_an_anchored_pattern_matches_whole_names_only(pattern: str, name: str) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    if anchored(pattern) and (match := compiled.search(name)):
        assert match[0] == name


@pytest.mark.parametrize("name", ["production", "links-prod", "DeployToProd", "PRD", "test-then-production", "eu", ""])
def test_what_says_production_or_nothing_counts_as_production(name: str) -> None:
    assert means_production(name)


@pytest.mark.parametrize("name", ["staging", "pre-production", "nonProd", "DeployTest", "QA", "pr-12"])
def test_what_says_another_environment_does_not(name: str) -> None:
    assert not means_production(name)


def test_a_field_is_found_in_a_block_and_in_a_list_of_blocks_and_what_is_not_known_is_told() -> None:
    assert [(one.path, one.value) for one in found({"A": {"b": 1}}, ("a", "b"), ())] == [(("A", "b"), 1)]
    assert [one.path for one in found([{"b": 1}, {}, {"b": 2}], ("b",), ("a",))] == [("a", 0, "b"), ("a", 2, "b")]
    assert [one.unknown for one in found({"a": UNKNOWN}, ("a", "b"), ())] == [True]
    assert not list(found({}, ("a", "b"), ()))
    assert [(one.path, one.value) for one in found_or_missing({}, ("a", "b"), ())] == [(("a", "b"), None)]


def test_a_number_is_no_flag_and_what_is_no_mapping_is_not_taken_for_nothing() -> None:
    assert list(must_be(found_or_missing({"a": 1}, ("a",), ()), (True,), "is off")) == [Fail(("a",), "is off")]
    assert not list(must_be(found_or_missing({"a": True}, ("a",), ()), (True,), "is off"))
    assert list(must_be(found_or_missing({"a": UNKNOWN}, ("a",), ()), (True,), "is off")) == [Unknown(("a",))]
    assert list(must_not_be_set(found({"a": "text"}, ("a", "b"), ()), "is on")) == [Fail(("a",), "is on")]
    assert not list(must_not_be_set(found({"a": {"b": False}}, ("a", "b"), ()), "is on"))
