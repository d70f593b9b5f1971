"""Whatever a person gets wrong is one clear error by either door; nothing is lost, and put right it goes on."""

from collections.abc import Callable, Iterator

import pytest
from e2e_place import Place, Ran
from localcloud_door import boto
from test_interrupted import BUILD, counts
from test_interrupted import empty as empty  # noqa: PLC0414  (the fixture)

from factory import daemons
from factory.errors import ExitCode

pytestmark = pytest.mark.e2e

STACK = "links-build"
HEAD = "import pulumi\nimport pulumi_aws as aws\n\ndef helper(given):\n    return given['nosuch']\n\n"


@pytest.fixture
def infra(place: Place) -> Iterator[Callable[[str], None]]:
    """Writes the app's infra.py; takes it away afterwards."""
    path = place.root.apps / "links" / "infra.py"
    yield lambda text: path.write_text(f"{HEAD}{text}\n") and None
    path.unlink(missing_ok=True)


def error_of(ran: Ran) -> dict:
    assert "Traceback" not in ran.err, ran.err
    assert sum("error" in each and "exit_code" in each for each in ran.documents) == 1
    last = ran.documents[-1]
    assert last["exit_code"] == ran.code
    return last


@pytest.mark.parametrize(
    ("text", "where"),
    [("name: [\n", "Pulumi.yaml:2:1"), ("name: factory\nruntime: nodejs\n", "Pulumi.yaml:2:10")],
    ids=["no YAML", "another language"],
)
def test_a_broken_project_file(place: Place, text: str, where: str) -> None:
    whole = place.root.project_file.read_text()
    place.root.project_file.write_text(text)
    try:
        driver = place.millwright("preview", "links", "build", "--json")
        plain = place.pulumi("preview", "-s", STACK)
    finally:
        place.root.project_file.write_text(whole)
    assert driver.code == plain.code == ExitCode.INVALID_INPUT, driver.out + plain.out + plain.err
    assert any(where in f"{p['file']}:{p['line']}:{p['column']}" for p in error_of(driver)["problems"])
    assert where in plain.err


@pytest.mark.long
def test_the_settings_of_the_policies_hold_at_both_doors_and_a_mistake_in_them_stops_both(place: Place) -> None:
    settings = place.root.path / "policies.yaml"
    try:
        settings.write_text("acounts: []\n")
        driver = place.millwright("preview", "links", "build", "--json")
        plain = place.pulumi("preview", "-s", STACK)
        settings.write_text("required_tags: [data-class]\n")
        refused = place.millwright("preview", "links", "build", "--json")
        refused_too = place.pulumi("preview", "-s", STACK)
    finally:
        settings.unlink()
    assert driver.code == ExitCode.INVALID_INPUT, driver.out + driver.err
    (problem,) = error_of(driver)["problems"]
    assert (problem["line"], problem["column"], problem["field"]) == (1, 1, "acounts")
    assert plain.code not in (0, None)
    assert "policies.yaml:1:1: acounts: unknown key" in plain.out + plain.err
    assert refused.code == ExitCode.POLICY_VIOLATION, refused.out + refused.err
    assert "tags.data-class is a required tag, and missing" in error_of(refused)["error"]
    assert refused_too.code not in (0, None)
    assert "tags.data-class is a required tag, and missing" in refused_too.out + refused_too.err


@pytest.mark.long
def test_a_wrong_passphrase(empty: Place) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    passphrase = empty.root.passphrase_file
    right = passphrase.read_text()
    passphrase.write_text("another one")
    try:
        for command in ("up", "preview", "destroy"):
            driver = empty.millwright(command, "links", "build", "--json")
            assert driver.code == ExitCode.INVALID_INPUT, driver.out + driver.err
            assert f"{passphrase} does not hold the passphrase" in error_of(driver)["error"]
            assert "passphrase_file" in error_of(driver)["hint"]
        plain = empty.pulumi("up", "--yes", "-s", STACK)
        assert plain.code not in (0, None)
        assert "incorrect passphrase" in plain.err
        assert "another one" not in plain.out + plain.err
    finally:
        passphrase.write_text(right)
    assert empty.pulumi("preview", "--expect-no-changes", "-s", STACK).code == 0
    assert counts(empty) == BUILD


@pytest.mark.long
def test_a_name_that_is_taken(empty: Place, infra: Callable[[str], None]) -> None:
    two = "def extend(factory):\n    for n in ('one', 'two'):\n"
    closed = "block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True"
    infra(
        f"{two}        o = pulumi.ResourceOptions(parent=factory)\n"
        "        b = aws.s3.Bucket(n, bucket='taken-name', opts=o)\n"
        f"        aws.s3.BucketPublicAccessBlock(n, bucket=b.id, {closed}, opts=o)"
    )
    driver = empty.millwright("up", "links", "build", "--json")
    assert driver.code == ExitCode.UPDATE_FAILED, driver.out + driver.err
    said = error_of(driver)["error"]
    assert "(taken-name): BucketAlreadyOwnedByYou" in said
    assert "context canceled" not in said
    plain = empty.pulumi("up", "--yes", "-s", STACK)
    assert plain.code not in (0, None)
    assert "(taken-name): BucketAlreadyOwnedByYou" in plain.out + plain.err
    infra("def extend(factory):\n    pass")
    assert empty.millwright("up", "links", "build").code == 0
    assert counts(empty) == BUILD
    client = boto(daemons.ensure(empty.root, daemons.LOCAL_CLOUD), "s3", region=empty.cloud.region)
    assert "taken-name" not in {each["Name"] for each in client.list_buckets()["Buckets"]}


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "said", "first"),
    [
        pytest.param(
            "def extend(factory):\n    aws.s3.Bucket('b', bucket=['a'], opts=pulumi.ResourceOptions(parent=factory))",
            "While processing input: 'bucket'",
            None,
            id="a property of a wrong type",
        ),
        pytest.param(
            "def extend(factory):\n    helper({})",
            "KeyError: 'nosuch'",
            'infra.py", line 8, in extend',
            id="an exception",
        ),
        pytest.param(
            "def extend(factory:",
            "SyntaxError: '(' was never closed",
            'infra.py", line 7',
            id="no Python",
        ),
    ],
)
def test_a_mistake_in_the_apps_code_is_shown_from_its_first_line_on(
    place: Place, infra: Callable[[str], None], text: str, said: str, first: str | None
) -> None:
    infra(text)
    driver = place.millwright("preview", "links", "build", "--json")
    plain = place.pulumi("preview", "-s", STACK)
    assert driver.code == ExitCode.UPDATE_FAILED, driver.out + driver.err
    assert plain.code not in (0, None)
    for told in (error_of(driver)["error"], plain.out + plain.err):
        assert said in told
        assert first is None or first in told
        # Neither the SDK's lines nor ours.
        assert "site-packages" not in told
        assert "stacks/program" not in told
    assert error_of(driver)["error"].count(said) == 1
