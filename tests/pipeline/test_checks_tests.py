"""The test stage: what the app's own code may do to its verdict, and what it may not."""

import json
import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from checks_helpers import Bench, bench

from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot
from factory.spec import load_app
from pipeline.changefiles import load_change, load_held_out
from pipeline.checks import SuiteName, TestReport, run_tests
from pipeline.checks.own_tests import run_own_tests
from pipeline.checks.reports import SuiteReport

VISIBLE = """Feature: Visible canaryseen

  Scenario: It answers canaryseen
    Given the service runs
    When I GET /health
    Then the status is {status}
"""
HELD_OUT = """Feature: Held out canaryhidden

  Scenario: It answers canaryhidden
    Given the service runs
    When I GET /canaryhidden
    Then the header "X-canaryhidden" is "canaryhidden"

  Scenario: It is well canaryhidden
    Given the service runs
    When I GET /health
    Then the status is 200
"""


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    made = bench(tmp_path)
    # The first four of links' own tests: the others take most of the time, and nothing of them is tested here.
    for tree in (made.base, made.tree):
        (tree / "tests" / "test_service.py").unlink()
        keep_tests_before(tree, "test_threads")
    return made


def keep_tests_before(tree: Path, name: str) -> None:
    file = tree / "tests" / "test_store.py"
    file.write_text(file.read_text().partition(f"\n\n\ndef {name}")[0] + "\n")


def own(place: Bench, fewer_tests: str = "", *, base: bool = True) -> SuiteReport:
    number = len(list(place.root.path.glob("own*")))
    work = place.root.path / f"own{number}"
    work.mkdir()
    return run_own_tests(place.tree, place.base if base else None, fewer_tests, work)


def test_the_apps_own_tests_pass_as_they_are(place: Bench) -> None:
    report = own(place)
    assert report.ok, report
    assert report.passed == 4


def test_a_failing_test_is_named_with_its_reason(place: Bench) -> None:
    place.write("tests/test_more.py", "def test_sum():\n    assert 1 + 1 == 3, 'arithmetic'\n")
    report = own(place)
    assert not report.ok
    (failure,) = report.failures
    assert "test_sum" in failure.name
    assert "arithmetic" in failure.message


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("conftest.py", "import os\nos._exit(0)\n", "the run ended without a verdict: exit code 0"),
        ("conftest.py", "import sys\nsys.exit(0)\n", "without a verdict"),
        ("tests/test_more.py", "import os\ndef test_end():\n    os._exit(0)\n", "the run ended without a verdict"),
        ("conftest.py", "raise RuntimeError('broken')\n", "without a verdict"),
        (
            "conftest.py",
            "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
            "def pytest_collection_modifyitems(items):\n    items.clear()\n",
            "no test ran",
        ),
        (
            "conftest.py",
            "def pytest_collection_modifyitems(items):\n    del items[3:]\n",
            "fewer tests than before the change: 3 ran",
        ),
        (
            "conftest.py",
            "import pytest\ndef pytest_runtest_setup():\n    pytest.skip('not today')\n",
            "fewer tests than before the change: 0 ran",
        ),
        (
            "conftest.py",
            "import pytest\n"
            "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish(session):\n    yield\n"
            "    import os, pathlib\n    pathlib.Path('/out/verdict.xml').unlink()\n"
            "    os.symlink('/etc/passwd', '/out/verdict.xml')\n",
            "without a verdict",
        ),
        ("pytest.ini", "[pytest]\naddopts = --collect-only\n", "no test ran"),
    ],
)
def test_own_tests_that_vanish_do_not_pass(place: Bench, path: str, text: str, said: str) -> None:
    place.write(path, text)
    report = own(place)
    assert not report.ok
    assert said in report.problem


FORGER = """
import sys
from pathlib import Path

cases = '<testcase name="t"/>' * 1000
Path("/out/verdict.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
sys.exit(0)
"""


