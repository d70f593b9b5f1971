"""What app.yaml can say of access, of agents' tools and of secrets' rotation, and what does not go together."""

from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError, Problem
from factory.spec import AppSpec, Function, Scope, Tool, load_app, recorded_spec, upgraded

MORE = """\
databases:
  database: {}
access:
  - function: coder
    resource: databases.database
    environments: [build, staging]
    scope: read
    lease: 240
  - function: coder
    resource: databases.database
    environments: [build, staging]
    scope: write
    lease: 30
    approval: maintainer
  - function: code-reviewer
    resource: services.web
    environments: [production]
    scope: read
    approval: security
"""
RULED = GOOD.replace("  coder:\n", "  coder:\n    tools: [read, edit]\n").replace(
    "{}\nagents", "{rotation: 90}\nagents"
)
RULED += MORE

HOST = """\
hosts:
  legacy:
    address: legacy.example.com
    user: deploy
    hostKeys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJr6ZOKH6FFIMWwNbJm1b6x5OjVUmmSjyFb2m4xF5e8Y
    environments: [staging]
"""
HOST_MISTAKES = {
    "a line of known_hosts": ("- ssh-ed25519", "- legacy.example.com ssh-ed25519", "hostKeys.0", "without the name"),
    "a key that is cut off": ("F5e8Y", "F5e", "hostKeys.0", "a public host key that can be read"),
    "a private key": (
        "- ssh-ed25519 AAAA",
        "- -----BEGIN OPENSSH PRIVATE KEY-----",
        "hostKeys.0",
        "such as ssh-ed25519",
    ),
    "a port that there is not": (
        "legacy.example.com\n    user",
        "x1\n    port: 70000\n    user",
        "port",
        "from 1 to 65535",
    ),
    "a user with a space": ("user: deploy", "user: the deployer", "user", "a user name such as deploy"),
    "an address with a path": ("legacy.example.com\n", "legacy/x\n", "address", "a name or an IP address"),
    "nowhere": ("[staging]", "[]", "environments", "a list of at least 1"),
}


def test_a_host_is_reached_where_it_says(tmp_path: Path) -> None:
    spec = load_app(factory_in(tmp_path, GOOD + HOST), "links")
    assert (spec.hosts["legacy"].port, spec.hosts["legacy"].environments) == (22, ["staging"])


@pytest.mark.parametrize(("instead_of", "written", "field", "said"), HOST_MISTAKES.values(), ids=HOST_MISTAKES)
def test_a_mistake_in_a_host_is_told_at_its_place(
    instead_of: str, written: str, field: str, said: str, tmp_path: Path
) -> None:
    text = GOOD + HOST.replace(instead_of, written)
    with pytest.raises(InputError) as told:
        load_app(factory_in(tmp_path, text), "links")
    assert f"hosts.legacy.{field}" in told.value.rendered()
    assert said in told.value.rendered()


def test_a_host_of_an_environment_that_the_app_has_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        load_app(factory_in(tmp_path, GOOD.replace("  staging: {}\n", "") + HOST), "links")
    assert "hosts.legacy.environments.0: the app has no environment staging" in told.value.rendered()


# What is written instead of what, at which field it is told, in which words.
MISTAKES = {
    "no such database": ("databases.database\n", "databases.databse\n", "access.0.resource", "'databases.database'?"),
    "a name without its kind": ("databases.database\n", "database\n", "access.0.resource", "'databases.database'?"),
    "a kind that has none": ("databases.database\n", "queues.jobs\n", "access.0.resource", "no such resource"),
    "a worker": ("services.web\n", "workers.web\n", "access.2.resource", "mean 'services.web'?"),
    "an agent nobody has": ("n: coder\n", "n: tester\n", "access.0.function", "no such agent in this app"),
    "no function": ("n: coder\n", "n: codr\n", "access.0.function", "did you mean 'coder'?"),
    "where it does not stand": ("[production]", "[build]", "access.2.environments.0", "does not stand in build"),
    "one environment twice": ("[build, staging]", "[build, build]", "access.0.environments", "twice"),
    "nowhere": ("[build, staging]", "[]", "access.0.environments", "a list of at least 1"),
    "no list": ("[production]", "production", "access.2.environments", "write it as a list: [a, b]"),
    "a scope of another world": ("scope: read", "scope: select", "access.0.scope", "'read', 'write' or 'admin'"),
    "a scope that YAML 1.1 took for false": ("scope: read", "scope: no", "access.0.scope", "not one of"),
    "a lease longer than any": ("lease: 240", "lease: 241", "access.0.lease", "a whole number from 1 to 240"),
    "a lease of base 60": ("lease: 240", "lease: 4:00", "access.0.lease", "a whole number"),
    "a lease of nothing": ("lease: 30", "lease: 0", "access.1.lease", "a whole number from 1"),
    "a lease over production's": (
        *("approval: security", "approval: security\n    lease: 61", "access.2.lease"),
        "lease over the hard limit of production: 60 minutes (found 61); allowed: 1 to 60; lower it",
    ),
    "nobody asked in production": ("    approval: security\n", "", "access.2.approval", "only by a person's approval"),
    "an unfinished line": ("approval: maintainer", "approval:  # who?", "access.1.approval", "is left empty"),
    "a role that lets nobody in": ("approval: maintainer", "approval: viewer", "access.1.approval", "allowed: maintai"),
    "a role of the merge gate": ("approval: security", "approval: maintainer", "access.2.approval", "operator, secu"),
    "a person": ("approval: security", "approval: [security]", "access.2.approval", "not one of"),
    "an admin of production": (
        *("[production]\n    scope: read", "[production]\n    scope: admin", "access.2.scope"),
        "no agent administers production",
    ),
    "the same twice": ("scope: write", "scope: read", "access.1.scope", "access.0 is about the same in build, staging"),
    "wide on the same terms": (
        *("lease: 30\n    approval: maintainer", "lease: 240", "access.1.scope"),
        "overlaps it in build, staging: write holds read on the same terms",
    ),
    "wide for longer": ("lease: 240", "lease: 20", "access.1.scope", "contradicts it in build, staging"),
    "wide and less asked": ("lease: 240", "approval: operator", "access.1.scope", "contradicts it"),
    "a rule that is none": ("access:\n", "access:\n  - 7\n", "access.0", "must be a mapping"),
    "no tool": ("[read, edit]", "[read, edit, raed]", "agents.coder.tools.2", "did you mean 'read'?"),
    "what ends every task": ("[read, edit]", "[read, edit, submit]", "agents.coder.tools.2", "not one of"),
    "a tool twice": ("[read, edit]", "[read, edit, read]", "agents.coder.tools", "twice"),
    "a coder that changes nothing": ("[read, edit]", "[read, run]", "agents.coder.tools", "its work without edit"),
    "a coder without any": ("[read, edit]", "[]", "agents.coder.tools", "its work without read and edit"),
    "tools left empty": ("[read, edit]", "~", "agents.coder.tools", "is left empty"),
    "a tool of another function": (
        *("code-reviewer: {}", "code-reviewer: {tools: [read, edit]}", "agents.code-reviewer.tools.1"),
        "the code-reviewer has no such tool (found 'edit'); allowed: read, search; remove it",
    ),
    "a secret that is new every hour": ("rotation: 90", "rotation: 0", "secrets.signing-key.rotation", "from 1 to 365"),
    "a rotation in words": ("rotation: 90", "rotation: 90d", "secrets.signing-key.rotation", "a whole number"),
    "a rotation left empty": ("rotation: 90", "rotation: ~", "secrets.signing-key.rotation", "is left empty"),
}


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_app(factory_in(folder, text), "links")
    return caught.value.problems


