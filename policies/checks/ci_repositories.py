"""CI/CD: who approves what reaches a branch, and whose Actions run in a repository."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import found, found_or_missing, must_be
from policies.helpers.pods import Setting
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

BRANCH: Final = "github:index/branchProtection:BranchProtection"
BRANCH_V3: Final = "github:index/branchProtectionV3:BranchProtectionV3"
RULESET: Final = "github:index/repositoryRuleset:RepositoryRuleset"
ORGANIZATION_RULESET: Final = "github:index/organizationRuleset:OrganizationRuleset"
APPROVAL_READS: Final = {
    BRANCH: ("requiredPullRequestReviews", "enforceAdmins"),
    BRANCH_V3: ("requiredPullRequestReviews", "enforceAdmins"),
    RULESET: ("rules", "enforcement", "bypassActors"),
    ORGANIZATION_RULESET: ("rules", "enforcement", "bypassActors"),
}
PERMISSIONS: Final = "github:index/actionsRepositoryPermissions:ActionsRepositoryPermissions"
ORGANIZATION: Final = "github:index/actionsOrganizationPermissions:ActionsOrganizationPermissions"
ACTIONS_READS: Final = {
    PERMISSIONS: ("enabled", "allowedActions", "allowedActionsConfig", "shaPinningRequired"),
    ORGANIZATION: ("enabledRepositories", "allowedActions", "allowedActionsConfig", "shaPinningRequired"),
}
APPROVALS: Final = 2
_COUNT: Final = "requiredApprovingReviewCount"
_ACTION: Final = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:/[\w./-]+)?(?:@.+)?", re.ASCII)


def two_approvals(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 57: two people approve what reaches a protected branch, and nobody goes past them."""
    del context
    if resource.type in (RULESET, ORGANIZATION_RULESET):
        yield from _ruleset(resource)
        return
    reviews = resource.properties.get("requiredPullRequestReviews")
    block = ("requiredPullRequestReviews",)
    for count in found_or_missing(reviews, (_COUNT,), block):
        yield from _enough(count)
    for name in ("pullRequestBypassers", "bypassPullRequestAllowances"):
        for allowed in found(reviews, (name,), block):
            yield from _nobody(allowed)
    admins = found_or_missing(resource.properties, ("enforceAdmins",), ())
    yield from must_be(admins, (True,), "leaves administrators out")


def _ruleset(resource: Resource) -> Iterator[Finding]:
    """A ruleset may be about something else; what it says of pull requests is judged."""
    counts: list[Setting] = []
    for pull_request in found(resource.properties.get("rules"), ("pullRequest",), ("rules",)):
        if pull_request.value is not None:
            counts += found_or_missing(pull_request.value, (_COUNT,), pull_request.path)
    for count in counts:
        yield from _enough(count)
    if counts:
        enforced = found_or_missing(resource.properties, ("enforcement",), ())
        yield from must_be(enforced, ("active",), "leaves the rules without effect")
        for actors in found(resource.properties, ("bypassActors",), ()):
            yield from _nobody(actors)


def _enough(count: Setting) -> Iterator[Finding]:
    if count.unknown:
        yield Unknown(count.path)
    elif isinstance(count.value, bool) or not isinstance(count.value, int | float) or count.value < APPROVALS:
        yield Fail(count.path, f"asks for fewer than {APPROVALS} approvals")


def _nobody(allowed: Setting) -> Iterator[Finding]:
    """Nobody is named; a mapping of lists (users, teams, apps) counts as its lists."""
    lists: list[Plain] = list(allowed.value.values()) if isinstance(allowed.value, dict) else [allowed.value]
    for listed in lists:
        names = [name for _, name in each(listed, allowed.path)]
        if names and all(name is UNKNOWN for name in names):
            yield Unknown(allowed.path)
        elif names:
            yield Fail(allowed.path, "names who may go past the approvals")


def pinned_actions(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 58: Actions are pinned to a commit, and are GitHub's, local, or of a listed repository."""
    off = ("enabled", False) if resource.type == PERMISSIONS else ("enabledRepositories", "none")
    switch = resource.properties.get(off[0])
    if switch == off[1] and isinstance(switch, type(off[1])):
        return
    pinned = found_or_missing(resource.properties, ("shaPinningRequired",), ())
    yield from must_be(pinned, (True,), "lets an Action's code change under its tag")
    allowed = found_or_missing(resource.properties, ("allowedActions",), ())
    yield from must_be(allowed, ("selected", "local_only"), "lets everybody's Actions run")
    if all(setting.value == "local_only" for setting in allowed):
        return
    block = ("allowedActionsConfig",)
    config = resource.properties.get("allowedActionsConfig")
    for verified in found(config, ("verifiedAllowed",), block):
        yield from must_be((verified,), (False, None), "lets every verified publisher's Actions run")
    for patterns in found(config, ("patternsAlloweds",), block):
        for path, pattern in each(patterns.value, patterns.path):
            yield from _pattern(Setting(path, pattern), context)


def _pattern(pattern: Setting, context: Context) -> Iterator[Finding]:
    if pattern.unknown:
        yield Unknown(pattern.path)
        return
    # What begins with `!` is forbidden.
    if isinstance(pattern.value, str) and pattern.value.startswith("!"):
        return
    read = _ACTION.fullmatch(pattern.value) if isinstance(pattern.value, str) else None
    if read is None or read["repository"] not in context.settings.repositories:
        yield Fail(pattern.path, "lets Actions run of what is no listed repository")
