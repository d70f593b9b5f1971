"""Cases of the control of IAM on what is open to everybody: 29."""

from policies import UNKNOWN
from policies.helpers.documents import RESOURCE_POLICIES
from policies.model import Plain

from .case import EVASION, Case
from .iam_words import NEAR, OWN, PREVIEW, STRANGER, mapping, text, trusting

PUBLIC = "not-public"

CHECKOV = "Checkov CKV_AWS_70/33/168/169/32"
CHECKOV_LAMBDA = "Checkov CKV_AWS_301"
CHECKOV_SOURCE = "Checkov CKV_AWS_364"
MEANING = "Amazon S3 User Guide: The meaning of public"

BUCKET = "aws:s3/bucketPolicy:BucketPolicy"
QUEUE = "aws:sqs/queuePolicy:QueuePolicy"
TOPIC = "aws:sns/topicPolicy:TopicPolicy"
KEY = "aws:kms/key:Key"
PERMISSION = "aws:lambda/permission:Permission"


def _policy(principal: Plain, condition: Plain = None) -> dict[str, Plain]:
    more: dict[str, Plain] = {} if condition is None else {"Condition": condition}
    return {"policy": text(trusting(principal, "s3:GetObject", Resource="*", **more))}


def _called_by(principal: Plain, **more: Plain) -> dict[str, Plain]:
    return {"action": "lambda:InvokeFunction", "function": "links-api", "principal": principal, **more}


CASES: tuple[Case, ...] = (
    *(
        Case(
            PUBLIC,
            f"everybody: {token}",
            "fail",
            token,
            _policy({"AWS": "*"}),
            CHECKOV,
            "policy.Statement[0].Principal.AWS",
        )
        for token in RESOURCE_POLICIES
    ),
    Case(PUBLIC, "anonymous", "fail", BUCKET, _policy("*"), CHECKOV, "policy.Statement[0].Principal"),
    Case(
        PUBLIC,
        "everybody in two halves",
        "fail",
        BUCKET,
        _policy("*", {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}),
        MEANING,
    ),
    Case(PUBLIC, "everybody by TLS", "fail", QUEUE, _policy("*", {"Bool": {"aws:SecureTransport": "true"}}), EVASION),
    Case(
        PUBLIC,
        "from any source",
        "fail",
        TOPIC,
        _policy({"AWS": ["*"]}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:*"}}),
        "Amazon SNS: confused deputy",
    ),
    Case(
        PUBLIC,
        "everybody but one",
        "fail",
        BUCKET,
        {"policy": text({"Effect": "Allow", "NotPrincipal": {"AWS": STRANGER}, "Action": "s3:*", "Resource": "*"})},
        EVASION,
    ),
    Case(
        PUBLIC,
        "everybody of another account",
        "fail",
        KEY,
        _policy({"AWS": "*"}, {"StringEqualsIfExists": {"aws:SourceAccount": OWN}}),
        EVASION,
    ),
    Case(PUBLIC, "called by everybody", "fail", PERMISSION, _called_by("*"), CHECKOV_LAMBDA, "principal"),
    Case(
        PUBLIC,
        "a URL without authorisation",
        "fail",
        PERMISSION,
        _called_by("*", functionUrlAuthType="NONE"),
        "AWS Lambda: Control access to Lambda function URLs",
    ),
    Case(
        PUBLIC,
        "called for any account",
        "fail",
        PERMISSION,
        _called_by("s3.amazonaws.com"),
        CHECKOV_SOURCE,
        "principal",
    ),
    Case(
        PUBLIC,
        "called for any account's rules",
        "fail",
        PERMISSION,
        _called_by("events.amazonaws.com", sourceArn="arn:aws:events:eu-central-1:*:rule/x"),
        EVASION,
    ),
    Case(
        PUBLIC,
        "called for a stranger",
        "fail",
        PERMISSION,
        _called_by("s3.amazonaws.com", sourceAccount=STRANGER),
        CHECKOV_SOURCE,
    ),
    Case(PUBLIC, "the own account", "pass", BUCKET, _policy({"AWS": f"arn:aws:iam::{OWN}:root"}), CHECKOV),
    Case(
        PUBLIC,
        "everybody of the organisation",
        "pass",
        BUCKET,
        _policy("*", {"StringEquals": {"aws:PrincipalOrgID": "o-acme0000000"}}),
        MEANING,
    ),
    Case(
        PUBLIC,
        "everybody through the own endpoint",
        "pass",
        BUCKET,
        _policy("*", {"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}),
        MEANING,
    ),
    Case(
        PUBLIC,
        "the own account, through a service",
        "pass",
        KEY,
        _policy({"AWS": "*"}, {"StringEquals": {"kms:CallerAccount": OWN, "kms:ViaService": "ec2.x.amazonaws.com"}}),
        "AWS KMS: policy of AWS managed keys",
    ),
    Case(
        PUBLIC,
        "denied without TLS",
        "pass",
        BUCKET,
        {
            "policy": text(
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            )
        },
        NEAR,
    ),
    Case(
        PUBLIC,
        "a topic that one bucket tells",
        "pass",
        TOPIC,
        _policy({"AWS": "*"}, {"ArnEquals": {"aws:SourceArn": f"arn:aws:cloudwatch:eu-central-1:{OWN}:alarm:x"}}),
        NEAR,
    ),
    Case(PUBLIC, "no policy", "pass", "aws:sqs/queue:Queue", {"name": "links", "policy": ""}, NEAR),
    Case(
        PUBLIC,
        "called for a rule of the account",
        "pass",
        PERMISSION,
        _called_by("events.amazonaws.com", sourceArn=f"arn:aws:events:eu-central-1:{OWN}:rule/*"),
        CHECKOV_SOURCE,
    ),
    Case(
        PUBLIC,
        "called for a bucket of the account",
        "pass",
        PERMISSION,
        _called_by("s3.amazonaws.com", sourceArn="arn:aws:s3:::links-build-in", sourceAccount=OWN),
        CHECKOV_SOURCE,
    ),
    Case(
        PUBLIC,
        "called by the organisation",
        "pass",
        PERMISSION,
        _called_by("*", principalOrgId="o-acme0000000"),
        "AWS Lambda: Granting access to an organization",
    ),
    Case(PUBLIC, "called by one account", "pass", PERMISSION, _called_by(OWN), NEAR),
    Case(PUBLIC, "not known", "unknown", QUEUE, {"policy": UNKNOWN}, PREVIEW, "policy"),
    Case(
        PUBLIC,
        "condition not known",
        "unknown",
        QUEUE,
        {"policy": mapping(trusting("*", "sqs:SendMessage", Condition={"ArnEquals": {"aws:SourceArn": UNKNOWN}}))},
        PREVIEW,
        "policy.Statement[0].Condition",
    ),
    Case(
        PUBLIC,
        "source not known",
        "unknown",
        PERMISSION,
        _called_by("events.amazonaws.com", sourceArn=UNKNOWN),
        PREVIEW,
        "sourceArn",
    ),
)
