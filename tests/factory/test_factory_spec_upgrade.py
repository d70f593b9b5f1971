"""Older formats of app.yaml: refused with what mends them, and rewritten without losing what people wrote."""

from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError
from factory.spec import VERSION, load_app, recorded_spec, upgraded

OLD = """\
# What links is.
apiVersion: millwright/v1
name: "links"   # as its folder
owner: web-team
region: eu-central-1
network: {cidr: 10.20.0.0/16}
services:
  web:
    port: 8080
    command: [python, -m, links]
agents:
  # Writes the code.
  coder:
    turns: 7      # few
    cpu: 512
    dollars: 0.5
    secrets:
      - signing-key
  code-reviewer: {minutes: 3}
secrets: {signing-key: {}}
environments:
  build: {}
"""


def test_an_older_file_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    root = factory_in(tmp_path, OLD)
    with pytest.raises(InputError) as caught:
        load_app(root, "links")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.found) == (2, 13, "'millwright/v1'")
    assert problem.fix == "`millwright app upgrade links` rewrites the file"


def test_what_an_older_file_says_is_kept_with_its_comments_order_and_quotes(tmp_path: Path) -> None:
    new = upgraded(OLD)
    spec = load_app(factory_in(tmp_path, new), "links")
    coder, reviewer = spec.agents.values()
    assert (coder.budget.turns, coder.budget.dollars, coder.budget.minutes, coder.cpu) == (7, 0.5, 15, 512)
    assert (reviewer.budget.minutes, coder.secrets) == (3, ["signing-key"])
    kept = [
        line for line in OLD.splitlines() if not any(word in line for word in ("v1", "turns", "dollars", "minutes"))
    ]
    lines = new.splitlines()
    assert [line for line in lines if line in kept] == kept
    assert ["turns:", "7", "#", "few"] in [line.split() for line in lines]


def test_a_file_of_the_present_format_is_not_touched() -> None:
    assert upgraded(GOOD) == GOOD
    assert upgraded(upgraded(OLD)) == upgraded(OLD)


def test_a_release_of_an_older_version_can_be_read() -> None:
    spec = recorded_spec(
        {
            "apiVersion": "millwright/v1",
            "name": "links",
            "owner": "web-team",
            "region": "eu-central-1",
            "network": {"cidr": "10.20.0.0/16"},
            "services": {"web": {"port": 8080}},
            "agents": {"coder": {"turns": 9}},
            "environments": {"build": {}},
        }
    )
    assert (spec.api_version, spec.agents["coder"].budget.turns) == (VERSION, 9)
    assert recorded_spec(spec.model_dump(mode="json", by_alias=True)) == spec
