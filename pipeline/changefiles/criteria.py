"""Criteria as the factory runs them: parsed Gherkin, its scenarios counted, and every mistake with its line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from gherkin.errors import CompositeParserException, ParserException
from gherkin.parser import Parser

from factory.located import nearest
from pipeline.changefiles.vocabulary import forms

SCENARIOS: Final = 60
STEPS: Final = 60
ROWS: Final = 60
# What the parser calls a step's kind; "And" and "But" are of the kind of the step before.
_KEYWORDS: Final = {"Context": forms.GIVEN, "Action": forms.WHEN, "Outcome": forms.THEN}


@dataclass(frozen=True)
class Mistake:
    """One mistake in a text of criteria; line and column count from 1 within that text."""

    line: int
    column: int
    message: str
    found: str | None = None
    fix: str | None = None


@dataclass(frozen=True)
class Scenario:
    """One scenario: `runs` is how often it is run, once for each row of its examples."""

    name: str
    line: int
    runs: int


@dataclass
class Criteria:
    """What a text of criteria holds, and what is wrong with it."""

    scenarios: list[Scenario] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many runs the scenarios make together."""
        return sum(scenario.runs for scenario in self.scenarios)


def read(text: str) -> Criteria:
    """Parse and judge a text of criteria; raises nothing."""
    try:
        document: Any = Parser().parse(text)
    except CompositeParserException as error:
        return Criteria(mistakes=[_broken(each) for each in error.errors])
    except ParserException as error:
        return Criteria(mistakes=[_broken(error)])
    feature = document.get("feature")
    if feature is None:
        return Criteria(mistakes=[Mistake(1, 1, "no criteria", fix="write `Feature:` and its scenarios")])
    criteria = Criteria()
    criteria.mistakes.extend(_feature_mistakes(feature))
    background: list[Any] = []
    for child in feature["children"]:
        if "background" in child:
            background = child["background"]["steps"]
            criteria.mistakes.extend(_steps_mistakes(background, [{}]))
        elif "scenario" in child:
            criteria.scenarios.append(_scenario(child["scenario"]))
            criteria.mistakes.extend(_scenario_mistakes(child["scenario"], background))
        else:
            criteria.mistakes.append(_at(child["rule"], "`Rule:` is not taken", fix="write its scenarios directly"))
    criteria.mistakes.extend(_together(criteria.scenarios))
    return criteria


def _broken(error: ParserException) -> Mistake:
    place = error.location or {}
    message = str(error).partition(": ")[2] or str(error)
    return Mistake(place.get("line", 1), place.get("column", 1), f"not Gherkin: {message}")


def _at(node: Any, message: str, found: str | None = None, fix: str | None = None) -> Mistake:
    return Mistake(node["location"]["line"], node["location"].get("column", 1), message, found, fix)


def _feature_mistakes(feature: Any) -> Iterator[Mistake]:
    if feature["language"] != "en":
        yield _at(feature, "only Gherkin's English words are taken", feature["language"], "remove `# language:`")
    yield from _tag_mistakes(feature)


def _tag_mistakes(node: Any) -> Iterator[Mistake]:
    for tag in node["tags"]:
        yield _at(tag, "tags are not taken: a criterion is neither skipped nor chosen", tag["name"], "remove it")


def _scenario(node: Any) -> Scenario:
    outline = bool(node["examples"])
    return Scenario(node["name"], node["location"]["line"], len(_rows(node)) if outline else 1)


