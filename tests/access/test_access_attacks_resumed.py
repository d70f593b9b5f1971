"""Processes that let people in, stopped (SIGSTOP) past a grant's end: what its holder sent meanwhile is not done."""

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from api_relay_place import relay_place
from aws_place import aws_place
from botocore.exceptions import BotoCoreError, ClientError
from git_door_place import door_place
from grant_waits import wait_for
from process_stopped import stopped
from ssh_place import ssh, ssh_plane
from sshd_place import sshd

from access.certificates import certificate
from access.deadline import Deadline
from access.grants import Given
from factory.errors import MillwrightError

pytestmark = [pytest.mark.engine, pytest.mark.long]
# From when a grant is given until its hard limit.
SECONDS = 12


def left(place: Any, given: Given) -> float:
    """Seconds until its hard limit."""
    hard = datetime.fromisoformat(str(place.read(given.grant).hard_until))
    return (hard - datetime.now(hard.tzinfo)).total_seconds()


def over(place: Any, given: Given) -> bool:
    # Whoever lets in counts from when it was told.
    return left(place, given) < -1.5


def in_thread(do: Any) -> tuple[threading.Thread, list[Any]]:
    """What comes of it, an error too, while this thread goes on."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(do())
        except (ClientError, BotoCoreError, httpx2.HTTPError, OSError, MillwrightError) as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_a_deadline_is_passed_before_its_timer_has_had_its_turn() -> None:
    async def found() -> list[bool]:
        called: list[bool] = []
        deadline = Deadline(0.05, lambda: called.append(True))
        before = deadline.passed
        # As a process that is stopped: nothing has its turn.
        time.sleep(0.1)  # noqa: ASYNC251
        return [before, deadline.passed, bool(called)]

    assert asyncio.run(found()) == [False, True, False]


def test_what_is_typed_for_a_host_while_the_bastion_is_stopped_is_not_run(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = tmp_path / "written"
    with sshd(tmp_path_factory.mktemp("sshd")) as host, ssh_plane(tmp_path, host) as plane:
        plane.place.wall -= timedelta(minutes=60) - timedelta(seconds=SECONDS)
        given = plane.given()
        files = plane.files(given)
        shell = subprocess.Popen(
            ssh(files, "sh"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0
        )
        assert shell.stdin is not None
        shell.stdin.write(f"echo before >> {written}\n".encode())
        wait_for(lambda: written.exists() and written.read_text() == "before\n")
        with stopped(plane.bastions[-1].pid):
            shell.stdin.write(f"echo after >> {written}\n".encode())
            wait_for(lambda: over(plane.place, given), seconds=60)
        shell.wait(timeout=60)
        (ended,) = plane.ended(given)
        assert "its time is over" in ended.properties["detail"]
        assert written.read_text() == "before\n"
        assert "after" not in "".join(text for _, code, text in plane.lines(given, ".cast")[1:] if code == "i")


def test_a_call_of_aws_that_came_while_the_proxy_was_stopped_is_not_made(tmp_path: Path) -> None:
    with aws_place(tmp_path) as place:
        place.place.wall -= timedelta(minutes=60) - timedelta(seconds=SECONDS)
        given = place.given()
        sqs = place.boto(given)
        send = {"QueueUrl": place.url, "MessageBody": "x"}
        # A connection on which nothing is asked for five seconds is closed.
        wait_for(lambda: left(place.place, given) < 3)
        sqs.send_message(**send)
        with stopped(place.proxies[-1].pid):
            # By the connection that is there.
            thread, came = in_thread(lambda: sqs.send_message(**send))
            wait_for(lambda: over(place.place, given), seconds=60)
        thread.join(60)
        assert isinstance(came[0], ClientError | BotoCoreError)
        if isinstance(came[0], ClientError):
            assert came[0].response["Error"]["Code"] in ("ExpiredToken", "InvalidClientTokenId")
        queued = place.clients("sqs").get_queue_attributes(
            QueueUrl=place.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert queued["Attributes"]["ApproximateNumberOfMessages"] == "1"
        assert len([each for each in place.records(given.grant) if each["kind"] == "call"]) == 1


def test_what_git_asked_for_while_the_door_was_stopped_is_not_answered(tmp_path: Path) -> None:
    with door_place(tmp_path) as door:
        door.place.wall -= timedelta(minutes=60) - timedelta(seconds=SECONDS)
        given = door.given()
        url = f"https://{door.place.read(given.grant).door}/info/refs?service=git-upload-pack"
        about = certificate(door.place.root.access, datetime.now(UTC))
        trusted = ssl.create_default_context(cafile=str(about.certificate))
        bearer = {"authorization": f"Bearer {given.token}"}
        with httpx2.Client(verify=trusted, headers=bearer, trust_env=False, timeout=60) as client:
            wait_for(lambda: left(door.place, given) < 3)
            assert client.get(url).status_code == httpx2.codes.OK
            with stopped(door.doors[-1].pid):
                thread, came = in_thread(lambda: client.get(url).status_code)
                wait_for(lambda: over(door.place, given), seconds=60)
            thread.join(60)
        assert came[0] != httpx2.codes.OK
        assert len([each for each in door.recorded(given.grant) for _ in each.said]) == 1


def test_a_request_that_was_whole_only_while_the_relay_was_stopped_is_not_sent(tmp_path: Path) -> None:
    with relay_place(tmp_path) as place:
        held = place.open(seconds=4)
        lines = ["Host: 127.0.0.1", f"Authorization: Bearer {held.token}", "Content-Length: 4"]
        head = "\r\n".join(["POST /v1/echo HTTP/1.1", *lines, "", ""])
        with socket.create_connection(("127.0.0.1", place.relay.port), 30) as client:
            client.sendall(head.encode() + b"12")
            time.sleep(0.5)
            with stopped(place.relay.pid):
                client.sendall(b"34")
                time.sleep(5)
            assert b" 200 " not in client.recv(1000)
        assert place.api.heard == []
