"""What app.yaml can say of databases, queues, workers and budgets, and what does not go together."""

import hashlib
import json
from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError
from factory.gates import Gate, Role
from factory.spec import AppSpec, Environment, load_app, require_apart

MORE = """\
workers:
  adder:
    command: [python, -m, tally.worker]
databases:
  database: {size: medium, storage: 50, backups: 14}
queues:
  jobs: {attempts: 3}
budget: {dollars: 50, alerts: [90]}
retention: {logs: 731, audit: 730}
"""

MISTAKES = {
    "one name for two": ("  adder:", "  web:", "workers.web", "has the name of one of its services"),
    "two variables of one name": ("  database:", "  jobs:", "queues.jobs", "has the name of one of its databases"),
    "a secret's variable": ("  signing-key:", "  jobs-url:", "queues.jobs", "JOBS_URL is that of secrets.jobs-url"),
    "a kept variable": ("  signing-key: {}", "  signing-key: {}\n  port: {}", "secrets.port", "PORT is kept"),
    "a name of the factory's own": ("  adder:", "  endpoints:", "workers.endpoints", "kept for the factory's own"),
    "a name that another part makes": ("  adder:", "  web-front:", "workers.web-front", "web makes something"),
    "no period of logs": ("logs: 731", "logs: 700", "retention.logs", "is no period"),
    "an audit that ends early": ("audit: 730", "audit: 30", "retention.audit", "365"),
    "a size nobody has": ("size: medium", "size: huge", "databases.database.size", "not one of"),
    "a budget of nothing": ("dollars: 50", "dollars: 0", "budget.dollars", "1"),
    "a budget in words": ("dollars: 50", "dollars: fifty", "budget.dollars", "integer"),
    "memory that no such worker gets": (
        "  adder:\n",
        "  adder:\n    memory: 4096\n",
        "workers.adder.memory",
        "4096 MiB do not go with 256 CPU units",
    ),
}


def spec_in(folder: Path, text: str) -> AppSpec:
    return load_app(factory_in(folder, text), "links")


def test_a_whole_factory_can_be_declared(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, GOOD + MORE)
    assert (spec.databases["database"].storage, spec.queues["jobs"].attempts) == (50, 3)
    assert (spec.workers["adder"].replicas, spec.budget.alerts, spec.payer) == (1, [90], "web-team")


@pytest.mark.parametrize("name", MISTAKES)
def test_what_does_not_go_together_is_told_at_its_place(name: str, tmp_path: Path) -> None:
    old, new, field, words = MISTAKES[name]
    text = (GOOD.replace("    secrets: [signing-key]", "    cpu: 512") + MORE).replace(old, new, 1)
    assert text != GOOD + MORE
    with pytest.raises(InputError) as caught:
        spec_in(tmp_path, text)
    (problem,) = caught.value.problems
    assert (problem.field, words in f"{problem}") == (field, True), f"{problem}"
    assert problem.line > 1


def test_all_mistakes_of_a_file_are_told_at_once_also_those_across_fields(tmp_path: Path) -> None:
    text = GOOD.replace("port: 8080", "port: 80").replace("[signing-key]", "[signing-kee]") + "retention: {logs: 700}\n"
    with pytest.raises(InputError) as caught:
        spec_in(tmp_path, text)
    assert {p.field for p in caught.value.problems} == {
        *("services.web.port", "agents.coder.secrets.0", "retention.logs")
    }


