"""Runs criteria against the app: the test process in one sandbox, the service in another, between them one socket.

The tree is on no path of the test process, and nothing that the app writes can reach the criteria or the verdict.
"""

from collections import Counter
from pathlib import Path
from typing import Final

from factory.paths import FactoryRoot
from factory.spec import AppSpec
from factory.trees import remove_tree
from pipeline.changefiles import criteria, vocabulary
from pipeline.changefiles.criteria import Scenario
from pipeline.checks import sockets
from pipeline.checks.reports import Failure, SuiteName, SuiteReport
from pipeline.checks.service_door import service_door
from pipeline.checks.verdicts import Case, NoVerdict, read_cases
from sandbox import Bind, Confined, Limits, Ran, python_binds, run

SUITE: Final = "/suite"
OUT: Final = "/out"
DOORS: Final = "/doors"
VOCABULARY: Final = Path(vocabulary.__file__).parent
FEATURE: Final = "criteria.feature"
MODULE: Final = "test_criteria.py"
VERDICT: Final = "verdict.xml"
SECONDS: Final = 30.0
RUN_SECONDS: Final = 15.0
MOST_SECONDS: Final = 600.0
# Only what is named here is loaded: no conftest, no installed plugin, no configuration but the suite's own.
ARGUMENTS: Final = (
    "python", "-P", "-m", "pytest", f"{SUITE}/{MODULE}", "-c", f"{SUITE}/pytest.ini", "--rootdir", SUITE,
    "--noconftest", "--import-mode=importlib", "-p", "pytest_bdd.plugin", "-p", "vocabulary.steps",
    "-p", "no:cacheprovider", "--junitxml", f"{OUT}/{VERDICT}", "--tb=short", "--show-capture=no", "-q",
)  # fmt: skip
ENVIRONMENT: Final = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": SUITE,
    "PYTHONSAFEPATH": "1",
}


def run_criteria(root: FactoryRoot, name: SuiteName, text: str, spec: AppSpec, tree: Path, work: Path) -> SuiteReport:
    """Run every scenario of `text` against the app in `tree`; `work` is an empty folder of this run alone."""
    found = criteria.read(text)
    if found.mistakes or not found.scenarios:
        return _problem(name, found.runs, "the criteria have mistakes: they were not run")
    suite, out, service = (work / part for part in ("suite", "out", "service"))
    for folder in (suite, out, service):
        folder.mkdir(mode=0o700)
    _write_suite(suite, text, found.scenarios)
    door = sockets.make(root)
    try:
        with service_door(spec, tree, door, service):
            ran = run(_confined(suite, out, door, found.runs))
    finally:
        remove_tree(door)
    try:
        cases = read_cases(out / VERDICT)
    except NoVerdict as error:
        return _problem(name, found.runs, f"{error} ({_how(ran)})", ran.seconds)
    return judge(name, found.scenarios, cases, ran)


def judge(name: SuiteName, scenarios: list[Scenario], cases: list[Case], ran: Ran) -> SuiteReport:
    """The verdict: every scenario has run as often as it must, each run passed, and pytest says the same."""
    failures: list[Failure] = []
    counts = Counter[str]()
    for index, scenario in enumerate(scenarios):
        own = [case for case in cases if _index(case) == index]
        failures.extend(_failure(scenario, case) for case in own if case.outcome != "passed")
        counts.update(case.outcome for case in own)
        if len(own) != scenario.runs:
            counts["error"] += abs(scenario.runs - len(own))
            failures.append(Failure(name=scenario.name, message=f"ran {len(own)} times, not {scenario.runs}"))
    problem = ""
    if any(_index(case) is None or _index(case) not in range(len(scenarios)) for case in cases):
        problem = "the verdict names tests that are none of the criteria"
    elif (ran.code == 0) != (not failures):
        problem = f"the verdict and the run do not agree ({_how(ran)})"
    return SuiteReport(
        name=name,
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["error"],
        skipped=counts["skipped"],
        failures=tuple(failures),
        problem=problem,
        seconds=ran.seconds,
    )


def _write_suite(suite: Path, text: str, scenarios: list[Scenario]) -> None:
    tests = [
        f"@scenario({FEATURE!r}, {scenario.name!r})\ndef test_{index}():\n    pass\n"
        for index, scenario in enumerate(scenarios)
    ]
    # Where the vocabulary is bound: a place must exist for it.
    (suite / "vocabulary").mkdir()
    (suite / MODULE).write_text("\n\n".join(["from pytest_bdd import scenario\n", *tests]))
    (suite / FEATURE).write_text(text)
    (suite / "pytest.ini").write_text("[pytest]\njunit_family = xunit2\n")


def _confined(suite: Path, out: Path, door: Path, runs: int) -> Confined:
    return Confined(
        argv=ARGUMENTS,
        binds=(
            *python_binds(),
            Bind(suite, SUITE),
            Bind(VOCABULARY, f"{SUITE}/vocabulary"),
            Bind(door, DOORS),
            Bind(out, OUT, writable=True),
        ),
        env=ENVIRONMENT,
        cwd=SUITE,
        limits=Limits(seconds=min(SECONDS + RUN_SECONDS * runs, MOST_SECONDS), file_mib=16),
    )


def _index(case: Case) -> int | None:
    number = case.name.rpartition(".test_")[2].partition("[")[0]
    return int(number) if number.isdecimal() else None


def _failure(scenario: Scenario, case: Case) -> Failure:
    # pytest marks with "E" what was raised; the rest shows the vocabulary's own code.
    said = [line.removeprefix("E").strip() for line in case.message.splitlines() if line.startswith("E  ")]
    message = "\n".join(said).removeprefix("AssertionError: ") if said else case.message
    return Failure(name=scenario.name, message=f"{case.step}: {message}" if case.step else message)


def _problem(name: SuiteName, runs: int, problem: str, seconds: float = 0.0) -> SuiteReport:
    return SuiteReport(
        name=name, passed=0, failed=0, errors=runs, skipped=0, failures=(), problem=problem, seconds=seconds
    )


def _how(ran: Ran) -> str:
    return f"timed out after {ran.seconds:.0f} s" if ran.timed_out else f"exit code {ran.code}"