def _rows(node: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for examples in node["examples"]:
        names = [cell["value"] for cell in examples.get("tableHeader", {}).get("cells", [])]
        bodies = ([cell["value"] for cell in row["cells"]] for row in examples.get("tableBody", []))
        found.extend(dict(zip(names, body, strict=False)) for body in bodies)
    return found


def _scenario_mistakes(node: Any, background: list[Any]) -> Iterator[Mistake]:
    yield from _tag_mistakes(node)
    for examples in node["examples"]:
        yield from _tag_mistakes(examples)
    if not node["name"]:
        yield _at(node, "a scenario without a name", fix="say what it shows")
    if not node["steps"]:
        yield _at(node, "a scenario without steps", fix="write what happens and what must hold")
        return
    outline = node["keyword"] in ("Scenario Outline", "Scenario Template") or bool(node["examples"])
    rows = _rows(node)
    if outline and not rows:
        yield _at(node, "an outline without examples", fix="add `Examples:` with a row at least")
        return
    if len(rows) > ROWS:
        yield _at(node, f"{len(rows)} rows of examples", fix=f"keep {ROWS} at most")
        return
    yield from _steps_mistakes(node["steps"], rows or [{}])
    if forms.THEN not in _keywords(node["steps"]):
        yield _at(node, "nothing is checked: no `Then`", fix="say what must hold")
    if not any(form in (forms.RUNS, forms.RUNS_AS) for form in _given(background + node["steps"])):
        yield _at(node, "no service runs in it", fix=f"begin with `Given {forms.RUNS.text}`")


def _given(steps: list[Any]) -> Iterator[forms.Form]:
    for step in steps:
        yield from forms.matching(forms.GIVEN, step["text"])


def _keywords(steps: list[Any]) -> list[str | None]:
    """What kind each step is of; None where that cannot be said (`*`, or `And` at the beginning)."""
    found: list[str | None] = []
    for step in steps:
        if step["keywordType"] == "Conjunction":
            found.append(found[-1] if found else None)
        else:
            found.append(_KEYWORDS.get(step["keywordType"]))
    return found


def _steps_mistakes(steps: list[Any], rows: list[dict[str, str]]) -> Iterator[Mistake]:
    if len(steps) > STEPS:
        yield _at(steps[STEPS], f"{len(steps)} steps", fix=f"keep {STEPS} at most")
        return
    for step, keyword in zip(steps, _keywords(steps), strict=True):
        if keyword is None:
            yield _at(step, "neither Given, When nor Then", step["keyword"].strip(), "begin with one of them")
            continue
        if "docString" in step or "dataTable" in step:
            yield _at(step, "a step is one line: no text block and no table below it", fix="put the value into it")
        texts = dict.fromkeys(_filled(step["text"], row) for row in rows)
        yield from list(dict.fromkeys(m for text in texts for m in _step_mistakes(step, keyword, text)))[:1]


def _filled(text: str, row: dict[str, str]) -> str:
    for name, value in row.items():
        text = text.replace(f"<{name}>", value)
    return text


def _step_mistakes(step: Any, keyword: str, text: str) -> Iterator[Mistake]:
    found = forms.matching(keyword, text)
    if not found:
        other = next((form for form in forms.FORMS if form.pattern.fullmatch(text)), None)
        fix = f"this is a `{other.keyword}` step" if other else _nearest_form(text)
        yield _at(step, "no such step", f"{keyword} {text}", fix)
        return
    match = found[0].pattern.fullmatch(text)
    value = match.groupdict().get("json") if match else None
    if value is not None and not value.startswith("$"):
        try:
            json.loads(value)
        except ValueError as error:
            yield _at(step, f"what follows is not JSON: {error}", value, "texts stand in double quotes")


def _nearest_form(text: str) -> str:
    texts = [form.text for form in forms.FORMS]
    guess = nearest(text, texts)
    if guess is None:
        words = set(text.split())
        guess = max(texts, key=lambda known: len(words & set(known.split())) / len(known.split()))
    return f"did you mean `{guess}`? Every step: docs/how-to/write-a-change.md"


def _together(scenarios: list[Scenario]) -> Iterator[Mistake]:
    if not scenarios:
        yield Mistake(1, 1, "no scenario", fix="write one at least")
    if len(scenarios) > SCENARIOS:
        yield Mistake(scenarios[SCENARIOS].line, 1, f"{len(scenarios)} scenarios", fix=f"keep {SCENARIOS} at most")
    first: dict[str, int] = {}
    for scenario in scenarios:
        before = first.setdefault(scenario.name, scenario.line)
        if before != scenario.line and scenario.name:
            yield Mistake(
                scenario.line, 1, f"the same name as the scenario on line {before}", scenario.name, "rename one"
            )
