"""The demo from beginning to end, played twice, its clean-up, and the documents' own program."""

import re
import shutil

import psutil
import pytest
from e2e_line import Line
from e2e_place import REPOSITORY, Place

from console.demo.inventory import inventory
from console.demo.place import FOLDER
from factory import daemons
from factory.paths import FactoryRoot

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def three_apps(place: Place) -> None:
    """The demo is about all of the repository's apps."""
    for app in ("tally", "docsite"):
        shutil.copytree(REPOSITORY / "apps" / app, place.root.apps / app)


def test_the_documented_driver_script_runs_as_it_stands(place: Place) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "script-the-driver.md").read_text()
    (program,) = PYTHON_BLOCK.findall(page)
    script = place.root.path / "script.py"
    script.write_text(program)
    ran = place.run("python", str(script))
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
    again = demo.pulumi(*up, "--expect-no-changes")
    assert again.code == 0, again.out + again.err


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
