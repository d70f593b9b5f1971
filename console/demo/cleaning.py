"""`millwright demo --clean`: destroy what stands through the driver, prove it by boto3, stop and remove the rest."""

import sys
from dataclasses import replace

from console.demo.inventory import Cloud, audit_records, database_snapshots, inventory
from console.demo.people import Desk
from console.demo.place import demo_root, remove_place
from console.demo.scenes import DemoFailed
from console.demo.story import require_local
from console.session import Session
from console.show import ERR
from console.watch import follow
from factory import daemons, db, demo_people, signatures
from factory.decisions import Verdict
from factory.settings import load
from factory.spec import Environment, app_names, load_app
from factory.trees import remove_tree
from pipeline.leftovers import stop_worker
from stacks import destruction, places
from stacks.driver import Kind
from stacks.shared_platform import PLATFORM, Shared


def clean(session: Session) -> None:
    """Clean the demo's factory, if there is one, and this one: no stack, daemon or file of ours is left."""
    require_local(session)
    place = demo_root(session.root)
    if place.path.is_dir():
        ERR.print("[bold]the demo's factory[/]")
        _empty(replace(session, root=place, settings=load(place)))
        remove_place(session.root)
        sys.stderr.write(f"removed {place.path}\n")
    _empty(session)
    daemons.stop(session.root, daemons.LOCAL_CLOUD)
    # Artefacts are kept read-only, folders too: only their owner may say that they go.
    remove_tree(session.root.state)
    sys.stderr.write(f"removed {session.root.state}\n")


def _empty(session: Session) -> None:
    """Stop what works for the factory, destroy every stack of it, and prove that its cloud is empty."""
    root = session.root
    stop_worker(root)
    daemons.stop(root, daemons.ACCESS)
    if not root.local_cloud.is_dir():
        ERR.print("there is no local cloud, so there is nothing to destroy")
        return
    # What it holds outlives it.
    run_file = daemons.ensure(root, daemons.LOCAL_CLOUD)
    declared = [(app, environment) for app in app_names(root) for environment in load_app(root, app).environments]
    for app, environment in declared:
        if environment is Environment.PRODUCTION:
            _decide_destroy(session, app)
    follow(
        [
            session.driver.start(Kind.DESTROY, app, environment)
            for app, environment in declared
            if environment is not Environment.PRODUCTION or _stands(session, app)
        ]
    )
    # Last: it records what is done to the others.
    if platform := session.driver.platform_outputs():
        if locked := audit_records(Cloud(platform.region, run_file.addresses["http"]), platform.audit.store):
            # As on AWS, nobody removes them for a year. Only a cloud that is a stand-in can go as a whole.
            ERR.print(f"{PLATFORM} holds {len(locked)} locked audit records: the embedded cloud is reset with them")
            daemons.call(run_file, "reset")
        else:
            follow([session.driver.start(Kind.DESTROY, PLATFORM, Shared.SHARED)])
    regions = {load_app(root, app).region for app, _ in declared} | {session.settings.platform_region}
    for region in sorted(regions):
        _remove_snapshots(Cloud(region, run_file.addresses["http"]))
        if left := inventory(Cloud(region, run_file.addresses["http"])):
            raise DemoFailed(
                f"after destroying every stack, {region} still holds {left}",
                hint="somebody made it by hand; `millwright cloud reset` removes it too",
            )
        ERR.print(f"[green]✓[/] boto3 finds nothing left in {region}")


def _remove_snapshots(cloud: Cloud) -> None:
    """What production's databases leave on purpose: here their cloud goes as well."""
    for name in database_snapshots(cloud):
        cloud.client("rds").delete_db_snapshot(DBSnapshotIdentifier=name)
        ERR.print(f"removed the final snapshot {name}")


def _stands(session: Session, app: str) -> bool:
    return session.driver.outputs(app, Environment.PRODUCTION) is not None


def _decide_destroy(session: Session, app: str) -> None:
    """Destroying production needs a decision, also here: the demo's operator makes it, on the stand-in only."""
    if not _stands(session, app):
        return
    demo_people.ensure(session.root, session.settings)
    desk = Desk(session.root, session.settings, db.connect(session.root, session.settings))
    spec = load_app(session.root, app)
    place = places.Place(session.root, session.settings, desk.database, spec, Environment.PRODUCTION)
    request = destruction.asked(place) or destruction.ask(place, demo_people.AUTHOR, _asked_by_author(session, place))
    if desk.is_open(request):
        desk.decide(request, Verdict.APPROVE, "the clean-up of the demo")


def _asked_by_author(session: Session, place: places.Place) -> str:
    payload = destruction.payload(place, demo_people.AUTHOR)
    key = demo_people.key_file(session.root, demo_people.AUTHOR)
    return signatures.sign_unattended(payload, key, namespace=signatures.SUBMIT)
