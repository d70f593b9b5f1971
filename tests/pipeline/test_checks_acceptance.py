"""Criteria against a real service in real sandboxes: every step holds where it must, and fails where it must."""

from pathlib import Path

import pytest
from checks_helpers import Bench, bench

from factory.errors import InputError
from factory.spec import load_app
from pipeline.checks.acceptance import run_criteria
from pipeline.checks.reports import SuiteName, SuiteReport

# Answers whatever it is asked with what it was asked, and counts in /data.
ECHO = """
import json, os, pathlib
from http.server import BaseHTTPRequestHandler, HTTPServer

COUNT = pathlib.Path("/data/count")

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        count = int(COUNT.read_text()) + 1 if COUNT.exists() else 1
        if self.path != "/health":
            COUNT.write_text(str(count))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = {"method": self.command, "path": self.path, "body": body, "count": count, "list": [{"yes": True}],
                "header": self.headers.get("X-Test"), "environment": os.environ.get("APP_ENVIRONMENT")}
        content = json.dumps(told).encode() if self.path != "/text" else b"no json"
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("X-Answer", "forty-two")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = answer
    def log_message(self, *_): pass

HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""


@pytest.fixture
def place(tmp_path: Path) -> Bench:
    made = bench(tmp_path)
    made.write("links/__main__.py", ECHO)
    return made


def criteria(place: Bench, *scenarios: str, start: str = "Given the service runs") -> SuiteReport:
    """Each scenario is its steps, one per line."""
    text = "Feature: canary-word\n" + "".join(
        f"  Scenario: number {number}\n" + "".join(f"    {step.strip()}\n" for step in f"{start}\n{steps}".splitlines())
        for number, steps in enumerate(scenarios)
    )
    spec = load_app(place.root, "links")
    work = place.root.path / f"work{len(list(place.root.path.glob('work*')))}"
    work.mkdir()
    return run_criteria(place.root, SuiteName.VISIBLE, text, spec, place.tree, work)


HOLDS = (
    'When I GET /a?b=c\nThen the status is 200\nAnd the status is not 404\nAnd the answer has "path" equal to "/a?b=c"',
    'When I HEAD /a\nThen the body contains ""',
    'When I GET /a 3 times\nThen the answer has "count" equal to 3\nAnd the answer has "count" other than 2',
    'When I GET /a with the header "X-Test" set to "yes"\nThen the answer has "header" equal to "yes"',
    'Given every request has the header "X-Test" with "all"\nWhen I GET /a\n'
    'Then the answer has "header" equal to "all"',
    'When I PUT /a with {"x": [1, "$"]}\nThen the answer has "body" equal to "{\\"x\\": [1, \\"$\\"]}"',
    'When I POST /a with the text "plain"\nThen the answer has "body" equal to "plain"',
    'When I GET /a\nAnd I remember "count" as n\nAnd I POST /at/$n with {"n": "$n"}\n'
    'Then the answer has "path" equal to "/at/1"\nAnd the answer has "body" equal to "{\\"n\\": 1}"',
    'When I GET /a 2 times\nAnd the service restarts\nAnd I GET /a\nThen the answer has "count" equal to 3',
    "When I GET /a 2 times\nAnd the service is killed and runs again\nAnd I GET /a\n"
    'Then the answer has "count" equal to 3',
    'When I GET /a\nThen the answer has "count" equal to 1\nAnd the answer has "list.0.yes" equal to true',
    'When I GET /a\nThen the answer has "environment" equal to null\nAnd the answer has no "nothing"\n'
    'And the answer has "path"',
    'When I GET /a\nThen the header "x-answer" is "forty-two"\nAnd the header "X-Answer" starts with "forty"\n'
    'And there is no header "Location"',
    'When I GET /missing\nThen the status is 404\nAnd the body contains "missing"',
)


def test_what_holds_passes_and_each_scenario_has_a_service_of_its_own(place: Bench) -> None:
    report = criteria(place, *HOLDS)
    assert report.ok, report.failures
    assert report.passed == len(HOLDS)


FAILS = (
    ("When I GET /a\nThen the status is 404", "Then the status is 404: the status is not 404: 200 {"),
    ("When I GET /a\nThen the status is not 200", "the status is 200"),
    ('When I GET /a\nThen the answer has "count" equal to 2', "'count' is 1, not 2"),
    ('When I GET /a\nThen the answer has "list.0.yes" equal to 1', "'list.0.yes' is True, not 1"),
    ('When I GET /a\nThen the answer has "count" other than 1', "'count' is 1"),
    ('When I GET /a\nThen the answer has "nothing"', "the answer has no 'nothing'"),
    ('When I GET /a\nThen the answer has no "path"', "the answer has 'path'"),
    ('When I GET /a\nThen the answer is {"a": 1}', "the answer is not {'a': 1}"),
    ('When I GET /text\nThen the answer has "a"', "the answer is no JSON: 200 no json"),
    ('When I GET /a\nThen the body contains "zebra"', "'zebra' is not in the body"),
    ('When I GET /a\nThen the header "X-Answer" is "forty"', "is 'forty-two', not 'forty'"),
    ('When I GET /a\nThen the header "X-Answer" starts with "two"', "is 'forty-two'"),
    ('When I GET /a\nThen there is no header "X-Answer"', "is 'forty-two'"),
    ("When I GET /$code\nThen the status is 200", "nothing was remembered as code"),
    ("Then the status is 200", "nothing was asked yet"),
)


def test_what_does_not_hold_fails_and_says_what_was_there_instead(place: Bench) -> None:
    report = criteria(place, *(steps for steps, _ in FAILS))
    said = {failure.name: failure.message for failure in report.failures}
    assert report.passed == 0
    assert report.failed == len(FAILS)
    for number, (steps, expected) in enumerate(FAILS):
        assert expected in said[f"number {number}"], steps


def test_the_environment_is_the_one_that_is_asked_for(place: Bench) -> None:
    steps = 'When I GET /a\nThen the answer has "environment" equal to "production"'
    assert criteria(place, steps, start="Given the service runs as production").ok
    assert not criteria(place, steps, start="Given the service runs as staging").ok


def test_every_row_of_an_outline_runs(place: Bench) -> None:
    text = """Feature: x
  Scenario Outline: paths
    Given the service runs
    When I GET <path>
    Then the status is <status>
    Examples:
      | path     | status |
      | /a       | 200    |
      | /missing | 404    |
      | /b       | 404    |
