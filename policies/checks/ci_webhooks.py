"""CI/CD: which events of a git host start a build."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import found, found_or_missing
from policies.helpers.pods import Setting
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

WEBHOOK: Final = "aws:codebuild/webhook:Webhook"
ACTOR: Final = "ACTOR_ACCOUNT_ID"
# Source: AWS CodeBuild API, WebhookFilter. EVENT is a list of names; of a path or a message a part is enough.
NOT_NAMES: Final = ("EVENT", "FILE_PATH", "COMMIT_MESSAGE")
# Quoting, control characters and flags change what the characters after them mean: nothing is said of such a pattern.
_UNREAD: Final = re.compile(r"\\[Qc]|\(\?[A-Za-z]")
# Ids of GitHub are numbers, those of Bitbucket and GitLab may have letters, colons, hyphens and braces.
_ACTORS: Final = re.compile(r"\^(?:[A-Za-z0-9:{}_-]+|\([A-Za-z0-9:{}_|-]+\)|\(\?:[A-Za-z0-9:{}_|-]+\))\$")


def anchored_filters(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 60: what a webhook's filters say of accounts, branches and names is said of the whole of each."""
    del context
    groups = list(each(resource.properties.get("filterGroups"), ("filterGroups",)))
    branch = resource.properties.get("branchFilter")
    if branch not in (None, ""):
        yield from _judged("HEAD_REF", Setting(("branchFilter",), branch))
    elif not groups:
        yield Fail(("filterGroups",), "is missing, so that everyone's pushes and pull requests are built")
    for path, group in groups:
        if group is UNKNOWN:
            yield Unknown(path)
            continue
        filters = [
            one for listed in found_or_missing(group, ("filters",), path) for one in each(listed.value, listed.path)
        ]
        if not filters:
            yield Fail((*path, "filters"), "is missing, so that every event matches")
        for place, one in filters:
            yield from _filter(one, place)


def _filter(value: Plain, path: Path) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield Unknown(path) if value is UNKNOWN else Fail(path, "is no filter")
        return
    kinds = [setting.value for setting in found_or_missing(value, ("type",), path)]
    if all(kind in NOT_NAMES for kind in kinds):
        return
    # A pattern of what to leave out leaves out more without anchors.
    excluded = [setting.value for setting in found(value, ("excludeMatchedPattern",), path)]
    if any(one is True for one in excluded):
        return
    for pattern in found_or_missing(value, ("pattern",), path):
        for finding in _judged(ACTOR if ACTOR in kinds or UNKNOWN in kinds else "", pattern):
            undecided = UNKNOWN in kinds or UNKNOWN in excluded
            yield Unknown(pattern.path) if undecided else finding
        if UNKNOWN in kinds and not isinstance(pattern.value, str):
            yield Unknown(pattern.path)


def _judged(kind: str, pattern: Setting) -> Iterator[Finding]:
    if pattern.unknown:
        yield Unknown(pattern.path)
    elif not isinstance(pattern.value, str) or not anchored(pattern.value):
        yield Fail(pattern.path, "is not anchored with ^ and $, and matches names that only hold it")
    elif kind == ACTOR and not all(_ACTORS.fullmatch(one) for one in _alternatives(pattern.value)):
        yield Fail(pattern.path, "matches accounts that it does not name")


def anchored(pattern: str) -> bool:
    """Whether a regular expression can only match from the first character of a text to its last."""
    return not _UNREAD.search(pattern) and all(map(_anchored, _alternatives(pattern)))


def _anchored(alternative: str) -> bool:
    body = alternative[:-1]
    escapes = len(body) - len(body.rstrip("\\"))
    return alternative.startswith("^") and len(alternative) > 1 and alternative.endswith("$") and escapes % 2 == 0


def _alternatives(pattern: str) -> Iterator[str]:
    """The parts between the bars that stand in no group and no set of characters: `^a|b$` is `^a`, and `b$`."""
    start = depth = 0
    escaped = in_set = False
    for place, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif in_set:
            in_set = character != "]"
        elif character == "[":
            in_set = True
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and depth <= 0:
            yield pattern[start:place]
            start = place + 1
    yield pattern[start:]
