"""What ends a session's processes at its host: a small program that runs beside them, and waits for their end.

sshd ends a terminal's session with a signal that a process may ignore, and a session without a terminal not at all:
`nohup` and `setsid` survive both. So each session has a keeper, on a channel of its own in the same connection. It
waits until its input ends, which the bastion does, or the connection's end when the bastion was killed; then it kills
what is the session's, over and over, until a look finds nothing.

What is the session's it knows by two marks, which the children of a process have as well: a variable of the
environment that the session is begun with; and, where the host's sshd uses PAM's `pam_loginuid`, the number that the
kernel's audit gives to a login, which nobody but root can change.
"""

import shlex
from typing import Final

VARIABLE: Final = "MILLWRIGHT_SESSION"
READY: Final = b"ready\n"
GONE: Final = b"gone\n"
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
_WAIT: Final = """
trap '' HUP TERM INT PIPE
echo ready
while read -r _; do :; done
"""


def marked(login: str, session: str = "") -> str:
    """What the environment of a session's processes holds; without a session, of all of a grant's."""
    return f"{VARIABLE}={login}.{session}"


def command(mark: str, argv: str | None) -> str:
    """What is run at the host for a client's command, or for its login shell (None): by the account's own shell."""
    shell = '"$SHELL" -l' if argv is None else f'"$SHELL" -c {shlex.quote(argv)}'
    return f"exec env {shlex.quote(mark)} {shell}"


def keeper(mark: str) -> str:
    """The keeper's command: says READY, and after the end of its input GONE."""
    return _sh(_WAIT + _LOOK, mark, "own")


def reaper(mark: str) -> str:
    """Kills at once what has the mark; says GONE."""
    return _sh(_LOOK, mark)


def _sh(script: str, *arguments: str) -> str:
    return f"exec sh -c {shlex.quote(script)} millwright-keeper {shlex.join(arguments)}"
