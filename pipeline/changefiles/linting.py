"""Every mistake in the files of a change at once, each at its place. People read it; it may quote held-out criteria."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from factory.errors import InputError, Problem
from factory.located import nearest
from factory.paths import FactoryRoot
from pipeline.changefiles import criteria
from pipeline.changefiles.criteria import Criteria
from pipeline.changefiles.loading import ACCEPTANCE, FEWER_TESTS, WHAT, WHY
from pipeline.changefiles.markdown import Block, Parts, Section, take_apart
from pipeline.changefiles.places import places, read_text

TITLE_LENGTH: Final = 120
TEXT_LENGTH: Final = 8000
NEEDED: Final = (WHY, WHAT, ACCEPTANCE)
KNOWN: Final = (*NEEDED, FEWER_TESTS)


class ChangeMistakes(InputError):
    """The files of a change have mistakes. The message and `problems` are for people: they quote held-out criteria."""

    def __init__(self, change: str, visible: tuple[Problem, ...], held_out: tuple[Problem, ...]) -> None:
        count = len(visible) + len(held_out)
        super().__init__(
            f"the change {change} has {count} mistake{'s' if count > 1 else ''}", problems=visible + held_out
        )
        self.visible = visible
        self.held_out = held_out

    def public(self) -> str:
        """The same for everybody, agents and events included: of the held-out file only how many mistakes it has."""
        lines = [str(self), *(f"  {problem}" for problem in self.visible)]
        if self.held_out:
            lines.append(f"  held-out criteria: mistakes: {len(self.held_out)}")
        return "\n".join(lines)


def lint_change(root: FactoryRoot, app: str, change: str) -> None:
    """Say every mistake of both files of a change.

    Raises ChangeMistakes, or InputError for an app that does not exist or an id that can be none.
    """
    files = places(root, app, change)
    visible, shown = _change_problems(files.change)
    held_out, hidden = _held_out_problems(files.held_out)
    twice = {scenario.name for scenario in shown.scenarios} & {scenario.name for scenario in hidden.scenarios}
    held_out.extend(
        _problem(files.held_out, scenario.line, "a visible scenario has this name", scenario.name, "rename one")
        for scenario in hidden.scenarios
        if scenario.name in twice
    )
    if visible or held_out:
        raise ChangeMistakes(change, tuple(visible), tuple(held_out))


def _held_out_problems(path: Path) -> tuple[list[Problem], Criteria]:
    try:
        text = read_text(path)
    except InputError as error:
        return _unreadable(path, error), Criteria()
    found = criteria.read(text)
    return list(_located(path, found, offset=0)), found


def _change_problems(path: Path) -> tuple[list[Problem], Criteria]:
    try:
        parts = take_apart(read_text(path))
    except InputError as error:
        return _unreadable(path, error), Criteria()
    problems = [*_title_problems(path, parts), *_section_problems(path, parts)]
    acceptance = parts.section(ACCEPTANCE)
    if acceptance is None:
        return problems, Criteria()
    block, found = _only_block(path, acceptance)
    problems.extend(found)
    if block is None:
        return problems, Criteria()
    shown = criteria.read(block.text)
    problems.extend(_located(path, shown, offset=block.line - 1))
    return problems, shown


def _unreadable(path: Path, error: InputError) -> list[Problem]:
    if error.problems:
        return list(error.problems)
    missing = Problem(file=str(path), line=0, column=0, field="", message="cannot be read", fix=error.hint)
    return [missing]


def _title_problems(path: Path, parts: Parts) -> Iterator[Problem]:
    if not parts.titles:
        yield _problem(path, 1, "no title", fix="begin with `# ` and what the change is, in one line")
    for line, title in parts.titles[:1]:
        if not title or len(title) > TITLE_LENGTH:
            yield _problem(path, line, f"a title has 1 to {TITLE_LENGTH} characters", fix="say it in one line")
    for line, title in parts.titles[1:]:
        yield _problem(path, line, "a second title", title, "make it a section (`## `)")
    for line in parts.strays:
        yield _problem(path, line, "belongs to no section", fix=f"put it below `## {WHY}` or `## {WHAT}`")


def _section_problems(path: Path, parts: Parts) -> Iterator[Problem]:
    last = parts.sections[-1].line if parts.sections else 1
    for name in NEEDED:
        if parts.section(name) is None:
            yield _problem(path, last, f"no section `## {name}`", fix="add it")
    first: dict[str, int] = {}
    for section in parts.sections:
        if section.name not in KNOWN:
            guess = nearest(section.name, KNOWN)
            fix = f"did you mean `## {guess}`?" if guess else f"the sections are {', '.join(KNOWN)}"
            yield _problem(path, section.line, "unknown section", section.name, fix)
        elif section.name in first:
            yield _problem(path, section.line, f"the section stands on line {first[section.name]} too", section.name)
        first.setdefault(section.name, section.line)
        if not section.text:
            yield _problem(path, section.line, f"the section `## {section.name}` is empty", fix="say it, or remove it")
        if len(section.text) > TEXT_LENGTH:
            yield _problem(path, section.line, f"longer than {TEXT_LENGTH} characters", fix="say it shorter")


def _only_block(path: Path, acceptance: Section) -> tuple[Block | None, list[Problem]]:
    blocks = acceptance.criteria
    if not blocks:
        return None, [_problem(path, acceptance.line, "no block of criteria", fix="add one: ```gherkin")]
    problems = [
        _problem(path, block.line - 1, "a second block of criteria", fix="put all scenarios into one")
        for block in blocks[1:]
    ]
    if not blocks[0].closed:
        problems.append(_problem(path, blocks[0].line - 1, "the block does not end", fix="end it with ```"))
    return blocks[0], problems


def _located(path: Path, found: Criteria, *, offset: int) -> Iterator[Problem]:
    for mistake in found.mistakes:
        yield Problem(
            file=str(path),
            line=mistake.line + offset,
            column=mistake.column,
            field="",
            message=mistake.message,
            found=mistake.found,
            fix=mistake.fix,
        )


def _problem(path: Path, line: int, message: str, found: str | None = None, fix: str | None = None) -> Problem:
    return Problem(file=str(path), line=line, column=1, field="", message=message, found=found, fix=fix)