@pytest.mark.parametrize("target", ["kubernetes", "gcp"])
def test_a_target_that_is_not_built_yet_is_refused_by_name(target: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        spec_in(tmp_path, GOOD + f"target: {target}\n")
    assert f"target: not one of the values it can have (found '{target}'); allowed: 'aws'" in str(
        caught.value.problems[0]
    )


def test_a_gate_may_ask_for_several_people_and_for_a_role_or_either() -> None:
    spec = AppSpec.model_validate(
        {**_data(), "gates": {"merge": {"approvals": 2}, "production": {"role": "security", "approvals": 5}}}
    )
    assert spec.deciders_at(Gate.MERGE) == (Role.MAINTAINER, 2)
    assert spec.deciders_at(Gate.PRODUCTION) == (Role.SECURITY, 5)
    assert spec.deciders_at(Gate.DESTROY) == (Role.OPERATOR, 1)


def test_the_gates_of_the_page_about_deciding_say_what_it_says_of_them(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "decide.md").read_text()
    (gates,) = [block for block in page.split("```") if block.startswith("yaml\ngates:")]
    spec = spec_in(tmp_path, GOOD + gates.removeprefix("yaml\n"))
    assert spec.deciders_at(Gate.PRODUCTION) == (Role.OPERATOR, 2)
    assert spec.deciders_at(Gate.MERGE) == (Role.SECURITY, 2)


@pytest.mark.parametrize("number", ["0", "6", "-1", "2.0", '"2"', "true", "two", ""])
def test_a_number_of_approvals_that_is_none_is_told_at_its_place(number: str, tmp_path: Path) -> None:
    gates = "gates:\n  production:\n    approvals: "
    with pytest.raises(InputError) as caught:
        spec_in(tmp_path / "wrong", f"{GOOD}{gates}{number}\n")
    (problem,) = caught.value.problems
    assert (problem.field, problem.line) == ("gates.production.approvals", len(GOOD.splitlines()) + 3)
    assert spec_in(tmp_path / "right", f"{GOOD}{gates}5\n").deciders_at(Gate.PRODUCTION).approvals == 5


def test_one_approval_written_out_is_the_digest_that_it_always_was() -> None:
    plain, named = AppSpec.model_validate(_data()), {"role": "security"}
    for gates in ({}, {"merge": {"approvals": 1}}, {"merge": {}}, {"merge": {"role": None, "approvals": 1}}):
        assert AppSpec.model_validate({**_data(), "gates": gates}).digest() == plain.digest()
    stricter = AppSpec.model_validate({**_data(), "gates": {"merge": named}})
    meaning = json.dumps({**json.loads(_meaning(plain)), "gates": {"merge": named}}, sort_keys=True)
    assert stricter.digest() == "sha256:" + hashlib.sha256(meaning.encode()).hexdigest()
    assert AppSpec.model_validate({**_data(), "gates": {"merge": {**named, "approvals": 1}}}) == stricter
    assert AppSpec.model_validate({**_data(), "gates": {"merge": {"approvals": 2}}}).digest() != plain.digest()


def _meaning(spec: AppSpec) -> str:
    return spec.model_dump_json(by_alias=True, exclude_defaults=True)


def test_defaults_that_are_written_out_mean_the_same() -> None:
    assert (
        AppSpec.model_validate({**_data(), "retention": {"logs": 365, "audit": 365}, "workers": {}}).digest()
        == AppSpec.model_validate(_data()).digest()
        != AppSpec.model_validate({**_data(), "retention": {"logs": 400}}).digest()
    )


@pytest.mark.parametrize(("cidr", "apart"), [("10.20.16.0/20", False), ("10.21.0.0/16", True)])
def test_the_networks_of_two_apps_do_not_overlap(cidr: str, apart: bool, tmp_path: Path) -> None:
    root = factory_in(tmp_path, GOOD)
    other = root.apps / "shop" / "app.yaml"
    other.parent.mkdir()
    other.write_text(GOOD.replace("name: links", "name: shop").replace("10.20.0.0/16", cidr))
    if apart:
        require_apart(root, load_app(root, "links"))
        return
    with pytest.raises(InputError) as caught:
        require_apart(root, load_app(root, "links"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.field) == (6, 9, "network.cidr")
    assert f"overlaps {cidr}, the network of shop" in problem.message


VPC = "vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d], cidr: 10.90.0.0/20"
ADOPTS = GOOD.replace("  staging: {}", f"  staging: {{network: {{existing: {{{VPC}}}}}}}")


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("vpc-0a1b2c3d", "my-network", "existing.vpc", "allowed: an id such as vpc-"),
        (", subnet-1a1b2c3d", "", "existing.subnets", "allowed: a list of 2 to 6"),
        ("subnet-1a1b2c3d", "subnet-0a1b2c3d", "existing.subnets", "nothing stands there twice"),
        (", cidr: 10.90.0.0/20", "", "existing.cidr", "missing"),
        ("10.90.0.0/20", "10.20.0.0/20", "existing.cidr", "overlaps the app's own network, 10.20.0.0/16"),
        ("existing:", "exisitng:", "exisitng", "did you mean 'existing'?"),
        (
            "  production: {}",
            f"  production: {{network: {{existing: {{{VPC}}}}}}}",
            "existing.vpc",
            "is the network of staging: environments share none",
        ),
    ],
)
def test_a_network_that_is_adopted_is_told_wholly_and_is_one_environments_only(
    tmp_path: Path, old: str, new: str, field: str, words: str
) -> None:
    assert spec_in(tmp_path / "good", ADOPTS).network_of(Environment.STAGING).prefixlen == 20
    with pytest.raises(InputError) as caught:
        spec_in(tmp_path / "wrong", ADOPTS.replace(old, new))
    told = {problem.field: str(problem) for problem in caught.value.problems}
    (shown,) = [said for name, said in told.items() if name.endswith(field) and words in said]
    assert "app.yaml:1" in shown or "app.yaml:2" in shown


def test_no_other_app_has_the_range_of_a_network_that_is_adopted(tmp_path: Path) -> None:
    root = factory_in(tmp_path, ADOPTS)
    other = root.apps / "shop" / "app.yaml"
    other.parent.mkdir()
    other.write_text(GOOD.replace("name: links", "name: shop").replace("10.20.0.0/16", "10.90.0.0/16"))
    with pytest.raises(InputError) as caught:
        require_apart(root, load_app(root, "links"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (19, "environments.staging.network.existing.cidr")
    with pytest.raises(InputError, match=r"shop/app\.yaml has 1 mistake"):
        require_apart(root, load_app(root, "shop"))
    other.write_text(other.read_text().replace("10.90.0.0/16", "10.91.0.0/16"))
    require_apart(root, load_app(root, "links"))


def test_a_comment_with_an_address_range_is_no_network(tmp_path: Path) -> None:
    root = factory_in(tmp_path, GOOD)
    other = root.apps / "shop" / "app.yaml"
    other.parent.mkdir()
    other.write_text(GOOD.replace("10.20.0.0/16", "10.21.0.0/16  # once 10.20.0.0/16"))
    require_apart(root, load_app(root, "links"))


def _data() -> dict[str, object]:
    return {
        "apiVersion": "millwright/v2",
        "name": "links",
        "owner": "web-team",
        "region": "eu-central-1",
        "network": {"cidr": "10.20.0.0/16"},
        "services": {"web": {"port": 8080}},
        "agents": {"coder": {}},
        "environments": {"build": {}},
    }