@pytest.mark.parametrize("path", ["pytest.py", "pytest/__init__.py", "_pytest/__init__.py", "pluggy.py"])
def test_a_module_of_the_app_is_not_taken_for_pytest(place: Bench, path: str) -> None:
    place.write(path, FORGER)
    # The app's own modules are found from its root, as when a person runs `python -m pytest` there.
    place.write("helper_at_root.py", "SUM = 2\n")
    place.write("tests/test_more.py", "def test_sum():\n    from helper_at_root import SUM\n    assert SUM == 3\n")
    report = own(place)
    assert (report.passed, report.failed) == (4, 1), report
    (failure,) = report.failures
    assert "assert 2 == 3" in failure.message


def test_failures_under_exit_code_0_do_not_pass(place: Bench) -> None:
    place.write("tests/test_more.py", "def test_wrong():\n    assert False\n")
    place.write(
        "conftest.py",
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish(session):\n    yield\n"
        "    session.exitstatus = 0\n",
    )
    report = own(place)
    assert report.failed == 1
    assert not report.ok


def test_deleted_tests_do_not_pass_unless_the_change_says_why(place: Bench) -> None:
    keep_tests_before(place.tree, "test_following")
    assert "`## Fewer tests`" in own(place).problem
    assert own(place, "The store is gone.").ok
    # With nothing to compare with, what is there counts.
    assert own(place, base=False).ok


def test_tests_that_are_skipped_before_and_after_are_not_missed(place: Bench) -> None:
    skipped = "\n".join(("import pytest", "@pytest.mark.skip", "def test_elsewhere():", "    pass"))
    place.write("tests/test_more.py", skipped)
    (place.base / "tests" / "test_more.py").write_text(skipped)
    assert own(place).ok


def test_an_app_whose_tests_failed_before_the_change_is_said_so(place: Bench) -> None:
    (place.base / "conftest.py").write_text("import os\nos._exit(0)\n")
    with pytest.raises(MillwrightError, match="no verdict before the change"):
        own(place)


def test_what_the_apps_tree_configures_does_not_reach_the_criteria(place: Bench) -> None:
    # Each of these would turn every test green, were it loaded where the criteria are run.
    green = (
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n    report = yield\n"
        "    report.outcome = 'passed'\n    return report\n"
        "def pytest_collection_modifyitems(items):\n    items.clear()\n"
        "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
    )
    for path in ("conftest.py", "tests/conftest.py", "sitecustomize.py", "usercustomize.py", "pytest_bdd.py"):
        place.write(path, green)
    place.write("vocabulary/__init__.py", "")
    place.write("vocabulary/steps.py", green)
    place.change("try-it", VISIBLE.format(status=404), HELD_OUT)
    report = place.run("try-it")
    assert [failure.name for failure in report.visible.failures] == ["It answers canaryseen"]
    assert (report.held_out.passed, report.held_out.failed) == (1, 1)


def report_of(place: Bench, status: int = 404) -> TestReport:
    place.change("try-it", VISIBLE.format(status=status), HELD_OUT)
    return place.run("try-it", base=place.base)


