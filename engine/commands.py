"""What the `pulumi` shim knows of the CLI: each command, what it touches, its flags. What is not here is refused.

The flags are those of Pulumi 3.259 (`pulumi COMMAND --help`); a test holds them against the real CLI. Left out on
purpose, everywhere: flags that name another configuration file, another stack, another policy pack, another secrets
provider, or a machine elsewhere (`--remote*`); and `--preview-only`, for which there is `preview`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

# How the door is told, after a command, that it was to bring the whole state in line with the cloud.
REFRESHED = "refreshed"


class Effect(Enum):
    """What a command touches."""

    NO_STACK = "no stack"
    """No stack at all: it is passed on as it was written."""
    READS = "reads"
    """What the backend holds about a stack."""
    SELECTS = "selects"
    """Only which stack is meant from now on."""
    CREATES = "creates"
    """Makes an empty stack."""
    PREVIEWS = "previews"
    """Runs the program and the providers, and changes nothing."""
    STATE = "state"
    """Changes what the backend holds or the stack's configuration, without running anything."""
    CLOUD = "cloud"
    """Changes the cloud."""


@dataclass(frozen=True)
class Flag:
    """One flag by its long name. `takes_value`: the next word may be its value; `bare`: what it means without one."""

    name: str
    takes_value: bool = False
    bare: str | None = None


@dataclass(frozen=True)
class Command:
    """What the shim knows of one command.

    `flags` are by long name and by short letter. `arguments` is how many words it takes besides the stack;
    `stack_argument` says that its first word may be the stack. `by_name`: it needs one that is named, not selected.
    `on_production` are the flags (`name`, or `name=value`) it may have where a stack becomes only what was decided;
    None: it is not for such a stack at all.
    """

    effect: Effect
    flags: Mapping[str, Flag]
    arguments: int = 0
    stack_argument: bool = False
    by_name: bool = False
    on_production: frozenset[str] | None = None


def _flags(text: str) -> dict[str, Flag]:
    """Reads `name`, `name=` (has a value), `name[=x]` (x when it is bare), each with `|s` for its short letter s."""
    found: dict[str, Flag] = {}
    for word in text.split():
        long, _, short = word.partition("|")
        name, optional, bare = long.partition("[=")
        flag = Flag(name.removesuffix("="), takes_value=long.endswith("="), bare=bare[:-1] if optional else None)
        found |= {flag.name: flag} | ({short: flag} if short else {})
    return found


# Flags of every command. They say how it runs and shows, not what it does.
GLOBAL = _flags(
    "color= cwd=|C disable-integrity-checking emoji|e fully-qualify-stack-names|Q help|h logflow logtostderr "
    "memprofilerate= non-interactive otel-traces= profiling= tracing= verbose=|v"
)
STACK = _flags("stack=|s")
# The global ones that have no say in what is trusted or where traces go.
_PLAIN = frozenset({"color", "cwd", "emoji", "fully-qualify-stack-names"}) | frozenset(
    {"logflow", "logtostderr", "non-interactive", "verbose"}
)

_SHOW = (
    "debug|d diff json|j show-replacement-steps show-sames skip-config-validation "
    "skip-plugin-pre-install suppress-outputs suppress-permalink[=false] suppress-progress urns"
)
_RUN = f"{_SHOW} config=|c config-path message=|m parallel=|p target=|t target-dependents"
_CHANGE = f"{_RUN} yes|y skip-preview|f"
_PROGRAM = (
    "attach-debugger[=program] exclude-dependents expect-no-changes ignore-protect refresh[=true]|r replace= "
    "show-config show-full-output show-policy-remediations show-reads show-secrets target-replace="
)

_LOOK = (
    "diff json show-replacement-steps show-sames suppress-outputs suppress-permalink=false suppress-permalink=true "
    "suppress-progress urns expect-no-changes message parallel"
)
_LOOK_WELL = f"{_LOOK} show-full-output show-reads"


def _on_production(flags: str = "") -> frozenset[str]:
    return _PLAIN | frozenset(flags.split())


def _reads(flags: str = "", arguments: int = 0, on_production: str | None = None) -> Command:
    allowed = None if on_production is None else _on_production(on_production)
    return Command(Effect.READS, GLOBAL | STACK | _flags(flags), arguments, on_production=allowed)


def _state(flags: str = "", arguments: int = 0, *, stack_argument: bool = False) -> Command:
    return Command(Effect.STATE, GLOBAL | STACK | _flags(flags), arguments, stack_argument=stack_argument)


def _cloud(flags: str, arguments: int = 0, on_production: str | None = None) -> Command:
    allowed = None if on_production is None else _on_production(on_production)
    return Command(Effect.CLOUD, GLOBAL | STACK | _flags(flags), arguments, on_production=allowed)


_FREE = Command(Effect.NO_STACK, GLOBAL | _flags("version"))
_STACK_VIEW = _reads(
    "output= show-ids|i show-name show-secrets show-urns|u", on_production="output show-ids show-name show-urns"
)
# Any number of words.
MANY = 1_000_000

