"""The demo from beginning to end, played twice, its clean-up, and the documents' own program."""

import re
import sys

import psutil
import pytest
from e2e_line import Line
from e2e_place import Documented, Place, wait_for

from console.access_session import program
from console.demo.inventory import inventory
from console.demo.place import FOLDER
from factory import daemons, demo_people
from factory.errors import ExitCode
from factory.paths import FactoryRoot

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def place(documented: Documented) -> Place:
    """The demo is about all of the repository's apps."""
    return documented.place


def test_the_documented_driver_script_runs_as_it_stands(place: Place, documented: Documented) -> None:
    ran = documented.ran
    assert ran.code == 0, ran.err
    assert re.search(r"links-build: \d+ changed", ran.out)
    assert "the service is at " in ran.out
    assert "network" in inventory(place.cloud)


def test_the_demo_takes_three_changes_to_their_ends(place: Place) -> None:
    played = place.millwright("demo", "--auto")
    assert played.code == 0, played.out + played.err
    said = played.out + played.err
    assert "refused: links-production is production" in said
    assert "link-stats: released" in said
    assert "custom-codes: waits in the inbox" in said
    assert "https-only: rolled-back" in said
    assert len(re.findall(r"curl http://links-\S+/health -> ", said)) == 4
    assert len(re.findall(r"curl http://(?:tally|docsite)-staging-\S+/health -> ", said)) == 2
    assert 'over the queue to the worker, and is in the database: {"name": "demo", "total": 1}' in said
    for told in ("scripted", "no charge", "demo-maintainer (stand-in)", "What is stand-in here", "real counterpart"):
        assert told in said
    # The user's own factory was not touched: what stood there before stands there now.
    assert "network" in inventory(place.cloud)


def test_what_the_demo_left_can_be_looked_at(place: Place) -> None:
    demo = Place(FactoryRoot(place.root.path / FOLDER))
    inbox = demo.millwright("inbox", "--json")
    assert inbox.code == 0, inbox.err
    assert "custom-codes" in inbox.out
    shown = demo.millwright("change", "show", "links", "https-only")
    assert "rolled-back" in shown.out
    drift = demo.millwright("drift", "links", "production")
    assert drift.code == 0, drift.out + drift.err


def test_every_task_of_the_demo_asked_its_model_and_wrote_its_branch_by_grants_that_are_over(place: Place) -> None:
    demo = Place(FactoryRoot(place.root.path / FOLDER))
    listed = demo.millwright("access", "list", "--app", "links", "--all", "--limit", "500", "--json").documents
    held = {(each["change"], each["function"], each["resource"], each["scope"]) for each in listed}
    for change in ("link-stats", "https-only", "custom-codes"):
        assert {(change, "coder", "model", "read"), (change, "coder", "repository", "write")} <= held
    assert ("link-stats", "code-reviewer", "repository", "read") in held
    assert {(each["state"], each["ended_reason"]) for each in listed} == {("ended", "its task has ended")}
    asked = next(each for each in listed if each["change"] == "link-stats" and each["resource"] == "model")
    replayed = demo.millwright("access", "replay", asked["id"])
    assert (replayed.code, "as the audit log has it" in replayed.out) == (0, True), replayed.out + replayed.err
    assert re.search(r"model claude-\S+: \d+ bytes.* tokens in, \d+ out", replayed.out)
    why = demo.millwright("access", "why", "links", "build", "model", "--function", "coder", "--scope", "read")
    assert (why.code, "links/needs.coder.model/build" in why.out) == (0, True), why.out + why.err


def test_what_the_demo_left_is_proved_to_be_isolated_until_two_networks_are_joined(place: Place) -> None:
    demo = Place(FactoryRoot(place.root.path / FOLDER))
    ran = demo.millwright("isolation", "--json")
    (document,) = ran.documents
    assert (ran.code, document["findings"], document["verdict"]) == (0, [], "proved"), ran.out + ran.err
    assert {stack.partition("-")[0] for stack in document["stacks"]} == {"docsite", "links", "tally"}
    ec2, build = demo.cloud.client("ec2"), {"Name": "tag:environment", "Values": ["build"]}
    one, other = (
        ec2.describe_vpcs(Filters=[build, {"Name": "tag:app", "Values": [app]}])["Vpcs"][0]["VpcId"]
        for app in ("links", "tally")
    )
    made = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]
    try:
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnectionId"])
        refuted = demo.millwright("isolation", "links")
    finally:
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnectionId"])
    assert refuted.code == ExitCode.NOT_ISOLATED, refuted.out + refuted.err
    assert f"refuted links-build and tally-build peering: {made['VpcPeeringConnectionId']}" in refuted.out