def test_held_out_criteria_reach_nobody_but_people(place: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    keep = "pipeline.checks.testing.remove_tree"
    monkeypatch.setattr(keep, lambda path: seen.extend(names_and_environment(path)))
    report = report_of(place)
    public = [report.for_agent(), json.dumps(report.as_json()), repr(report), str(report), repr(report.held_out)]
    assert "canaryseen" in report.for_agent()
    assert "canaryseen" in json.dumps(report.as_json())
    assert "canaryhidden" in json.dumps(report.for_people())
    for text in public:
        assert "canaryhidden" not in text
    assert seen
    assert not any("canaryhidden" in name for name in seen)
    assert report.for_agent().splitlines()[-1] == "held-out criteria failed: 1 of 2"


def names_and_environment(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*")] + [f"{key}={value}" for key, value in os.environ.items()]


def test_nothing_of_a_run_is_left_on_the_host(place: Bench) -> None:
    report_of(place)
    assert list(place.root.work.iterdir()) == []


def test_the_apps_own_tests_cannot_find_the_held_out_criteria(place: Bench) -> None:
    place.write(
        "tests/test_spy.py",
        "import os, pathlib, sys\n"
        "def test_spy():\n"
        "    found = []\n"
        "    for folder, folders, files in os.walk('/'):\n"
        "        skipped = ('/proc', '/sys', '/usr', '/dev', sys.base_prefix)\n"
        "        folders[:] = [n for n in folders if os.path.join(folder, n) not in skipped]\n"
        "        for name in files:\n"
        "            try:\n"
        "                text = open(os.path.join(folder, name), errors='replace').read(200000)\n"
        "            except OSError:\n"
        "                continue\n"
        "            if 'canary' + 'hidden' in text or 'planted' + 'word' in text or 'custom' + '-codes' in text:\n"
        "                found.append(os.path.join(folder, name))\n"
        "    assert found == ['/app/planted.txt']\n",
    )
    place.write("planted.txt", "plantedword")
    report = report_of(place, status=200)
    assert report.own.ok, report.own.failures
    assert report.visible.ok


TELLING = """
def tell(path):
    import fcntl, json, os, time
    if (module := {"/canaryseen": json, "/canaryhidden": os}.get(path)) is not None:
        with open(module.__file__) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            time.sleep(1)


class Handler"""
LISTENING = """
import fcntl, json, os, time

def told(module):
    with open(module.__file__) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

def test_listens():
    heard, end = set(), time.monotonic() + 30
    while time.monotonic() < end:
        for name, module in (("seen", json), ("hidden", os)):
            if name not in heard and told(module):
                heard.add(name)
                end = time.monotonic() + 5
        time.sleep(0.05)
    assert not heard, f"heard: {sorted(heard)}"
"""


def test_nobody_listens_while_held_out_criteria_run(place: Bench) -> None:
    # Both sandboxes can lock what of Python they both read; the service tells by it what it is asked.
    place.replace("links/server.py", "class Handler", TELLING.lstrip())
    asked = 'path = self.path.partition("?")[0]'
    place.replace("links/server.py", asked, f"tell(self.path)\n        {asked}")
    place.write("tests/test_listen.py", LISTENING)
    place.change("try-it", VISIBLE.format(status=404).replace("/health", "/canaryseen"), HELD_OUT)
    report = place.run("try-it")
    assert report.visible.ok, report.visible
    assert report.held_out.passed == 1
    # That the visible one is heard shows that the channel is there.
    assert "heard: ['seen']" in report.for_agent()


def test_held_out_criteria_that_changed_since_they_were_loaded_stop_the_stage(place: Bench) -> None:
    place.change("try-it", VISIBLE.format(status=200), HELD_OUT)
    files = load_change(place.root, "links", "try-it"), load_held_out(place.root, "links", "try-it")
    place.change("try-it", VISIBLE.format(status=200), HELD_OUT.replace("200", "404"))
    with pytest.raises(InputError, match="has changed") as raised:
        run_tests(FactoryRoot(place.root.path), load_app(place.root, "links"), place.tree, *files)
    assert "canaryhidden" not in raised.value.rendered()
    assert "canaryhidden" not in str(pickle.dumps(files[1]))


def test_a_report_passes_only_when_all_of_it_does(place: Bench) -> None:
    place.change(
        "try-it", VISIBLE.format(status=200), HELD_OUT.replace("is_", "").partition("\n\n  Scenario: It is")[0]
    )
    good = SuiteReport(
        name=SuiteName.OWN, passed=1, failed=0, errors=0, skipped=0, failures=(), problem="", seconds=0.1
    )
    assert TestReport(own=good, visible=good, held_out=good).ok
    for bad in (replace(good, passed=0), replace(good, failed=1), replace(good, errors=1), replace(good, problem="x")):
        assert not TestReport(own=bad, visible=good, held_out=good).ok
        assert not TestReport(own=good, visible=bad, held_out=good).ok
        assert not TestReport(own=good, visible=good, held_out=bad).ok