COMMANDS: Mapping[str, Command] = {
    **dict.fromkeys(
        ["", "version", "about", "whoami", "help", "plugin", "schema", "package", "install", "login", "logout"], _FREE
    ),
    **dict.fromkeys(["gen-completion", "__complete", "__completeNoDesc", "stack list", "stack unselect"], _FREE),
    "up": _cloud(
        f"{_CHANGE} {_PROGRAM} continue-on-error exclude= plan= strict",
        on_production=f"{_LOOK_WELL} yes skip-preview refresh=true",
    ),
    "refresh": _cloud(
        f"{_CHANGE} clear-pending-creates exclude=|x exclude-dependents expect-no-changes import-pending-creates= "
        "run-program skip-pending-creates",
        on_production=f"{_LOOK} yes skip-preview",
    ),
    "destroy": _cloud(
        f"{_CHANGE} continue-on-error exclude=|x exclude-protected ignore-protect refresh[=true]|r run-program "
        "show-config show-full-output"
    ),
    "import": _cloud(
        "debug|d diff file=|f from= generate-code generate-resources= json|j message=|m out=|o parallel=|p parent= "
        "properties= protect provider= skip-plugin-pre-install skip-preview suppress-outputs "
        "suppress-permalink[=false] suppress-progress urns yes|y",
        MANY,
    ),
    "preview": Command(
        Effect.PREVIEWS,
        GLOBAL | STACK | _flags(f"{_RUN} {_PROGRAM} exclude=|x import-file= run-program save-plan="),
        on_production=_on_production(f"{_LOOK_WELL} refresh=true"),
    ),
    "cancel": _state("yes|y", stack_argument=True),
    "logs": _reads("follow|f json|j resource=|r since="),
    "stack": _STACK_VIEW,
    "stack get": _STACK_VIEW,
    "stack output": _reads("json|j shell show-secrets", 1, on_production="json shell"),
    "stack history": _reads("full-dates json output= page= page-size= show-secrets"),
    "stack export": _reads("file= show-secrets version="),
    "stack graph": _reads(
        "dependency-edge-color= dot-fragment= ignore-dependency-edges ignore-parent-edges parent-edge-color= "
        "short-node-name",
        1,
    ),
    "stack select": Command(
        Effect.SELECTS, GLOBAL | STACK, stack_argument=True, by_name=True, on_production=_on_production()
    ),
    "stack new": Command(
        Effect.CREATES,
        GLOBAL | STACK | _flags("no-select yes|y"),
        stack_argument=True,
        by_name=True,
        on_production=_on_production("no-select yes"),
    ),
    "stack remove": _state("force|f preserve-config remove-backups yes|y", stack_argument=True),
    "stack import": _state("file= force|f"),
    "config": _reads("json|j open show-secrets", on_production="json"),
    "config get": _reads("json|j open path", 1, on_production="json path"),
    "config set": _state("path plaintext raw secret type=", 2),
    "config set-all": _state("json= path plaintext= secret="),
    "config remove": _state("path", 1),
    "config remove-all": _state("path", MANY),
    "config refresh": _state("force|f"),
    "state get": _reads("output= show-secrets", 1),
    "state edit": _state(),
    "state protect": _state("all yes|y", MANY),
    "state unprotect": _state("all yes|y", MANY),
    "state taint": _state("yes|y", MANY),
    "state untaint": _state("all yes|y", MANY),
    "state remove": _state("all force target-dependents yes|y", MANY),
    "state rename": _state("yes|y", 2),
    "state repair": _state("yes|y"),
}
# Known, and not for this factory's stacks: what to do instead.
INSTEAD: Mapping[str, str] = {
    "watch": "it applies updates for as long as it runs, without a record of each: use `pulumi up`",
    "stack rename": "stacks are named by app and environment, in app.yaml",
    "stack migrate": "the backend is a setting, in millwright.yaml",
    "stack change-secrets-provider": "`millwright secrets rotate` does it for every stack",
    "state upgrade": "it works on every stack of the backend at once",
    "state move": "it works on two stacks at once",
    "config copy": "it works on two stacks at once: `pulumi config set` each value",
    "new": "an app is declared in apps/<app>/app.yaml; make other projects outside the factory",
}
# They would take the place of the factory's own policy pack, or change what it says.
POLICY_FLAGS = frozenset({"policy-pack", "policy-pack-config"})

_TOP_ALIASES = {"update": "up", "pre": "preview", "down": "destroy", "dn": "destroy", "completion": "gen-completion"}
_SUB_ALIASES = {
    **dict.fromkeys(["init", "create", "setup"], "new"),
    **dict.fromkeys(["rm", "delete"], "remove"),
    **dict.fromkeys(["rm-all", "delete-all"], "remove-all"),
    **dict.fromkeys(["update", "modify"], "edit"),
    "ls": "list",
    "hist": "history",
    "cp": "copy",
    "mv": "move",
}
_GROUPS = frozenset(name.split()[0] for name in COMMANDS if " " in name)


def full_name(before: str, word: str) -> str:
    """The full name of the command that `word` makes after `before` ("" for none): `stack`, `rm` is `stack remove`."""
    return f"{before} {_SUB_ALIASES.get(word, word)}" if before else _TOP_ALIASES.get(word, word)


def is_word(command: str) -> bool:
    """Whether `command` is a command that is known, or a group of such."""
    return command in COMMANDS or command in _GROUPS


def is_group(command: str) -> bool:
    """Whether other commands begin with it."""
    return not command or command in _GROUPS


def forbidden(command: str, flags: Sequence[str]) -> list[str] | None:
    """Those of `flags` that the command may not have where a stack becomes only what was decided.

    None when the command itself is not for such a stack.
    """
    allowed = COMMANDS[command].on_production if command in COMMANDS else None
    if allowed is None:
        return None
    texts = [flag.removeprefix("--") for flag in flags]
    return [f"--{text}" for text in texts if text not in allowed and text.partition("=")[0] not in allowed]


def known_commands(group: str) -> list[str]:
    """The commands that begin with `group` ("" for all), sorted, without what nobody types."""
    within = [name for name in COMMANDS if name and not name.startswith("_")]
    return sorted(name for name in within if not group or name.startswith(f"{group} "))
