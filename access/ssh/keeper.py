"""What ends a session's processes at its host: a small program that runs beside them, and waits for their end.

sshd ends a terminal's session with a signal that a process may ignore, and a session without a terminal not at all:
`nohup` and `setsid` survive both. So each session has a keeper, on a channel of its own in the same connection. It
waits until its input ends, which the bastion does, or the connection's end when the bastion was killed; then it kills
what is the session's, over and over, until a look finds nothing.

What is the session's it knows by two marks, which the children of a process have as well: a variable of the
environment that the session is begun with; and, where the host's sshd uses PAM's `pam_loginuid`, the number that the
kernel's audit gives to a login, which nobody but root can change.

A session may end between sshd's fork and the moment from which its process has the mark: that one nobody would find.
So what has the mark looks first whether its keeper waits still, and a keeper changes its name before its first look:
either it finds the process, or the process sees that it is too late, and runs nothing.
"""

import shlex
from typing import Final

VARIABLE: Final = "MILLWRIGHT_SESSION"
READY: Final = b"ready "
GONE: Final = b"gone\n"
WAITS: Final = "millwright-keeper"
LOOKS_NOW: Final = "millwright-reaper"
# POSIX sh and Linux's /proc. 4294967295: no audit session. A process without an `exe` is one that is dead already.
LOOKS: Final = 100
_LOOK: Final = f"""
mark=$1
own=$(cat /proc/self/sessionid 2>/dev/null)
[ "$own" = 4294967295 ] && own=
[ -z "$2" ] && own=
by_mark() {{ grep -lF -- "$mark" /proc/[0-9]*/environ; }}
by_audit() {{ [ -z "$own" ] || grep -lxF -- "$own" /proc/[0-9]*/sessionid; }}
looks=0
while [ $looks -lt {LOOKS} ]; do
  found=
  for file in $( (by_mark; by_audit) 2>/dev/null); do
    pid=${{file#/proc/}}
    pid=${{pid%%/*}}
    [ "$pid" = $$ ] || [ "$pid" = $PPID ] || ! [ -e "/proc/$pid/exe" ] && continue
    kill -KILL "$pid" 2>/dev/null && found=yes
  done
  [ -n "$found" ] || {{ echo gone; exit 0; }}
  looks=$((looks + 1))
done
exit 1
"""
_WAIT: Final = f"""
trap '' HUP TERM INT PIPE
echo "ready $$"
while read -r _; do :; done
exec sh -c "$3" {LOOKS_NOW} "$1" "$2"
"""
_BEGIN: Final = f"""
grep -qF -- {WAITS} "/proc/$1/cmdline" && grep -qF -- "$2" "/proc/$1/cmdline" || exit 1
shift 2
exec "$SHELL" "$@"
"""


def marked(login: str, session: str = "") -> str:
    """What the environment of a session's processes holds; without a session, of all of a grant's."""
    return f"{VARIABLE}={login}.{session}"


def command(mark: str, kept_by: int, argv: str | None) -> str:
    """What is run at the host for a client's command, or for its login shell (None): by the account's own shell.

    `kept_by`: the process of the session's keeper; nothing runs when it does not wait any more.
    """
    shell = ["-l"] if argv is None else ["-c", argv]
    return f"exec env {shlex.quote(mark)} {_sh(_BEGIN, 'millwright-session', str(kept_by), mark, *shell)}"


def keeper(mark: str) -> str:
    """The keeper's command: says READY and its process, and after the end of its input GONE."""
    return f"exec {_sh(_WAIT, WAITS, mark, 'own', _LOOK)}"


def reaper(mark: str) -> str:
    """Kills at once what has the mark; says GONE."""
    return f"exec {_sh(_LOOK, LOOKS_NOW, mark)}"


def process_of(said: bytes) -> int | None:
    """The process of a keeper that is ready; None when it says something else."""
    number = said.removeprefix(READY).strip()
    return int(number) if said.startswith(READY) and number.isdigit() else None


def _sh(script: str, *arguments: str) -> str:
    return f"sh -c {shlex.quote(script)} {shlex.join(arguments)}"
