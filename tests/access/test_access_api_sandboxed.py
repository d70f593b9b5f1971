"""An agent's commands call an API through their gate: plain HTTP, neither token nor credential inside, and no more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_place import CREDENTIAL
from api_relay_place import RelayPlace, relay_place
from egress_place import ASKER

from access.client import GrantWays, api_place_of
from agents.brief import TaskBrief, TaskLimits
from agents.door import Reach
from agents.fence import Fence
from agents.prompt import first_message
from agents.task import toolbox
from agents.tools.inputs import Run
from factory.paths import FactoryRoot
from factory.spec import Scope

CALLS = """
import json, os, socket, sys, urllib.error, urllib.request
def called(url, method="GET", **headers):
    try:
        asked = urllib.request.Request(url, method=method, headers=headers)
        return urllib.request.urlopen(asked, timeout=20).read().decode()
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return "nothing"
base, token = os.environ["PAYMENTS_URL"], sys.argv[1]
print(json.dumps({
    "read": called(base + "/items"),
    "echo": called(base + "/echo"),
    "written": called(base + "/items", "POST"),
    "outside": called(base + "/%2e%2e/v2"),
    "own credential": called(base + "/items", Authorization="Bearer mine"),
    "another task's token": called(base + "/items", Authorization="Bearer " + token),
    "the other task's door": called(base.replace(".2.1", ".2.2") + "/items"),
    "the relay's port": called("http://127.0.0.1:" + sys.argv[2] + "/items", Authorization="Bearer " + token),
    "the environment": sorted(name for name in os.environ if "URL" in name or "PROXY" in name.upper()),
}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPlace]:
    with relay_place(tmp_path_factory.mktemp("relay")) as made:
        yield made


def brief(worktree: Path) -> TaskBrief:
    return TaskBrief(
        **(ASKER.model_dump() | {"attempt": "1", "model_name": "m", "scripted": True, "door": "http://127.0.0.1:1"}),
        worktree=worktree,
        quiet=worktree.parent / "quiet.lock",
        limits=TaskLimits(turns=1, minutes=1, dollars=1),
        tools=("run",),
        context=[],
        apis={"PAYMENTS_URL": "read"},
    )


def test_a_task_calls_the_api_by_its_gate_and_nothing_more(place: RelayPlace, tmp_path: Path) -> None:
    worktree = tmp_path / "task" / "worktree"
    worktree.mkdir(parents=True)
    ways, own, other = GrantWays(), place.open(Scope.READ), place.open(Scope.ADMIN)
    door = place.folder / "sockets" / own.id
    with ways.opened(FactoryRoot(tmp_path), {api_place_of(0): lambda: door}, worktree.parent / "way") as way:
        assert way
        reach = Reach(ways=(way,), environment={"PAYMENTS_URL": "http://{}:{}".format(*api_place_of(0))})
        runner = toolbox(brief(worktree), worktree.parent, reach=lambda: reach).runner
        asked = Run(argv=["python", "-c", CALLS, other.token, str(place.relay.port)])
        result = runner.run(asked, 60)
        place.relay.close_all({own.id: "done"})
        after = runner.run(asked, 60)
    ways.close()
    found = json.loads(result.data or "")
    assert CREDENTIAL not in found.pop("echo")
    assert found == {
        "read": "hello",
        "written": 403,
        "outside": 400,
        "own credential": 400,
        "another task's token": 400,
        "the other task's door": "nothing",
        "the relay's port": "nothing",
        "the environment": ["PAYMENTS_URL"],
    }
    assert [each.target for each in place.api.heard] == ["/v1/items", "/v1/echo"]
    assert place.api.heard[0].headers["authorization"] == f"Bearer {CREDENTIAL}"
    assert place.refusals(own) == ["method", "place", "header", "header"]
    # The gate is open, and the grant is not.
    assert json.loads(after.data or "")["read"] == "nothing"


def test_the_model_is_told_of_the_variable_and_of_no_proxy(tmp_path: Path) -> None:
    said = first_message(brief(tmp_path), Fence("n"))
    assert ("PAYMENTS_URL: you may read there" in said, "HTTPS_PROXY" in said) == (True, False)
