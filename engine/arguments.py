"""Reads a `pulumi` command line by the table of `engine.commands`, and writes it again the one way it was understood.

The rules are those of the CLI's flag library (spf13/pflag): `--name value`, `--name=value`, `-n value`, `-nvalue`,
`-n=value`, and bundles of short flags (`-yfs dev`). What is run is what was read (`Invocation.line`), never the
original words: so the CLI cannot understand another stack or another flag than the one that was judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.commands import (
    COMMANDS,
    GLOBAL,
    INSTEAD,
    POLICY_FLAGS,
    STACK,
    Command,
    Effect,
    Flag,
    forbidden,
    full_name,
    is_group,
    is_word,
    known_commands,
)
from factory.errors import InputError, MillwrightError, PolicyViolation


@dataclass(frozen=True)
class Invocation:
    """One command line. `command` is the full name (`up` for `update`; `stack new` for `stack init`), "" for none.

    `words` are the command's words as they were written, `flags` all others than stack and help as `--name` or
    `--name=value`, `arguments` the words after the command without the stack. `problem` says why it must not run.
    """

    command: str
    words: tuple[str, ...]
    stack: str | None
    folder: str | None
    flags: tuple[str, ...]
    arguments: tuple[str, ...]
    asks_help: bool
    problem: MillwrightError | None

    @property
    def spec(self) -> Command:
        """What is known of the command. Raises what is wrong with the command line."""
        if self.problem is not None:
            raise self.problem
        return COMMANDS[self.command]

    @property
    def is_harmless(self) -> bool:
        """Whether it only reads, and nothing that is kept from anyone: of whichever stack, nobody has to be asked."""
        return self.spec.effect is Effect.READS and forbidden(self.command, self.flags) == []

    def line(self, stack: str | None, *added: str) -> list[str]:
        """The command line to run, for `stack`; flags that are `added` come last, so that they hold."""
        if self.asks_help:
            return [*self.words, "--help"]
        if self.spec.effect is Effect.NO_STACK:
            return [*self.words, *self.flags, *self.arguments]
        named = [f"--stack={stack}"] if stack else []
        return [*self.words, *self.flags, *named, *added, *(["--", *self.arguments] if self.arguments else [])]


def policy_problem(flags: Sequence[str]) -> PolicyViolation | None:
    """What is wrong when one of the flags (`--name` or `--name=value`) says which policies hold."""
    found = next((flag for flag in flags if flag.partition("=")[0].removeprefix("--") in POLICY_FLAGS), None)
    if found is None:
        return None
    return PolicyViolation(
        f"{found.partition('=')[0]} could switch the factory's own policies off, so it is refused here",
        hint="leave it out; what a policy found is accepted by an exception, not by configuration",
    )


def parse(arguments: Sequence[str]) -> Invocation:
    """Read a command line as the CLI would. Never fails: what is wrong is the answer's `problem`."""
    reader = _Reader(list(arguments))
    reader.read_command()
    command = reader.command
    spec = COMMANDS.get(command)
    if spec is not None and spec.effect is Effect.NO_STACK and not (is_group(command) and reader.rest):
        return _free(reader)
    reader.read_rest(GLOBAL | STACK if spec is None else spec.flags)
    words, stack, folder = reader.arguments, reader.values.get("stack"), reader.values.get("cwd")
    if not reader.asks_help:
        reader.check_arguments(spec)
    if spec is not None and spec.stack_argument and words:
        stack = words.pop(0)
    return Invocation(
        command=reader.command,
        words=tuple(reader.words),
        stack=stack or None,
        folder=folder or None,
        flags=tuple(reader.flags),
        arguments=tuple(words),
        asks_help=reader.asks_help,
        problem=reader.problem,
    )


def _free(reader: "_Reader") -> Invocation:
    """A command that touches no stack: what follows is its own affair, but for the folder."""
    rest, flags, asks_help = tuple(reader.rest), tuple(reader.flags), reader.asks_help
    reader.read_rest(COMMANDS[reader.command].flags)
    return Invocation(
        command=reader.command,
        words=tuple(reader.words),
        stack=None,
        folder=reader.values.get("cwd") or None,
        flags=flags,
        arguments=rest,
        asks_help=asks_help,
        problem=policy_problem(rest),
    )


