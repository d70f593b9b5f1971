"""Two apps' factories are isolated from each other, and whatever is done to the cloud against that is found."""

import shutil
from dataclasses import dataclass
from typing import Any

import e2e_isolation_resources
import e2e_isolation_ways
import pytest
from e2e_isolation import ACCOUNT, MUTATIONS, REGION, Created, Expected, administrator
from e2e_place import Place, wait_for

from factory.cloud_clients import client
from factory.errors import ExitCode
from factory.settings import load
from stacks.isolation import Finding, Proof, Stack, Verdict, prove, read_stacks
from stacks.isolation.reading import PARTS, Part, assembled, read_parts

# The story proves it of what the demo leaves, and refutes it by a peering.
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]

assert e2e_isolation_resources
assert e2e_isolation_ways
STACKS = ["links-build", "links-staging", "notes-build", "notes-staging"]


@pytest.fixture(scope="module")
def two(place: Place) -> Place:
    """The factory with a second app, which has a queue and a way out as well; build and staging of both stand."""
    shutil.copytree(place.root.apps / "links", place.root.apps / "notes")
    text = place.app_yaml.read_text().replace("name: links", "name: notes").replace("10.20.", "10.30.")
    listed = text.replace("  coder:\n", "  coder:\n    egress: [packages.example.com, 'api.example.com:8443']\n")
    assert listed != text
    (place.root.apps / "notes" / "app.yaml").write_text(listed + "queues:\n  jobs: {}\n")
    nothing = place.millwright("isolation")
    assert nothing.code == 0, nothing.err
    assert "nothing stands" in nothing.out
    up = place.millwright("up", "--all", "--json")
    assert up.code == 0, up.out + up.err
    return place


@pytest.fixture(scope="module")
def created(two: Place) -> Created:
    return Created(two.cloud)


@dataclass
class Watched:
    """The standing cloud, of which only parts are read again."""

    place: Place
    parts: dict[str, Part]
    stacks: list[Stack]

    def read(self, *parts: str) -> Proof:
        self.parts |= read_parts(self.clients, ACCOUNT, [REGION], parts)
        return prove(assembled(ACCOUNT, [REGION], self.parts), self.stacks)

    def clients(self, service: str, region: str) -> Any:
        return client(self.place.root, load(self.place.root), service, region)


@pytest.fixture(scope="module")
def watched(two: Place) -> Watched:
    stacks = read_stacks(two.root, load(two.root), lambda app, environment: pytest.fail("the states are files"))
    watched = Watched(two, {}, stacks)
    assert watched.read(*PARTS).findings == ()
    return watched


def test_what_the_factory_makes_is_proved_to_be_isolated(two: Place) -> None:
    ran = two.millwright("isolation", "--json")
    (document,) = ran.documents
    assert (ran.code, document["findings"], document["verdict"]) == (0, [], "proved"), ran.out
    assert document["stacks"] == STACKS
    assert [pair["verdict"] for pair in document["pairs"]] == ["proved"] * 6
    # Of them two are the egress proxy's: what it may do, which is nothing, and what starts it.
    assert document["read"]["role"] == 20
    assert (document["read"]["gateway"], document["read"]["namespace"]) == (2, 1)
    assert document["read"]["pipeline"] == 2
    told = two.millwright("isolation", "links")
    assert told.code == 0
    assert "5 proved; 4 environments" in told.out


def test_a_way_out_stands_as_it_is_declared_and_nothing_runs_behind_it_here(two: Place, created: Created) -> None:
    preview = two.pulumi("preview", "--stack", "notes-build", "--expect-no-changes")
    assert preview.code == 0, preview.out + preview.err
    wait_for(lambda: "not run locally" in reason(created))
    assert created("ecs").list_tasks(cluster="notes-build-egress")["taskArns"] == []
    assert "not run locally" not in reason(created, "notes-staging-web")


def reason(created: Created, name: str = "notes-build-egress") -> str:
    (service,) = created("ecs").describe_services(cluster=name, services=[name])["services"]
    return str(service["deployments"][0]["rolloutStateReason"])