"""
    work = place.root.path / "work"
    work.mkdir()
    report = run_criteria(place.root, SuiteName.VISIBLE, text, load_app(place.root, "links"), place.tree, work)
    assert (report.passed, report.failed) == (2, 1)
    assert [failure.name for failure in report.failures] == ["paths"]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no configuration')", "no configuration"),
        ("import os; os._exit(0)", "it has ended with exit code 0"),
        pytest.param(
            "import time; print('only waits', flush=True); time.sleep(600)",
            "the service does not answer",
            # It waits as long as a service may take to answer.
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_service_that_does_not_serve_fails_with_what_it_said(
    place: Bench, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    place.write("links/__main__.py", program)
    report = criteria(place, "When I GET /a\nThen the status is 200")
    assert not report.ok
    assert said in report.failures[0].message


def test_criteria_need_a_command_that_starts_the_service(place: Bench) -> None:
    file = place.root.apps / "links" / "app.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "command:" not in line))
    with pytest.raises(InputError, match="does not say what starts it"):
        criteria(place, "When I GET /a\nThen the status is 200")


SPY = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
WORDS = ("canary-" + "word", "<test" + "case", "planted-word-" + "in-the-tree")
NOT_SEARCHED = {"/proc", "/sys", "/usr", "/opt", "/dev", sys.base_prefix}
found = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in NOT_SEARCHED]
    for name in files:
        try:
            text = open(os.path.join(folder, name), errors="replace").read(100000)
        except OSError:
            continue
        if any(word in text for word in WORDS):
            found.append(os.path.join(folder, name))
processes = [name for name in os.listdir("/proc") if name.isdigit()]
TOLD = {"found": found,
        "writable": [path for path in ("/app", "/suite", "/out", "/doors") if os.access(path, os.W_OK)],
        "tests": [name for name in processes if b"vocabulary" in open(f"/proc/{name}/cmdline", "rb").read()]}
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(json.dumps(TOLD).encode())
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""


def test_the_service_finds_neither_criteria_nor_verdict_nor_the_test_process(place: Bench) -> None:
    place.write("links/__main__.py", SPY)
    # The search itself works: it finds what the tree holds.
    place.write("links/planted.txt", "planted-word-in-the-tree")
    report = criteria(
        place,
        'When I GET /a\nThen the answer has "found" equal to ["/app/links/planted.txt"]\n'
        'And the answer has "writable" equal to []\nAnd the answer has "tests" equal to []',
    )
    assert report.ok, report.failures


LEAVER = """
import json, pathlib
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        left = [str(p) for folder in ("/data", "/tmp", "/run/door") for p in pathlib.Path(folder).rglob("left-*")]
        for folder in ("/data", "/tmp", "/run/door", "/app"):
            try:
                pathlib.Path(folder, "left-" + self.path.strip("/")).write_text(self.path)
            except OSError:
                pass
        content = json.dumps({"left": left}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(content)
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""


def test_what_the_service_writes_down_is_gone_with_its_scenario(place: Bench) -> None:
    place.write("links/__main__.py", LEAVER)
    seen = 'When I GET /health\nThen the answer has "left.0"'
    unseen = "When I GET /secret-word\nThen the status is 200"
    nothing = (
        'When I GET /other\nThen the answer has "left.0" equal to "/data/left-health"\nAnd the answer has no "left.3"'
    )
    report = criteria(place, unseen, seen, nothing)
    assert report.ok, report.failures
    left = [path for path in place.root.path.rglob("left-*") if "secret" in path.name]
    assert left == []
