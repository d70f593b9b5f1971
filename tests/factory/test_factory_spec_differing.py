"""What differs between two specs is named as app.yaml names it, and nothing else is."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from spec_strategies import GOOD, factory_in, specs

from factory.spec import AppSpec, differing_fields, load_app


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ("replicas: 2", "replicas: 3", ["services.web.replicas"]),
        ("port: 8080\n    replicas: 2", "port: 9090", ["services.web.port", "services.web.replicas"]),
        ("  signing-key: {}\n", "  signing-key: {}\n  other: {}\n", ["secrets.other"]),
        ("owner: web-team", "owner: web-team\ncostCenter: sales", ["costCenter"]),
        ("owner: web-team", "# a comment\nowner: web-team\ntarget: aws", []),
    ],
)
def test_what_an_edit_of_app_yaml_means_is_named(tmp_path: Path, old: str, new: str, fields: list[str]) -> None:
    assert old in GOOD
    before = load_app(factory_in(tmp_path / "before"), "links")
    after = load_app(factory_in(tmp_path / "after", GOOD.replace(old, new)), "links")
    assert differing_fields(before, after) == differing_fields(after, before) == fields


@settings(max_examples=40)
@given(specs(), specs())
def test_specs_differ_in_something_exactly_when_their_digests_do(one: AppSpec, other: AppSpec) -> None:
    assert bool(differing_fields(one, other)) == (one.digest() != other.digest())
    assert differing_fields(one, one) == []
