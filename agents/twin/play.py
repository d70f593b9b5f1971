"""Which answer a script gives to a request: replayed from the beginning, so the twin remembers nothing."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.twin.requests import Asked, Block, RequestRefused
from agents.twin.scripts import FOLDER, Branch, Script, Turn, When

SHOWN = 400
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
TASK = re.compile(r"([^/]+)/([^/]+)/([^/]+)/([1-9][0-9]{0,3})(\.[0-9]{1,4})?")


@dataclass(frozen=True)
class Address:
    """Which script, and which attempt of it, a task plays."""

    app: str
    change: str
    function: str
    attempt: str

    def path(self, apps: Path) -> Path:
        """The script's file."""
        return apps / self.app / FOLDER / f"{self.change}.{self.function}.yaml"


@dataclass(frozen=True)
class Played:
    """The answer to give; `turn` counts from 1."""

    branch: Branch
    turn: int


def address(header: str | None) -> Address:
    """What the script header says. Raises RequestRefused."""
    found = TASK.fullmatch(header or "")
    if not found or not all(NAME.fullmatch(name) for name in found.groups()[:3]):
        raise RequestRefused(
            f"x-millwright-script: found {header!r}, needed <app>/<change>/<function>/<attempt>: the twin plays the "
            "scripts of tasks and nothing else"
        )
    app, change, function, attempt, _ = found.groups()
    return Address(app, change, function, attempt)


def play(script: Script, file: str, attempt: str, asked: Asked) -> Played:
    """The answer to the request. Raises RequestRefused, which names file and turn and what was found."""
    if attempt not in script.attempts:
        raise RequestRefused(f"{file}: no attempt {attempt}; the script has: {', '.join(script.attempts)}")
    turns = script.attempts[attempt].turns
    said = asked.answers
    index = 0
    for number in range(len(said) + 1):
        where = f"{file}: attempt {attempt}, turn {number + 1}"
        if index >= len(turns):
            raise RequestRefused(f"{where}: the script is exhausted; {_found(_last_results(asked, number))}")
        branch = _branch(turns[index], asked, number, where)
        if number == len(said):
            _check_offered(branch, asked, where)
            return Played(branch, number + 1)
        _check_said(branch, said[number], where)
        if branch.then is not None:
            turns, index = branch.then, 0
        else:
            index += 1
    raise RequestRefused(f"{file}: attempt {attempt}: no turn was reached")


def _branch(turn: Turn, asked: Asked, number: int, where: str) -> Branch:
    results = _last_results(asked, number)
    prompt = _text(asked.messages[0][1])
    for branch in turn.branches:
        if branch.when is None or holds(branch.when, results, prompt):
            return branch
    wanted = " | ".join(json.dumps(b.when.model_dump(exclude_defaults=True)) for b in turn.branches if b.when)
    raise RequestRefused(f"{where}: no condition holds ({wanted}); {_found(results)}")


@dataclass(frozen=True)
class Answered:
    """One tool result, as a condition sees it."""

    tool: str
    text: str
    error: bool


def holds(when: When, results: list[Answered], prompt: str) -> bool:
    """Whether everything that the condition says is so."""
    seen = [result for result in results if when.tool in (None, result.tool)]
    if when.tool is not None and not seen:
        return False
    if when.is_error is not None and any(result.error for result in seen) != when.is_error:
        return False
    text = "\n".join(result.text for result in seen)
    return (
        all(part in text for part in when.contains)
        and not any(part in text for part in when.lacks)
        and all(re.search(pattern, text, re.MULTILINE) for pattern in when.matches)
        and all(part in prompt for part in when.prompt_contains)
        and not any(part in prompt for part in when.prompt_lacks)
    )


def _last_results(asked: Asked, number: int) -> list[Answered]:
    """The results that stood before the answer `number`, counted from 0."""
    if number == 0:
        return []
    names = {block["id"]: block["name"] for block in asked.answers[number - 1] if block["type"] == "tool_use"}
    # Roles alternate and the user begins, so answer n-1 is message 2n-1, and its results are message 2n.
    blocks = asked.messages[2 * number][1]
    results = [block for block in blocks if block["type"] == "tool_result"]
    return [Answered(names[b["tool_use_id"]], _content(b), bool(b.get("is_error"))) for b in results]


def _content(block: Block) -> str:
    content: Any = block.get("content", "")
    return content if isinstance(content, str) else _text(content)


def _text(blocks: list[Block]) -> str:
    return "\n".join(str(block.get("text", "")) for block in blocks)


def _check_offered(branch: Branch, asked: Asked, where: str) -> None:
    for use in branch.use:
        name, _ = use.call
        if use.raw is None and name not in asked.tools:
            offered = ", ".join(sorted(asked.tools)) or "none"
            raise RequestRefused(f"{where}: the script calls {name}, and the request offers: {offered}")


def _check_said(branch: Branch, said: list[Block], where: str) -> None:
    """A request whose past is not what the script says belongs to another script, or was tampered with."""
    scripted = [use.call for use in branch.use]
    found = [(block["name"], block["input"]) for block in said if block["type"] == "tool_use"]
    if scripted != found:
        raise RequestRefused(
            f"{where}: the request says that {_calls(found)} was answered there, the script says {_calls(scripted)}"
        )


def _calls(calls: list[tuple[str, Any]]) -> str:
    return json.dumps(calls)[:SHOWN]


def _found(results: list[Answered]) -> str:
    if not results:
        return "found: no tool result"
    text = "; ".join(f"{r.tool}{' (error)' if r.error else ''}: {r.text}" for r in results)
    # Its end says most: a program's last words.
    return f"found: {text}" if len(text) <= SHOWN else f"found: {text[: SHOWN // 2]} [...] {text[-SHOWN // 2 :]}"
