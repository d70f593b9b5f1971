"""System calls that are refused in a sandbox, each beside what the same kernel says to an unfiltered process."""

import ctypes
import errno
import json
import platform
import struct
import subprocess
import sys

import pytest

from factory.errors import SandboxUnavailable
from sandbox import Confined, python_binds, run, syscalls

COLUMN = list(syscalls.ARCHITECTURES).index(platform.machine()) if platform.machine() in syscalls.ARCHITECTURES else 0
NUMBERS = {name: row[COLUMN] for name, row in syscalls.DENIED.items() if row[COLUMN] is not None}
# Calls that do nothing and answer otherwise than EPERM when the arguments are wrong, also without capabilities.
TELLING = ("add_key", "keyctl", "request_key", "ptrace", "process_vm_readv", "kcmp", "io_uring_setup", "unshare")
CALLS = """
import ctypes, json, sys
libc = ctypes.CDLL(None, use_errno=True)
said = {}
for name, number in json.loads(sys.argv[1]).items():
    ctypes.set_errno(0)
    said[name] = ctypes.get_errno() if libc.syscall(number, *[-1] * 6) == -1 else 0
print(json.dumps(said))
"""


def inside(code: str, *words: str) -> str:
    ran = run(Confined(argv=("python", "-c", code, *words), binds=python_binds(), cwd="/"))
    assert ran.code == 0, ran.err
    return ran.out


@pytest.fixture(scope="module")
def said() -> dict[str, int]:
    return {name: int(number) for name, number in json.loads(inside(CALLS, json.dumps(NUMBERS))).items()}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_denied_call_is_refused(said: dict[str, int], name: str) -> None:
    assert said[name] == errno.EPERM


def test_the_same_calls_are_answered_otherwise_by_the_kernel_itself() -> None:
    asked = json.dumps({name: NUMBERS[name] for name in TELLING})
    outside = json.loads(
        subprocess.run([sys.executable, "-c", CALLS, asked], capture_output=True, text=True, check=True).stdout
    )
    assert errno.EPERM not in outside.values()


def test_a_neighbour_of_each_denied_call_passes() -> None:
    # getpid, and a call that does not exist: the kernel's own answer, not the filter's.
    number = {"x86_64": 39, "aarch64": 172}[platform.machine()]
    assert json.loads(inside(CALLS, json.dumps({"getpid": number, "none": 4095}))) == {
        "getpid": 0,
        "none": errno.ENOSYS,
    }


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its other ABIs")
def test_the_other_abis_of_the_machine_are_refused() -> None:
    x32 = {"x32 getpid": 39 + syscalls.X32}
    assert json.loads(inside(CALLS, json.dumps(x32))) == {"x32 getpid": errno.EPERM}
    # mov eax, 20 (getpid of i386); int 0x80; ret
    i386 = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    assert inside(i386).strip() == str(-errno.EPERM)


def answer(filter: bytes, architecture: int, number: int) -> int:
    """What the kernel would do, by the four instructions that are used."""
    steps = [struct.unpack_from("=HBBI", filter, at) for at in range(0, len(filter), 8)]
    at, held = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case syscalls.LOAD:
                held = architecture if value == syscalls.ARCHITECTURE else number
            case syscalls.EQUAL:
                at += yes if held == value else no
            case syscalls.AT_LEAST:
                at += yes if held >= value else no
            case syscalls.RETURN:
                return int(value)


@pytest.mark.parametrize("machine", syscalls.ARCHITECTURES)
def test_the_filter_of_each_machine_refuses_what_is_denied_and_nothing_else(machine: str) -> None:
    filter, own = syscalls.refusing(machine), syscalls.ARCHITECTURES[machine]
    column = list(syscalls.ARCHITECTURES).index(machine)
    denied = {row[column] for row in syscalls.DENIED.values()}
    refused = {number for number in range(600) if answer(filter, own, number) == syscalls.REFUSE}
    assert refused == denied - {None}
    assert answer(filter, own, 0) == syscalls.ALLOW
    for architecture, number in ((0x40000003, 0), (0, 0), (own, syscalls.X32), (own, syscalls.X32 | 39)):
        assert answer(filter, architecture, number) == syscalls.REFUSE


def test_a_machine_whose_calls_are_not_known_confines_nothing() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        syscalls.refusing("riscv64")


def test_a_key_of_one_sandbox_is_not_found_in_another() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    session, user = -3, b"user"
    key = libc.syscall(NUMBERS["add_key"], user, b"millwright-test", b"text", 4, session)
    if key < 0:
        pytest.skip("this kernel keeps no keys")
    find = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(int(sys.argv[1]), 10, -3, b"user", b"millwright-test", 0))
"""
    try:
        number = str(NUMBERS["keyctl"])
        outside = subprocess.run([sys.executable, "-c", find, number], capture_output=True, text=True, check=True)
        assert (int(outside.stdout), inside(find, number).strip()) == (key, "-1")
    finally:
        # KEYCTL_UNLINK
        libc.syscall(NUMBERS["keyctl"], 9, key, session)
