"""The scenes of the demo: each does one thing on real parts, checks what came of it, and says so."""

import subprocess
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.tree import Tree

import engine
from console.commands.init import make_factory
from console.demo.inventory import Cloud, inventory, keys_in_deletion
from console.session import Session
from console.show import ERR, escaped
from console.watch import follow
from factory import daemons
from factory.errors import DecisionRequired, MillwrightError, PolicyViolation
from factory.paths import FactoryRoot
from factory.settings import load
from factory.spec import load_app
from stacks.driver import Driver, Kind

APP = "links"
STANDING = ("build", "staging")
CLI_SECONDS = 300
WORLD_OPEN = textwrap.dedent(
    '''
    """What the policy pack is there for: a door open to the whole world."""

    import pulumi
    from pulumi_aws import ec2


    def extend(factory):
        ec2.SecurityGroup(
            "open-door",
            vpc_id=factory.network.network_id,
            ingress=[{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}],
            opts=pulumi.ResourceOptions(parent=factory),
        )
    '''
).lstrip()


class DemoFailed(MillwrightError):
    """A scene did not end as it must: the demo proves something or fails, it never looks away."""


@dataclass
class Stage:
    """What the scenes share: the factory, and what each of them has to tell at the end."""

    session: Session
    told: list[str] = field(default_factory=list)

    @property
    def cloud(self) -> Cloud:
        """The cloud of the demo's app, by boto3."""
        run_file = daemons.ensure(self.session.root, daemons.LOCAL_CLOUD)
        return Cloud(load_app(self.session.root, APP).region, run_file.addresses["http"])

    def tell(self, text: str) -> None:
        """Say it now, and again in the summary."""
        self.told.append(text)
        ERR.print(f"  [green]✓[/] {escaped(text)}")


def prepare(stage: Stage) -> None:
    """The engine is found or built while the cloud starts."""
    failures: list[Exception] = []

    def start_cloud() -> None:
        try:
            daemons.ensure(stage.session.root, daemons.LOCAL_CLOUD)
        except MillwrightError as error:
            failures.append(error)

    starting = threading.Thread(target=start_cloud)
    starting.start()
    cli = engine.find_or_build(stage.session.settings, progress=stage.session.report)
    starting.join()
    if failures:
        raise failures[0]
    stage.tell(f"the Pulumi engine {cli.version} ({cli.source}) and the embedded cloud are ready")


def create(stage: Stage) -> None:
    """Both environments, side by side."""
    driver = stage.session.driver
    results = follow([driver.start(Kind.UP, APP, environment) for environment in STANDING])
    for result in results:
        stage.tell(f"{result.stack} stands: {sum(result.changes.values())} resources, {result.duration:.0f} s")


def show_created(stage: Stage) -> None:
    """What the cloud holds now, read by boto3, not from Pulumi's state."""
    tree = Tree(f"[bold]{APP}[/] in the cloud, as boto3 lists it")
    held = inventory(stage.cloud)
    for kind, identifiers in held.items():
        branch = tree.add(f"{kind} ({len(identifiers)})")
        for identifier in identifiers:
            # An ARN's first five fields say cloud, service, region and account, which are the same for all.
            branch.add(f"[dim]{identifier.split(':', 5)[-1]}[/]")
    ERR.print(tree)
    if not held:
        raise DemoFailed("the cloud holds nothing after both updates")
    stage.tell(f"boto3 finds {sum(map(len, held.values()))} things of {len(held)} kinds in the cloud")


def refuse_production(stage: Stage) -> None:
    """Production needs a decision: the driver refuses, and so does the plain pulumi command."""
    try:
        stage.session.driver.start(Kind.UP, APP, "production")
    except DecisionRequired as refusal:
        stage.tell(f"driver: {refusal}")
    else:
        raise DemoFailed("the driver started on production without a decision")
    plain = pulumi(stage.session, "preview", "--stack", f"{APP}-production")
    if plain.returncode == 0 or "decision" not in plain.stdout + plain.stderr:
        raise DemoFailed(f"plain pulumi did not refuse production:\n{plain.stdout}{plain.stderr}")
    stage.tell(f"pulumi up -s {APP}-production: refused too")