def test_whatever_is_done_against_it_is_found_by_name_and_undone_it_is_proved_again(
    watched: Watched, created: Created
) -> None:
    assert len(MUTATIONS) == 40
    for name, mutation in MUTATIONS.items():
        with mutation.does(created) as expected:
            found = watched.read(*mutation.parts)
        assert_named(name, found, expected)
        assert watched.read(*mutation.parts).findings == (), name
    assert watched.read(*PARTS).verdict is Verdict.PROVED


def test_an_agents_boundary_holds_even_an_administrator(watched: Watched, created: Created) -> None:
    with administrator(created, "links-build-code-reviewer"):
        assert watched.read("roles").verdict is Verdict.PROVED


def assert_named(name: str, found: Proof, expected: Expected) -> None:
    told = "\n".join(map(str, found.findings))
    assert found.verdict is expected.verdict, f"{name}: {told}"
    named = [each for each in found.findings if is_expected(each, expected)]
    assert named, f"{name}: {expected} is not in\n{told}"
    strange = [each for each in found.findings if each.where not in (expected.where, *expected.also)]
    assert not strange, f"{name}: {strange}"
    assert all(each.why and each.fix for each in found.findings)
    between = {end for end in expected.between if end}
    hit = [pair for pair in found.pairs if between <= {pair.one, pair.other}]
    assert hit
    assert {pair.verdict for pair in hit} == {expected.verdict}, f"{name}: {found.pairs}"


def is_expected(finding: Finding, expected: Expected) -> bool:
    # Who comes first is who reaches over; where both do, either may.
    told, wanted = ((each.rule, each.verdict) for each in (finding, expected))
    either = finding.where in (expected.where, *expected.also)
    return told == wanted and either and {finding.one, finding.other} == set(expected.between)


def test_a_finding_ends_the_command_with_a_code_of_its_own(two: Place, created: Created) -> None:
    with MUTATIONS["a_peering"].does(created):
        refuted = two.millwright("isolation")
        other = two.millwright("isolation", "--json")
    with MUTATIONS["a_role_of_nobody"].does(created):
        unknown = two.millwright("isolation", "notes")
    assert refuted.code == other.code == ExitCode.NOT_ISOLATED
    assert "refuted links-build and notes-build peering: pcx-" in refuted.out
    assert "mend: delete the peering connection" in refuted.out
    (document,) = other.documents
    pairs = {(pair["one"], pair["other"]): pair["verdict"] for pair in document["pairs"]}
    assert pairs.pop(("links-build", "notes-build")) == Verdict.REFUTED
    assert set(pairs.values()) == {Verdict.PROVED}
    assert unknown.code == ExitCode.UNDECIDED
    assert "no stack knows this role" in unknown.out


def test_a_list_that_is_taken_away_takes_the_way_out_along_and_leaves_the_network(two: Place, created: Created) -> None:
    ec2, here = created("ec2"), [{"Name": "vpc-id", "Values": [created.network("notes-build")]}]
    before = {each["SubnetId"] for each in ec2.describe_subnets(Filters=here)["Subnets"]}
    assert len(before) == 4
    file = two.root.apps / "notes" / "app.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "egress:" not in line))
    up = two.millwright("up", "notes", "build")
    assert up.code == 0, up.out + up.err
    after = {each["SubnetId"] for each in ec2.describe_subnets(Filters=here)["Subnets"]}
    assert after < before
    assert len(after) == 2
    (network,) = ec2.describe_vpcs(VpcIds=[created.network("notes-build")])["Vpcs"]
    ranges = [each["CidrBlock"] for each in network["CidrBlockAssociationSet"]]
    assert [each for each in ranges if each != network["CidrBlock"]] in ([], ["10.30.255.224/27"])
    assert (
        ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [network["VpcId"]]}])[
            "InternetGateways"
        ]
        == []
    )
    proved = two.millwright("isolation", "--json").documents[0]
    assert (proved["verdict"], proved["findings"]) == ("proved", [])
    assert not {"gateway", "namespace", "public address"} & proved["read"].keys()
