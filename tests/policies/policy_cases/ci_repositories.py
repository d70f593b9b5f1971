"""Cases of the controls of ci about repositories."""

from policies import UNKNOWN
from policies.model import Plain

from .case import EVASION, Case

APPROVALS = "two-approvals"
ACTIONS = "pinned-actions"
BRANCH = "github:index/branchProtection:BranchProtection"
BRANCH_V3 = "github:index/branchProtectionV3:BranchProtectionV3"
RULESET = "github:index/repositoryRuleset:RepositoryRuleset"
ORGANIZATION_RULESET = "github:index/organizationRuleset:OrganizationRuleset"
PERMISSIONS = "github:index/actionsRepositoryPermissions:ActionsRepositoryPermissions"
ORGANIZATION = "github:index/actionsOrganizationPermissions:ActionsOrganizationPermissions"
CHECKOV = "Checkov CKV_GIT_5 (GithubBranchProtectionRequireApprovals)"
GITHUB = "GitHub: managing Actions settings of a repository"


def _branch(count: Plain = 2, admins: Plain = True, **more: Plain) -> dict[str, Plain]:
    reviews: list[Plain] = [{"requiredApprovingReviewCount": count, **more}]
    return {"pattern": "main", "enforceAdmins": admins, "requiredPullRequestReviews": reviews}


def _ruleset(count: Plain = 2, enforcement: Plain = "active", **more: Plain) -> dict[str, Plain]:
    rules: dict[str, Plain] = {"pullRequest": {"requiredApprovingReviewCount": count}}
    return {"target": "branch", "enforcement": enforcement, "rules": rules, **more}


def _actions(pattern: Plain = "acme/links@*", verified: Plain = False, **more: Plain) -> dict[str, Plain]:
    config: dict[str, Plain] = {"githubOwnedAllowed": True, "verifiedAllowed": verified, "patternsAlloweds": [pattern]}
    return {"shaPinningRequired": True, "allowedActions": "selected", "allowedActionsConfig": config, **more}


ADMINISTRATOR: dict[str, Plain] = {"actorId": 5, "actorType": "RepositoryRole", "bypassMode": "always"}

