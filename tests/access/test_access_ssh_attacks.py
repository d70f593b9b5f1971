"""What a client under a host's grant, or without one, must not get: refused, with its code in the audit log."""

import asyncio
import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grant_waits import wait_for
from ssh_certificates import HOST, Forged
from ssh_place import SECONDS, SshPlane, client, run, ssh, ssh_plane
from sshd_place import sshd

from access import audit
from access.ssh.authorities import Keys, private_key, private_text
from console.ssh_files import Files
from factory.spec import Scope

Process = "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlane]:
    """One for all: each has a grant of its own."""
    with sshd(tmp_path_factory.mktemp("sshd")) as host, ssh_plane(tmp_path_factory.mktemp("plane"), host) as made:
        yield made


@contextlib.contextmanager
def listening(files: Files, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A client that is in and runs nothing, with a forward at its own end."""
    # In a folder of a short name: a socket's path has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="mw-") as folder:
        control = Path(folder) / "c"
        process = subprocess.Popen(ssh(files, options=("-M", "-S", str(control), "-N", *options)))
        try:
            wait_for(control.exists)
            yield process
        finally:
            process.terminate()
            process.wait(SECONDS)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def nothing_comes(port: int, sent: bytes, greeting: int) -> None:
    """A local port that is forwarded takes what is sent, and nothing comes from beyond it."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as door:
        door.sendall(sent)
        assert len(door.recv(greeting)) <= greeting
        with contextlib.suppress(ConnectionError):
            assert door.recv(100) == b""


def still_works(files: Files) -> None:
    """The positive control: the same client, by the same certificate."""
    assert run(ssh(files, "echo hello")).stdout == "hello\n"


REQUESTS = [
    pytest.param(("-W", "127.0.0.1:22"), (), "forward", True, id="-W"),
    pytest.param(("-R", "0:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes"), ("true",), "forward", True, id="-R"),
    pytest.param(
        ("-R", "/run/x:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes"), ("true",), "forward", True, id="-R /"
    ),
    pytest.param(("-Y",), ("echo", "$DISPLAY"), "x11", False, id="X11"),
    pytest.param(("-o", "SetEnv=LD_PRELOAD=x"), ("echo", "$LD_PRELOAD"), "environment", False, id="environment"),
    pytest.param(("-s",), ("netconf",), "subsystem", True, id="subsystem"),
]


@pytest.mark.parametrize(("options", "command", "reason", "fails"), REQUESTS)
def test_what_a_session_may_not_ask_is_refused_and_in_the_audit_log(
    plane: SshPlane, options: tuple[str, ...], command: tuple[str, ...], reason: str, fails: bool
) -> None:
    given = plane.given()
    files = plane.files(given)
    # What -s takes for a name comes last.
    done = run(ssh(files, *command, options=options), env={"DISPLAY": "127.0.0.1:0"})
    assert (done.returncode != 0, done.stdout.strip()) == (fails, "")
    plane.place.logged("request.refused", reason=reason, grant=given.grant.id)
    still_works(files)


def test_no_agent_is_forwarded(plane: SshPlane) -> None:
    given = plane.given()
    files = plane.files(given)
    path = files.config.parent / "agent"
    agent = subprocess.Popen([client("ssh-agent"), "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        wait_for(path.exists)
        done = run(ssh(files, "echo $SSH_AUTH_SOCK", options=("-A", "-o", f"IdentityAgent={path}")))
        assert (done.returncode, done.stdout.strip()) == (0, "")
    finally:
        agent.terminate()
        agent.wait(SECONDS)
    plane.place.logged("request.refused", reason="agent", grant=given.grant.id)
    still_works(files)


def test_a_local_port_leads_nowhere(plane: SshPlane) -> None:
    given, port, proxy = plane.given(), free_port(), free_port()
    files = plane.files(given)
    with listening(files, "-L", f"{port}:127.0.0.1:{plane.host.port}", "-D", str(proxy)):
        nothing_comes(port, b"SSH-2.0-x\r\n", 0)
        plane.refused("forward", given)
        # SOCKS 5, without a password, to 127.0.0.1:22.
        nothing_comes(proxy, b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16", 2)
        wait_for(lambda: len(plane.refused("forward", given)) == 2)
    plane.place.logged("request.refused", reason="forward", grant=given.grant.id)
    still_works(files)


def attempt(plane: SshPlane, login: str, blob: bytes, key: Ed25519PrivateKey, then: Any = None) -> bool:
    """Whether a client that sends these bytes as its certificate comes in."""
    port = int(plane.bastions[-1].port)
    mine = asyncssh.import_private_key(private_text(key))

    async def tries() -> bool:
        try:
            async with asyncssh.connect(
                "127.0.0.1",
                port,
                username=login,
                client_keys=[_Pair(mine, blob)],
                known_hosts=None,
                config=None,
                agent_path=None,
            ) as connection:
                if then:
                    await then(connection)
                return True
        except asyncssh.PermissionDenied:
            return False

    # In a thread of its own: it leaves its thread without an event loop, which others count on.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(asyncio.wait_for(tries(), SECONDS))).result()


class _Pair(asyncssh.SSHKeyPair):
    """A key, and bytes that are sent as what certifies it."""

    def __init__(self, key: asyncssh.SSHKey, blob: bytes) -> None:
        kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
        super().__init__(kind, b"ssh-ed25519", (b"ssh-ed25519",), (kind,), blob, None)
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, b"ssh-ed25519")


REF = "<the grant's>"
CERTIFICATES = [
    pytest.param(Forged(()), "principal", id="no principal"),
    pytest.param(Forged(("*",)), "principal", id="a wildcard"),
    pytest.param(Forged((REF, "root")), "principal", id="two principals"),
    pytest.param(Forged((REF,), kind=HOST), "host_certificate", id="a host's"),
    pytest.param(Forged((REF,), nested=True), "certificate", id="nested"),
    pytest.param(Forged((REF,), critical=(("verify-required", b""),)), "option", id="an unknown critical option"),
    pytest.param(Forged((REF,), critical=(("force-command", b"\0\0\0\2sh"),)), "option", id="a known critical option"),
    pytest.param(Forged((REF,), extensions=("permit-port-forwarding",)), "option", id="leave to forward"),
    pytest.param(Forged((REF,), lasts=-1), "expired", id="expired"),
    pytest.param(Forged((REF,), begins=300), "expired", id="not yet"),
]


def for_grant(forged: Forged, login: str) -> Forged:
    return forged.other(principals=tuple(login if each == REF else each for each in forged.principals))


@pytest.mark.parametrize(("forged", "reason"), CERTIFICATES)
def test_a_certificate_of_our_own_authority_that_says_otherwise_is_refused(
    plane: SshPlane, forged: Forged, reason: str
) -> None:
    given, key = plane.given(), Ed25519PrivateKey.generate()
    login, authority = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)
    assert not attempt(plane, login, for_grant(forged, login).blob(key, authority), key)
    plane.place.logged("login.refused", reason=reason, grant=given.grant.id)
    assert attempt(plane, login, Forged((login,)).blob(key, authority), key)


@pytest.mark.parametrize("name", ["*", "", "root", "mw-*"])
def test_a_user_name_of_no_grant_lets_nobody_in_whatever_the_certificate_says(plane: SshPlane, name: str) -> None:
    given, key = plane.given(), Ed25519PrivateKey.generate()
    login, authority = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)
    assert not attempt(plane, name, Forged((name,)).blob(key, authority), key)

    def told() -> bool:
        found = plane.place.logged("login.refused", log=audit.SHARED, reason="login")
        return bool(found["properties"]["detail"].startswith(f"{name}: "))

    wait_for(told)
    assert attempt(plane, login, Forged((login,)).blob(key, authority), key)


@pytest.mark.parametrize("which", ["somebody", "hosts", "a plain key"])
def test_another_authority_lets_nobody_in(plane: SshPlane, which: str) -> None:
    given, key = plane.given(), Ed25519PrivateKey.generate()
    login, ours = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)
    other = Ed25519PrivateKey.generate() if which == "somebody" else private_key(plane.place.root, Keys.HOSTS)
    blob = Forged((login,)).blob(key, other)
    if which == "a plain key":
        blob = asyncssh.import_private_key(private_text(ours)).public_data
        key = ours
    assert not attempt(plane, login, blob, key)
    plane.place.logged("login.refused", reason="key" if which == "a plain key" else "authority", grant=given.grant.id)
    mine = Ed25519PrivateKey.generate()
    assert attempt(plane, login, Forged((login,)).blob(mine, ours), mine)


