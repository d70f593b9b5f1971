"""What all apps share stands through both doors, as boto3 reads it, and goes last."""

import json

import pytest
from e2e_place import Place, wait_for

from console.demo.inventory import inventory
from factory import daemons, db, environments
from factory.errors import ExitCode, InputError
from factory.settings import Settings, load
from factory.spec import load_app
from stacks.account_trail import require_trail
from stacks.shared_platform import platform_spec

pytestmark = pytest.mark.e2e

ACCOUNT = "123456789012"
AUDIT, STATE = f"platform-audit-{ACCOUNT}", f"platform-state-{ACCOUNT}"
STANDS = {"key": 1, "key alias": 1, "trail": 1, "identity provider": 1, "bucket": 2}
TAGS = {
    "app": "platform",
    "environment": "shared",
    "owner": "operations",
    "cost-center": "operations",
    "managed-by": "millwright",
}


@pytest.fixture(scope="module")
def standing(place: Place) -> Place:
    with place.root.settings_file.open("a") as settings:
        settings.write("platform_owner: operations\nplatform_github: true\n")
    up = place.millwright("up", "platform", "--json")
    assert up.code == 0, up.out + up.err
    return place


def test_everything_of_it_stands_and_carries_its_tags(standing: Place) -> None:
    assert {kind: len(found) for kind, found in inventory(standing.cloud).items()} == STANDS
    s3, trails = standing.cloud.client("s3"), standing.cloud.client("cloudtrail")
    key = standing.cloud.client("kms").describe_key(KeyId="alias/platform")["KeyMetadata"]["Arn"]
    for bucket in (AUDIT, STATE):
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        assert tags == TAGS | {"Name": bucket.removesuffix(f"-{ACCOUNT}")}
    retention = s3.get_object_lock_configuration(Bucket=AUDIT)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"]) == ("COMPLIANCE", 365)
    trail = trails.get_trail(Name="platform")["Trail"]
    assert (trail["S3BucketName"], trail["KmsKeyId"]) == (AUDIT, key)
    assert (trail["IsMultiRegionTrail"], trail["LogFileValidationEnabled"]) == (True, True)
    assert trails.get_trail_status(Name="platform")["IsLogging"] is True
    scanning = standing.cloud.client("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    assert [rule["scanFrequency"] for rule in scanning["rules"]] == ["SCAN_ON_PUSH"]


def test_its_outputs_are_known_without_an_engine(standing: Place) -> None:
    told = standing.millwright("outputs", "platform", "--json").documents[0]
    assert (told["account"], told["region"]) == (ACCOUNT, "eu-central-1")
    assert told["audit"] == {"store": AUDIT, "trail": f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/platform"}
    assert told["state"]["url"] == f"s3://{STATE}?region=eu-central-1&awssdk=v2"
    assert told["workflows"].endswith("oidc-provider/token.actions.githubusercontent.com")


@pytest.mark.long
def test_the_plain_door_sees_the_same_stack_and_no_drift(standing: Place) -> None:
    preview = standing.pulumi("preview", "-s", "platform", "--refresh", "--expect-no-changes")
    assert preview.code == 0, preview.out + preview.err


@pytest.mark.long
def test_what_somebody_changed_is_drift(standing: Place) -> None:
    standing.cloud.client("cloudtrail").stop_logging(Name="platform")
    drift = standing.millwright("drift", "platform", "--json")
    assert drift.code == ExitCode.CHANGES_FOUND
    assert "enableLogging" in json.dumps(drift.documents)
    up = standing.pulumi("up", "-s", "platform", "--refresh", "--yes", "--skip-preview")
    assert up.code == 0, up.out + up.err
    assert standing.cloud.client("cloudtrail").get_trail_status(Name="platform")["IsLogging"] is True
    kinds = [update["door"] for update in standing.millwright("history", "platform", "--json").documents]
    assert kinds == ["plain", "driver"]


def test_on_a_real_account_no_app_is_brought_up_while_nothing_records(
    standing: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local cloud plays the account: what is asked there is the SDK's call, and its answer."""
    where = {"AWS_ENDPOINT_URL": standing.cloud.endpoint or "", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    trails, root = standing.cloud.client("cloudtrail"), standing.root
    spec = load_app(root, "links")
    real = Settings(aws="account", aws_account=ACCOUNT, platform_region="eu-central-1")
    require_trail(root, real, spec)
    with pytest.raises(InputError, match="has no trail platform in eu-west-1: nothing would record"):
        require_trail(root, real.model_copy(update={"platform_region": "eu-west-1"}), spec)
    account = where | {"MILLWRIGHT_AWS": "account", "MILLWRIGHT_AWS_ACCOUNT": ACCOUNT}
    trails.stop_logging(Name="platform")
    try:
        with pytest.raises(InputError, match="was stopped"):
            require_trail(root, real, spec)
        # The platform itself is what has to be brought up.
        require_trail(root, real, platform_spec(real))
        driver = standing.run("millwright", "up", "links", "build", env=account)
        plain = standing.run("pulumi", "up", "--yes", "--skip-preview", "-s", "links-build", env=account)
    finally:
        trails.start_logging(Name="platform")
    assert (driver.code, plain.code) == (ExitCode.INVALID_INPUT, ExitCode.INVALID_INPUT), driver.err + plain.err
    assert "was stopped: nothing would record what happens to links" in driver.err
    assert "was stopped: nothing would record what happens to links" in plain.err
    require_trail(root, real, spec)


def test_it_goes_after_the_apps_and_wholly(standing: Place) -> None:
    """The row of an app's environment says that it stands: nothing else has to be made for this."""
    database = db.connect(standing.root, load(standing.root))
    row = environments.EnvironmentRecord(
        stack="links-build",
        app="links",
        environment="build",
        updated=environments.now(),
        actor="test",
        version=0,
        cloud_generation=None,
        outputs=None,
    )
    with db.transaction(database) as connection:
        environments.record(connection, row)
    refused = standing.millwright("destroy", "platform")
    plain = standing.pulumi("destroy", "-s", "platform", "--yes", "--skip-preview")
    assert (refused.code, plain.code) == (ExitCode.INVALID_INPUT, ExitCode.INVALID_INPUT)
    assert "links-build" in refused.err
    assert "links-build" in plain.err
    with db.transaction(database) as connection:
        environments.forget(connection, "links-build")
    destroyed = standing.millwright("destroy", "platform")
    assert destroyed.code == 0, destroyed.out + destroyed.err
    assert inventory(standing.cloud) == {}
    assert standing.millwright("outputs", "platform").code == ExitCode.INVALID_INPUT


@pytest.mark.long
def test_records_that_nobody_may_remove_keep_it_and_the_clean_up_takes_the_whole_stand_in(standing: Place) -> None:
    up = standing.millwright("up", "platform")
    assert up.code == 0, up.err
    daemons.ensure(standing.root, daemons.ACCESS)
    s3 = standing.cloud.client("s3")
    keys = wait_for(lambda: [each["Key"] for each in s3.list_objects_v2(Bucket=AUDIT).get("Contents", [])])
    assert all(key.startswith("checkpoints/platform/") for key in keys)
    verified = standing.millwright("audit", "verify", "platform", "--json")
    assert (verified.code, verified.documents[0]["faults"]) == (0, []), verified.out + verified.err
    assert verified.documents[0]["copies"] >= 1
    refused = standing.millwright("destroy", "platform")
    plain = standing.pulumi("destroy", "-s", "platform", "--yes", "--skip-preview")
    assert (refused.code, plain.code) == (ExitCode.INVALID_INPUT, ExitCode.INVALID_INPUT), refused.err + plain.err
    assert f"{AUDIT} holds audit records, and nobody removes those for a year" in refused.err
    assert f"{AUDIT} holds audit records" in plain.err
    # Nothing was begun: what records is still there.
    assert standing.cloud.client("cloudtrail").get_trail_status(Name="platform")["IsLogging"] is True
    cleaned = standing.millwright("demo", "--clean")
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert "locked audit records: the embedded cloud is reset with them" in cleaned.err
    assert not standing.root.state.exists()
