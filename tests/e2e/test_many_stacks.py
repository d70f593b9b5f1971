"""Every stack of two apps with one command: built, previewed, judged; one that fails or waits stops no other."""

import itertools
import os
import shutil
import signal

import pytest
from e2e_place import Place, Ran

from factory.errors import ExitCode

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def two(place: Place) -> Place:
    """The factory with a second app like the first."""
    links, notes = place.root.apps / "links", place.root.apps / "notes"
    shutil.copytree(links, notes)
    text = place.app_yaml.read_text().replace("name: links", "name: notes").replace("10.20.", "10.30.")
    (notes / "app.yaml").write_text(text)
    return place


def summary(ran: Ran) -> dict:
    """The last document, with its outcomes by stack."""
    last = ran.documents[-1]
    assert (last["event"], last["exit_code"]) == ("summary", ran.code), ran.out + ran.err
    return {outcome["stack"]: outcome for outcome in last["outcomes"]}


def states(ran: Ran) -> dict[str, str]:
    return {stack: outcome["state"] for stack, outcome in summary(ran).items()}


@pytest.mark.long
def test_ctrl_c_stops_what_works_and_what_waits_never_begins(two: Place) -> None:
    process = two.start("millwright", "up", "--all", "-e", "build", "--parallel", "1", "--json")
    assert process.stdout is not None
    seen = list(itertools.islice((line for line in process.stdout if '"event": "step_done"' in line), 3))
    assert len(seen) == 3
    os.killpg(process.pid, signal.SIGINT)
    # What the loop above has read ahead is in this very reader.
    out = process.stdout.read()
    _, err = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INTERRUPTED, out + err
    assert "Traceback" not in out + err
    by_stack = summary(Ran(process.returncode, out, err))
    assert "before it began" in by_stack["notes-build"]["error"]
    assert "its state is saved" in by_stack["links-build"]["error"]


@pytest.mark.long
def test_an_app_that_fails_stops_no_other_and_production_is_left_out(two: Place) -> None:
    infra = two.root.apps / "notes" / "infra.py"
    infra.write_text("def extend(factory):\n    raise ValueError('not today')\n")
    up = two.millwright("up", "--all", "--json")
    assert up.code == ExitCode.UPDATE_FAILED, up.out + up.err
    assert states(up) == {
        "links-build": "done",
        "notes-build": "failed",
        "links-staging": "done",
        "notes-staging": "failed",
        "links-production": "skipped",
        "notes-production": "skipped",
    }
    assert "not today" in summary(up)["notes-build"]["error"]
    assert "by a person's decision" in summary(up)["links-production"]["reason"]
    infra.unlink()
    again = two.millwright("up", "--all", "-e", "build")
    assert again.code == 0, again.err
    assert [line.split()[0] for line in again.out.splitlines()[1:]] == ["links-build", "notes-build"]


@pytest.mark.long
def test_a_preview_counts_by_stack_and_names_data_at_risk(two: Place) -> None:
    up = two.millwright("up", "--all", "-e", "build")
    assert up.code == 0, up.err
    quiet = two.millwright("preview", "--all", "-e", "build", "--json")
    assert quiet.code == 0, quiet.out + quiet.err
    assert all(set(outcome["counts"].values()) == {0} for outcome in summary(quiet).values())
    file = two.root.apps / "notes" / "app.yaml"
    text = file.read_text()
    file.write_text(text.replace("signing-key:", "other-key:"))
    try:
        lossy = two.millwright("preview", "--all", "-e", "build", "--json")
        written = two.millwright("preview", "--all", "-e", "build", "--markdown")
        alone = two.millwright("preview", "notes", "build", "--json")
        other = two.millwright("preview", "links", "build", "--json")
        told = two.millwright("preview", "notes", "build")
    finally:
        file.write_text(text)
    assert lossy.code == alone.code == told.code == ExitCode.DATA_AT_RISK, lossy.out + lossy.err
    found = summary(lossy)
    assert found["links-build"]["at_risk"] == []
    assert [(s["action"], s["name"]) for s in found["notes-build"]["at_risk"]] == [
        ("delete", "notes-build-signing-key")
    ]
    assert found["notes-build"]["counts"]["delete"] == found["notes-build"]["counts"]["create"] == 2
    assert "| `notes-build` | 2 | 0 | 0 | 2 | **data at risk in 1** |" in written.out
    assert "- `notes-build`: delete `aws:secretsmanager/secret:Secret` `notes-build-signing-key`" in written.out
    assert alone.documents[-1]["event"] == "data_at_risk"
    assert "data at risk: notes-build: delete secretsmanager.Secret notes-build-signing-key" in told.err
    assert (other.code, other.documents[-1]["event"]) == (0, "finished")


@pytest.mark.long
def test_something_stateful_that_is_replaced_is_at_risk_too(two: Place) -> None:
    infra = two.root.apps / "notes" / "infra.py"
    program = (
        "import pulumi\nfrom pulumi_aws import cloudwatch\n\n\ndef extend(factory):\n"
        '    cloudwatch.LogGroup("extra", name="/millwright/NAME", retention_in_days=365,\n'
        "        opts=pulumi.ResourceOptions(parent=factory))\n"
    )
    try:
        infra.write_text(program.replace("NAME", "one"))
        first = two.millwright("preview", "notes", "build")
        assert first.code == 0, first.err
        assert two.millwright("up", "notes", "build").code == 0
        infra.write_text(program.replace("NAME", "two"))
        ran = two.millwright("preview", "--all", "-e", "build", "--json")
    finally:
        infra.unlink()
    assert ran.code == ExitCode.DATA_AT_RISK, ran.out + ran.err
    found = summary(ran)["notes-build"]
    assert found["counts"] == {"create": 0, "update": 0, "replace": 1, "delete": 0}
    assert [step["name"] for step in found["at_risk"]] == ["extra"]
