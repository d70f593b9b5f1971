"""One stack looked after by commands: history, refresh, a state saved and put back, a graph, an update cancelled."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from e2e_place import Place
from test_interrupted import BUILD, CREATED, DONE, counts, engine_of, finish, read_until

from console.demo.inventory import inventory
from factory.errors import ExitCode

pytestmark = [pytest.mark.e2e, pytest.mark.long]

AWAITED = """
import asyncio
from stacks.driver import Kind, open_driver


async def both():
    driver = open_driver(".")
    build, staging = (driver.start(Kind.PREVIEW, "links", e) for e in ("build", "staging"))
    seen = [type(event).__name__ async for event in build.aevents()]
    result = await staging.aresult()
    future = driver.start(Kind.PREVIEW, "links", "build").notify(lambda event: None)
    return seen, result.stack, future.result(120).stack


if __name__ == "__main__":
    seen, staging, build = asyncio.run(both())
    print(seen[0], seen[-1], staging, build)
"""


@pytest.fixture(scope="module")
def built(place: Place) -> Place:
    up = place.millwright("up", "links", "build", "--json")
    assert up.code == 0, up.out + up.err
    return place


@pytest.mark.parametrize("door", ["millwright", "pulumi"])
def test_an_update_by_either_door_is_cancelled_cleanly_and_the_next_one_goes_on(place: Place, door: str) -> None:
    plain = ("pulumi", "up", "--yes", "--skip-preview", "-s", "links-build", "--non-interactive")
    process = place.start(*(plain if door == "pulumi" else ("millwright", "up", "links", "build", "--json")))
    read_until(process, CREATED if door == "pulumi" else DONE, 3)
    engine = engine_of(place)
    assert engine is not None
    # Held still, so that it cannot end before it is asked; the signal reaches it when it goes on.
    engine.send_signal(signal.SIGSTOP)
    asked = place.millwright("cancel", "links", "build", "--json")
    engine.send_signal(signal.SIGCONT)
    assert (asked.code, asked.documents[0]["asked"]) == (0, True), asked.out + asked.err
    out, err = finish(process)
    assert process.returncode != 0, out + err
    assert "Traceback" not in out + err
    if door == "millwright":
        assert process.returncode == ExitCode.INTERRUPTED
    assert place.millwright("cancel", "links", "build", "--json").documents[0]["asked"] is False
    assert place.millwright("up", "links", "build").code == 0
    assert counts(place) == BUILD
    assert place.millwright("destroy", "links", "build").code == 0
    assert inventory(place.cloud) == {}


def test_a_refresh_takes_over_what_somebody_changed_by_hand(built: Place) -> None:
    logs = built.cloud.client("logs")
    logs.put_retention_policy(logGroupName="/millwright/links-build-agents", retentionInDays=1)
    refreshed = built.millwright("refresh", "links", "build", "--json")
    assert refreshed.code == 0, refreshed.out + refreshed.err
    changed = [s for s in refreshed.documents[-1]["result"]["steps"] if s["action"] == "update"]
    assert [step["name"] for step in changed] == ["links-build-agents"]
    # The state agrees with the cloud now, and differs from what is declared.
    assert built.millwright("drift", "links", "build").code == 0
    ran = built.millwright("preview", "links", "build", "--json")
    assert ran.documents[-1]["result"]["changes"]["update"] == 1
    assert built.millwright("up", "links", "build").code == 0


def test_a_state_is_saved_and_put_back_where_it_came_from_and_nowhere_else(built: Place, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    saved = built.millwright("stack", "export", "links", "build", "-o", str(file))
    assert (saved.code, file.stat().st_mode & 0o777) == (0, 0o600), saved.err
    secret = built.cloud.client("secretsmanager").get_secret_value(SecretId="links/build/signing-key")["SecretString"]
    assert secret not in file.read_text()
    assert json.loads(file.read_text()) == json.loads(built.millwright("stack", "export", "links", "build").out)
    elsewhere = built.millwright("stack", "import", "links", "staging", str(file), "--json")
    assert elsewhere.code == ExitCode.INVALID_INPUT
    assert "not a state of links-staging" in elsewhere.documents[-1]["error"]
    (urn,) = [
        each["urn"]
        for each in json.loads(file.read_text())["deployment"]["resources"]
        if each["type"].endswith(":Alias")
    ]
    before = inventory(built.cloud)
    removed = built.pulumi("state", "remove", urn, "--yes", "--force", "-s", "links-build")
    assert removed.code == 0, removed.err
    lost = built.millwright("preview", "links", "build", "--json")
    assert lost.documents[-1]["result"]["changes"].get("create") == 1, lost.out
    back = built.millwright("stack", "import", "links", "build", str(file))
    assert back.code == 0, back.err
    again = built.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert set(again.documents[-1]["result"]["changes"]) == {"same"}
    assert inventory(built.cloud) == before


def test_what_is_no_state_is_refused(built: Place, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{")
    broken = built.millwright("stack", "import", "links", "build", str(file), "--json")
    assert (broken.code, "is no JSON" in broken.documents[-1]["error"]) == (ExitCode.INVALID_INPUT, True)
    gone = built.millwright("stack", "import", "links", "build", str(tmp_path / "gone"), "--json")
    assert (gone.code, "does not exist" in gone.documents[-1]["error"]) == (ExitCode.INVALID_INPUT, True)


def test_the_graph_is_the_one_that_the_engine_draws(built: Place, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.json", tmp_path / "theirs.dot"
    assert built.millwright("graph", "links", "build", "-o", str(mine)).code == 0
    drawn = built.pulumi("stack", "graph", str(theirs), "-s", "links-build")
    assert drawn.code == 0, drawn.err
    graph = json.loads(mine.read_text())
    lines = theirs.read_text().splitlines()
    assert sum("[label=" in line and "->" not in line for line in lines) == len(graph["nodes"])
    parents = sum(node["parent"] is not None for node in graph["nodes"])
    assert sum("->" in line for line in lines) == parents + len(graph["edges"])
    assert built.millwright("graph", "links", "build").out.startswith('digraph "links-build" {')


def test_history_tells_what_both_doors_did(built: Place) -> None:
    assert built.millwright("refresh", "links", "build").code == 0
    assert built.pulumi("refresh", "--yes", "-s", "links-build").code == 0
    told = built.millwright("history", "links", "build", "--json", "--limit", "100").documents
    assert (told[0]["kind"], told[0]["door"], told[0]["ending"]) == ("refresh", "plain", "succeeded")
    kinds = {(each["kind"], each["door"]) for each in told}
    assert {("up", "driver"), ("refresh", "driver"), ("import_state", "driver"), ("refresh", "plain")} <= kinds
    assert sorted((each["started"] for each in told), reverse=True) == [each["started"] for each in told]
    assert any(each["changes"].get("create") for each in told)


def test_operations_are_awaited_and_called_back_in_a_script(built: Place, tmp_path: Path) -> None:
    script = tmp_path / "awaited.py"
    script.write_text(AWAITED)
    command = [sys.executable, str(script)]
    ran = subprocess.run(command, cwd=built.root.path, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["Started", "Finished", "links-staging", "links-build"]