def test_a_certificate_is_of_no_use_without_its_key(plane: SshPlane) -> None:
    given, key, other = plane.given(), Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    login, authority = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)
    blob = Forged((login,)).blob(key, authority)
    assert not attempt(plane, login, blob, other)
    plane.place.logged("login.refused", reason="key", grant=given.grant.id)
    assert attempt(plane, login, blob, key)


def test_one_grants_certificate_lets_nobody_in_by_another(plane: SshPlane) -> None:
    one, two = plane.given(Scope.READ), plane.given()
    files = plane.files(one)
    done = run(ssh(files, "echo hello", options=("-l", two.grant.provider_ref)))
    assert (done.returncode, done.stdout) == (255, "")
    plane.place.logged("login.refused", reason="principal", grant=two.grant.id)
    still_works(plane.files(two))


def test_no_tunnel_and_no_channel_of_another_kind_is_opened(plane: SshPlane) -> None:
    given, key = plane.given(), Ed25519PrivateKey.generate()
    login, authority = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)
    refused = []

    async def asks(connection: asyncssh.SSHClientConnection) -> None:
        for opens in (
            connection.open_tun,
            connection.open_tap,
            lambda: connection.open_unix_connection("/run/docker.sock"),
            lambda: connection.open_connection("127.0.0.1", 22),
        ):
            try:
                await opens()
            except asyncssh.ChannelOpenError as error:
                refused.append(error.code)
        assert (await connection.run("echo hello")).stdout == "hello\n"

    assert attempt(plane, login, Forged((login,)).blob(key, authority), key, asks)
    assert refused == [asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED] * 4
    wait_for(lambda: len(plane.refused("forward", given)) == 4)
    plane.place.logged("request.refused", reason="forward", grant=given.grant.id)


def test_whoever_goes_on_asking_for_what_nobody_gets_is_out(plane: SshPlane) -> None:
    given, key = plane.given(), Ed25519PrivateKey.generate()
    login, authority = given.grant.provider_ref, private_key(plane.place.root, Keys.HOLDERS)

    async def asks(connection: asyncssh.SSHClientConnection) -> None:
        with contextlib.suppress(asyncssh.Error):
            for _ in range(200):
                with contextlib.suppress(asyncssh.ChannelOpenError):
                    await connection.open_connection("127.0.0.1", 22)
        await connection.wait_closed()

    assert attempt(plane, login, Forged((login,)).blob(key, authority), key, asks)
    plane.place.logged("request.refused", reason="forward", grant=given.grant.id)
    assert len(plane.refused("forward", given)) <= 50
    assert attempt(plane, login, Forged((login,)).blob(key, authority), key)