CASES: tuple[Case, ...] = (
    # 57. Two approvals
    Case(
        APPROVALS,
        "one",
        "fail",
        BRANCH,
        _branch(1),
        CHECKOV,
        "requiredPullRequestReviews[0].requiredApprovingReviewCount",
    ),
    Case(APPROVALS, "no review", "fail", BRANCH, {"pattern": "main", "enforceAdmins": True}, CHECKOV),
    Case(
        APPROVALS,
        "not of administrators",
        "fail",
        BRANCH,
        _branch(admins=None),
        "CIS Software Supply Chain 1.1.14",
        "enforceAdmins",
    ),
    Case(
        APPROVALS,
        "who goes past",
        "fail",
        BRANCH,
        _branch(pullRequestBypassers=["/release-bot"]),
        EVASION,
        "requiredPullRequestReviews[0].pullRequestBypassers",
    ),
    Case(
        APPROVALS,
        "one, as it was written before",
        "fail",
        BRANCH_V3,
        {"enforceAdmins": True, "requiredPullRequestReviews": {"requiredApprovingReviewCount": 1}},
        CHECKOV,
    ),
    Case(
        APPROVALS,
        "app goes past",
        "fail",
        BRANCH_V3,
        {
            "enforceAdmins": True,
            "requiredPullRequestReviews": {
                "requiredApprovingReviewCount": 2,
                "bypassPullRequestAllowances": {"users": [], "apps": ["bot"]},
            },
        },
        EVASION,
    ),
    Case(
        APPROVALS,
        "none by rules",
        "fail",
        RULESET,
        _ruleset(0),
        "GitHub: available rules for rulesets",
        "rules.pullRequest.requiredApprovingReviewCount",
    ),
    Case(
        APPROVALS,
        "rules that only watch",
        "fail",
        ORGANIZATION_RULESET,
        _ruleset(enforcement="evaluate"),
        "GitHub: enforcement status of rulesets",
        "enforcement",
    ),
    Case(
        APPROVALS,
        "role goes past",
        "fail",
        RULESET,
        _ruleset(bypassActors=[ADMINISTRATOR]),
        "GitHub: bypass permissions of rulesets",
        "bypassActors",
    ),
    Case(APPROVALS, "two", "pass", BRANCH, _branch(), CHECKOV),
    Case(APPROVALS, "three, and no bypass", "pass", BRANCH, _branch(3, pullRequestBypassers=[]), CHECKOV),
    Case(APPROVALS, "two by rules", "pass", RULESET, _ruleset(), "GitHub: available rules for rulesets"),
    Case(
        APPROVALS,
        "rules of tags",
        "pass",
        RULESET,
        {"target": "tag", "enforcement": "active", "rules": {"deletion": True}},
        "near miss",
    ),
    Case(
        APPROVALS,
        "count is not known",
        "unknown",
        BRANCH,
        _branch(UNKNOWN),
        "preview",
        "requiredPullRequestReviews[0].requiredApprovingReviewCount",
    ),
    Case(
        APPROVALS,
        "rules are not known",
        "unknown",
        RULESET,
        {"enforcement": "active", "rules": UNKNOWN},
        "preview",
        "rules",
    ),
    # 58. SHA-pinned, allow-listed Actions
    Case(
        ACTIONS,
        "everybody's",
        "fail",
        PERMISSIONS,
        {"allowedActions": "all", "shaPinningRequired": True},
        GITHUB,
        "allowedActions",
    ),
    Case(
        ACTIONS,
        "by tag",
        "fail",
        PERMISSIONS,
        _actions(shaPinningRequired=False),
        "GitHub changelog: enforce SHA pinning",
        "shaPinningRequired",
    ),
    Case(ACTIONS, "nothing said", "fail", ORGANIZATION, {"enabledRepositories": "all"}, GITHUB, "shaPinningRequired"),
    Case(
        ACTIONS,
        "every publisher's",
        "fail",
        PERMISSIONS,
        _actions(verified=True),
        GITHUB,
        "allowedActionsConfig.verifiedAllowed",
    ),
    Case(
        ACTIONS,
        "a whole owner's",
        "fail",
        PERMISSIONS,
        _actions("acme/*"),
        EVASION,
        "allowedActionsConfig.patternsAlloweds[0]",
    ),
    Case(
        ACTIONS,
        "not listed",
        "fail",
        PERMISSIONS,
        _actions("tj-actions/changed-files@*"),
        "CISA: supply chain compromise of tj-actions/changed-files",
    ),
    Case(ACTIONS, "name that begins so", "fail", ORGANIZATION, _actions("acme/links*"), EVASION),
    Case(ACTIONS, "listed", "pass", PERMISSIONS, _actions(), GITHUB),
    Case(ACTIONS, "a folder of it", "pass", ORGANIZATION, _actions("acme/links/.github/workflows/test.yml@*"), GITHUB),
    Case(ACTIONS, "local", "pass", PERMISSIONS, {"allowedActions": "local_only", "shaPinningRequired": True}, GITHUB),
    Case(ACTIONS, "switched off", "pass", PERMISSIONS, {"enabled": False}, "near miss"),
    Case(ACTIONS, "forbidden", "pass", PERMISSIONS, _actions("!evil/action"), GITHUB),
    Case(
        ACTIONS,
        "pinning is not known",
        "unknown",
        PERMISSIONS,
        _actions(shaPinningRequired=UNKNOWN),
        "preview",
        "shaPinningRequired",
    ),
    Case(
        ACTIONS,
        "patterns are not known",
        "unknown",
        PERMISSIONS,
        _actions(UNKNOWN),
        "preview",
        "allowedActionsConfig.patternsAlloweds[0]",
    ),
)
