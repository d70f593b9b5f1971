"""`python -m tests.bench.policy`: the pack inside a real preview, beside the stock analyzer, and beside Checkov.

A generated program of 1,000 resources, and one of 50, is previewed against a local cloud without a pack, with one that
says nothing, with Millwright's and with the same controls as policies of `pulumi_policy`, in turn within one run.
Checkov reads the equivalent Terraform plan; `millwright policy check` the state that the plan is made from. The driver
brings links' build environment up with its pack and (here alone) without. Never a pass or a fail; exit code 1 when the
two packs do not refuse the same.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import FactoryRoot
from factory.settings import Settings, load
from policies import CONTROLS
from tests.bench import checkov, portfolio
from tests.bench.commands import ContestantFailed, descendants, end
from tests.bench.contestants import find_terraform
from tests.bench.cost import Command, Cost, measure
from tests.bench.policy_packs import NO_PACK, OURS, SILENT, STOCK, Preview, Program
from tests.bench.policy_program import WITH_ONE_SERVICE
from tests.bench.policy_report import CHECK, CHECKOV, DRIVER, WITH, WITHOUT, Found, show

ERR = Console(stderr=True, highlight=False)
PACKS = (NO_PACK, SILENT, OURS, STOCK)
SMALL = 50
IMPORTS: Mapping[str, str] = {OURS: "import policies.analyzer", STOCK: "import pulumi_policy"}


def main() -> int:
    """Run the benchmark and print it."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    before = os.getloadavg()[0]
    try:
        with _factory() as (root, settings):
            bench = Bench(root, settings, options.rounds)
            bench.require_one_verdict()
            previews = {size: bench.previews(size) for size in dict.fromkeys((options.resources, SMALL))}
            driver, starts = bench.driver(), bench.starts()
            why, scans, checks = bench.scans(options.resources, options.checkov, options.terraform_mirror)
    except (ContestantFailed, MillwrightError) as error:
        ERR.print(f"not measured: {error}", markup=False)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        ERR.print("interrupted; nothing is left running")
        return ExitCode.INTERRUPTED
    found = Found(
        rounds=options.rounds,
        load=(before, os.getloadavg()[0]),
        controls=len(CONTROLS),
        previews=previews,
        driver=driver,
        starts=starts,
        scans=scans,
        checks=checks,
        not_compared=why,
    )
    show(found, Console(highlight=False))
    if options.json:
        options.json.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    return ExitCode.OK


