"""A request as the person who decides sees it: everything that is decided on, by kind of content, and what to type.

Lines are rich texts and never markup: what agents wrote is shown letter by letter, or spelled out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rich.text import Text

from factory.decisions import Decision, so_far
from factory.demo_people import where_more_are_named
from factory.people import DEMO_PREFIX, People
from factory.requests import Request, RequestState
from pipeline.git import visible

OPERATIONS = {"create": "green", "update": "yellow", "delete": "red", "same": "dim"}
SEVERITIES = {"critical": "bold red", "high": "red", "medium": "yellow"}
Lines = Iterator[Text]


def said(person: str) -> str:
    """Somebody by id; demo people are said to be stand-ins."""
    return visible(person, keep="") + (" (stand-in)" if person.startswith(DEMO_PREFIX) else "")


def able(request: Request, people: People, made: list[Decision]) -> list[str]:
    """The ids of those who may decide now: who holds the role, is no author, and has not decided on it yet."""
    before = {decision.person for decision in made}
    return [p.id for p in people.who_may(request.role, request.app, request.authors) if p.id not in before]


def deciders(request: Request, people: People, made: list[Decision]) -> list[str]:
    """Who may decide now, and whether they are too few; at least one line."""
    found, needed = [said(person) for person in able(request, people, made)], request.approvals - len(made)
    where = where_more_are_named(people.who_may(request.role, request.app, []))
    if not found:
        return [f"nobody ({where})"]
    return found if len(found) >= needed else [*found, f"nobody else, and it takes {needed} ({where})"]


def progress(request: Request, made: list[Decision]) -> str:
    """How many have approved of those it takes, where it takes several; "" otherwise."""
    if request.approvals == 1:
        return ""
    return visible(so_far(request, made), keep="") if made else f"it takes {request.approvals} different people"


def place(request: Request) -> str:
    """`links/stats`, `links/stats production`, `links production`: what it is about."""
    about = f"{request.app}/{request.change}" if request.change else request.app
    return visible(about + (f" {request.environment}" if request.environment else ""), keep="")


def review_lines(request: Request, people: People, made: list[Decision]) -> Lines:
    """The whole request: what is asked of whom, everything that was shown, what was said or is to be typed."""
    yield Text.assemble((f"request {request.id}  {request.gate}  ", "bold"), (visible(request.title, keep=""), "bold"))
    facts = {
        "about": place(request),
        "state": request.state + (f": {request.reason}" if request.reason else ""),
        "asked": f"{request.opened[:19]} of {request.role}: {', '.join(deciders(request, people, made))}",
        **({"approvals": progress(request, made)} if request.approvals > 1 else {}),
        "authors": ", ".join(map(said, request.authors)) or "nobody",
        "fingerprint": request.fingerprint,
    }
    yield from (_fact(key, value) for key, value in facts.items())
    yield from shown_lines(request.shown)
    yield Text()
    yield from _outcome(request, people, made)


def shown_lines(shown: Mapping[str, Any]) -> Lines:
    """Everything that is decided on: short facts first, then each part under its name, the diff last."""
    short = {key: value for key, value in shown.items() if key not in PARTS and _is_short(value)}
    if short:
        yield Text()
        yield from (_fact(key, value) for key, value in short.items())
    for key in sorted(shown.keys() - short.keys(), key=lambda key: (key == "diff", key not in PARTS, key)):
        yield Text()
        yield Text(visible(key, keep=""), "bold")
        yield from _indented(PARTS.get(key, _plainly)(shown[key]))


def _outcome(request: Request, people: People, made: list[Decision]) -> Lines:
    for decision in made:
        head = Text(f"{said(decision.person)} decided {decision.verdict}, {decision.decided[:19]}")
        yield from _after(head.append(": "), decision.reason) if decision.reason else [head]
    if request.state is RequestState.OPEN:
        yield Text("to decide:", "bold")
        yield from (Text(f"  {command}") for command in commands(request, people, made).values())


def commands(request: Request, people: People, made: list[Decision]) -> dict[str, str]:
    """What to type, by verdict. Bound to what is shown now: the fingerprint is among it."""
    found = able(request, people, made)
    person = found[0] if len(found) == 1 else "PERSON"
    end = f"{request.id} --as {person} --fingerprint {request.fingerprint}"
    return {"approve": f"millwright approve {end}", "refuse": f"millwright refuse {end} --reason TEXT"}


def _diff(value: Any) -> Lines:
    styles = {
        "[cut here": "bold red",
        "diff ": "bold",
        "+++": "bold",
        "---": "bold",
        "@@": "cyan",
        "+": "green",
        "-": "red",
    }
    # Not splitlines: what only some programs take for the end of a line is spelled out instead.
    for line in str(value).removesuffix("\n").split("\n"):
        yield Text(visible(line), next((style for begin, style in styles.items() if line.startswith(begin)), ""))


def _tests(value: Any) -> Lines:
    if not _is_list_of_mappings(suites := _part(value, "suites")):
        yield from _plainly(value)
        return
    for suite in suites:
        verdict = ("passed", "green") if suite.get("ok") is True else ("failed", "red")
        yield Text.assemble(verdict, f"  {_word(suite.get('suite'))}")
        yield from _indented(_rest(suite, "suite", "ok"))
    yield from _rest(value, "suites")


def _findings(value: Any) -> Lines:
    if not _is_list_of_mappings(value):
        yield from _plainly(value)
        return
    for found in value:
        severity = _word(found.get("severity"))
        what = f" {_word(found.get('tool'))}/{_word(found.get('rule'))} {_place(found)}: "
        yield from _after(Text.assemble((severity, SEVERITIES.get(severity, "")), what), found.get("message"))
        yield from _indented(_rest(found, "severity", "tool", "rule", "path", "line", "message"))


def _review(value: Any) -> Lines:
    comments = _part(value, "comments")
    if not _is_list_of_mappings(comments):
        yield from _plainly(value)
        return
    verdict = _word(value.get("verdict"))
    style = "green" if verdict == "approve" else "yellow"
    yield from _after(Text.assemble("an agent says ", (verdict, style), ": "), value.get("summary"))
    for comment in comments:
        yield from _after(Text(f"{_place(comment)}: "), comment.get("message"))
        yield from _indented(_rest(comment, "path", "line", "message"))
    yield from _rest(value, "verdict", "summary", "comments")


def _plan(value: Any) -> Lines:
    if not isinstance(value, list) or not all(isinstance(step, list) and len(step) > 1 for step in value):
        yield from _plainly(value)
        return
    if not value:
        yield Text("nothing changes")
    for urn, operation, *paths in value:
        kind, _, name = str(urn).rpartition("::")
        token = kind.rpartition("$")[2].rpartition("::")[2]
        style = OPERATIONS.get(str(operation), "magenta")
        text = Text.assemble((f"{_word(operation):<8}", style), f" {_word(token)} {_word(name)}")
        yield text.append(f"  ({', '.join(map(_word, paths))})" if paths else "", "dim")


def _replaces(value: Any) -> Lines:
    if value is None:
        yield Text("nothing: this is the first release; there is none to return to")
    else:
        yield from _plainly(value)
        yield Text("to which it returns by itself when this one is bad: the approval says so", "dim")


def _restores(value: Any) -> Lines:
    yield Text.assemble(
        f"release {_word(value)}: ", ("it served here before; its spec and artefact are used as kept", "dim")
    )


def _set_aside(value: Any) -> Lines:
    fields = _part(value, "differs in")
    if not fields:
        yield Text("app.yaml says the same", "dim")
        return
    yield from _plainly(value)
    yield Text("production follows the spec of the release, not app.yaml, until another release is decided", "dim")


def _infra_set_aside(value: Any) -> Lines:
    yield from _plainly(value)
    yield Text("production runs the infra.py that the release keeps, until another release is decided", "dim")


def _configured_since(value: Any) -> Lines:
    yield from _plainly(value)
    yield Text(
        "others now than when that release served; they stay as they are: no way back brings a value back", "dim"
    )


def _plainly(value: Any) -> Lines:
    if isinstance(value, dict) and value:
        yield from _rest(value)
    elif isinstance(value, str):
        yield from (Text(visible(line)) for line in value.split("\n"))
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
        yield from (Text(visible(line)) for line in text.split("\n"))


PARTS: Mapping[str, Callable[[Any], Lines]] = {
    "what happened": _plainly,
    "tests": _tests,
    "findings": _findings,
    "accepted": _findings,
    "review": _review,
    "plan": _plan,
    "would be lost": _plan,
    "replaces": _replaces,
    "restores": _restores,
    "app.yaml set aside": _set_aside,
    "infra.py set aside": _infra_set_aside,
    "configured since": _configured_since,
    "diff": _diff,
}


def _rest(value: Mapping[str, Any], *known: str) -> Lines:
    """What no printer knows is shown all the same: it is decided on too."""
    for key, found in value.items():
        if key in known:
            continue
        if _is_short(found):
            yield _fact(key, found)
        else:
            yield Text(_word(key), "dim")
            yield from _indented(_plainly(found))


def _after(head: Text, message: Any) -> Lines:
    """A message after what begins its first line; its other lines stand further in."""
    first, *others = message.split("\n") if isinstance(message, str) else [_word(message)]
    yield head.append(visible(first))
    yield from _indented(Text(visible(line)) for line in others)


def _indented(lines: Iterable[Text]) -> Lines:
    """Whatever somebody wrote stands further in than what this program says: no text can pass for a line of ours."""
    return (Text("  ").append(line) for line in lines)


def _fact(key: str, value: Any) -> Text:
    return Text.assemble((f"{_word(key):<14}", "dim"), " ", _word(value))


def _place(value: Mapping[str, Any]) -> str:
    return f"{_word(value.get('path'))}:{_word(value.get('line'))}"


def _word(value: Any) -> str:
    """On one line, whatever it is."""
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), keep="")


def _part(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict | list) and not (isinstance(value, str) and "\n" in value)


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
