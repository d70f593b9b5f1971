"""A repository's grant whole, with real git at both ends: cloned, pushed to one branch, recorded, ended."""

import asyncio
import hashlib
import os
import signal
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psutil
import pytest
from git_door_place import BRANCH, Door, door_place
from grant_waits import wait_for

from access.certificates import certificate
from access.git.front import Front
from access.git.limits import Limits
from access.git.orders import Begin, Happened, Open
from access.grants import Given, State
from access.recordings import Held
from factory import demo_people
from factory.spec import Scope

# Says that it has begun, and waits for a word that never comes.
WAITS = "#!/bin/sh\necho $$ > {begun}\nread word < {never}\nexit 0\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with door_place(tmp_path) as made:
        yield made


def test_a_task_clones_pushes_to_the_branch_of_its_change_and_all_is_told(door: Door) -> None:
    given = door.given()
    clone, before = door.clone(given), door.repository.head(BRANCH)
    sha = door.commit(clone, {"sums.py": "SUMS = {'a': 1}\n"})
    pushed = door.git(given, "push", "--quiet", "origin", BRANCH, at=clone)
    assert pushed.returncode == 0, pushed.stderr
    assert door.repository.head(BRANCH) == sha
    assert door.git(given, "fetch", "--quiet", at=clone).returncode == 0
    door.end(given.grant)
    door.look()
    assert door.place.state(given.grant) is State.ENDED
    (told,) = wait_for(lambda: door.told("git.pushed"))
    moved = {"ref": f"refs/heads/{BRANCH}", "old": before, "new": sha}
    assert (told.app, told.task, told.actor) == ("tally", given.grant.task, given.grant.principal)
    assert told.properties.items() >= moved.items()
    wait_for(lambda: door.told("session.ended"))
    (session,) = door.recorded(given.grant)
    assert session.held is Held.WHOLE
    push = next(each for each in session.said if each.text.startswith("push "))
    assert push.text == (
        f"push refs/heads/{BRANCH} {before[:12]}..{sha[:12]}"
        f" ({told.properties['size']} bytes, sha256 {told.properties['pack']})"
    )
    assert (push.sqlstate, push.tags) == ("", ["taken"])
    assert [each.text.split()[0] for each in session.said].count("fetch") >= 1
    # With the token of a grant that has ended nobody gets in, and it is told whose it was.
    late = door.git(given, "fetch", at=clone)
    assert late.returncode != 0
    (refused,) = wait_for(lambda: door.told("login.refused"))
    assert (refused.properties["reason"], refused.properties["grant"]) == ("credentials", given.grant.id)


