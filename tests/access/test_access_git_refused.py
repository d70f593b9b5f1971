"""What a grant for one branch does not allow: each refused, told, and beside it a push that is taken."""

import base64
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from git_door_place import BRANCH, Door, door_place
from grant_waits import wait_for

from access.certificates import files
from access.git.pktline import FLUSH, NOTHING, packet
from access.grants import Given
from factory import events
from factory.spec import Scope

OTHER = {"change": "other", "task": "tally.other.coder.1", "principal": "agent:tally/coder/tally.other.coder.1"}
CAPABILITIES = b" report-status side-band-64k object-format=sha1 agent=git/2.39.5"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door_place(tmp_path_factory.mktemp("git")) as made:
        yield made


@pytest.fixture
def given(door: Door) -> Given:
    return door.given()


@pytest.fixture
def clone(door: Door, given: Given, tmp_path: Path) -> Path:
    return door.clone(given, str(tmp_path / "clone"))


def told(door: Door, given: Given) -> list[events.Event]:
    return [each for each in door.told("git.refused") if each.properties["grant"] == given.grant.id]


def taken(door: Door, given: Given, clone: Path) -> None:
    """The control: what the grant is for is taken."""
    tip = door.repository.head(BRANCH)
    assert door.run("checkout", "--quiet", "-B", BRANCH, tip, at=clone).returncode == 0
    sha = door.commit(clone, {"control.py": f"# after {tip}\n"})
    pushed = door.git(given, "push", "--quiet", "origin", BRANCH, at=clone)
    assert pushed.returncode == 0, pushed.stderr
    assert door.repository.head(BRANCH) == sha


def refs(door: Door) -> str:
    return door.run("--git-dir", str(door.repository.folder), "for-each-ref").stdout


@pytest.mark.parametrize(
    ("push", "reason", "said"),
    [
        (["HEAD:refs/heads/main"], "main", "main is moved by the factory only"),
        (["HEAD:refs/heads/change/other"], "branch", "the grant is for change/sums, not for change/other"),
        (["HEAD:refs/heads/people/ada/x"], "branch", "not for people/ada/x"),
        (["HEAD:refs/tags/v1"], "branch", "no tags"),
        (["HEAD:refs/notes/commits"], "branch", "no other refs"),
        ([f":refs/heads/{BRANCH}"], "delete", "no branch is deleted"),
        (["HEAD:refs/heads/x", "HEAD:refs/heads/y"], "several", "one branch at a time"),
        (["--force", f"HEAD~1:refs/heads/{BRANCH}"], "declined", "take commits away from the branch"),
    ],
)
def test_another_ref_and_another_way_are_refused(
    door: Door, given: Given, clone: Path, push: list[str], reason: str, said: str
) -> None:
    door.commit(clone, {"sums.py": "SUMS = {'x': 1}\n"})
    door.git(given, "push", "--quiet", "origin", BRANCH, at=clone)
    before = refs(door)
    refused = door.git(given, "push", "origin", *push, at=clone)
    assert refused.returncode != 0
    assert said in " ".join(refused.stderr.replace("remote:", "").split())
    assert refs(door) == before
    (event,) = wait_for(lambda: told(door, given))
    assert event.properties["reason"] == reason
    taken(door, given, clone)


def link(clone: Path) -> None:
    (clone / "link").symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("prepare", "message", "said"),
    [
        (lambda clone: write(clone, ".github/workflows/x.yml"), "x", "what CI services run"),
        (lambda clone: write(clone, ".gitattributes"), "x", "what git itself obeys"),
        (lambda clone: write(clone, ".husky/pre-commit"), "x", "hooks, which run on people's machines"),
        (link, "x", "is a symbolic link"),
        (lambda clone: write(clone, "big.bin", "x" * 2_000_001), "x", "has 2000001 bytes"),
        (lambda clone: write(clone, "sums.py", "1\n"), "x\n\nStep: t1/2", "a step of the factory's"),
    ],
)
def test_what_no_step_may_bring_no_push_brings(
    door: Door, given: Given, clone: Path, prepare: Callable[[Path], None], message: str, said: str
) -> None:
    before = refs(door)
    door.commit(clone, {})
    prepare(clone)
    door.commit(clone, {}, message)
    refused = door.git(given, "push", "origin", BRANCH, at=clone)
    assert refused.returncode != 0
    assert said in " ".join(refused.stderr.replace("remote:", "").split())
    assert refs(door) == before
    (event,) = wait_for(lambda: told(door, given))
    assert event.properties["reason"] == "declined"
    assert said[:20] in event.properties["detail"]
    taken(door, given, clone)


