"""Cases of the controls of ci."""

from policies import UNKNOWN
from policies.model import Plain

from . import ci_repositories
from .case import EVASION, Case

GATE = "production-human-gate"
WEBHOOKS = "anchored-webhook-filters"
WEBHOOK = "aws:codebuild/webhook:Webhook"
ENVIRONMENT = "github:index/repositoryEnvironment:RepositoryEnvironment"
PIPELINE = "aws:codepipeline/pipeline:Pipeline"
TARGET = "gcp:clouddeploy/target:Target"
IMAGES = "immutable-scanned-images"
REPOSITORY = "aws:ecr/repository:Repository"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


def _repository(mutability: Plain = "IMMUTABLE", scanned: Plain = True) -> dict[str, Plain]:
    return {
        "name": "links",
        "imageTagMutability": mutability,
        "imageScanningConfiguration": {"scanOnPush": scanned},
    }


def _scanning(frequency: Plain, filter_: Plain) -> dict[str, Plain]:
    filters: list[Plain] = [{"filter": filter_, "filterType": "WILDCARD"}]
    return {"scanType": "BASIC", "rules": [{"scanFrequency": frequency, "repositoryFilters": filters}]}


def _environment(name: Plain = "production", **changed: Plain) -> dict[str, Plain]:
    gate: dict[str, Plain] = {
        "reviewers": [{"teams": [7]}],
        "preventSelfReview": True,
        "canAdminsBypass": False,
    }
    return {"environment": name, "repository": "links", **gate, **changed}


def _action(category: Plain, name: Plain = "act", order: Plain = None) -> dict[str, Plain]:
    return {"category": category, "name": name, "owner": "AWS", "version": "1"} | (
        {} if order is None else {"runOrder": order}
    )


def _stage(name: Plain, *actions: Plain) -> dict[str, Plain]:
    return {"name": name, "actions": list(actions)}


def _pipeline(*stages: Plain) -> dict[str, Plain]:
    return {"name": "links", "stages": [_stage("Source", _action("Source")), *stages]}


def _webhook(type_: Plain, pattern: Plain, **more: Plain) -> dict[str, Plain]:
    filters: list[Plain] = [{"type": "EVENT", "pattern": "PUSH"}, {"type": type_, "pattern": pattern, **more}]
    return {"projectName": "links", "filterGroups": [{"filters": filters}]}


DEPLOY = _stage("Deploy", _action("Deploy", "Deploy"))
PATTERN = "filterGroups[0].filters[1].pattern"