def change_nothing(stage: Stage) -> None:
    """The other door sees the same state: a plain preview finds nothing to do."""
    for environment in STANDING:
        plain = pulumi(stage.session, "preview", "--expect-no-changes", "--stack", f"{APP}-{environment}")
        if plain.returncode:
            raise DemoFailed(f"plain pulumi sees changes after an update:\n{plain.stdout}{plain.stderr}")
        stage.tell(f"pulumi preview --expect-no-changes -s {APP}-{environment}: passes")


def find_drift(stage: Stage) -> None:
    """Somebody shortens a log's retention by hand; the factory notices and puts it back."""
    name = f"/millwright/{APP}-build-agents"
    logs = stage.cloud.client("logs")
    logs.put_retention_policy(logGroupName=name, retentionInDays=1)
    drift = stage.session.driver.drift(APP, "build")
    if not any(step.type.endswith(":LogGroup") for step in drift.changed):
        raise DemoFailed(f"a hand-made change was not found: {drift.changed}")
    step = drift.changed[0]
    stage.tell(f"drift found: {step.name}, {', '.join(step.properties) or step.action} (changed by hand to 1 day)")
    follow([stage.session.driver.start(Kind.UP, APP, "build", refresh=True)])
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if group["retentionInDays"] == 1:
        raise DemoFailed("the drift was not repaired")
    stage.tell(f"drift repaired: {group['retentionInDays']} days again")


def stop_violation(stage: Stage) -> None:
    """A factory of somebody else's, with a door open to the world: both doors refuse, and nothing is created."""
    with tempfile.TemporaryDirectory(prefix="millwright-demo-") as folder:
        root = make_factory(Path(folder) / "careless", APP)
        (root.apps / APP / "infra.py").write_text(WORLD_OPEN)
        session = Session(root, load(root), stage.session.report)
        try:
            _expect_refusals(stage, session)
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)


def _expect_refusals(stage: Stage, session: Session) -> None:
    try:
        Driver(session.root, session.settings, session.env).up(APP, "build")
    except PolicyViolation as refusal:
        stage.tell(f"driver: {str(refusal).splitlines()[1]}")
    else:
        raise DemoFailed("the driver let a door open to the world pass")
    plain = pulumi(session, "up", "--yes", "--stack", f"{APP}-build")
    if plain.returncode == 0 or "0.0.0.0/0" not in plain.stdout + plain.stderr:
        raise DemoFailed(f"plain pulumi let a door open to the world pass:\n{plain.stdout}{plain.stderr}")
    held = inventory(Cloud(load_app(session.root, APP).region, _endpoint(session.root)))
    if held:
        raise DemoFailed(f"a refused update created things: {held}")
    stage.tell("plain pulumi up: refused too, and nothing was created")


def destroy(stage: Stage) -> None:
    """Everything goes, side by side, and boto3 proves it."""
    driver = stage.session.driver
    follow([driver.start(Kind.DESTROY, APP, environment) for environment in STANDING])
    prove_empty(stage)


def prove_empty(stage: Stage) -> None:
    """Raises DemoFailed when boto3 still finds anything."""
    left = inventory(stage.cloud)
    if left:
        raise DemoFailed(f"after the destroy the cloud still holds {left}", hint="make demo-clean")
    waiting = len(keys_in_deletion(stage.cloud))
    note = f" ({waiting} keys wait for the end of their deletion window, as on AWS)" if waiting else ""
    stage.tell(f"boto3 finds nothing left{note}")


def pulumi(session: Session, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The plain door: the `pulumi` command as a user types it."""
    shim = Path(session.env.python).parent / "pulumi"
    ERR.print(f"  [dim]$ pulumi {' '.join(arguments)}[/]")
    return subprocess.run(
        [str(shim), *arguments, "--non-interactive", "--color", "never"],
        capture_output=True,
        text=True,
        cwd=session.root.path,
        timeout=CLI_SECONDS,
        check=False,
    )


def _endpoint(root: FactoryRoot) -> str:
    return daemons.ensure(root, daemons.LOCAL_CLOUD).addresses["http"]


SCENES: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("The engine and the cloud", prepare),
    ("One app's factory: build and staging, side by side", create),
    ("What was created", show_created),
    ("Production needs a decision", refuse_production),
    ("A second look changes nothing", change_nothing),
    ("Somebody changes something by hand", find_drift),
    ("A policy violation is stopped", stop_violation),
    ("Everything goes again", destroy),
)


def timed(scene: Callable[[Stage], None], stage: Stage) -> float:
    """Play one scene; seconds it took."""
    begun = time.monotonic()
    scene(stage)
    return time.monotonic() - begun