def write(clone: Path, path: str, text: str = "x\n") -> None:
    (clone / path).parent.mkdir(parents=True, exist_ok=True)
    (clone / path).write_text(text)


def test_what_a_later_commit_takes_out_again_is_refused_too(door: Door, given: Given, clone: Path) -> None:
    door.commit(clone, {".gitmodules": "x\n"})
    (clone / ".gitmodules").unlink()
    door.commit(clone, {})
    refused = door.git(given, "push", "origin", BRANCH, at=clone)
    assert "what git itself obeys" in refused.stderr
    assert [each.properties["reason"] for each in wait_for(lambda: told(door, given))] == ["declined"]
    taken(door, given, clone)


def test_a_history_of_its_own_is_refused(door: Door, given: Given, clone: Path) -> None:
    door.commit(clone, {})
    door.run("checkout", "--quiet", "--orphan", "else", at=clone)
    door.commit(clone, {"sums.py": "x\n"})
    door.given(**OTHER)
    refused = door.git(given, "push", "--force", "origin", f"HEAD:refs/heads/{BRANCH}", at=clone)
    assert refused.returncode != 0
    assert [each.properties["reason"] for each in wait_for(lambda: told(door, given))] == ["declined"]
    taken(door, given, clone)


def test_a_grant_for_reading_reads(door: Door, given: Given, clone: Path) -> None:
    reads = door.given(Scope.READ)
    assert door.git(reads, "fetch", at=clone).returncode == 0
    door.commit(clone, {"sums.py": "SUMS = {'r': 1}\n"})
    refused = door.git(reads, "push", "origin", BRANCH, at=clone)
    assert "403" in refused.stderr
    assert [each.properties["reason"] for each in wait_for(lambda: told(door, reads))] == ["scope"]
    taken(door, given, clone)


@pytest.mark.parametrize("version", ["0", "2"])
def test_every_way_of_fetching_passes(door: Door, given: Given, clone: Path, version: str, tmp_path: Path) -> None:
    taken(door, given, clone)
    speaks = ("-c", f"protocol.version={version}")
    shallow = tmp_path / "shallow"
    made = door.git(given, *speaks, "clone", "-q", "--depth", "1", "-b", BRANCH, "millwright:tally", str(shallow))
    assert made.returncode == 0, made.stderr
    assert door.run("rev-list", "--count", "HEAD", at=shallow).stdout == "1\n"
    assert door.git(given, *speaks, "fetch", "--unshallow", "--quiet", at=shallow).returncode == 0
    # Histories that went apart are talked over in several rounds.
    for number in range(40):
        door.commit(shallow, {}, f"own {number}")
    taken(door, given, clone)
    fetched = door.git(given, *speaks, "fetch", "--quiet", "origin", BRANCH, at=shallow)
    assert fetched.returncode == 0, fetched.stderr
    tip = door.run("rev-parse", "FETCH_HEAD", at=shallow).stdout.strip()
    assert tip == door.repository.head(BRANCH)


def test_the_token_of_another_task_opens_its_own_branch_only(door: Door, given: Given, clone: Path) -> None:
    other = door.given(**OTHER)
    door.commit(clone, {"sums.py": "SUMS = {'o': 1}\n"})
    refused = door.git(given, "push", "origin", BRANCH, at=clone, token=other.token)
    assert "the grant is for change/other, not for change/sums" in refused.stderr
    assert [each.properties["reason"] for each in wait_for(lambda: told(door, other))] == ["branch"]
    door.place.logged("git.refused", reason="branch", grant=other.grant.id)
    # A branch of a change that nobody works on is not made by a push.
    refused = door.git(other, "push", "origin", "HEAD:refs/heads/change/other", at=clone)
    assert "is made by the factory" in refused.stderr
    wait_for(lambda: [each.properties["reason"] for each in told(door, other)] == ["branch", "missing"])
    taken(door, given, clone)


class Raw:
    """A client that says what no git says."""

    def __init__(self, door: Door, given: Given) -> None:
        self.base = f"https://{given.grant.door.partition('/')[0]}"
        context = ssl.create_default_context(cafile=str(files(door.place.root.access).certificate))
        basic = base64.b64encode(f"grant:{given.token}".encode()).decode()
        self.client = httpx2.Client(verify=context, headers={"authorization": f"Basic {basic}"}, trust_env=False)

    def push(self, body: bytes, app: str = "tally", **headers: str) -> httpx2.Response:
        kind = {"content-type": "application/x-git-receive-pack-request", **headers}
        return self.client.post(f"{self.base}/{app}.git/git-receive-pack", content=body, headers=kind)


