"""What a `pulumi` command line is about: command, stack, folder. Only as much as the shim must know.

The flags are those of Pulumi 3.259 (`pulumi up --help`), written by the rules of its flag library (spf13/pflag):
`--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, and bundles of short flags (`-yfs dev`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ALIASES = {"update": "up", "pre": "preview", "down": "destroy", "dn": "destroy"}
STACK_ALIASES = {"init": "new", "create": "new", "setup": "new", "rm": "remove", "delete": "remove"}
SHORT_NAMES = {"s": "stack", "C": "cwd", "h": "help"}
SHORT_WITH_VALUE = frozenset("cmpstvxoC")
# Flags whose value is optional (--refresh, --attach-debugger) take it by `=` only, so they are not here.
LONG_WITH_VALUE = frozenset(
    {
        *("color", "config", "config-file", "copy-config-from", "cwd", "exclude", "file", "from", "generate-resources"),
        *("import-file", "import-pending-creates", "memprofilerate", "message", "otel-traces", "out", "parallel"),
        *("parent", "path", "plan", "policy-pack", "policy-pack-config", "profiling", "properties", "provider"),
        *("replace", "save-plan", "secrets-provider", "stack", "target", "target-replace", "teams", "tracing"),
        *("exec-agent", "exec-kind", "override-env", "verbose"),
    }
)
# The subcommands of `stack` whose first argument is the stack.
STACK_BY_ARGUMENT = frozenset({"new", "select", "remove"})


@dataclass(frozen=True)
class Invocation:
    """One command line. `command` is the full name (`up` for `update`; `stack new` for `stack init`), "" for none.

    `flags` are the names of all flags given, long ones where `SHORT_NAMES` knows them.
    """

    command: str
    stack: str | None
    folder: str | None
    flags: frozenset[str]

    @property
    def asks_help(self) -> bool:
        """Whether it only asks what the command does."""
        return "help" in self.flags


def parse(arguments: Sequence[str]) -> Invocation:
    """Read a command line as the CLI would. Never fails: what is wrong is for the CLI to say."""
    values: dict[str, str] = {}
    words: list[str] = []
    for name, value in _items(arguments):
        if name is None:
            words.append(value)
        else:
            values[name] = value
    command = ALIASES.get(words[0], words[0]) if words else ""
    stack = values.get("stack")
    if command == "stack" and len(words) > 1:
        subcommand = STACK_ALIASES.get(words[1], words[1])
        command = f"stack {subcommand}"
        if stack is None and subcommand in STACK_BY_ARGUMENT and len(words) > 2:  # noqa: PLR2004  (stack, new, NAME)
            stack = words[2]
    return Invocation(command=command, stack=stack or None, folder=values.get("cwd") or None, flags=frozenset(values))


def _items(arguments: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Each flag as (long name, value) and each other word as (None, word)."""
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            yield from ((None, after) for after in rest)
        elif word.startswith("--"):
            name, given, value = word[2:].partition("=")
            yield name, value if given or name not in LONG_WITH_VALUE else next(rest, "")
        elif word.startswith("-") and word != "-":
            yield from _short(word[1:], rest)
        else:
            yield None, word


def _short(bundle: str, rest: Iterator[str]) -> Iterator[tuple[str | None, str]]:
    for index, letter in enumerate(bundle):
        name = SHORT_NAMES.get(letter, letter)
        if letter in SHORT_WITH_VALUE:
            attached = bundle[index + 1 :]
            yield name, attached.removeprefix("=") if attached else next(rest, "")
            return
        if bundle[index + 1 : index + 2] == "=":
            yield name, bundle[index + 2 :]
            return
        yield name, ""
