"""State in S3 with secrets under a KMS key, and state in PostgreSQL: on the local cloud, through both doors."""

import pytest
from e2e_place import Place, wait_for
from ruamel.yaml import YAML

from factory import daemons
from factory.settings import LOCAL_ACCOUNT

# An update, and several previews.
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]

BUCKET = "millwright-states"
PLAIN = ("--non-interactive", "--color", "never")


@pytest.fixture(scope="module")
def env(place: Place) -> dict[str, str]:
    """What an AWS tool needs to reach the local cloud, which holds the bucket and the key of this factory's state."""
    daemons.ensure(place.root, daemons.LOCAL_CLOUD)
    region = {"LocationConstraint": "eu-central-1"}
    place.cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    kms = place.cloud.client("kms")
    kms.create_alias(AliasName="alias/states", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    found = place.millwright("cloud", "env", "--json").documents[0]
    assert found["AWS_ACCESS_KEY_ID"] == LOCAL_ACCOUNT
    return found


def _config(place: Place) -> dict:
    return YAML(typ="safe").load((place.root.stack_config / "Pulumi.links-build.yaml").read_text())


def test_state_in_s3_with_secrets_under_a_kms_key(place: Place, env: dict[str, str]) -> None:
    keys = f"backend: s3://{BUCKET}\nsecrets_provider: awskms://alias/states?region=eu-central-1\n"
    before = place.root.settings_file.read_text()
    place.root.settings_file.write_text(before + keys)
    up = place.run("millwright", "up", "links", "build", env=env)
    assert up.code == 0, up.err
    s3 = place.cloud.client("s3")
    (state,) = [
        each["Key"]
        for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=".pulumi/stacks/")["Contents"]
        if each["Key"].endswith("/links-build.json")
    ]
    secret = place.cloud.client("secretsmanager").get_secret_value(SecretId="links/build/signing-key")["SecretString"]
    assert secret not in s3.get_object(Bucket=BUCKET, Key=state)["Body"].read().decode()
    assert not s3.list_objects_v2(Bucket=BUCKET, Prefix=".pulumi/locks/").get("Contents")
    assert not list(place.root.backend.rglob("*.json"))
    first = _config(place)["encryptedkey"]

    rotated = place.run("millwright", "secrets", "rotate", "--json", env=env)
    assert rotated.code == 0, rotated.err
    assert [each["expected"] for each in rotated.documents] == [True]
    assert _config(place)["encryptedkey"] != first
    preview = place.run("pulumi", "preview", "-s", "links-build", "--expect-no-changes", *PLAIN, env=env)
    assert preview.code == 0, preview.out + preview.err

    place.root.settings_file.write_text(before + f"backend: s3://{BUCKET}\n")
    told = place.run("millwright", "secrets", "status", "--json", env=env).documents
    assert [(each["provider"][:9], each["expected"]) for each in told] == [("awskms://", False)]
    back = place.run("millwright", "secrets", "rotate", env=env)
    assert back.code == 0, back.err
    again = place.run("millwright", "preview", "links", "build", "--json", env=env)
    assert set(again.documents[-1]["result"]["changes"]) == {"same"}, again.out
    place.root.settings_file.write_text(before)


def test_state_in_postgresql(place: Place, env: dict[str, str]) -> None:
    rds = place.cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="states",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        DBName="states",
        MasterUsername="keeper",
        MasterUserPassword="first-password",
    )

    def endpoint() -> dict | None:
        (found,) = rds.describe_db_instances(DBInstanceIdentifier="states")["DBInstances"]
        return found["Endpoint"] if found["DBInstanceStatus"] == "available" else None

    where = wait_for(endpoint)
    there = {
        "MILLWRIGHT_BACKEND": f"postgres://keeper@{where['Address']}:{where['Port']}/states",
        "PGPASSWORD": "first-password",
        "PGSSLMODE": "disable",
    }
    made = place.run("pulumi", "stack", "init", "links-staging", *PLAIN, env=there)
    assert made.code == 0, made.err
    listed = place.run("pulumi", "stack", "ls", *PLAIN, env=there)
    assert "links-staging" in listed.out
    preview = place.run("millwright", "preview", "links", "staging", "--json", env=there)
    assert preview.code == 0, preview.err
    assert set(preview.documents[-1]["result"]["changes"]) == {"create"}
    # Another backend knows nothing of it.
    assert "links-staging" not in place.run("pulumi", "stack", "ls", *PLAIN).out
    wrong = place.run("pulumi", "stack", "ls", *PLAIN, env=there | {"PGPASSWORD": "wrong"})
    assert wrong.code != 0
    assert "password authentication failed" in wrong.err