def line(old: str, new: str, ref: str, capabilities: bytes = b"") -> bytes:
    return packet(f"{old} {new} {ref}".encode() + (b"\0" + capabilities if capabilities else b""))


def test_forged_requests_are_refused_before_git_sees_them(door: Door, given: Given, clone: Path) -> None:
    tip, before, raw = door.repository.head(BRANCH), refs(door), Raw(door, given)
    good = line(tip, tip, f"refs/heads/{BRANCH}", CAPABILITIES)
    bodies = {
        "main": line(tip, tip, "refs/heads/main", CAPABILITIES) + FLUSH,
        "several": good + line(NOTHING, tip, "refs/heads/x") + FLUSH,
        "branch": line(tip, tip, f"refs/heads/{BRANCH}/../main", CAPABILITIES) + FLUSH,
        "framing": good,
    }
    framing = [
        b"",
        b"zzzz",
        b"0003",
        b"0004" + FLUSH,
        packet(b"push-cert\0" + CAPABILITIES) + good + FLUSH,
        packet(b"shallow " + tip.encode()) + good + FLUSH,
        line(tip, tip, f"refs/heads/{BRANCH}", CAPABILITIES + b" push-options") + FLUSH,
        line(tip.upper(), tip, f"refs/heads/{BRANCH}", CAPABILITIES) + FLUSH,
    ]
    for reason, body in [*bodies.items(), *(("framing", body) for body in framing)]:
        count = len(told(door, given))
        answer = raw.push(body)
        assert answer.status_code == 403 or b"ng refs/" in answer.content, (reason, answer.content)
        assert wait_for(lambda count=count: told(door, given)[count:])[0].properties["reason"] == reason
    assert refs(door) == before
    taken(door, given, clone)


def test_a_pack_that_is_none_moves_nothing(door: Door, given: Given, clone: Path) -> None:
    tip, before, raw = door.repository.head(BRANCH), refs(door), Raw(door, given)
    body = line(tip, "1" * 40, f"refs/heads/{BRANCH}", CAPABILITIES) + FLUSH
    for pack in (b"", b"PACK", b"PACK\0\0\0\2\0\0\0\1" + bytes(40)):
        count = len(told(door, given))
        assert f"ng refs/heads/{BRANCH}".encode() in raw.push(body + pack).content
        (event,) = wait_for(lambda count=count: told(door, given)[count:])
        assert event.properties["reason"] in ("declined", "failed")
    assert refs(door) == before
    taken(door, given, clone)


def test_another_app_and_what_is_no_request_of_gits_are_refused(door: Door, given: Given, clone: Path) -> None:
    raw = Raw(door, given)
    assert raw.push(FLUSH, app="links").status_code == 404
    assert raw.client.get(f"{raw.base}/tally.git/HEAD").status_code == 400
    assert raw.client.get(f"{raw.base}/tally.git/info/refs?service=git-archive").status_code == 400
    assert raw.push(b"no gzip at all", **{"content-encoding": "gzip"}).status_code == 400
    reasons = wait_for(lambda: [each.properties["reason"] for each in told(door, given)][3:] and told(door, given))
    assert [each.properties["reason"] for each in reasons] == ["repository", "request", "request", "request"]
    # Whether somebody is let in is asked by a push of nothing.
    assert raw.push(FLUSH).status_code == 200
    taken(door, given, clone)


def test_without_a_token_nobody_learns_anything(door: Door, given: Given) -> None:
    raw, before = Raw(door, given), len(door.told("login.refused"))
    for headers in ({"authorization": ""}, {"authorization": "Basic !"}, {"authorization": "Bearer mwg_wrong"}):
        answer = raw.client.get(f"{raw.base}/tally.git/info/refs?service=git-upload-pack", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="millwright"')
    # Only somebody who shows something is told of: git asks without anything first.
    (refused,) = wait_for(lambda: door.told("login.refused")[before:])
    assert (refused.properties["reason"], refused.app) == ("credentials", None)
    assert raw.client.get(f"{raw.base}/tally.git/info/refs?service=git-upload-pack").status_code == 200
