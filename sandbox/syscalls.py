"""The system calls that nothing in a sandbox needs: a filter (seccomp, in classic BPF) that refuses them with EPERM.

The kernel refuses most of them already to a process without capabilities; some (keyrings, ptrace, io_uring) it allows,
and each has been a way out of something. A foreign architecture is refused as a whole, as its numbers are others.
Sources: seccomp(2), linux/seccomp.h, linux/filter.h, linux/audit.h, and the kernel's tables of system calls.
"""

import errno
import platform
import struct
from typing import Final

from factory.errors import SandboxUnavailable

# The number on x86_64, and on aarch64; None where there is none.
DENIED: Final[dict[str, tuple[int, int | None]]] = {
    # Keyrings are shared by all processes of a session, through every namespace.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # Programs for the kernel, and what looks into it.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "syslog": (103, 116),
    # What is asked of io_uring passes by every filter.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Namespaces, mounts and roots.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    # The machine itself.
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "vhangup": (153, 58),
}
# AUDIT_ARCH_*: the machine's ELF number, with the bits for 64 bits and little endian.
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Set in the number of every call of the x32 ABI, which runs under the architecture of x86_64.
X32: Final = 0x40000000

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | errno.EPERM
# Offsets in struct seccomp_data.
NUMBER, ARCHITECTURE = 0, 4


def refusing(machine: str = "") -> bytes:
    """The filter's instructions for `machine` (this one, when empty), as seccomp takes them.

    Raises SandboxUnavailable for a machine whose system calls are not known here.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise SandboxUnavailable(f"no filter of system calls for {machine}", hint=f"known are {known}")
    column = list(ARCHITECTURES).index(machine)
    numbers = [row[column] for row in DENIED.values()]
    denied = [number for number in numbers if number is not None]
    # Each jump to the last instruction says how many are between; allowing stands just before it.
    steps = [
        *((LOAD, 0, 0, ARCHITECTURE), (EQUAL, 0, len(denied) + 3, ARCHITECTURES[machine])),
        *((LOAD, 0, 0, NUMBER), (AT_LEAST, len(denied) + 1, 0, X32)),
        *((EQUAL, len(denied) - place, 0, number) for place, number in enumerate(denied)),
        *((RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
