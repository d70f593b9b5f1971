"""`python -m tests.bench.driver`: links' build environment, one app and four at once, beside the Terraform equivalent.

The equivalent is generated from the state that `millwright up` leaves. Both sides run their commands as typed, each
against a fresh local cloud, in turn within one run, so that what else the machine does meets both. Seconds are medians
of the rounds; nothing passes or fails by them. Exit code 1 when the sides do not make the same resources.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

import engine
from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.settings import load
from stacks.driver.cli import run_cli
from tests.bench import driver_report, portfolio
from tests.bench.commands import ContestantFailed, descendants, end, run
from tests.bench.contestants import find_terraform, terraform_environment
from tests.bench.cost import Cost
from tests.bench.sides import ENVIRONMENT, MEASURES, Configurations, Millwright, Side, Terraform, change_apps
from tests.bench.terraform_config import Json, NoCounterpart, configuration

ERR = Console(stderr=True, highlight=False)
SIZES = (1, 4)
SCHEMA_SECONDS = 300
NO_ENDPOINT = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Peer:
    """Terraform with the configurations of all apps, and what its provider does not have."""

    terraform: tuple[str, Path]
    configurations: Mapping[str, Configurations]
    left_out: tuple[str, ...]


def main() -> int:
    """Run the benchmark and print it."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terraform = find_terraform(options.terraform_mirror, os.environ)
    not_ours = descendants()
    try:
        with tempfile.TemporaryDirectory(prefix="millwright-bench-") as folder:
            bench = Bench(Path(folder).resolve(), with_database=not options.without_database)
            peer = None if isinstance(terraform, str) else bench.peer(terraform, max(options.apps))
            not_compared = terraform if isinstance(terraform, str) else ""
            found = [bench.size(size, options.rounds, peer) for size in options.apps]
    except (ContestantFailed, NoCounterpart, MillwrightError) as error:
        ERR.print(f"not measured: {error}", markup=False)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        ERR.print("interrupted; nothing is left running")
        return ExitCode.INTERRUPTED
    finally:
        end(descendants() - not_ours)
    driver_report.show(found, not_compared, peer.left_out if peer else (), Console(highlight=False))
    if options.json:
        options.json.write_text(json.dumps([each.as_json() for each in found], indent=2) + "\n")
    return ExitCode.FAILED if any(each.missing for each in found) else ExitCode.OK


class Bench:
    """Makes the factories of one run, each in a folder of its own below `folder`."""

    def __init__(self, folder: Path, *, with_database: bool) -> None:
        self._folder, self._with_database, self._made = folder, with_database, 0

    def peer(self, terraform: tuple[str, Path], apps: int) -> Peer:
        """Bring the apps up once, unmeasured, to read from their states what Terraform is to declare."""
        ERR.print(f"preparing: the Terraform equivalent of {apps} app(s)")
        names = _names(apps)
        with self._factory() as root:
            self._declare(root, apps)
            schemas, _ = schemas_of(private_folder(root.path / "schema"), terraform)
            before = _states(root, names)
            change_apps(root, names)
            after = _states(root, names)
        configurations, left_out = {}, []
        for app in names:
            documents = [configuration(state[app], schemas, NO_ENDPOINT) for state in (before, after)]
            configurations[app] = Configurations(*(each.document for each in documents))
            left_out += documents[0].left_out
        return Peer(terraform, configurations, tuple(left_out))

    def size(self, apps: int, rounds: int, peer: Peer | None) -> driver_report.Size:
        """Every measure of both sides, for so many apps."""
        names = _names(apps)
        load = os.getloadavg()[0]
        costs: dict[str, dict[str, list[Cost]]] = {}
        declared: dict[str, set[str]] = {}
        slowest = (0, "")
        for number in range(rounds):
            kinds: Sequence[type[Side]] = (Millwright, Terraform) if peer else (Millwright,)
            # Who goes first would have the machine to itself more often than the other.
            for kind in kinds if number % 2 == 0 else reversed(kinds):
                with self._factory() as root:
                    side = self._side(kind, root, names, peer)
                    ERR.print(f"{apps} app(s), round {number + 1} of {rounds}: {side.name}")
                    for measure in MEASURES:
                        cost: Cost = getattr(side, measure)()
                        costs.setdefault(side.name, {}).setdefault(measure, []).append(cost)
                        ERR.print(f"  {measure}: {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s")
                    declared[side.name] = {f"{app}: {each}" for app, found in side.declared.items() for each in found}
                    slowest = max(slowest, getattr(side, "slowest", slowest))
        return driver_report.Size(
            apps=apps, rounds=rounds, load=(load, os.getloadavg()[0]), costs=costs, declared=declared, slowest=slowest
        )

    def _side(self, kind: type[Side], root: FactoryRoot, names: Sequence[str], peer: Peer | None) -> Side:
        if peer and kind is Terraform:
            root.path.mkdir()
            root.settings_file.write_text("aws: local\n")
            return Terraform(root, names, peer.terraform, peer.configurations)
        self._declare(root, len(names))
        daemons.ensure(root, daemons.LOCAL_CLOUD)
        return Millwright(root, names)

    def _declare(self, root: FactoryRoot, apps: int) -> None:
        portfolio.declare(root, apps)
        if not self._with_database:
            for app in _names(apps):
                file = root.apps / app / "app.yaml"
                file.write_text(_without_database(file.read_text()))

    @contextmanager
    def _factory(self) -> Iterator[FactoryRoot]:
        self._made += 1
        root = FactoryRoot(self._folder / f"factory-{self._made}")
        try:
            yield root
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)