class Bench:
    """Measures everything in one factory, `rounds` times, each contestant in turn."""

    def __init__(self, root: FactoryRoot, settings: Settings, rounds: int) -> None:
        self._root, self._settings, self._rounds = root, settings, rounds

    def require_one_verdict(self) -> None:
        """Raises ContestantFailed where the two packs do not refuse the same: the figures would mean nothing."""
        ERR.print("preparing: both packs judge a program that is refused")
        program = Program(self._root, self._settings, SMALL, broken=True)
        ours, theirs = program.refused_by(OURS), program.refused_by(STOCK)
        if not ours or ours != theirs:
            raise ContestantFailed(f"not the same verdicts: {sorted(ours)}, and the stock analyzer {sorted(theirs)}")

    def previews(self, resources: int) -> dict[str, list[Preview]]:
        """The previews of so many resources, by pack."""
        program = Program(self._root, self._settings, resources)
        found: dict[str, list[Preview]] = {pack: [] for pack in PACKS}
        for number in range(self._rounds):
            for pack in _turn(PACKS, number):
                found[pack].append(program.preview(pack))
                self._tell(number, f"{resources} resources, {pack}", found[pack][-1].cost)
        return found

    def driver(self) -> dict[str, dict[str, list[Cost]]]:
        """Each operation of the driver, with the pack and without."""
        root = FactoryRoot(self._root.path / "links")
        portfolio.declare(root, 1)
        found: dict[str, dict[str, list[Cost]]] = {each: {WITH: [], WITHOUT: []} for each in DRIVER}
        try:
            for number in range(self._rounds):
                for side in _turn((WITH, WITHOUT), number):
                    for each in DRIVER:
                        kind = "up" if each == "again" else each
                        words = [sys.executable, "-m", "tests.bench.policy_driver", kind, "app-0", "build"]
                        words += ["--without-pack"] if side == WITHOUT else []
                        cost, _ = measure([Command(words, root.path, os.environ)], root)
                        found[each][side].append(cost)
                        self._tell(number, f"the driver, {each}, {side}", cost)
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)
        return found

    def starts(self) -> dict[str, list[Cost]]:
        """What it takes until a pack can begin to serve."""
        return self._in_turn(
            {name: lambda code=code: self._python(code) for name, code in IMPORTS.items()}  # type: ignore[misc]
        )

    def scans(
        self, resources: int, named: Path | None, mirror: Path | None
    ) -> tuple[str, dict[str, list[Cost]], Mapping[str, Any]]:
        """Both tools that read what is declared without an engine, and why not where they cannot be compared."""
        terraform = find_terraform(mirror, os.environ)
        if isinstance(terraform, str):
            return terraform, {}, {}
        ERR.print("preparing: Checkov, and the Terraform plan")
        tool = checkov.find_checkov(named, os.environ, self._root.path)
        if isinstance(tool, str):
            return tool, {}, {}
        small = Program(self._root, self._settings, WITH_ONE_SERVICE).deployment()
        deployment = checkov.repeated(small, resources)
        state = self._root.path / "state.json"
        state.write_text(json.dumps({"version": 3, "deployment": deployment}))
        endpoint = daemons.ensure(self._root, daemons.LOCAL_CLOUD).addresses["http"]
        plan = checkov.plan(deployment, terraform, self._root, endpoint)
        words = [portfolio.MILLWRIGHT, "policy", "check", "--state", str(state), "--json"]
        summary: dict[str, Any] = {}

        def scanned() -> Cost:
            cost, told = checkov.scan(tool, plan, self._root)
            summary.update(told)
            return cost

        def judged() -> Cost:
            return measure([Command(words, self._root.path, os.environ)], self._root)[0]

        return "", self._in_turn({CHECKOV: scanned, CHECK: judged}), summary

    def _in_turn(self, contestants: Mapping[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
        found: dict[str, list[Cost]] = {name: [] for name in contestants}
        for number in range(self._rounds):
            for name in _turn(tuple(contestants), number):
                found[name].append(contestants[name]())
                self._tell(number, name, found[name][-1])
        return found

    def _python(self, code: str) -> Cost:
        return measure([Command([sys.executable, "-c", code], self._root.path, os.environ)], self._root)[0]

    def _tell(self, number: int, what: str, cost: Cost) -> None:
        ERR.print(
            f"round {number + 1} of {self._rounds}: {what}: {cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU s",
            markup=False,
        )


def _turn(contestants: Sequence[str], number: int) -> Sequence[str]:
    """Who goes first would have the machine to itself more often than the others."""
    return contestants if number % 2 == 0 else contestants[::-1]


@contextmanager
def _factory() -> Iterator[tuple[FactoryRoot, Settings]]:
    not_ours = descendants()
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as folder:
        root = FactoryRoot(Path(folder).resolve())
        root.settings_file.write_text("aws: local\n")
        try:
            # Of the user's settings only the engine's place counts: a benchmark never reaches a real account.
            yield root, Settings(engine_cache=load(root).engine_cache)
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)
            end(descendants() - not_ours)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.policy", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every contestant (default: 3)")
    parser.add_argument("--resources", type=int, default=1000, help="of the large program (default: 1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--checkov", type=Path, metavar="FILE", help=f"its command (else {checkov.VERSION} from PyPI)")
    parser.add_argument("--terraform-mirror", type=Path, metavar="DIR", help="a folder that mirrors the AWS provider")
    options = parser.parse_args()
    if options.rounds < 1 or options.resources < WITH_ONE_SERVICE:
        parser.error(f"--rounds: at least 1; --resources: at least {WITH_ONE_SERVICE}")
    return options


if __name__ == "__main__":
    sys.exit(main())
