"""Driver and plain `pulumi` are two doors to one state: what one does, the other finds done."""

import json

import pytest
from e2e_place import Place

from console.demo.inventory import inventory

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def built(place: Place) -> Place:
    up = place.millwright("up", "links", "build", "--json")
    assert up.code == 0, up.out + up.err
    return place


def test_after_the_driver_the_plain_door_finds_nothing_to_do(built: Place) -> None:
    seen = built.pulumi("preview", "--expect-no-changes", "-s", "links-build")
    assert seen.code == 0, seen.out + seen.err
    assert "millwright@" in seen.out, "the policy pack did not run in a plain preview"


@pytest.mark.long
def test_the_policies_judge_the_same_stack_from_its_exported_state_and_from_a_plan(built: Place) -> None:
    state, plan = built.root.path / "state.json", built.root.path / "plan.json"
    assert built.millwright("stack", "export", "links", "build", "-o", str(state)).code == 0
    preview = built.pulumi("preview", "-s", "links-build", "--json", "--show-sames")
    assert preview.code == 0, preview.out + preview.err
    plan.write_text(preview.out)
    for file in (state, plan):
        checked = built.millwright("policy", "check", "--state", str(file), "--json")
        (document,) = checked.documents
        assert (document["stack"], document["findings"]) == ("links-build", [])
        assert document["resources"] > 40
        # What depends on a secret stays undecided: it is encrypted in the one, masked in the other.
        assert checked.code == (3 if document["deferred"] else 0)
    opened = json.loads(state.read_text())
    group = next(each for each in opened["deployment"]["resources"] if each["type"].endswith(":SecurityGroup"))
    group["inputs"]["ingress"] = [{"cidrBlocks": ["0.0.0.0/0"]}]
    state.write_text(json.dumps(opened))
    checked = built.millwright("policy", "check", "--state", str(state), "--json")
    assert checked.code == 5
    assert "no-world-ingress" in {each["rule"] for each in checked.documents[0]["findings"]}


def assert_no_drift(place: Place, environment: str) -> None:
    refreshed = place.pulumi("refresh", "--yes", "--expect-no-changes", "-s", f"links-{environment}")
    assert refreshed.code == 0, refreshed.out + refreshed.err
    drift = place.millwright("drift", "links", environment, "--json")
    assert drift.code == 0, drift.out


@pytest.mark.long
def test_a_refresh_after_an_update_finds_no_drift(built: Place) -> None:
    assert_no_drift(built, "build")


def test_after_the_plain_door_the_driver_finds_nothing_to_do(built: Place) -> None:
    up = built.pulumi("up", "--yes", "-s", "links-staging")
    assert up.code == 0, up.out + up.err
    (last,) = built.millwright("preview", "links", "staging", "--json").documents[-1:]
    assert last["event"] == "finished"
    assert set(last["result"]["changes"]) == {"same"}


@pytest.mark.long
def test_a_refresh_after_an_update_by_the_plain_door_finds_no_drift_either(built: Place) -> None:
    assert_no_drift(built, "staging")


def test_what_the_plain_door_did_is_recorded_as_the_drivers_work_is(built: Place) -> None:
    by_driver = built.millwright("outputs", "links", "build", "--json").documents[0]
    by_hand = built.millwright("outputs", "links", "staging", "--json").documents[0]
    assert by_driver["environment"] == "build"
    assert by_driver["registry"]["images"].endswith("/links")
    assert by_hand["environment"] == "staging"
    assert by_hand["service"]["artefact"].startswith("sha256:")


def test_how_the_stacks_stand_with_the_policies_is_recorded_by_either_door(built: Place) -> None:
    points = built.millwright("policy", "score", "links", "--json").documents
    assert [(point["stack"], point["door"]) for point in points] == [
        ("links-build", "driver"),
        ("links-staging", "plain"),
    ]
    for point in points:
        assert point["score"]["points"] == 100.0
        assert point["score"]["judgements"] > 200


def test_a_second_update_changes_nothing(built: Place) -> None:
    again = built.millwright("up", "links", "build", "--json").documents[-1]
    assert set(again["result"]["changes"]) == {"same"}


@pytest.mark.long
def test_a_hand_made_change_is_found_and_repaired(built: Place) -> None:
    logs = built.cloud.client("logs")
    name = "/millwright/links-build-agents"
    logs.put_retention_policy(logGroupName=name, retentionInDays=1)
    drift = built.millwright("drift", "links", "build", "--json")
    assert drift.code == 11
    changed = [s for s in drift.documents[-1]["result"]["steps"] if s["action"] not in ("same", "read", "refresh")]
    assert [(s["name"], s["properties"]) for s in changed] == [("links-build-agents", ["retentionInDays"])]
    assert built.millwright("up", "links", "build", "--refresh").code == 0
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 365


def test_no_secret_stands_in_plain_text_in_state_or_configuration(built: Place) -> None:
    value = built.cloud.client("secretsmanager").get_secret_value(SecretId="links/build/signing-key")["SecretString"]
    assert len(value) > 30
    # The local Secrets Manager's own state holds it, of course, and only its owner can read that.
    ours = (path for path in built.root.state.rglob("*") if built.root.local_cloud not in path.parents)
    written = [path for path in ours if path.is_file() and path.suffix != ".sock"]
    assert len(written) > 5
    assert [path for path in written if value.encode() in path.read_bytes()] == []


def test_each_door_destroys_what_the_other_made(built: Place) -> None:
    assert inventory(built.cloud) != {}
    by_hand = built.pulumi("destroy", "--yes", "-s", "links-build")
    assert by_hand.code == 0, by_hand.out + by_hand.err
    by_driver = built.millwright("destroy", "links", "staging")
    assert by_driver.code == 0, by_driver.err
    assert inventory(built.cloud) == {}
    assert built.millwright("outputs", "links", "build").code == 4
    # What stood stays told.
    ends = {point["stack"]: point["score"] for point in built.millwright("policy", "score", "--json").documents}
    assert ends == {"links-build": None, "links-staging": None}
