"""`millwright policy test`: a factory's own rules, each held to the cases that stand in its file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from console.commands.options import Json
from console.show import OUT, escaped, print_json
from factory.errors import ExitCode
from factory.paths import find_root
from policies import load_policies
from policies.own import OwnRule, named_rules, read_rule, require_apart
from policies.settings import settings_file
from policies.testing.suite import Complaint, complaints


def run_cases(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Files with a rule. Default: those that policies.yaml names."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold rules of your own to the cases in their files: plainly, and by the protocol that the engine speaks.

    Ends with 1 when a case gets another verdict than it says, when there are too few of them, when they would let a
    rule pass that looks at nothing, or when a bad case passes once a part of it is not known.
    """
    found = _rules(files or [])
    failed = False
    for rule in found:
        wrong = _wrong_with(rule)
        failed = failed or bool(wrong)
        if as_json:
            print_json(_document(rule, wrong))
        else:
            _show(rule, wrong)
    if not found and not as_json:
        OUT.print("policies.yaml names no rules of this factory's own")
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _rules(files: list[Path]) -> tuple[OwnRule, ...]:
    if files:
        found = tuple(read_rule(file) for file in files)
        require_apart(found)
        return found
    root = find_root(Path.cwd())
    return named_rules(settings_file(root), load_policies(root))


def _wrong_with(rule: OwnRule) -> list[Complaint]:
    # Not at the top: it loads the engine's protocol (0.3 s), which no other command of `policy` needs.
    from policies.testing import rpc

    plain = list(complaints(rule.control, rule.cases))
    # A case that is wrong in itself would be told a second and a third time.
    told = {each.case for each in plain}
    return [*plain, *rpc.complaints(rule.control, [case for case in rule.cases if case.name not in told])]


def _document(rule: OwnRule, wrong: list[Complaint]) -> dict[str, Any]:
    return {
        "control": rule.control.number,
        "rule": rule.control.id,
        "file": str(rule.path),
        "cases": len(rule.cases),
        "complaints": [{"case": each.case, "message": each.message} for each in wrong],
    }


def _show(rule: OwnRule, wrong: list[Complaint]) -> None:
    name = f"{escaped(rule.control.id)} (control {rule.control.number})"
    if not wrong:
        OUT.print(f"[green]✓[/] {name}: {len(rule.cases)} cases, plain, in a preview and in an update")
        return
    OUT.print(f"[red]✗[/] {name}: {len(wrong)} complaints, in {escaped(str(rule.path))}")
    for each in wrong:
        OUT.print(f"  {escaped(f'{each.case}: ' if each.case else '')}{escaped(each.message)}")
