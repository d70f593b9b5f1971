"""The comment on a pull request: one, written again, never another's; by the workflow's own commands and real HTTP."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from e2e_workflow import Job, JobRun

from console.commands.init import TEMPLATES

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="a runner of GitHub has curl and jq"),
]
WORKFLOW = TEMPLATES / "factory" / ".github/workflows/preview.yml"
MARKER = "<!-- millwright preview -->"
BOT = "github-actions[bot]"
STEP = "One comment, written again at each push"


@dataclass
class Comments:
    """GitHub's comments on pull request 7, over its REST API: pages of them, one more, one changed."""

    held: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""
    refuses: bool = False

    def add(self, user: str, body: str) -> None:
        self.held.append({"id": len(self.held) + 1, "user": {"login": user}, "body": body})

    def answer(self, method: str, path: str, body: str) -> tuple[int, Any]:
        place = urlsplit(path)
        if self.refuses:
            return 403, {"message": "Resource not accessible by integration"}
        if method == "GET":
            query = {name: int(value[0]) for name, value in parse_qs(place.query).items()}
            first = (query["page"] - 1) * query["per_page"]
            return 200, self.held[first : first + query["per_page"]]
        if method == "POST" and place.path == "/repos/acme/factory/issues/7/comments":
            self.add(BOT, json.loads(body)["body"])
            return 201, self.held[-1]
        (changed,) = [each for each in self.held if place.path.endswith(f"/issues/comments/{each['id']}")]
        changed["body"] = json.loads(body)["body"]
        return 200, changed


@pytest.fixture
def comments() -> Iterator[Comments]:
    api = Comments()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            api.asked.append((self.command, self.path, self.headers.get("Authorization")))
            code, answer = api.answer(self.command, self.path, body)
            text = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 -- the library's names

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield api
    server.shutdown()
    thread.join()
    server.server_close()


def comment(api: Comments, folder: Path, plan: str) -> JobRun:
    """Run the step on this plan."""
    (folder / "report").mkdir(exist_ok=True)
    (folder / "report" / "preview.md").write_text(plan)
    known = {"github.token": "a-token", "github.event.pull_request.number": "7"}
    job = Job(WORKFLOW, "report", folder, known)
    return job.run(folder / "temp", only=STEP, GITHUB_API_URL=api.url, GITHUB_REPOSITORY="acme/factory")


def test_the_first_push_makes_a_comment_and_each_later_one_changes_it(comments: Comments, tmp_path: Path) -> None:
    for number in range(130):
        comments.add("somebody", f"talk {number}")
    assert comment(comments, tmp_path, "### first\n").code == 0
    assert comments.held[-1]["body"] == f"{MARKER}\n### first\n"
    comments.add("somebody", "more talk")
    assert comment(comments, tmp_path, "### second\n").code == 0
    assert [each["body"] for each in comments.held if MARKER in each["body"]] == [f"{MARKER}\n### second\n"]
    assert len(comments.held) == 132
    assert {token for _, _, token in comments.asked} == {"Bearer a-token"}
    assert [method for method, _, _ in comments.asked] == ["GET", "GET", "POST", "GET", "GET", "PATCH"]


def test_a_comment_of_somebody_who_writes_the_marker_stays_theirs(comments: Comments, tmp_path: Path) -> None:
    comments.add("somebody", f"{MARKER}\nmine")
    comments.add(BOT, f"quoted: {MARKER}")
    assert comment(comments, tmp_path, "plan").code == 0
    assert [each["body"] for each in comments.held] == [f"{MARKER}\nmine", f"quoted: {MARKER}", f"{MARKER}\nplan"]


def test_what_a_plan_says_is_text_for_the_shell_and_for_json(comments: Comments, tmp_path: Path) -> None:
    hostile = 'a "quoted" $(touch pwned) `touch pwned` \\ ${{ github.token }} \u202e é\n' + "x" * 70_000
    assert comment(comments, tmp_path, hostile).code == 0
    body = comments.held[-1]["body"]
    assert body.startswith(
        f'{MARKER}\na "quoted" $(touch pwned) `touch pwned` \\ ${{{{ github.token }}}} \u202e é\nxxx'
    )
    # A longer one would be refused.
    assert len(body) == 65_000
    assert not list(tmp_path.rglob("pwned"))


def test_what_github_refuses_fails_the_job_and_tells_no_token(comments: Comments, tmp_path: Path) -> None:
    comments.refuses = True
    ran = comment(comments, tmp_path, "plan")
    assert ran.code == 22
    assert "403" in ran.said
    assert "a-token" not in ran.said
    assert comments.held == []
