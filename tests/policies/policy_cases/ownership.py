"""Cases of the controls of ownership, data and cost."""

import json

from policies import UNKNOWN, PolicySettings, Provider
from policies.model import Plain

from .case import EVASION, LINKS_TAGS, Case

VPC = "aws:ec2/vpc:Vpc"
QUEUE = "aws:sqs/queue:Queue"
ALIAS = "aws:kms/alias:Alias"
TAGS = "required-tags"
KYVERNO = "Kyverno require-labels"
AWS_CONFIG = "AWS Config required-tags"
DEFAULTS = "pulumi_aws Provider: defaultTags, overridden by a resource's tags"


def _provider(tags: Plain) -> Provider:
    return Provider(type="pulumi:providers:aws", urn="urn:p", name="aws", properties={"defaultTags": tags})


OWN = _provider(json.dumps({"tags": LINKS_TAGS}))

CASES: tuple[Case, ...] = (
    # 61. Required tags match the stack's app
    Case(TAGS, "no tags at all", "fail", VPC, {}, AWS_CONFIG, "tags.app"),
    Case(TAGS, "one missing", "fail", QUEUE, {"tags": LINKS_TAGS | {"owner": ""}}, KYVERNO, "tags.owner"),
    Case(TAGS, "another app's", "fail", VPC, {"tags": LINKS_TAGS | {"app": "notes"}}, EVASION, "tags.app"),
    Case(
        TAGS,
        "another environment's, over the default",
        "fail",
        VPC,
        {"tags": {"environment": "production"}},
        EVASION,
        "tags.environment",
        provider=OWN,
    ),
    Case(TAGS, "keys in another case", "fail", VPC, {"tags": {k.title(): v for k, v in LINKS_TAGS.items()}}, EVASION),
    Case(TAGS, "only spaces", "fail", VPC, {"tags": LINKS_TAGS | {"cost-center": "  "}}, EVASION, "tags.cost-center"),
    Case(TAGS, "emptied over the default", "fail", VPC, {"tags": {"app": ""}}, EVASION, "tags.app", provider=OWN),
    Case(
        TAGS,
        "a tag of this factory's own",
        "fail",
        VPC,
        {"tags": LINKS_TAGS},
        AWS_CONFIG,
        "tags.data-class",
        settings=PolicySettings(required_tags=("app", "data-class")),
    ),
    Case(TAGS, "all of its own", "pass", VPC, {"tags": LINKS_TAGS}, KYVERNO),
    Case(TAGS, "all by default", "pass", QUEUE, {}, DEFAULTS, provider=OWN),
    Case(TAGS, "defaults as a mapping", "pass", QUEUE, {}, DEFAULTS, provider=_provider({"tags": dict(LINKS_TAGS)})),
    Case(TAGS, "some of each", "pass", VPC, {"tags": {"Name": "x", "owner": "data"}}, DEFAULTS, provider=OWN),
    Case(TAGS, "cannot be tagged", "pass", ALIAS, {"name": "alias/a"}, "near miss"),
    Case(
        TAGS,
        "another program's stack",
        "pass",
        VPC,
        {"tags": LINKS_TAGS | {"app": "anything", "environment": "dev"}},
        "near miss: nothing to compare with",
        stack="dev",
    ),
    Case(TAGS, "tags not known", "unknown", VPC, {"tags": UNKNOWN}, "preview", "tags"),
    Case(TAGS, "one not known", "unknown", VPC, {"tags": LINKS_TAGS | {"owner": UNKNOWN}}, "preview", "tags.owner"),
    Case(TAGS, "defaults not known", "unknown", VPC, {}, "preview", "tags", provider=_provider(UNKNOWN)),
)