@dataclass
class _Reader:
    rest: list[str]
    command: str = ""
    words: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    asks_help: bool = False
    problem: MillwrightError | None = None

    def read_command(self) -> None:
        """The command's words. Between them only such flags are read as every command has; another one ends them."""
        while self.rest:
            word = self.rest[0]
            if _is_flag(word):
                if not _all_known(word, GLOBAL | STACK):
                    return
                self._flag(self.rest.pop(0), GLOBAL | STACK)
            elif is_group(self.command) and is_word(full_name(self.command, word)):
                self.command = full_name(self.command, self.rest.pop(0))
                self.words.append(word)
            else:
                return

    def read_rest(self, known: Mapping[str, Flag]) -> None:
        """What follows the command, with the flags it has."""
        while self.rest:
            word = self.rest.pop(0)
            if word == "--":
                self.arguments += self.rest
                self.rest = []
            elif _is_flag(word):
                self._flag(word, known)
            else:
                self.arguments.append(word)

    def check_arguments(self, spec: Command | None) -> None:
        """Note as the problem what is wrong with the words after the command."""
        allowed = 0 if spec is None else spec.arguments + spec.stack_argument
        if spec is None or (is_group(self.command) and self.arguments):
            self._command_unknown()
        elif len(self.arguments) > allowed:
            self._wrong(f"pulumi {self.command} takes no such argument here", _takes(self.command, spec.flags))
        elif (
            spec.stack_argument and self.arguments and self.values.get("stack", self.arguments[0]) != self.arguments[0]
        ):
            self._wrong(f"pulumi {self.command}: two stacks are named", "name one")

    def _command_unknown(self) -> None:
        name = full_name(self.command, self.arguments[0]) if self.arguments else self.command
        group = self.command if self.command and is_group(self.command) else ""
        hint = INSTEAD.get(name) or f"it knows: {', '.join(known_commands(group))}"
        # A command is what is wrong, whatever flags it was given.
        self.problem = InputError(f"pulumi {name} is not a command that this factory's door lets through", hint=hint)

    def _flag(self, word: str, known: Mapping[str, Flag]) -> None:
        if word.startswith("--"):
            name, given, value = word[2:].partition("=")
            flag = known.get(name) if len(name) > 1 else None
            if flag is None:
                self._unknown(f"--{name}", known)
            elif given:
                self._note(flag, value)
            else:
                self._note(flag, self._next(flag) if flag.takes_value else flag.bare)
            return
        self._bundle(word[1:], known)

    def _bundle(self, bundle: str, known: Mapping[str, Flag]) -> None:
        for index, letter in enumerate(bundle):
            flag, attached = known.get(letter), bundle[index + 1 :]
            if flag is None:
                self._unknown(f"-{letter}", known)
            elif flag.takes_value:
                self._note(flag, attached.removeprefix("=") if attached else self._next(flag))
                return
            elif attached.startswith("="):
                self._note(flag, attached[1:])
                return
            else:
                self._note(flag, flag.bare)

    def _next(self, flag: Flag) -> str:
        if not self.rest:
            self._wrong(f"--{flag.name} needs a value", f"--{flag.name}=VALUE")
            return ""
        return self.rest.pop(0)

    def _note(self, flag: Flag, value: str | None) -> None:
        if flag.name == "help":
            if value is None:
                self.asks_help = True
            else:
                self._wrong("--help takes no value", "write --help alone, or leave it out")
            return
        if value is not None:
            self.values[flag.name] = value
        if flag.name != "stack":
            self.flags.append(f"--{flag.name}" if value is None else f"--{flag.name}={value}")

    def _unknown(self, name: str, known: Mapping[str, Flag]) -> None:
        if problem := policy_problem([name]):
            self.problem = problem
        self._wrong(
            f"pulumi {self.command}: {name} is not a flag that this factory's door lets through",
            _takes(self.command, known),
        )

    def _wrong(self, message: str, hint: str) -> None:
        # The first mistake is the one to tell; those after it may be its consequences.
        self.problem = self.problem or InputError(message, hint=hint)


def _is_flag(word: str) -> bool:
    return word.startswith("-") and word not in ("-", "--")


def _all_known(word: str, known: Mapping[str, Flag]) -> bool:
    name = word[2:].partition("=")[0] if word.startswith("--") else word[1:2]
    return name in known and (len(name) > 1) == word.startswith("--")


def _takes(command: str, known: Mapping[str, Flag]) -> str:
    own = sorted({flag.name for flag in known.values()} - {flag.name for flag in GLOBAL.values()})
    return f"pulumi {command} takes: {', '.join(f'--{name}' for name in own)}, and the flags of every command"