def ruled(folder: Path) -> AppSpec:
    return load_app(factory_in(folder, RULED), "links")


def test_access_tools_and_rotation_can_be_declared(tmp_path: Path) -> None:
    spec = ruled(tmp_path)
    assert [(rule.scope, rule.lease, rule.approval) for rule in spec.access] == [
        (Scope.READ, 240, None),
        (Scope.WRITE, 30, "maintainer"),
        (Scope.READ, 15, "security"),
    ]
    assert spec.tools_of(Function.CODER) == (Tool.READ, Tool.EDIT)
    assert spec.tools_of(Function.CODE_REVIEWER) == (Tool.READ, Tool.SEARCH)
    assert spec.secrets["signing-key"].rotation == 90


@pytest.mark.parametrize("name", MISTAKES)
def test_what_does_not_go_together_is_told_at_its_place(name: str, tmp_path: Path) -> None:
    old, new, field, words = MISTAKES[name]
    assert old in RULED
    (problem,) = problems(tmp_path, RULED.replace(old, new, 1))
    assert (problem.field, words in f"{problem}") == (field, True), f"{problem}"
    assert problem.line > 10
    assert problem.fix


def test_what_is_wrong_in_one_rule_hides_nothing_of_it_or_of_another(tmp_path: Path) -> None:
    text = RULED.replace("databases.database\n", "databases.nosuch\n").replace("lease: 240", "lease: long")
    text = text.replace("services.web\n", "services.shop\n").replace("port: 8080", "port: 80")
    assert [problem.field for problem in problems(tmp_path, text)] == [
        *("services.web.port", "access.0.lease"),
        *("access.0.resource", "access.1.resource", "access.2.resource"),
    ]


def test_a_wrong_part_is_no_missing_one_to_the_rules_and_agents_that_name_it(tmp_path: Path) -> None:
    text = RULED.replace("  database: {}", "  database: 7").replace("{rotation: 90}", "7")
    text = text.replace("  code-reviewer: {}", "  code-reviewer: 7").replace("  staging: {}", "  staging: 7")
    assert {problem.field for problem in problems(tmp_path, text)} == {
        *("databases.database", "secrets.signing-key", "agents.code-reviewer", "environments.staging")
    }


def test_a_wrong_entry_of_a_list_hides_nothing_else(tmp_path: Path) -> None:
    found = problems(tmp_path, RULED + "budget: {dollars: 5, alerts: [50, x]}\nretention: {logs: 366}\n")
    assert [problem.field for problem in found] == ["budget.alerts.1", "retention.logs"]


def test_a_file_without_them_means_what_it_meant(tmp_path: Path) -> None:
    # As it was computed before there were any: what was decided on such a file stays decided.
    before = "sha256:f5f7f7e25bd015eb00851e7ebaf8eabc63a231e6dc764a39e4ee95737b6b3b70"
    assert load_app(factory_in(tmp_path / "without"), "links").digest() == before
    assert load_app(factory_in(tmp_path / "empty", GOOD + "access: []\n"), "links").digest() == before
    assert ruled(tmp_path / "ruled").digest() != before


def test_what_an_upgrade_or_a_release_carries_is_the_same(tmp_path: Path) -> None:
    spec = ruled(tmp_path / "new")
    assert recorded_spec(spec.model_dump(mode="json", by_alias=True)) == spec
    older = upgraded(RULED.replace("millwright/v2", "millwright/v1").replace("tools:", "turns: 7\n    tools:"))
    again = load_app(factory_in(tmp_path / "old", older), "links")
    assert (again.access, again.secrets, again.tools_of(Function.CODER)) == (
        *(spec.access, spec.secrets, spec.tools_of(Function.CODER)),
    )
    assert again.agents[Function.CODER].budget.turns == 7