def test_a_push_under_way_is_ended_with_its_grant_and_nothing_of_it_is_taken(door: Door) -> None:
    given = door.given()
    clone, before = door.clone(given), door.repository.head(BRANCH)
    sha = door.commit(clone, {"sums.py": "SUMS = {'b': 2}\n"})
    begun, never = door.folder / "begun", door.folder / "never"
    os.mkfifo(never)
    hook = door.repository.folder / "door-hooks" / "pre-receive"
    real = hook.read_text()
    hook.write_text(WAITS.format(begun=begun, never=never))
    codes: list[int] = []
    push = threading.Thread(
        target=lambda: codes.append(door.git(given, "push", "--quiet", "origin", BRANCH, at=clone).returncode)
    )
    push.start()
    waiting = int(wait_for(lambda: begun.exists() and begun.read_text().strip()))
    door.end(given.grant)
    door.broker.cut()
    wait_for(lambda: ended(waiting))
    push.join(30)
    assert codes
    assert codes[0] != 0
    assert door.repository.head(BRANCH) == before
    assert door.run("--git-dir", str(door.repository.folder), "cat-file", "-e", sha).returncode != 0
    # What git had unpacked is no part of the repository, and is taken away when it is old.
    assert door.broker.sweep("git") == []
    (left,) = door.repository.folder.glob("objects/*incoming*")
    os.utime(left, (0, 0))
    assert (door.broker.sweep("git"), left.exists()) == ([left.name], False)
    refused = wait_for(lambda: [each for each in door.told("git.refused") if each.properties["reason"] == "ended"])
    assert (refused[0].properties["new"], refused[0].properties["grant"]) == (sha, given.grant.id)
    assert door.told("git.pushed") == []
    # The same push, by a grant that is open.
    hook.write_text(real)
    again = door.given()
    assert door.git(again, "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0
    assert door.repository.head(BRANCH) == sha


def test_what_cannot_be_recorded_is_not_taken(door: Door) -> None:
    given = door.given()
    clone, before = door.clone(given), door.repository.head(BRANCH)
    door.commit(clone, {"sums.py": "SUMS = {'c': 3}\n"})
    for file in (door.place.root.recordings / "tally" / given.grant.id).iterdir():
        file.unlink()
    assert door.git(given, "push", "origin", BRANCH, at=clone).returncode != 0
    assert door.repository.head(BRANCH) == before
    told = wait_for(lambda: door.told("git.refused"))
    assert told[0].properties["reason"] == "recording"
    # By another grant, whose recording is there, it is.
    assert door.git(door.given(), "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0


def test_after_the_door_was_killed_the_same_clone_finds_the_next_one(door: Door) -> None:
    given = door.given()
    clone = door.clone(given)
    os.kill(door.doors[-1].pid, signal.SIGKILL)
    wait_for(lambda: not door.doors[-1].alive())
    assert door.git(given, "fetch", at=clone).returncode != 0
    door.look()
    assert len(door.doors) == 2
    assert door.git(given, "fetch", at=clone).returncode == 0


def test_a_door_that_is_killed_takes_the_push_under_way_with_it(door: Door) -> None:
    given = door.given()
    clone, before = door.clone(given), door.repository.head(BRANCH)
    door.commit(clone, {"sums.py": "SUMS = {'k': 1}\n"})
    begun, word = door.folder / "begun", door.folder / "word"
    os.mkfifo(word)
    (door.repository.folder / "door-hooks" / "pre-receive").write_text(WAITS.format(begun=begun, never=word))
    push = threading.Thread(target=lambda: door.git(given, "push", "--quiet", "origin", BRANCH, at=clone))
    push.start()
    waiting = int(wait_for(lambda: begun.exists() and begun.read_text().strip()))
    receiving = psutil.Process(waiting).ppid()
    os.kill(door.doors[-1].pid, signal.SIGKILL)
    wait_for(lambda: ended(receiving))
    # The check says yes, and nobody is there any more to take it.
    word.write_text("yes\n")
    push.join(30)
    assert door.repository.head(BRANCH) == before


def test_what_a_killed_git_holds_a_branch_by_is_taken_away_and_keeps_no_later_push_from_it(door: Door) -> None:
    given = door.given()
    clone, before = door.clone(given), door.repository.head(BRANCH)
    sha = door.commit(clone, {"sums.py": "SUMS = {'l': 1}\n"})
    begun, never = door.folder / "begun", door.folder / "never"
    os.mkfifo(never)
    # Git runs it when it holds the branch, and again when it has moved (githooks(5)).
    hook = door.repository.folder / "door-hooks" / "reference-transaction"
    hook.write_text(WAITS.format(begun=begun, never=never))
    hook.chmod(0o755)
    push = threading.Thread(target=lambda: door.git(given, "push", "--quiet", "origin", BRANCH, at=clone))
    push.start()
    waiting = int(wait_for(lambda: begun.exists() and begun.read_text().strip()))
    receiving = psutil.Process(waiting).ppid()
    os.kill(door.doors[-1].pid, signal.SIGKILL)
    wait_for(lambda: ended(receiving))
    os.kill(waiting, signal.SIGKILL)
    push.join(30)
    hook.unlink()
    (held,) = door.repository.folder.glob("refs/**/*.lock")
    door.look()
    assert "cannot lock ref" in door.git(given, "push", "origin", BRANCH, at=clone).stderr
    # It may be somebody's who runs.
    assert (door.broker.sweep("git"), held.exists()) == ([], True)
    os.utime(held, (0, 0))
    assert (door.broker.sweep("git"), held.exists(), door.repository.head(BRANCH)) == ([held.name], False, before)
    assert door.git(given, "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0
    assert door.repository.head(BRANCH) == sha


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_repository_whose_pushes_nobody_looks_at_takes_none(door: Door) -> None:
    hook = door.repository.folder / "door-hooks" / "pre-receive"
    given = door.given()
    clone = door.clone(given)
    door.commit(clone, {"sums.py": "SUMS = {'d': 4}\n"})
    hook.rename(hook.with_name("kept"))
    assert "no check" in door.git(given, "push", "origin", BRANCH, at=clone).stderr
    assert [each.properties["reason"] for each in wait_for(lambda: door.told("git.refused"))] == ["unchecked"]
    another = door.place.ask(resource="repository", scope=Scope.WRITE)
    door.look()
    assert "has no door-hooks/pre-receive" in door.place.read(another.grant).ended_reason
    # The next change brings the check back.
    door.repository.ensure(door.place.root.apps / "tally" / "source")
    assert door.git(given, "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0


def test_of_a_repository_at_github_it_is_said_that_there_is_no_door_yet(door: Door) -> None:
    door.begin(elsewhere="acme/tally")
    asked = person(door, demo_people.MAINTAINER, Scope.READ)
    door.look()
    assert "tally follows acme/tally at GitHub: no git door stands" in door.place.read(asked.grant).ended_reason
    assert door.doors == []
    # A task's steps are committed by the factory, to the repository that is here.
    door.opened(door.place.ask(resource="repository", scope=Scope.READ))


def person(door: Door, who: str, scope: Scope = Scope.WRITE, **other: object) -> Given:
    return door.place.person_asks(who, resource="repository", scope=scope, **other)


def test_a_person_pushes_to_the_change_that_they_name_or_below_their_own_name(door: Door) -> None:
    named = door.opened(person(door, demo_people.MAINTAINER, change="sums"))
    clone = door.clone(named)
    sha = door.commit(clone, {"sums.py": "SUMS = {'e': 5}\n"})
    own = f"people/{demo_people.MAINTAINER}/sketch"
    assert door.git(named, "push", "origin", f"HEAD:refs/heads/{own}", at=clone).returncode != 0
    assert door.git(named, "push", "--quiet", "origin", BRANCH, at=clone).returncode == 0
    free = door.opened(person(door, demo_people.MAINTAINER))
    door.commit(clone, {"sums.py": "SUMS = {'e': 6}\n"})
    assert door.git(free, "push", "origin", BRANCH, at=clone).returncode != 0
    assert door.git(free, "push", "--quiet", "origin", f"HEAD:refs/heads/{own}", at=clone).returncode == 0
    assert door.repository.head(BRANCH) == sha
    assert door.repository.exists(own)


def test_an_administrator_pushes_to_every_branch_but_main(door: Door) -> None:
    given = door.opened(person(door, demo_people.OPERATOR, Scope.ADMIN))
    clone, main = door.clone(given), door.repository.head()
    sha = door.commit(clone, {"sums.py": "SUMS = {'f': 7}\n"})
    refused = door.git(given, "push", "origin", "HEAD:refs/heads/main", at=clone)
    assert "main is moved by the factory only" in refused.stderr
    assert [each.properties["reason"] for each in wait_for(lambda: door.told("git.refused"))] == ["main"]
    assert door.git(given, "push", "--quiet", "origin", BRANCH, "--atomic", at=clone).returncode == 0
    assert (door.repository.head(), door.repository.head(BRANCH)) == (main, sha)


def test_a_branch_that_somebody_writes_into_the_database_opens_nothing(door: Door) -> None:
    asked = person(door, demo_people.MAINTAINER)
    door.place.write_over("UPDATE access_grant SET change = 'sums' WHERE id = :id", id=asked.grant.id)
    door.look()
    assert "nothing proves that demo-maintainer asked" in door.place.read(asked.grant).ended_reason
    assert door.opened(person(door, demo_people.MAINTAINER, change="sums")).grant.provider_ref == BRANCH


def test_a_broker_that_is_stopped_past_its_end_keeps_nobody_in(door: Door) -> None:
    # Nobody looks any more: the door's own clock is the bound.
    door.place.wall -= timedelta(minutes=60) - timedelta(seconds=10)
    given = door.given()
    clone = door.clone(given)
    wait_for(lambda: door.told("session.ended"), seconds=60)
    assert door.git(given, "fetch", at=clone).returncode != 0
    told = wait_for(lambda: door.told("login.refused"))
    assert told[-1].properties["grant"] == given.grant.id


def test_who_has_too_much_refused_is_let_in_no_more(door: Door, tmp_path: Path) -> None:
    told: list[Happened] = []
    about = certificate(door.place.root.access, datetime.now(UTC))
    begin = Begin(recordings=tmp_path, spool=tmp_path, certificate=about.certificate, key=about.key)
    order = Open(
        grant="g1",
        token=hashlib.sha256(b"mwg_x").hexdigest(),
        app="tally",
        principal="ada",
        repository=door.repository.folder,
        branches=[],
        seconds=600,
    )

    async def ask() -> list[int]:
        front = Front(begin, Limits(refusals=3, logins_told=2), told.append)
        front.open(order)
        context = ssl.create_default_context(cafile=str(about.certificate))
        headers = {"authorization": "Bearer mwg_x"}
        async with httpx2.AsyncClient(verify=context, headers=headers, trust_env=False) as client:
            where = f"https://127.0.0.1:{front.port}/tally.git/HEAD"
            found = [(await client.get(where)).status_code for _ in range(7)]
        await front.stop()
        return found

    assert asyncio.run(ask()) == [400, 400, 400, 401, 401, 401, 401]
    kinds = [each.happened for each in told]
    assert (kinds.count("git_refused"), kinds.count("grant_spent"), kinds.count("login_refused")) == (3, 1, 3)
    assert told[-1].detail == "2 more logins were refused"
    assert {each.grant for each in told} == {"g1"}


def test_who_connects_and_asks_for_nothing_makes_room(door: Door, tmp_path: Path) -> None:
    about = certificate(door.place.root.access, datetime.now(UTC))
    begin = Begin(recordings=tmp_path, spool=tmp_path, certificate=about.certificate, key=about.key)

    async def left(context: ssl.SSLContext | None, limits: Limits) -> bytes:
        front = Front(begin, limits, lambda _: None)
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port, ssl=context)
        async with asyncio.timeout(60):
            read = await reader.read()
        writer.close()
        await front.stop()
        return read

    context = ssl.create_default_context(cafile=str(about.certificate))
    assert asyncio.run(left(context, Limits(head_seconds=0.05))) == b""
    # Nor is a handshake waited for.
    assert asyncio.run(left(None, Limits(handshake_seconds=0.05))) == b""
