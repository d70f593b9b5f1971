"""What the doctor finds beyond the engine: a sandbox, and the local cloud's state as it lies on disk."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_runner import Runner

from factory import daemons
from factory.errors import ExitCode, SandboxUnavailable
from factory.paths import FactoryRoot
from localcloud.durable import folder
from localcloud.durable.folder import Folder, Identity
from localcloud.durable.log import CALL, HEADER, Entry, Log

STATE = "local cloud's state"
CALLS = 3


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a sandbox can be made here is not what is asked."""
    monkeypatch.setattr("sandbox.probe", lambda: None)


@pytest.fixture
def log(root: FactoryRoot) -> Iterator[Path]:
    """The log of a local cloud's state that no daemon uses: three calls."""
    kept = Folder(root.local_cloud, time.time())
    written = Log(kept.calls, last=0)
    for number in range(1, CALLS + 1):
        written.append(Entry(number=number, moment=1.0, kind=CALL, data=f"call {number}"))
    written.close()
    return written.path


def found(millwright: Runner) -> tuple[int, dict[str, dict[str, object]]]:
    answer = millwright("doctor", "--json")
    return answer.code, {each["name"]: each for each in answer.documents}


@pytest.mark.usefixtures("sound")
def test_a_factory_without_a_cloud_is_well(millwright: Runner, root: FactoryRoot) -> None:
    code, checks = found(millwright)
    assert code == ExitCode.OK
    assert checks[STATE]["detail"] == "none yet"
    assert not root.local_cloud.exists()


@pytest.mark.usefixtures("sound")
def test_a_state_whose_last_record_is_torn_is_well_and_left_as_it_is(millwright: Runner, log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole + HEADER.pack(90, 0) + b"begun")
    code, checks = found(millwright)
    assert code == ExitCode.OK
    assert checks[STATE]["detail"] == f"{CALLS} calls, all readable"
    assert log.read_bytes() == whole + HEADER.pack(90, 0) + b"begun"


@pytest.mark.usefixtures("sound")
def test_a_damaged_state_is_found_and_named(millwright: Runner, log: Path) -> None:
    damaged = bytearray(log.read_bytes())
    damaged[HEADER.size + 9] ^= 0xFF
    log.write_bytes(damaged)
    code, checks = found(millwright)
    assert code == ExitCode.FAILED
    assert not checks[STATE]["ok"]
    assert f"{log}: the record at byte 0 is damaged" in str(checks[STATE]["detail"])
    assert "millwright cloud reset" in str(checks[STATE]["fix"])
    assert log.read_bytes() == damaged


@pytest.mark.usefixtures("sound", "log")
def test_a_state_of_other_versions_says_what_the_next_start_does(
    millwright: Runner, root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = folder.kept_identity(root.local_cloud)
    assert kept is not None
    older = Identity(
        generation=kept.generation, salt=kept.salt, born=kept.born, versions=kept.versions | {"moto": "5.0.1"}
    )
    Folder(root.local_cloud, time.time()).keep(older)
    code, checks = found(millwright)
    assert code == ExitCode.OK
    assert "written with moto 5.0.1" in str(checks[STATE]["detail"])


@pytest.mark.usefixtures("sound")
def test_a_state_in_use_is_left_to_whoever_uses_it(millwright: Runner, root: FactoryRoot, log: Path) -> None:
    log.write_bytes(b"half of something")
    claim = daemons.claim(root, daemons.LOCAL_CLOUD)
    try:
        claim.publish({}, generation="1")
        code, checks = found(millwright)
    finally:
        claim.release()
    assert code == ExitCode.OK
    assert STATE not in checks
    assert f"pid {os.getpid()}" in str(checks["local cloud"]["detail"])


def test_where_nothing_can_be_confined_it_says_how_to_mend_it(
    millwright: Runner, root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SandboxUnavailable("bubblewrap does not confine here", hint="apt-get install bubblewrap")

    monkeypatch.setattr("sandbox.probe", refuse)
    code, checks = found(millwright)
    assert code == ExitCode.FAILED
    assert checks["sandbox"] == {
        "name": "sandbox",
        "ok": False,
        "detail": "bubblewrap does not confine here",
        "fix": "apt-get install bubblewrap",
    }
