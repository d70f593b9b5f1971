"""`python -m tests.bench.engine`: create, preview and destroy the same resources in different ways, in one run.

Prints medians, spread and the ratio to Terraform (where it is), interleaved run by run; never a pass or a fail. A
factory of its own in a temporary folder, with a local cloud of its own, all gone at the end. The tests of this module
live in tests/engine: with a test beside it, pytest would put this folder on the path and `engine` would mean this file.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

import engine
from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings, load
from tests.bench import calls
from tests.bench.commands import ContestantFailed, descendants, end
from tests.bench.contestants import Contestant, PulumiCli, Terraform, WarmApi, find_terraform
from tests.bench.plan import plan_of
from tests.bench.report import MEASURES, Report, show

# Progress goes to standard error, the tables to standard output.
ERR = Console(stderr=True, highlight=False)
NAME = "localcloud"
STACKS_AT_ONCE = 4


def main() -> int:
    """Run the benchmark and print it. Returns 1 when a contestant could not do its work."""
    options = _options()
    # `kill` must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = bench(options.resources, options.runs, options.terraform_mirror)
    except (ContestantFailed, MillwrightError) as error:
        ERR.print(f"not measured: {error}", markup=False)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        ERR.print("interrupted; nothing is left running")
        return ExitCode.INTERRUPTED
    show(report, Console(highlight=False))
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    return ExitCode.OK


def bench(resources: int, runs: int, mirror: Path | None, *, with_calls: bool = True) -> Report:
    """Measure every contestant `runs` times, in turn.

    Raises ContestantFailed when one cannot do the work, EngineUnavailable when there is no CLI.
    """
    load_average = os.getloadavg()[0]
    terraform = find_terraform(mirror, os.environ)
    with _factory() as (root, settings, cloud):
        entries: list[Contestant] = [
            PulumiCli(
                _folder(root, "cold"), engine.prepare(root, settings, policy_pack=None), plan_of(resources, "cold")
            ),
            WarmApi(
                _folder(root, "warm"),
                engine.prepare(root, settings, policy_pack=None, warm_provider=_attached(cloud)),
                plan_of(resources, "warm"),
            ),
        ]
        peer = None
        if not isinstance(terraform, str):
            plan = plan_of(resources, "peer")
            entries.append(Terraform(_folder(root, "terraform"), *terraform, cloud.addresses["http"], plan))
            peer = entries[-1].name
        seconds = _measured(entries, runs)
        together = _together(root, settings, cloud, resources, runs)
        latencies = calls.measure(cloud.addresses["http"]) if with_calls else {}
    return Report(
        resources=resources,
        runs=runs,
        load=load_average,
        seconds=seconds,
        together=together,
        peer=peer,
        not_compared=terraform if isinstance(terraform, str) else "",
        call_milliseconds=latencies,
    )


def _measured(entries: list[Contestant], runs: int) -> dict[str, dict[str, list[float]]]:
    for entry in entries:
        ERR.print(f"preparing: {entry.name}")
        entry.prepare()
    seconds: dict[str, dict[str, list[float]]] = {entry.name: {name: [] for name in MEASURES} for entry in entries}
    for number in range(1, runs + 1):
        for entry in entries:
            ERR.print(f"run {number} of {runs}: {entry.name}")
            for measure in MEASURES:
                seconds[entry.name][measure].append(_seconds(getattr(entry, measure)))
    return seconds


def _together(
    root: FactoryRoot, settings: Settings, cloud: daemons.RunFile, resources: int, runs: int
) -> dict[str, list[float]]:
    """Stacks at once against one cloud: the seconds of each, by measure."""
    env = engine.prepare(root, settings, policy_pack=None, warm_provider=_attached(cloud))
    names = [f"together-{number}" for number in range(STACKS_AT_ONCE)]
    entries = [WarmApi(_folder(root, name), env, plan_of(resources, name)) for name in names]
    for entry in entries:
        entry.prepare()
    seconds: dict[str, list[float]] = {name: [] for name in MEASURES}
    with ThreadPoolExecutor(STACKS_AT_ONCE) as pool:
        for number in range(1, runs + 1):
            ERR.print(f"run {number} of {runs}: {STACKS_AT_ONCE} stacks at once, warm")
            for measure in MEASURES:
                seconds[measure] += pool.map(lambda entry, measure=measure: _seconds(getattr(entry, measure)), entries)
    return seconds


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _factory() -> Iterator[tuple[FactoryRoot, Settings, daemons.RunFile]]:
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as folder:
        root = FactoryRoot(Path(folder).resolve())
        root.settings_file.write_text("aws: local\n")
        # Of the user's settings only the engine's place counts: a benchmark never reaches a real account or backend.
        settings = Settings(engine_cache=load(root).engine_cache)
        not_ours = descendants()
        try:
            yield root, settings, daemons.ensure(root, NAME)
        finally:
            daemons.stop(root, NAME)
            end(descendants() - not_ours)


def _folder(root: FactoryRoot, name: str) -> Path:
    return private_folder(root.path / name)


def _attached(cloud: daemons.RunFile) -> str:
    return f"aws:{cloud.addresses['provider'].rpartition(':')[2]}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=_positive, default=5, help="runs of every contestant (default: 5)")
    parser.add_argument("--resources", type=_positive, default=50, help="how many resources (default: 50)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--terraform-mirror", type=Path, metavar="DIR", help="a folder that mirrors the AWS provider")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
