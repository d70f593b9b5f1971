"""From the moment its run file is there, the daemon answers whoever has read it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from factory import daemons
from factory.paths import FactoryRoot

# The daemon itself; before it goes on from publishing its run file, somebody has read that and asks.
DAEMON = """
import http.client, sys
from urllib.parse import urlsplit
from factory import daemons
from localcloud import daemon

publish = daemons.Claim.publish

def answer(run_file, token):
    door = http.client.HTTPConnection(urlsplit(run_file.addresses["http"]).netloc)
    door.request("POST", daemons.ADMIN_PATH + "status", headers={daemons.TOKEN_HEADER: token})
    return door.getresponse().status

def read_at_once(claim, addresses, generation):
    published = publish(claim, addresses, generation)
    read = daemons.read(claim.root, claim.name)
    print(answer(read, read.token), answer(read, "another"), flush=True)
    return published

daemons.Claim.publish = read_at_once
sys.exit(daemon.main())
"""


@pytest.fixture
def daemon(new_root: FactoryRoot) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", DAEMON, "--root", str(new_root.path)],
        stdout=subprocess.PIPE,
        text=True,
        # Without this it would execute itself anew.
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    yield process
    process.terminate()
    assert process.wait(30) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_whoever_reads_the_run_file_first_is_answered_at_start_and_at_reset(
    new_root: FactoryRoot, daemon: subprocess.Popen[str]
) -> None:
    assert daemon.stdout is not None
    assert daemon.stdout.readline() == "200 403\n"
    run_file = daemons.read(new_root, daemons.LOCAL_CLOUD)
    assert run_file is not None
    daemons.call(run_file, "reset")
    assert daemon.stdout.readline() == "200 403\n"
    # Who read the run file before the reset is no stranger either.
    assert daemons.call(run_file, "status")["generation"] != run_file.generation
