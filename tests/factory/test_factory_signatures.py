"""Signatures are OpenSSH's: what ssh-keygen makes we take, what we make it takes, and nothing else is one."""

import base64
import re
import shutil
import struct
import subprocess
from hashlib import md5, sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)
from decision_bench import new_key
from hypothesis import example, given
from hypothesis import strategies as st

from factory import signatures
from factory.errors import InputError
from factory.signatures import DECISION, SUBMIT, sign, sign_unattended, verify

MESSAGE = b'{"verdict":"approve"}'
NEEDS_SSH_KEYGEN = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here: nothing to compare with"
)


def _openssh(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _generate(path: Path, kind: str, passphrase: str = "") -> str:
    """A key as ssh-keygen makes it; its public half."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()


def _openssh_verifies(message: bytes, armored: str, public: str, folder: Path, namespace: str = DECISION) -> bool:
    (folder / "allowed").write_text(f"ben {public}\n")
    (folder / "sig").write_text(armored)
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "ben", "-n", namespace, "-s", "sig"]
    ran = subprocess.run(command, input=message, cwd=folder, timeout=60, check=False, capture_output=True)
    return ran.returncode == 0


@NEEDS_SSH_KEYGEN
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_what_ssh_keygen_signs_is_taken_for_this_message_namespace_and_key_only(kind: str, tmp_path: Path) -> None:
    public, other = _generate(tmp_path / "key", kind), _generate(tmp_path / "other", kind)
    armored = sign(MESSAGE, tmp_path / "key")
    assert verify(MESSAGE, armored, [public])
    assert verify(MESSAGE, armored, [other, public])
    assert not verify(MESSAGE + b" ", armored, [public])
    assert not verify(MESSAGE, armored, [public], namespace=SUBMIT)
    assert not verify(MESSAGE, armored, [other])
    assert not verify(MESSAGE, armored, [])
    assert verify(MESSAGE, sign(MESSAGE, tmp_path / "key", namespace=SUBMIT), [public], namespace=SUBMIT)


@NEEDS_SSH_KEYGEN
def test_what_we_sign_is_taken_by_ssh_keygen_for_this_message_namespace_and_key_only(tmp_path: Path) -> None:
    public, other = new_key(tmp_path / "key"), new_key(tmp_path / "other")
    armored = sign_unattended(MESSAGE, tmp_path / "key")
    assert _openssh_verifies(MESSAGE, armored, public, tmp_path)
    assert not _openssh_verifies(MESSAGE + b" ", armored, public, tmp_path)
    assert not _openssh_verifies(MESSAGE, armored, public, tmp_path, SUBMIT)
    assert not _openssh_verifies(MESSAGE, armored, other, tmp_path)


@NEEDS_SSH_KEYGEN
def test_both_ways_to_sign_make_the_same_signature(tmp_path: Path) -> None:
    public = new_key(tmp_path / "key")
    (tmp_path / "key.pub").write_text(public)
    # ed25519 is deterministic; ssh-keygen breaks the lines where we do.
    assert sign(MESSAGE, tmp_path / "key") == sign_unattended(MESSAGE, tmp_path / "key")


def test_ours_verify_without_any_tool(tmp_path: Path) -> None:
    public, other = new_key(tmp_path / "key"), new_key(tmp_path / "other")
    armored = sign_unattended(MESSAGE, tmp_path / "key")
    assert verify(MESSAGE, armored, [other, public])
    assert not verify(MESSAGE, armored, [other])
    assert not verify(MESSAGE, armored, [public], namespace=SUBMIT)


def test_a_key_that_cannot_sign_says_so(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    (tmp_path / "rsa").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    with pytest.raises(InputError, match="is no ed25519 key"):
        sign_unattended(MESSAGE, tmp_path / "rsa")


@NEEDS_SSH_KEYGEN
def test_a_key_that_ssh_keygen_cannot_use_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not sign: .*No such file") as caught:
        sign(MESSAGE, tmp_path / "none")
    assert caught.value.hint == "name another with --key"


def test_without_ssh_keygen_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="ssh-keygen is not here") as caught:
        sign(MESSAGE, tmp_path / "key")
    assert "openssh-client" in caught.value.hint


def _made_with(hash_name: bytes, digest: bytes, key: Path) -> str:
    """A signature over the message's digest by a hash of one's choice: true in every other respect."""
    private = load_ssh_private_key(key.read_bytes(), password=None)
    public = base64.b64decode(private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    head = (DECISION.encode(), b"", hash_name)
    signature = private.sign(b"SSHSIG" + signatures._strings(*head, digest))
    blob = b"SSHSIG" + struct.pack(">I", 1)
    blob += signatures._strings(public, *head, signatures._strings(b"ssh-ed25519", signature))
    body = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n"


def test_a_signature_over_a_broken_hash_is_none(tmp_path: Path) -> None:
    public = new_key(tmp_path / "key")
    weak = _made_with(b"md5", md5(MESSAGE, usedforsecurity=False).digest(), tmp_path / "key")
    assert not verify(MESSAGE, weak, [public])
    assert not verify(MESSAGE, _made_with(b"shake_128", b"", tmp_path / "key"), [public])
    assert verify(MESSAGE, _made_with(b"sha512", sha512(MESSAGE).digest(), tmp_path / "key"), [public])


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A public key, and its signature over the message."""
    key = tmp_path_factory.mktemp("keys") / "key"
    return new_key(key), sign_unattended(MESSAGE, key)


@given(at=st.integers(0, 10_000), byte=st.integers(1, 255))
def test_no_byte_of_a_signature_can_be_another(at: int, byte: int, signed: tuple[str, str]) -> None:
    public, armored = signed
    blob = bytearray(base64.b64decode("".join(armored.splitlines()[1:-1])))
    blob[at % len(blob)] ^= byte
    body = base64.b64encode(blob).decode()
    assert verify(MESSAGE, armored, [public])
    assert not verify(MESSAGE, f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n", [public])


@given(text=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
@example(text="")
@example(text="\ud800")
def test_whatever_is_no_signature_is_told_as_none(text: str, signed: tuple[str, str]) -> None:
    for armored in (text, f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"):
        assert not verify(MESSAGE, armored, [signed[0]])


def test_a_public_key_is_taken_or_told_why_not(tmp_path: Path) -> None:
    good = new_key(tmp_path / "key")
    assert signatures.is_public_key(good) == ""
    assert signatures.is_public_key(f"  {good} ben at work\n") == ""
    assert signatures.is_public_key(_openssh(rsa.generate_private_key(65537, 2048))) == ""
    short = _openssh(rsa.generate_private_key(65537, 1024))  # noqa: S505 -- it must be refused
    assert "an RSA key of 1024 bits is too short" in signatures.is_public_key(short)
    ecdsa = _openssh(ec.generate_private_key(ec.SECP256R1()))
    assert "cannot be verified: use ssh-ed25519 or ssh-rsa" in signatures.is_public_key(ecdsa)
    assert "more than one line" in signatures.is_public_key(f"{good}\n{good}")
    for wrong in ("", "ssh-ed25519", "ssh-ed25519 !", "ssh-ed25519 AAAA", good.replace("ssh-ed25519", "ssh-rsa")):
        assert "not an OpenSSH public key: " in signatures.is_public_key(wrong), wrong


@given(st.text() | st.binary().map(lambda raw: f"ssh-ed25519 {base64.b64encode(raw).decode()}"))
def test_no_text_breaks_the_check_of_public_keys(text: str) -> None:
    assert signatures.is_public_key(text)


def test_a_key_has_one_id_however_it_is_written(tmp_path: Path) -> None:
    public, other = new_key(tmp_path / "key"), new_key(tmp_path / "other")
    assert signatures.key_id(public) == signatures.key_id(f"{public} a comment")
    # Bytes after the key say nothing, but make another text of it.
    kind, body = public.split()[:2]
    longer = base64.b64encode(base64.b64decode(body) + b"xyz").decode()
    assert signatures.is_public_key(f"{kind} {longer}") or signatures.key_id(f"{kind} {longer}") == signatures.key_id(
        public
    )
    assert signatures.key_id(public) != signatures.key_id(other)


@NEEDS_SSH_KEYGEN
def test_the_id_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    public = _generate(tmp_path / "key", "rsa")
    command = ["ssh-keygen", "-l", "-f", "key.pub"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert signatures.key_id(public) in ran.stdout.split()


@NEEDS_SSH_KEYGEN
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("passphrase", ["", "a secret"])
def test_the_public_half_is_read_without_the_passphrase(kind: str, passphrase: str, tmp_path: Path) -> None:
    public = _generate(tmp_path / "key", kind, passphrase)
    assert signatures.public_key_of(tmp_path / "key") == public
    (tmp_path / "key.pub").unlink()
    assert signatures.key_id(signatures.public_key_of(tmp_path / "key")) == signatures.key_id(public)


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN X-----\nAAAA\n-----END X-----\n", "-----A-----!-----B-----"]
)
def test_what_is_no_private_key_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(InputError, match="it is no OpenSSH private key") as caught:
        signatures.public_key_of(tmp_path / "key")
    assert caught.value.hint == "name another with --key"
    with pytest.raises(InputError, match="No such file"):
        signatures.public_key_of(tmp_path / "none")


def test_an_ecdsa_key_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    with pytest.raises(InputError, match=re.escape("use ssh-ed25519 or ssh-rsa")):
        signatures.public_key_of(tmp_path / "key")
