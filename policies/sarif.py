"""What the pack says of stacks as a SARIF 2.1.0 log (OASIS), for code scanning services.

GitHub shows what has a place in a file only, and tells results apart by rule, file and `primaryLocationLineHash`: a
resource has no line, so that hash is made of what the finding is about.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from factory.fingerprints import fingerprint
from policies.model import PACK_NAME, Control, Enforcement, Severity
from policies.offline import Checked, Told
from policies.texts import one_line

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Final = {Enforcement.MANDATORY: "error", Enforcement.ADVISORY: "warning"}
# In the middle of GitHub's ranges: over 9.0 is critical, 7.0-8.9 high, 4.0-6.9 medium, 0.1-3.9 low.
SCORES: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
FINGERPRINT: Final = "millwright/v1"
GITHUB_FINGERPRINT: Final = "primaryLocationLineHash"
_INDEX: Final = re.compile(r"\[\d+\]")

Json = dict[str, Any]


def as_sarif(checked: Sequence[Checked], controls: Sequence[Control], files: Mapping[str, str], version: str) -> Json:
    """One log with one run over all stacks; `files` says by stack at which file (a relative URI) results are shown.

    Findings are results of the kind `fail`, undecided rules of the kind `open`; what people accepted is suppressed.
    """
    rules = {control.id: place for place, control in enumerate(controls)}
    results = [result for one in checked for result in _results(one, rules, files[one.stack])]
    category = f"{PACK_NAME}-policy/" + (f"{checked[0].stack}/" if len(checked) == 1 else "")
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": PACK_NAME, "version": version, "rules": [_rule(each) for each in controls]}
                },
                "automationDetails": {"id": _plain(category)},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def fingerprint_of(told: Told, stack: str) -> str:
    """Stays the same while the finding does: also when resources or list elements come in another order."""
    path = _INDEX.sub("[]", told.path)
    # A text from a file may hold what has no UTF-8.
    about = [told.verdict.control.id, *map(one_line, (stack, told.urn, path, told.message))]
    return fingerprint(about)


def _results(checked: Checked, rules: Mapping[str, int], file: str) -> Iterator[Json]:
    seen: Counter[str] = Counter()
    for told in (*checked.findings, *checked.deferred, *checked.accepted):
        print_ = fingerprint_of(told, checked.stack)
        seen[print_] += 1
        control = told.verdict.control
        failed = told.verdict.failed
        # Alike in all but their place in a list: counted, in no matter which order.
        prints = dict.fromkeys((FINGERPRINT, GITHUB_FINGERPRINT), f"{print_.removeprefix('sha256:')}:{seen[print_]}")
        yield {
            "ruleId": control.id,
            "ruleIndex": rules[control.id],
            "kind": "fail" if failed else "open",
            "level": LEVELS[told.level] if failed else "none",
            "message": {"text": _plain(_message(told, checked.stack))},
            "locations": [_location(told, checked.stack, file)],
            "partialFingerprints": prints,
            **_suppressed(told),
            "properties": {
                "stack": one_line(checked.stack),
                "severity": control.severity.value,
                "enforcement": told.level.value,
            },
        }


def _suppressed(told: Told) -> Json:
    if told.exception is None:
        return {}
    why = one_line(f"{told.exception}: {told.exception.reason}")
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": why}]}


def _message(told: Told, stack: str) -> str:
    name = told.urn.rpartition("::")[2] or "the stack"
    place = f"{told.path} " if told.path else ""
    then = f"Fix: {told.verdict.control.fix}." if told.verdict.failed else "Only the engine can decide it."
    return f"{name} in {stack}: {place}{told.message}. {then}"


def _location(told: Told, stack: str, file: str) -> Json:
    whose = one_line(told.urn or stack)
    logical = [{"name": whose.rpartition("::")[2], "fullyQualifiedName": whose, "kind": "resource"}]
    if told.path:
        path = one_line(told.path)
        logical.append({"name": path, "fullyQualifiedName": f"{whose}#{path}", "kind": "property"})
    physical = {"artifactLocation": {"uri": file}, "region": {"startLine": 1}}
    return {"physicalLocation": physical, "logicalLocations": logical}


def _rule(control: Control) -> Json:
    compare = _sentences(("Compare: ", ", ".join(control.references)))
    about = f"`{PACK_NAME} policy explain {control.id}` says the same."
    rule: Json = {
        "id": control.id,
        "name": "".join(word.capitalize() for word in control.id.split("-")),
        "shortDescription": {"text": _plain(control.title)},
        "fullDescription": {"text": _plain(control.why)},
        "defaultConfiguration": {"level": LEVELS[control.enforcement.strictest]},
        "help": {
            "text": _plain(f"{control.why} To mend it: {control.fix}.{compare}"),
            "markdown": f"{control.why}\n\nTo mend it: {control.fix}.{compare}\n\n{about}",
        },
        "properties": {
            "tags": ["security", f"control-{control.number}"],
            "security-severity": SCORES[control.severity],
        },
    }
    link = next((each for each in control.references if each.startswith("https://")), "")
    return {**rule, "helpUri": link} if link else rule


def _sentences(*parts: tuple[str, str]) -> str:
    return "".join(f" {start}{told}." for start, told in parts if told)


def _plain(text: str) -> str:
    """As a SARIF message must be written to be read as it is: no placeholders and links (sections 3.11.5, 3.11.6)."""
    return one_line(text).replace("](", "] (").replace("{", "{{").replace("}", "}}")
