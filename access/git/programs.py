"""Git's own server programs on one repository, each in a process group of its own that ends as a whole."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from access.git.limits import Limits
from access.git.refusals import Reason, Refused

UPLOAD: Final = "upload-pack"
RECEIVE: Final = "receive-pack"
SERVICES: Final = frozenset({UPLOAD, RECEIVE})
# Written by `pipeline.git.hooks`: what looks at a push before its objects become the repository's.
CHECKS: Final = "door-hooks"
CHECK: Final = "pre-receive"
# What the door judged, told to that check: it holds git to it.
JUDGED: Final = "MILLWRIGHT_PUSH"
# Nothing but arguments and the repository's own files decides what git does (docs/explanation/git.md).
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
SETTINGS: Final = (
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "receive.autogc=false",
    "receive.advertisePushOptions=false",
    "receive.fsckObjects=true",
    "receive.updateServerInfo=false",
    # The second wall: what a push may not do, it may not do for git either.
    "receive.denyDeletes=true",
    "receive.denyNonFastForwards=true",
    # A worktree that is behind its branch is noticed when its next step is committed.
    "receive.denyCurrentBranch=ignore",
    "transfer.hideRefs=refs",
    "transfer.hideRefs=!refs/heads",
    "transfer.advertiseSID=false",
    "uploadpack.allowAnySHA1InWant=false",
    # What it keeps of objects in memory; larger ones pass through it piece by piece.
    "core.bigFileThreshold=16m",
    "core.deltaBaseCacheLimit=32m",
    "pack.deltaCacheSize=64m",
    "pack.windowMemory=64m",
    "pack.threads=1",
)
CHUNK: Final = 1 << 16
TIP_SECONDS: Final = 1.0


def is_checked(repository: Path) -> bool:
    """Whether something looks at what is pushed to it."""
    return os.access(repository / CHECKS / CHECK, os.X_OK)


def require_checked(repository: Path) -> None:
    """Raises Refused when nothing looks at what is pushed to it."""
    if not is_checked(repository):
        raise Refused(Reason.UNCHECKED, "the repository has no check of what is pushed to it, so nothing is taken")


def command(service: str, repository: Path, limits: Limits, *, advertise: bool) -> list[str]:
    """The command line of one of git's servers."""
    settings = [*SETTINGS, f"core.hooksPath={repository / CHECKS}", f"receive.maxInputSize={limits.push_bytes}"]
    options = [part for setting in settings for part in ("-c", setting)]
    own = ["--stateless-rpc", *(["--http-backend-info-refs"] if advertise else [])]
    # When this process is killed, nobody is left to say that the grant has ended.
    dies = shutil.which("setpriv", path=os.defpath)
    first = [dies, "--pdeathsig", "KILL", "--"] if dies else []
    return [*_bounded(service, limits), *first, _program(), *options, service, *own, str(repository)]


def tip_of(repository: Path, ref: str) -> str:
    """The commit that a ref is at; "" when it is not there, or git does not say."""
    line = [_program(), f"--git-dir={repository}", "rev-parse", "--verify", "--quiet", ref]
    try:
        ran = subprocess.run(line, capture_output=True, timeout=TIP_SECONDS, check=False, cwd="/", env=ENVIRONMENT)
    except subprocess.TimeoutExpired:
        return ""
    return ran.stdout.decode(errors="replace").strip()


@asynccontextmanager
async def running(
    line: Sequence[str], said: IO[bytes], told: Mapping[str, str], given: IO[bytes] | int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process while the block runs, with its output to read; after it, it and all that it started have ended.

    `given` is its input, `said` takes what it says to people.
    """
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=said,
        cwd="/",
        env={**ENVIRONMENT, **told},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


async def output(process: asyncio.subprocess.Process, most: int) -> bytes:
    """All that it prints. Raises Refused when that is more than `most` bytes, or it ends badly."""
    found = b""
    async for part in parts(process):
        found += part
        if len(found) > most:
            raise Refused(Reason.LIMIT, "git answers too much")
    return found


async def parts(process: asyncio.subprocess.Process) -> AsyncIterator[bytes]:
    """What it prints, as it comes. Raises Refused when it ends badly."""
    if process.stdout is None:
        raise ValueError("its output was not asked for")
    while part := await process.stdout.read(CHUNK):
        yield part
    if code := await process.wait():
        raise Refused(Reason.FAILED, f"git ended with {code}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End its whole group, also what it started and left behind. No kind word first: git clears nothing away at one.

    What it had unpacked lies in a quarantine that is no part of the repository; the provider's sweep takes that.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _bounded(service: str, limits: Limits) -> list[str]:
    """What holds git, and all that it starts, to its bounds: those of its own are on what comes, not on what that
    unfolds to. Files of the repository that it reads do not count as memory."""
    most = [f"--data={limits.unfolded_bytes}"]
    if service == RECEIVE:
        most += [f"--fsize={limits.file_bytes}", f"--cpu={limits.processor_seconds}"]
    return [_found("prlimit", os.defpath), *most]


def _program() -> str:
    return _found("git")


def _found(program: str, path: str | None = None) -> str:
    found = shutil.which(program, path=path)
    if found is None:
        raise Refused(Reason.FAILED, f"{program} is not installed where the door is")
    return found