CASES: tuple[Case, ...] = (
    # 56. Production human gate, no self-review, no admin bypass
    Case(
        GATE,
        "nobody is asked",
        "fail",
        ENVIRONMENT,
        _environment(reviewers=None),
        "GitHub: deployments and environments, required reviewers",
        "reviewers",
    ),
    Case(
        GATE,
        "no reviewer in the list",
        "fail",
        ENVIRONMENT,
        _environment(reviewers=[{"users": []}]),
        EVASION,
        "reviewers",
    ),
    Case(
        GATE,
        "own review",
        "fail",
        ENVIRONMENT,
        _environment(preventSelfReview=False),
        "GitHub: prevent self-reviews",
        "preventSelfReview",
    ),
    Case(
        GATE,
        "administrators go past",
        "fail",
        ENVIRONMENT,
        _environment("prod-eu", canAdminsBypass=None),
        "GitHub: allow administrators to bypass, default",
        "canAdminsBypass",
    ),
    Case(GATE, "name that says nothing", "fail", ENVIRONMENT, _environment("eu", canAdminsBypass=True), EVASION),
    Case(
        GATE,
        "straight to production",
        "fail",
        PIPELINE,
        _pipeline(_stage("Build", _action("Build")), DEPLOY),
        "Terraform aws_codepipeline, example usage",
        "stages[2].actions[0]",
    ),
    Case(
        GATE,
        "asked afterwards",
        "fail",
        PIPELINE,
        _pipeline(DEPLOY, _stage("Approve", _action("Approval"))),
        EVASION,
        "stages[1].actions[0]",
    ),
    Case(
        GATE,
        "asked at the same time",
        "fail",
        PIPELINE,
        _pipeline(_stage("Production", _action("Approval", order=1), _action("Deploy", order=1))),
        "AWS CodePipeline: runOrder",
        "stages[1].actions[1]",
    ),
    Case(
        GATE,
        "build that deploys to production",
        "fail",
        PIPELINE,
        _pipeline(_stage("Prod", _action("Build", "PulumiUp"))),
        EVASION,
        "stages[1].actions[0]",
    ),
    Case(
        GATE,
        "target without approval",
        "fail",
        TARGET,
        {"name": "run-prod", "requireApproval": False},
        "Google Cloud Deploy: require approval",
        "requireApproval",
    ),
    Case(GATE, "nothing said", "fail", TARGET, {"name": "prod"}, "Google Cloud Deploy: default", "requireApproval"),
    Case(GATE, "team decides", "pass", ENVIRONMENT, _environment(), "GitHub: required reviewers"),
    Case(GATE, "staging", "pass", ENVIRONMENT, {"environment": "staging"}, "near miss"),
    Case(GATE, "before production", "pass", ENVIRONMENT, {"environment": "pre-production"}, "near miss"),
    Case(
        GATE,
        "asked in the stage before",
        "pass",
        PIPELINE,
        _pipeline(_stage("Approve", _action("Approval")), DEPLOY),
        "AWS CodePipeline: manual approval",
    ),
    Case(
        GATE,
        "asked earlier in the stage",
        "pass",
        PIPELINE,
        _pipeline(_stage("Production", _action("Approval"), _action("Deploy", order=2))),
        "AWS CodePipeline: runOrder",
    ),
    Case(GATE, "only staging", "pass", PIPELINE, _pipeline(_stage("DeployStaging", _action("Deploy"))), "near miss"),
    Case(
        GATE,
        "staging first",
        "pass",
        PIPELINE,
        _pipeline(_stage("Staging", _action("Deploy")), _stage("Approve", _action("Approval")), DEPLOY),
        "AWS CodePipeline: manual approval",
    ),
    Case(
        GATE, "target with approval", "pass", TARGET, {"name": "prod", "requireApproval": True}, "Google Cloud Deploy"
    ),
    Case(
        GATE,
        "self review is not known",
        "unknown",
        ENVIRONMENT,
        _environment(preventSelfReview=UNKNOWN),
        "preview",
        "preventSelfReview",
    ),
    Case(
        GATE,
        "reviewer is not known",
        "unknown",
        ENVIRONMENT,
        _environment(reviewers=[{"teams": [UNKNOWN]}]),
        "preview",
        "reviewers[0].teams[0]",
    ),
    Case(GATE, "stages are not known", "unknown", PIPELINE, {"stages": UNKNOWN}, "preview", "stages"),
    Case(
        GATE,
        "order is not known",
        "unknown",
        PIPELINE,
        _pipeline(_stage("Production", _action("Approval", order=UNKNOWN), _action("Deploy", order=2))),
        "preview",
        "stages[1].actions[1]",
    ),
    # 59. Immutable, scanned images
    Case(
        IMAGES,
        "tags move",
        "fail",
        REPOSITORY,
        _repository("MUTABLE"),
        "Checkov CKV_AWS_51 (ECRImmutableTags)",
        "imageTagMutability",
    ),
    Case(
        IMAGES,
        "nothing said of tags",
        "fail",
        REPOSITORY,
        {"imageScanningConfiguration": {"scanOnPush": True}},
        "Checkov CKV_AWS_51: default",
        "imageTagMutability",
    ),
    Case(
        IMAGES,
        "some tags move",
        "fail",
        REPOSITORY,
        _repository("IMMUTABLE_WITH_EXCLUSION"),
        "Amazon ECR: image tag mutability exclusion filters",
        "imageTagMutability",
    ),
    Case(
        IMAGES,
        "not scanned",
        "fail",
        REPOSITORY,
        _repository(scanned=False),
        "Checkov CKV_AWS_163 (ECRImageScanning)",
        "imageScanningConfiguration.scanOnPush",
    ),
    Case(
        IMAGES,
        "nothing said of scans",
        "fail",
        REPOSITORY,
        {"imageTagMutability": "IMMUTABLE"},
        "Checkov CKV_AWS_163: default",
        "imageScanningConfiguration.scanOnPush",
    ),
    Case(IMAGES, "scanned in other words", "fail", REPOSITORY, _repository(scanned=1), EVASION),
    Case(
        IMAGES,
        "repositories that are made by a push",
        "fail",
        TEMPLATE,
        {"prefix": "ROOT"},
        "Amazon ECR: repository creation templates, default",
        "imageTagMutability",
    ),
    Case(
        IMAGES,
        "registry scans by hand",
        "fail",
        SCANNING,
        _scanning("MANUAL", "*"),
        "Amazon ECR: registry scanning configuration",
        "rules",
    ),
    Case(
        IMAGES,
        "registry scans some",
        "fail",
        SCANNING,
        _scanning("SCAN_ON_PUSH", "prod-*"),
        "Amazon ECR: filters",
        "rules",
    ),
    Case(IMAGES, "registry without rules", "fail", SCANNING, {"scanType": "BASIC", "rules": []}, "Amazon ECR: filters"),
    Case(IMAGES, "immutable and scanned", "pass", REPOSITORY, _repository(), "Checkov CKV_AWS_51, CKV_AWS_163"),
    Case(
        IMAGES,
        "immutable by template",
        "pass",
        TEMPLATE,
        {"prefix": "a", "imageTagMutability": "IMMUTABLE"},
        "near miss",
    ),
    Case(
        IMAGES,
        "registry scans all",
        "pass",
        SCANNING,
        _scanning("CONTINUOUS_SCAN", "*"),
        "Amazon ECR: enhanced scanning",
    ),
    Case(
        IMAGES, "mutability is not known", "unknown", REPOSITORY, _repository(UNKNOWN), "preview", "imageTagMutability"
    ),
    Case(
        IMAGES,
        "scan is not known",
        "unknown",
        REPOSITORY,
        _repository(scanned=UNKNOWN),
        "preview",
        "imageScanningConfiguration.scanOnPush",
    ),
    Case(IMAGES, "rules are not known", "unknown", SCANNING, {"rules": UNKNOWN}, "preview", "rules"),
    # 60. Anchored webhook filters
    Case(
        WEBHOOKS,
        "branch without anchors",
        "fail",
        WEBHOOK,
        _webhook("HEAD_REF", "master"),
        "ministryofjustice/hmpps-env-configs: hmpps-nextcloud-packer/github.tf",
        PATTERN,
    ),
    Case(
        WEBHOOKS,
        "account without anchors",
        "fail",
        WEBHOOK,
        _webhook("ACTOR_ACCOUNT_ID", "755743|1234567"),
        "Prowler: codebuild_project_webhook_filters_use_anchored_patterns",
        PATTERN,
    ),
    Case(
        WEBHOOKS,
        "only the first alternative begins",
        "fail",
        WEBHOOK,
        _webhook("ACTOR_ACCOUNT_ID", "^755743|1234567$"),
        EVASION,
        PATTERN,
    ),
    Case(WEBHOOKS, "end is escaped", "fail", WEBHOOK, _webhook("BASE_REF", "^refs/heads/main\\$"), EVASION, PATTERN),
    Case(
        WEBHOOKS,
        "any account that ends so",
        "fail",
        WEBHOOK,
        _webhook("ACTOR_ACCOUNT_ID", "^.*755743$"),
        EVASION,
        PATTERN,
    ),
    Case(
        WEBHOOKS,
        "bar behind a quoted bracket",
        "fail",
        WEBHOOK,
        _webhook("HEAD_REF", r"^refs/heads/main\Q(\E|x$"),
        EVASION,
        PATTERN,
    ),
    Case(
        WEBHOOKS,
        "no filter",
        "fail",
        WEBHOOK,
        {"projectName": "links"},
        "AWS CodeBuild: filter GitHub events",
        "filterGroups",
    ),
    Case(
        WEBHOOKS,
        "old branch filter",
        "fail",
        WEBHOOK,
        {"branchFilter": "main"},
        "AWS CodeBuild API: branchFilter",
        "branchFilter",
    ),
    Case(
        WEBHOOKS,
        "second group",
        "fail",
        WEBHOOK,
        {
            "filterGroups": [
                {"filters": [{"type": "HEAD_REF", "pattern": "^refs/heads/main$"}]},
                {"filters": [{"type": "REPOSITORY_NAME", "pattern": "links"}]},
            ]
        },
        EVASION,
        "filterGroups[1].filters[0].pattern",
    ),
    Case(
        WEBHOOKS,
        "anchored branch",
        "pass",
        WEBHOOK,
        _webhook("HEAD_REF", "^refs/heads/myBranch$"),
        "AWS CLI: create-webhook example",
    ),
    Case(
        WEBHOOKS,
        "anchored accounts",
        "pass",
        WEBHOOK,
        _webhook("ACTOR_ACCOUNT_ID", "^755743$|^1234567$"),
        "Prowler: remediation",
    ),
    Case(WEBHOOKS, "anchored group", "pass", WEBHOOK, _webhook("ACTOR_ACCOUNT_ID", "^(755743|1234567)$"), "near miss"),
    Case(WEBHOOKS, "bar in a set", "pass", WEBHOOK, _webhook("HEAD_REF", "^refs/heads/[a|b]$"), "near miss"),
    Case(
        WEBHOOKS,
        "part of a message",
        "pass",
        WEBHOOK,
        _webhook("COMMIT_MESSAGE", r"\[CodeBuild\]"),
        "AWS CodeBuild: filter GitHub events",
    ),
    Case(WEBHOOKS, "left out", "pass", WEBHOOK, _webhook("HEAD_REF", "wip", excludeMatchedPattern=True), "near miss"),
    Case(
        WEBHOOKS,
        "events only",
        "pass",
        WEBHOOK,
        {"filterGroups": [{"filters": [{"type": "EVENT", "pattern": "WORKFLOW_JOB_QUEUED"}]}]},
        "danish125/kubernetes-control-plane-setup: webhook.tf",
    ),
    Case(WEBHOOKS, "pattern is not known", "unknown", WEBHOOK, _webhook("HEAD_REF", UNKNOWN), "preview", PATTERN),
    Case(WEBHOOKS, "type is not known", "unknown", WEBHOOK, _webhook(UNKNOWN, "main"), "preview", PATTERN),
    Case(WEBHOOKS, "groups are not known", "unknown", WEBHOOK, {"filterGroups": UNKNOWN}, "preview", "filterGroups"),
    # 57, 58
    *ci_repositories.CASES,
)
