"""The parts of a change file: its title, its sections, and the block of visible criteria, each with its line."""

import re
from dataclasses import dataclass, field
from typing import Final

_HEADING: Final = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})\s*(\S*).*")
GHERKIN: Final = "gherkin"


@dataclass(frozen=True)
class Block:
    """A fenced block: `line` is the file's line on which its text begins, counted from 1."""

    language: str
    line: int
    text: str
    closed: bool


@dataclass
class Section:
    """One `## Heading` with what stands below it, down to the next one."""

    name: str
    line: int
    lines: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text, without space around it."""
        return "\n".join(self.lines).strip()

    @property
    def criteria(self) -> list[Block]:
        """Its blocks of criteria."""
        return [block for block in self.blocks if block.language.lower() == GHERKIN]


@dataclass
class Parts:
    """One change file, taken apart; nothing is judged yet. `strays` are lines that belong to no section."""

    titles: list[tuple[int, str]] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)


def take_apart(text: str) -> Parts:
    """Read a change file line by line; a heading inside a fenced block is none."""
    parts = Parts()
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        if fence := _FENCE.fullmatch(line):
            taken = _block(lines, number, fence)
            _keep(parts, number, lines[number : taken.end])
            if parts.sections:
                parts.sections[-1].blocks.append(taken.block)
            number = taken.end
            continue
        heading = _HEADING.fullmatch(line)
        if heading and heading[1] == "#":
            parts.titles.append((number + 1, heading[2]))
        elif heading and heading[1] == "##":
            parts.sections.append(Section(heading[2], number + 1))
        else:
            _keep(parts, number, [line])
        number += 1
    return parts


@dataclass(frozen=True)
class _Taken:
    block: Block
    end: int


def _block(lines: list[str], opening: int, fence: re.Match[str]) -> _Taken:
    mark = fence[1]
    closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}\s*")
    end = next((n for n in range(opening + 1, len(lines)) if closing.fullmatch(lines[n])), None)
    closed = end is not None
    last = end if end is not None else len(lines)
    block = Block(fence[2], opening + 2, "\n".join(lines[opening + 1 : last]), closed)
    return _Taken(block, last + 1 if closed else last)


def _keep(parts: Parts, number: int, lines: list[str]) -> None:
    if parts.sections:
        parts.sections[-1].lines.extend(lines)
    elif any(line.strip() for line in lines):
        parts.strays.append(number + 1)
