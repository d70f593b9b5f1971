"""The scenes of the demo: each does one thing on real parts, checks what came of it, and says so."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import engine
from console.demo.line import Follower
from console.demo.people import Answer, Desk
from console.demo.place import APP, APPS
from console.session import Session
from console.show import ERR, escaped
from console.watch import follow
from factory import daemons, db, demo_people, signatures
from factory.errors import DecisionRequired, MillwrightError
from factory.outputs import ServiceOutputs
from factory.people import load_people
from pipeline import client
from pipeline.records import ChangeRecord, ChangeState
from stacks.driver import Kind, warm

STANDING = ("build", "staging")
CHANGES = ("link-stats", "custom-codes", "https-only")
ANSWER_SECONDS = 10


class DemoFailed(MillwrightError):
    """A scene did not end as it must: the demo proves something or fails, it never looks away."""


@dataclass
class Stage:
    """What the scenes share: the demo's factory, who answers at the gates, and what each has to tell at the end."""

    session: Session
    answer: Answer
    told: list[str] = field(default_factory=list)
    ended: list[ChangeRecord] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """Where the demo's decisions are made."""
        root, settings = self.session.root, self.session.settings
        return Desk(root, settings, db.connect(root, settings))

    def tell(self, text: str) -> None:
        """Say it now, and again in the summary."""
        self.told.append(text)
        ERR.print(f"  [green]✓[/] {escaped(text)}")


@contextmanager
def _meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` beside the block; what it raises is raised at the block's end."""
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(work)
        yield
        begun.result()


def prepare(stage: Stage) -> None:
    """The engine is found or built while the cloud starts; the demo people get their keys."""
    warm()
    with _meanwhile(lambda: daemons.ensure(stage.session.root, daemons.LOCAL_CLOUD)):
        cli = engine.find_or_build(stage.session.settings, progress=stage.session.report)
    stage.tell(f"the Pulumi engine {cli.version} ({cli.source}) and the embedded cloud are ready")
    demo_people.ensure(stage.session.root, stage.session.settings)
    stage.tell("demo people (stand-ins, refused on any real target): author, maintainer, operator, security")


def create(stage: Stage) -> None:
    """Build and staging of every app, all at once; staging serves the apps as they are."""
    driver = stage.session.driver
    operations = [driver.start(Kind.UP, app, environment) for app in APPS for environment in STANDING]
    with _meanwhile(lambda: daemons.ensure(stage.session.root, daemons.WORKER)):
        for result in follow(operations):
            stage.tell(f"{result.stack} stands: {sum(result.changes.values())} resources, {result.duration:.0f} s")
    stage.tell("the worker runs: it moves changes through their stages")
    for app in APPS:
        _served(stage, "staging", app)
    _counted(stage)


def first_release(stage: Stage) -> None:
    """Production: refused without a decision, then decided."""
    try:
        stage.session.driver.start(Kind.UP, APP, "production")
    except DecisionRequired as refusal:
        stage.tell(f"refused: {refusal}")
    else:
        raise DemoFailed("the driver started on production without a decision")
    root, settings = stage.session.root, stage.session.settings
    signature = _signed(stage, client.promotion_payload(root, settings, APP, demo_people.AUTHOR))
    asked = client.promote(root, settings, APP, person=demo_people.AUTHOR, signature=signature)
    (ended,) = Follower(stage.desk, stage.answer).follow([asked.id])
    if ended.state is not ChangeState.RELEASED:
        raise DemoFailed(f"the first release did not get to production: {ended.state}, {ended.detail}")
    _served(stage, "production")


def three_changes(stage: Stage) -> None:
    """All three at once."""
    root, settings = stage.session.root, stage.session.settings
    submitted = []
    for change in CHANGES:
        signature = _signed(stage, client.submission_payload(root, settings, APP, change, demo_people.AUTHOR))
        record = client.submit(root, settings, APP, change, person=demo_people.AUTHOR, signature=signature)
        submitted.append(record.id)
        ERR.print(f"  submitted [bold]{change}[/]: {escaped(record.title)}")
    stage.ended = Follower(stage.desk, stage.answer).follow(submitted)
    for record in stage.ended:
        how = record.state.value if record.ended else "waits in the inbox"
        stage.tell(f"{record.change}: {how}: {record.detail.splitlines()[0][:160]}")


def both_serve(stage: Stage) -> None:
    """`curl` reaches staging and production."""
    for environment in ("staging", "production"):
        _served(stage, environment)


def _served(stage: Stage, environment: str, app: str = APP) -> None:
    service = _service(stage, environment, app)
    url = f"http://{service.address}/health"
    body = _answered(url)
    stage.tell(f"curl {url} -> {json.dumps(json.loads(body))} ({service.artefact[:19]})")


def _counted(stage: Stage) -> None:
    """An event goes from tally's service over its queue to its worker, and from there into its database."""
    address = f"http://{_service(stage, 'staging', 'tally').address}"
    status, body = ask(f"{address}/events", '{"name": "demo"}')
    if status != HTTPStatus.ACCEPTED:
        raise DemoFailed(f"{address}/events answers {status}: {body[:200]}")
    told = json.loads(_answered(f"{address}/tally/demo"))
    stage.tell(f"tally: an event went over the queue to the worker, and is in the database: {json.dumps(told)}")


def _service(stage: Stage, environment: str, app: str) -> ServiceOutputs:
    outputs = stage.session.driver.outputs(app, environment)
    if outputs is None or outputs.service is None:
        raise DemoFailed(f"{app}-{environment} has no service")
    return outputs.service


def _answered(url: str) -> str:
    """What comes with a 200, as soon as one comes. Raises DemoFailed."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        status, body = ask(url)
        if status == HTTPStatus.OK:
            return body
        if time.monotonic() > deadline:
            raise DemoFailed(f"{url} answers {status}: {body[:200]}")
        time.sleep(0.2)


def ask(url: str, body: str | None = None) -> tuple[int, str]:
    """Status and body of a GET, or of a POST with a body, as curl gets it where it is there; 0: nothing answers."""
    if curl := shutil.which("curl"):
        command = [curl, "--silent", "--max-time", "5", "--write-out", "\n%{http_code}", url]
        command += [] if body is None else ["--header", "Content-Type: application/json", "--data-binary", body]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        answered, _, status = ran.stdout.rpartition("\n")
        return int(status or 0), answered
    # Without curl: names below .localhost are loopback by RFC 6761, but not every resolver knows.
    host, path = url.removeprefix("http://").split("/", 1)
    headers = {"Host": host} | ({} if body is None else {"Content-Type": "application/json"})
    at = f"http://127.0.0.1:{host.rpartition(':')[2]}/{path}"
    request = urllib.request.Request(at, data=None if body is None else body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- our own ingress
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _signed(stage: Stage, payload: bytes) -> str:
    root, settings = stage.session.root, stage.session.settings
    load_people(root, settings).person(demo_people.AUTHOR)
    key = demo_people.key_file(root, demo_people.AUTHOR)
    return signatures.sign_unattended(payload, key, namespace=signatures.SUBMIT)


SCENES: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("The engine, the cloud, the people", prepare),
    ("Three apps' factories: build and staging of each, all at once", create),
    ("Production needs a decision", first_release),
    ("Three changes at once", three_changes),
    ("What serves now", both_serve),
)


def timed(scene: Callable[[Stage], None], stage: Stage) -> float:
    """Play one scene; seconds it took."""
    begun = time.monotonic()
    scene(stage)
    return time.monotonic() - begun
