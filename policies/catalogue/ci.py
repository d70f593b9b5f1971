"""CI/CD: gates, pinned parts, and what a pipeline takes in."""

from typing import Final

from policies.checks import ci_gates, ci_images, ci_repositories, ci_webhooks
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=56,
        id="production-human-gate",
        title="Production human gate, no self-review, no admin bypass",
        severity=Severity.CRITICAL,
        reads=ci_gates.GATE_READS,
        why="Without a person between a change and production, whoever can write code decides what production runs.",
        fix="add reviewers, preventSelfReview and canAdminsBypass false; a manual approval before what deploys; "
        "requireApproval",
        references=(
            "GitHub: managing environments for deployment",
            "CIS Software Supply Chain 5.1",
            "SLSA: two-person review",
        ),
        check=ci_gates.human_gate,
    ),
    Control(
        number=57,
        id="two-approvals",
        title="Two approvals",
        severity=Severity.HIGH,
        reads=ci_repositories.APPROVAL_READS,
        why="With one approval a single account that is taken over, or in a hurry, decides what is merged.",
        fix="set requiredApprovingReviewCount to 2, enforceAdmins to true, enforcement to active, and name no bypass",
        references=("CKV_GIT_5", "CIS Software Supply Chain 1.1.3, 1.1.14", "SLSA: two-person review"),
        check=ci_repositories.two_approvals,
    ),
    Control(
        number=58,
        id="pinned-actions",
        title="SHA-pinned, allow-listed Actions",
        severity=Severity.HIGH,
        reads=ci_repositories.ACTIONS_READS,
        why="An Action runs with the workflow's rights, and its tag can be moved to other code at any time.",
        fix="set shaPinningRequired to true, allowedActions to selected, and allow repositories in policies.yaml only",
        references=("GitHub: security hardening for GitHub Actions", "CISA: supply chain compromise of tj-actions"),
        check=ci_repositories.pinned_actions,
    ),
    Control(
        number=59,
        id="immutable-scanned-images",
        title="Immutable, scanned images",
        severity=Severity.HIGH,
        reads=ci_images.REGISTRY_READS,
        why="Whoever moves a tag changes what runs under a decided name; unscanned, nobody hears what is in it.",
        fix="set imageTagMutability to IMMUTABLE and scanOnPush to true; a registry's scanning rules cover `*`",
        references=("CKV_AWS_51", "CKV_AWS_163", "AWS Security Hub ECR.1, ECR.2"),
        check=ci_images.immutable_scanned,
    ),
    Control(
        number=60,
        id="anchored-webhook-filters",
        title="Anchored webhook filters",
        severity=Severity.HIGH,
        reads={ci_webhooks.WEBHOOK: ("filterGroups", "branchFilter")},
        why="A pattern without anchors matches whatever only holds it, so that strangers' code is built.",
        fix="begin every alternative of an account, branch or name pattern with ^ and end it with $",
        references=("Prowler codebuild_project_webhook_filters_use_anchored_patterns", "AWS CodeBuild: WebhookFilter"),
        check=ci_webhooks.anchored_filters,
    ),
)
