"""A real sshd on loopback that trusts one authority for its users' certificates: OpenSSH's, as it is on a host.

It is the machine's own, or that of Debian's packages, unpacked into the user's cache; where neither can be, the tests
that need it are skipped, and the summary says so.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest

PACKAGES = ("openssh-server", "openssh-sftp-server", "openssh-client", "libwrap0")
SECONDS = 60
PRIVILEGE_FOLDER = Path("/run/sshd")


@dataclass
class Sshd:
    """One that runs. `trusted` is the file of authorities that it trusts; `home` is a folder for what tests write."""

    port: int
    user: str
    host_key: str
    trusted: Path
    home: Path
    log: Path


@contextlib.contextmanager
def sshd(folder: Path, *settings: str) -> Iterator[Sshd]:
    """It runs until the block ends; `settings` come first, so they count."""
    program, sftp = _programs()
    key, trusted, config, home = folder / "host_key", folder / "trusted.pub", folder / "sshd_config", folder / "home"
    home.mkdir()
    trusted.touch()
    subprocess.run([_client("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=SECONDS)
    port = _free_port()
    lines = [
        *settings,
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {key}",
        f"TrustedUserCAKeys {trusted}",
        "AuthorizedKeysFile none",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "StrictModes no",
        "PidFile none",
        f"Subsystem sftp {sftp}",
        "LogLevel VERBOSE",
        "MaxStartups 100",
        # The account's own files for its shell are of this machine: they may take their time, and break when killed.
        f"SetEnv HOME={home}",
    ]
    config.write_text("\n".join(lines) + "\n")
    if os.getuid() == 0:
        # Only root's sshd wants it, and Debian makes it when its service starts.
        PRIVILEGE_FOLDER.mkdir(mode=0o755, exist_ok=True)
    log = folder / "sshd.log"
    with log.open("wb") as told:
        # Where it was unpacked, so are the libraries that it brings.
        libraries = ":".join(str(each) for each in Path(program).parents[2].glob("usr/lib/*-linux-gnu"))
        loads = {} if program == "/usr/sbin/sshd" else {"LD_LIBRARY_PATH": libraries}
        command = [program, "-D", "-e", "-f", config]
        running = subprocess.Popen(command, stdout=told, stderr=told, env={**os.environ, **loads})
    try:
        _wait(port, running, log)
        yield Sshd(
            port, getpass.getuser(), " ".join(key.with_suffix(".pub").read_text().split()[:2]), trusted, home, log
        )
    finally:
        running.terminate()
        running.wait(SECONDS)
        print(log.read_text(errors="replace")[-3000:])


def _wait(port: int, running: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError(f"sshd does not listen: {log.read_text(errors='replace')}")


def _programs() -> tuple[str, str]:
    """sshd, and its sftp server."""
    found = _found(Path("/"))
    if found is None and shutil.which("apt-get"):
        found = _found(_unpacked())
    if found is None:
        pytest.skip("NO sshd HERE: apt-get install openssh-server; nothing of the SSH bastion was tested with a host")
    return found


def _found(root: Path) -> tuple[str, str] | None:
    program, sftp = root / "usr/sbin/sshd", root / "usr/lib/openssh/sftp-server"
    return (str(program), str(sftp)) if program.exists() and sftp.exists() else None


def _unpacked() -> Path:
    """Debian's packages, unpacked; what apt verifies, and nothing is installed."""
    folder = Path(platformdirs.user_cache_dir("millwright")) / "tests" / "sshd"
    if not folder.exists():
        draft = folder.with_name(f"sshd.{os.getpid()}")
        draft.mkdir(parents=True)
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            get, unpack = shutil.which("apt-get"), shutil.which("dpkg")
            assert get is not None
            assert unpack is not None
            options = ["-o", "APT::Sandbox::User="]
            subprocess.run([get, *options, "download", *PACKAGES], cwd=draft, check=True, timeout=SECONDS)
            for package in draft.glob("*.deb"):
                subprocess.run([unpack, "-x", package, draft], check=True, timeout=SECONDS)
            with contextlib.suppress(OSError):
                draft.rename(folder)
    return folder


def _client(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NO {name} HERE: apt-get install openssh-client; nothing of the SSH bastion was tested")
    return found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