def _names(apps: int) -> list[str]:
    return [f"app-{number}" for number in range(apps)]


def _without_database(text: str) -> str:
    start, end_ = text.index("databases:"), text.index("secrets:")
    return text[:start] + text[end_:]


def schemas_of(folder: Path, terraform: tuple[str, Path]) -> tuple[Mapping[str, Json], dict[str, str]]:
    """Make `folder` one in which Terraform has its AWS provider: the `resource_schemas`, and its environment there."""
    executable, mirror = terraform
    environment = terraform_environment(folder, mirror)
    required = {"terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}}}
    (folder / "main.tf.json").write_text(json.dumps(required))
    run([executable, "init", "-input=false", "-no-color"], folder, environment)
    told = subprocess.run(
        [executable, "providers", "schema", "-json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
        timeout=SCHEMA_SECONDS,
    ).stdout
    providers = json.loads(told)["provider_schemas"]
    return next(iter(providers.values()))["resource_schemas"], environment


def _states(root: FactoryRoot, apps: Sequence[str]) -> dict[str, Json]:
    """What `millwright up` leaves, by app, with secrets as they are."""
    run([portfolio.MILLWRIGHT, "up", "--all", "-e", ENVIRONMENT], root.path, os.environ)
    env = engine.prepare(root, load(root), policy_pack=None)
    found = {}
    for app in apps:
        words = ["stack", "export", "--stack", f"{app}-{ENVIRONMENT}", "--show-secrets"]
        answer = run_cli(env.cli.path, words, root, environment=env.process_environment(os.environ))
        if answer.code:
            raise ContestantFailed(f"the state of {app} cannot be read: {answer.err}")
        found[app] = json.loads(answer.out)["deployment"]
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.driver", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every side (default: 3)")
    parser.add_argument("--apps", type=int, nargs="+", default=SIZES, help="how many at once (default: 1, then 4)")
    parser.add_argument("--without-database", action="store_true", help="for a database, Terraform waits by the clock")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--terraform-mirror", type=Path, metavar="DIR", help="a folder that mirrors the AWS provider")
    options = parser.parse_args()
    if options.rounds < 1 or not all(1 <= size <= 250 for size in options.apps):
        parser.error("--rounds: at least 1; --apps: 1 to 250 (each has a /16 of 10.0.0.0/8)")
    return options


if __name__ == "__main__":
    sys.exit(main())