def test_somebody_is_let_into_a_database_is_recorded_and_is_out_again_in_the_middle_of_a_query(place: Place) -> None:
    demo = Place(FactoryRoot(place.root.path / FOLDER))
    where, who = ("tally", "build", "databases.database"), ("--as", demo_people.OPERATOR, "--reason", "a look")
    asked = demo.millwright("access", "request", *where, *who, "--minutes", "10", "--json")
    assert asked.code == 0, asked.out + asked.err
    (grant,) = asked.documents
    client = grant["environment"] | {"PGPASSWORD": grant["token"]}
    psql = program("psql")
    ran = demo.run(psql, "-Atc", "SELECT 6 * 7", env=client)
    assert (ran.code, ran.out) == (0, "42\n"), ran.err
    refused = demo.run(psql, "-c", "CREATE TABLE mine (x int)", env=client)
    assert (refused.code, "this grant allows no ddl" in refused.err) == (1, True), refused.err
    long = demo.start(psql, "-c", "SELECT pg_sleep(600)", env=client)
    recordings = demo.root.recordings / "tally" / grant["id"]
    wait_for(lambda: any("pg_sleep" in each.read_text() for each in recordings.glob("*.jsonl")))
    revoked = demo.millwright("access", "revoke", grant["id"], *who, "--json")
    assert (revoked.code, revoked.documents[0]["state"]) == (0, "ended"), revoked.err
    assert long.wait(30) != 0
    assert demo.run(psql, "-c", "SELECT 1", env=client).code != 0
    replayed = demo.millwright("access", "replay", grant["id"])
    assert (replayed.code, replayed.out.count("as the audit log has it")) == (0, 3), replayed.out + replayed.err
    assert all(text in replayed.out for text in ("SELECT 6 * 7", "refused: ", "pg_sleep"))
    connected = demo.millwright("access", "connect", "psql", "tally", "build", *who, "--", "-Atc", "SELECT 2 * 4")
    assert (connected.code, connected.out) == (0, "8\n"), connected.err
    look = "import boto3; print(boto3.client('sqs').get_queue_url(QueueName='tally-build-queue')['QueueUrl'][-17:])"
    queue = ("aws", "tally", "build", "queues.queue", *who, "--", sys.executable, "-c", look)
    called = demo.millwright("access", "connect", *queue)
    assert (called.code, called.out) == (0, "tally-build-queue\n"), called.err
    wait_for(lambda: not demo.millwright("access", "list", "--json").documents)
    told = demo.millwright("audit", "show", "tally", "--limit", "200", "--json").documents
    kinds = [each["event"]["kind"] for each in told if each["event"]["properties"].get("grant") == grant["id"]]
    steps = ["grant.requested", "grant.allowed", "grant.issued", "grant.revoking", "grant.ended"]
    assert [kind for kind in kinds if kind.startswith("grant.")] == steps
    assert {"session.began", "session.ended", "statement.refused", "login.refused"} <= set(kinds)
    assert demo.millwright("audit", "verify", "tally").code == 0


def test_production_that_stands_takes_nothing_that_was_not_decided(place: Place) -> None:
    demo = Place(FactoryRoot(place.root.path / FOLDER))
    up = ("up", "--yes", "--skip-preview", "-s", "links-production")

    def events() -> int:
        line = Line(demo)
        return len(line.events("update.refused"))

    # What was decided may be applied again by the plain door.
    again = demo.pulumi(*up, "--expect-no-changes")
    assert again.code == 0, again.out + again.err
    infra = demo.root.apps / "links" / "infra.py"
    before = events()
    infra.write_text(
        "import pulumi\nfrom pulumi_aws import ec2\n\n\ndef extend(factory):\n"
        "    opts = pulumi.ResourceOptions(parent=factory)\n"
        '    ec2.SecurityGroup("more", vpc_id=factory.network.network_id, opts=opts)\n'
    )
    try:
        for refused in (demo.pulumi(*up), demo.millwright("up", "links", "production")):
            assert refused.code == 6, refused.out + refused.err
            assert "changed after the decision: infra.py" in refused.err
    finally:
        infra.unlink()
    for command in ("destroy --yes", "state unprotect --all --yes", "config set secret.signing-key x"):
        refused = demo.pulumi(*command.split(), "-s", "links-production")
        assert refused.code == 6, f"{command}: {refused.out}{refused.err}"
    assert events() == before + 5
    # Without our door, each resource's own protection is in the way.
    exported = demo.millwright("engine", "env", "--json").documents[0]
    cli = demo.millwright("engine", "install", "--json").documents[0]["path"]
    bare = demo.run(
        cli, "destroy", "--yes", "--skip-preview", "-s", "links-production", "--non-interactive", env=exported
    )
    assert bare.code != 0
    assert "protect" in bare.out + bare.err
    unchanged = demo.pulumi("preview", "--expect-no-changes", "-s", "links-production")
    assert unchanged.code == 0, unchanged.out + unchanged.err


def test_the_clean_up_destroys_proves_and_removes_everything(place: Place) -> None:
    cleaned = place.millwright("demo", "--clean")
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert cleaned.err.count("boto3 finds nothing left") == 2
    assert "links-production destroy done" in cleaned.err
    assert not (place.root.path / FOLDER).exists()
    assert daemons.read(place.root, "localcloud") is None
    assert not place.root.state.exists()
    mine = str(place.root.path)
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if mine in command]
