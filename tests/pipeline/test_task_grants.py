"""A task takes its model and its branch by grants, of the access daemon itself: they end with it, and it with them."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from granted_bench import TASK, GrantedBench, granted_bench
from test_tasks import wait_for

from agents.brief import OutcomeState
from factory import daemons, db, decisions, demo_people, requests, signatures
from factory.decisions import Verdict
from factory.errors import AccessDenied, MillwrightError
from factory.people import load_people
from pipeline.commits import commit_step
from pipeline.context import OpenTask
from pipeline.records import ChangeState
from pipeline.task_door import Step

pytestmark = pytest.mark.timeout(300)

EDITS = """
attempts:
  1:
    turns:
      - use: [{edit: {path: noted.txt, new: "one\\n"}}]
      - use: [{submit: {summary: noted}}]
"""
# The model begins to answer nothing, once.
HANGS = EDITS.replace("      - use: [{edit", "      - faults: [hang]\n        use: [{edit")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrantedBench]:
    with granted_bench(tmp_path, monkeypatch) as found:
        yield found


class Running:
    """A task that runs in a thread."""

    def __init__(self, bench: GrantedBench) -> None:
        self.raised: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(bench,), daemon=True)
        self._thread.start()

    def _run(self, bench: GrantedBench) -> None:
        try:
            bench.task.run()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test looks at it
            self.raised.append(error)

    def ended(self) -> BaseException | None:
        self._thread.join(180)
        assert not self._thread.is_alive()
        return self.raised[0] if self.raised else None


def held(bench: GrantedBench) -> Callable[[], bool]:
    return lambda: (
        TASK in bench.task.context.open_tasks and {each["state"] for each in bench.grants().values()} == {"active"}
    )


def asked_of_the_model(bench: GrantedBench, door: str, token: str, task: str = TASK) -> httpx2.Response:
    body = json.dumps({"model": "m", "metadata": {"user_id": task}, "messages": []})
    with httpx2.Client(trust_env=False) as client:
        return client.post(f"{door}/v1/messages", content=body, headers={"x-api-key": token})


def test_a_task_asks_its_model_and_writes_its_branch_by_grants_that_end_with_it(bench: GrantedBench) -> None:
    bench.script(EDITS)
    assert bench.task.run().state is OutcomeState.SUBMITTED
    wait_for(lambda: {each["state"] for each in bench.grants().values()} == {"ended"})
    grants = bench.grants()
    assert {resource: (each["scope"], each["ended_reason"]) for resource, each in grants.items()} == {
        "model": ("read", "its task has ended"),
        "repository": ("write", "its task has ended"),
    }
    assert {each["on_behalf_of"] for each in grants.values()} == {demo_people.AUTHOR}
    trailers = bench.task.merge.git("log", "-1", "--format=%(trailers)", "change/tags").stdout
    assert f"Grant: {grants['repository']['id']}" in trailers
    (started,) = bench.told("task.started")
    assert started.properties["grants"] == {resource: each["id"] for resource, each in grants.items()}
    folder = bench.task.context.root.recordings / "links" / grants["model"]["id"]
    (recording,) = folder.glob("*.jsonl")
    kinds = [json.loads(line)["kind"] for line in recording.read_text().splitlines()]
    assert kinds == ["session_start", "model_call", "model_answer", "model_call", "model_answer", "session_end"]
    # What the task itself was told holds no token of a grant.
    for path in bench.task.folder(TASK).rglob("*.json*"):
        assert "mwg_" not in path.read_text()


def test_what_opened_the_model_for_a_task_opens_nothing_after_it_and_that_is_told(bench: GrantedBench) -> None:
    bench.script(HANGS)
    running = Running(bench)
    wait_for(held(bench), 90)
    context = bench.task.context
    opened = context.open_tasks[TASK].grants.model()
    other = bench.access.ask(_other(bench))
    # Its own token, for another task; the token of that one, for this; and the task's own, which opens the worker only.
    assert asked_of_the_model(bench, opened.url, opened.key or "", "links.tags.coder.2").status_code == 403
    assert asked_of_the_model(bench, opened.url, bench.access.opened(other).token).status_code == 403
    assert asked_of_the_model(bench, opened.url, context.door.issue("another")).status_code == 401
    bench.task.cancel()
    running.ended()
    wait_for(lambda: bench.grants()["model"]["state"] == "ended")
    assert asked_of_the_model(bench, opened.url, opened.key or "").status_code == 401
    refused = [(each.properties["grant"], each.properties["why"]) for each in bench.told("grant.refused")]
    mine, others = bench.grants()["model"]["id"], other.grant["id"]
    assert refused == [
        (mine, "a call of the model for another task"),
        (others, "a call of the model for another task"),
        (mine, "a call of the model by a token that opens nothing (any more)"),
    ]


def _other(bench: GrantedBench) -> Any:
    from access.client import TaskAsks

    return TaskAsks(
        app="links",
        environment="build",
        resource="model",
        scope="read",
        function="coder",
        change="tags",
        task="links.tags.coder.2",
        minutes=5,
    )


@pytest.mark.parametrize("resource", ["model", "repository"])
def test_a_task_whose_grant_a_person_ends_ends_with_the_reason_and_can_go_on_when_somebody_says_so(
    bench: GrantedBench, resource: str
) -> None:
    bench.script(HANGS)
    running = Running(bench)
    wait_for(held(bench), 90)
    bench.revoke(resource)
    error = running.ended()
    assert isinstance(error, AccessDenied)
    assert (f"the grant of {resource} to coder is over: not now" in str(error), bench.told("task.ended")) == (True, [])
    wait_for(lambda: {each["state"] for each in bench.grants().values()} == {"ended"})
    # A stage that raises waits for a person in the inbox; "try again" runs the same task. Who was ended before it asked
    # its model has not met what hangs.
    bench.script(EDITS)
    assert bench.task.run().state is OutcomeState.SUBMITTED


def test_a_step_is_not_committed_once_the_grant_of_the_branch_is_over(bench: GrantedBench) -> None:
    bench.script(HANGS)
    running = Running(bench)
    wait_for(held(bench), 90)
    context = bench.task.context
    opened: OpenTask = context.open_tasks[TASK]
    before = bench.task.merge.head
    (opened.worktree / "mine.txt").write_text("mine\n")
    step = Step(task=TASK, step=7, tools=["edit"], summary="mine")
    bench.revoke("repository")
    refused = commit_step(context, TASK, step)
    assert (refused.commit, "is over: not now" in refused.problems[0]) == (None, True)
    assert bench.task.merge.head == before
    assert isinstance(running.ended(), AccessDenied)


def test_what_app_yaml_takes_away_keeps_the_task_from_beginning(bench: GrantedBench) -> None:
    bench.script(EDITS)
    bench.rules("  - {function: coder, resource: repository, environments: [build], scope: read}\n")
    with pytest.raises(AccessDenied, match="allows it to read, not to write"):
        bench.task.run()
    assert not (bench.task.folder(TASK) / "brief.json").exists()
    wait_for(lambda: {each["state"] for each in bench.grants().values()} == {"ended", "denied"})


def test_while_a_person_has_to_agree_the_change_waits_and_says_for_what(bench: GrantedBench) -> None:
    bench.script(EDITS)
    about = "function: coder, resource: repository, environments: [build]"
    bench.rules(f"  - {{{about}, scope: write, lease: 30, approval: operator}}\n")
    running = Running(bench)
    context = bench.task.context
    wait_for(lambda: context.change(bench.task.record.id).state is ChangeState.WAITING, 90)
    grant = bench.grants()["repository"]
    assert f"the coder waits for a person to let it into repository (write): millwright review {grant['request']}" in (
        context.change(bench.task.record.id).detail
    )
    # Neither the agent nor the author of its change lets it in.
    for person in ("agent:links/coder/" + TASK, demo_people.AUTHOR):
        with pytest.raises(MillwrightError):
            decide(bench, grant["request"], person)
    assert bench.grants()["repository"]["state"] == "requested"
    assert len(bench.told("decision.rejected")) == 2
    decide(bench, grant["request"], demo_people.OPERATOR)
    assert running.ended() is None
    assert context.change(bench.task.record.id).state is ChangeState.RUNNING
    assert bench.task.rows[0].state == "submitted"


def decide(bench: GrantedBench, request: int, person: str) -> None:
    context = bench.task.context
    with db.transaction(context.database) as connection:
        found = requests.read(connection, request)
    assert found is not None
    payload = decisions.payload(found, Verdict.APPROVE, person, "")
    signer = person if person in vars(demo_people).values() else demo_people.OPERATOR
    signature = signatures.sign_unattended(payload, demo_people.key_file(context.root, signer))
    people = load_people(context.root, context.settings)
    told: dict[str, Any] = {"verdict": Verdict.APPROVE, "person": person, "reason": "", "signature": signature}
    decisions.decide(context.database, people, request, **told)


@pytest.mark.long
def test_an_access_plane_that_begins_anew_is_found_again_in_the_middle_of_a_task(bench: GrantedBench) -> None:
    bench.script(HANGS)
    running = Running(bench)
    wait_for(held(bench), 90)
    first = bench.grants()["model"]
    # It cuts what is under way, and another one begins: the same grant, at another door.
    daemons.stop(bench.task.context.root, daemons.ACCESS)
    assert running.ended() is None
    assert bench.task.rows[0].state == "submitted"
    last = bench.grants()["model"]
    assert (first["id"], first["door"] != last["door"]) == (last["id"], True)
