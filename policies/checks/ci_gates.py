"""CI/CD: a person between a change and production."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.context import Context
from policies.helpers.fields import found, found_or_missing, must_be
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

ENVIRONMENT: Final = "github:index/repositoryEnvironment:RepositoryEnvironment"
PIPELINE: Final = "aws:codepipeline/pipeline:Pipeline"
TARGET: Final = "gcp:clouddeploy/target:Target"
GATE_READS: Final = {
    ENVIRONMENT: ("environment", "reviewers", "preventSelfReview", "canAdminsBypass"),
    PIPELINE: ("stages",),
    TARGET: ("name", "requireApproval"),
}
PRODUCTION: Final = frozenset({"production", "prod", "prd", "live"})
# What says that something is not production; whatever says nothing counts as production.
OTHER: Final = frozenset(
    {
        *("acceptance", "alpha", "beta", "build", "canary", "ci", "demo", "dev", "devel", "development"),
        *("integration", "int", "nonprod", "nonproduction", "pr", "preprod", "preproduction", "preview", "qa"),
        *("sandbox", "stage", "staging", "stg", "test", "testing", "tests", "uat"),
    }
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DEPLOYS: Final = re.compile(r"deploy|release|rollout|promot|publish", re.IGNORECASE)


def human_gate(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 56: a person decides on what goes to production, not who wrote it, and no administrator goes past."""
    del context
    if resource.type == PIPELINE:
        yield from _approved(resource)
        return
    named = "environment" if resource.type == ENVIRONMENT else "name"
    name = resource.properties.get(named)
    faults = list(_environment(resource) if resource.type == ENVIRONMENT else _target(resource))
    if name is UNKNOWN:
        yield from (Unknown((named,)) for _ in faults[:1])
    elif means_production(name):
        yield from faults


def means_production(*names: Plain) -> bool:
    """Whether names say production, or none of them says anything else: a name that tells nothing must not help."""
    words = [word.lower() for name in names if isinstance(name, str) for word in _WORD.findall(name)]
    before = ["", *words]
    if any(word in PRODUCTION and before[place] not in ("pre", "non", "not") for place, word in enumerate(words)):
        return True
    return not any(word in OTHER or word in PRODUCTION for word in words)


def _environment(resource: Resource) -> Iterator[Finding]:
    reviewers = [
        one
        for kind in ("users", "teams")
        for setting in found(resource.properties.get("reviewers"), (kind,), ("reviewers",))
        for one in each(setting.value, setting.path)
    ]
    known = [value for _, value in reviewers if value is not UNKNOWN]
    if not known:
        yield from (Unknown(path) for path, _ in reviewers)
    if not reviewers:
        yield Fail(("reviewers",), "is missing, so that nobody is asked")
    self_review = found_or_missing(resource.properties, ("preventSelfReview",), ())
    yield from must_be(self_review, (True,), "lets who started a deployment approve it")
    bypass = found_or_missing(resource.properties, ("canAdminsBypass",), ())
    yield from must_be(bypass, (False,), "lets administrators go past the reviewers")


def _target(resource: Resource) -> Iterator[Finding]:
    approval = found_or_missing(resource.properties, ("requireApproval",), ())
    yield from must_be(approval, (True,), "lets releases go to production without a person")


@dataclass(frozen=True)
class _Action:
    path: Path
    stage: Plain
    name: Plain
    category: Plain
    order: Plain


def _approved(resource: Resource) -> Iterator[Finding]:
    """Each stage is done before the next; in a stage what has a lower order is done before what has a higher one."""
    stages = list(each(resource.properties.get("stages"), ("stages",)))
    for path, stage in stages:
        if not isinstance(stage, dict):
            yield Unknown(path) if stage is UNKNOWN else Fail(path, "is no stage")
            continue
        actions = list(_actions(stage, path))
        approvals = [action.order for action in actions if action.category == "Approval"]
        for action in actions:
            yield from _gated(action, approvals)
        if approvals:
            return


def _actions(stage: dict[str, Plain], path: Path) -> Iterator[_Action]:
    for listed in found_or_missing(stage, ("actions",), path):
        for place, action in each(listed.value, listed.path):
            block = action if isinstance(action, dict) else {}
            unread: Plain = UNKNOWN if action is UNKNOWN else None
            order = block.get("runOrder", unread)
            yield _Action(
                place,
                stage.get("name"),
                block.get("name", unread),
                block.get("category", unread),
                1 if order is None else order,
            )


def _gated(action: _Action, approvals: list[Plain]) -> Iterator[Finding]:
    deploys = _deploys(action)
    if deploys is False or action.category == "Approval":
        return
    undecided = deploys is None or any(order is UNKNOWN for order in (*approvals, action.order) if approvals)
    numbers = [order for order in approvals if isinstance(order, int | float)]
    if isinstance(action.order, int | float) and any(order < action.order for order in numbers):
        return
    yield Unknown(action.path) if undecided else Fail(action.path, "goes to production before a person approved")


def _deploys(action: _Action) -> bool | None:
    """Whether an action changes production; None: it cannot be told yet."""
    if action.category in ("Source", "Test"):
        return False
    production = means_production(action.stage, action.name)
    if production and action.category == "Deploy":
        return True
    told = [name for name in (action.stage, action.name) if isinstance(name, str)]
    says = any(_DEPLOYS.search(name) for name in told) or any(_says_production(name) for name in told)
    if production and says and action.category is not UNKNOWN:
        return True
    return None if UNKNOWN in (action.stage, action.name, action.category) else False


def _says_production(name: str) -> bool:
    return means_production(name) and any(word.lower() in PRODUCTION for word in _WORD.findall(name))
