"""A task's commands have the secrets, and call the APIs, that app.yaml lets its function into; nobody else does."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from api_place import CREDENTIAL, Api, api
from granted_bench import TASK, GrantedBench, brokered_bench
from test_tasks import wait_for

from access.grants import State
from access.providers.apis import Apis, declared
from access.providers.app_secrets import Secrets
from access.providers.standing import SecretValue
from access.relays import api_relay
from agents.brief import OutcomeState

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

STANDIN = Path(__file__).parents[1] / "access" / "api_standin.py"
VALUE = "s3cret-of-links"
RULES = """\
  - {function: coder, resource: secrets.signing-key, environments: [build], scope: read, lease: 60}
  - {function: coder, resource: apis.payments, environments: [build], scope: write, lease: 60}
"""
USES = """
import os, sys, urllib.request
print("has", len(os.environ["SIGNING_KEY"]), os.environ["SIGNING_KEY"])
open("kept.txt", "w").write(os.environ["SIGNING_KEY"])
base = os.environ["PAYMENTS_URL"]
print(base, urllib.request.urlopen(base + "/items", b"amount=5", timeout=30).read().decode())
print(urllib.request.urlopen(base + "/echo", timeout=30).read().decode())
"""
WORKS = """
attempts:
  1:
    turns:
      - use: [{run: {argv: [python, -c, %s]}}]
      - when: {is_error: false, contains: ["has 15 [redacted: secrets.signing-key]", "http://127.128.2.1:8080 hello"]}
        use: [{read: {path: kept.txt}}]
      - when: {is_error: false, contains: ["[redacted: secrets.signing-key]"]}
        use: [{run: {argv: [rm, kept.txt]}}]
      - use: [{submit: {summary: called}}]
"""

NONE = """
attempts:
  1:
    turns:
      - use:
          - run: {argv: [python, -c, "import os; print({'SIGNING_KEY', 'PAYMENTS_URL'} & {*os.environ})"]}
      - when: {is_error: false, contains: ["set()"]}
        use: [{submit: {summary: none}}]
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api")) as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: Api) -> Iterator[GrantedBench]:
    def providers(bench: GrantedBench, _: Any) -> dict[str, Any]:
        context = bench.task.context
        relay = partial(api_relay, context.root, context.database, (sys.executable, "-P", str(STANDIN), str(there.pem)))
        return {
            "secret": Secrets(lambda _: SecretValue(VALUE, "1")),
            "api": Apis(relay, partial(declared, context.root), lambda *_: SecretValue(CREDENTIAL, "1")),
        }

    with brokered_bench(tmp_path, monkeypatch, providers) as made:
        path = made.task.context.root.apps / "links" / "app.yaml"
        path.write_text(f"{path.read_text()}apis:\n  payments: {{url: {there.url}, secret: signing-key}}\n")
        yield made


def test_a_tasks_commands_have_the_secret_and_call_the_api_and_the_model_sees_neither(
    bench: GrantedBench, there: Api
) -> None:
    bench.rules(RULES)
    bench.script(WORKS % json.dumps(USES))
    folder = bench.task.folder(TASK)
    assert bench.task.run().state is OutcomeState.SUBMITTED, (folder / "trajectory.jsonl").read_text()
    assert [(each.method, each.target) for each in there.heard] == [("POST", "/v1/items"), ("GET", "/v1/echo")]
    assert there.heard[0].headers["authorization"] == f"Bearer {CREDENTIAL}"
    for resource in ("secrets.signing-key", "apis.payments"):
        wait_for(lambda resource=resource: bench.grants()[resource]["state"] == State.ENDED)
    # Once, however many commands ran.
    assert [each.properties["resource"] for each in bench.told("secret.read")] == ["secrets.signing-key"]
    for path in folder.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert not any(word in held for word in (VALUE.encode(), CREDENTIAL.encode(), b"mwg_")), path
    told = (folder / "trajectory.jsonl").read_text()
    assert all(
        words in told for words in ("have secrets in these variables: SIGNING_KEY", "PAYMENTS_URL: you may write")
    )


def test_without_a_rule_a_task_has_neither_and_is_told_of_none(bench: GrantedBench) -> None:
    bench.script(NONE)
    assert bench.task.run().state is OutcomeState.SUBMITTED
    assert set(bench.grants()) == {"model", "repository"}
