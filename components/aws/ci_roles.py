"""What CI may do: one role for the builds, which run the app's own code, and one for the pipeline, which runs ours."""

from dataclasses import dataclass
from typing import Any, Final

from components.aws.documents import document, statement

REPORT: Final = "report"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one pipeline stands; names and ARNs of what it uses."""

    app: str
    account: str
    region: str
    name: str
    """The pipeline's name."""
    bucket: str
    key_id: str
    log_group: str
    project: str
    connection: str | None
    """ARN of the connection to the git host; None where the source is an object in the bucket."""

    @property
    def pipeline(self) -> str:
        """The pipeline's ARN."""
        return f"arn:aws:codepipeline:{self.region}:{self.account}:{self.name}"

    @property
    def handed_on(self) -> str:
        """What its stages hand on to each other. CodePipeline cuts the folder's name after twenty characters."""
        return f"{self._folder}/*"

    @property
    def report(self) -> str:
        """What the build says of the source: the previews, and what policies find."""
        return f"{self._folder}/{REPORT}/*"

    @property
    def _folder(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.name[:20]}"


def trust(service: str, account: str, arn: str) -> str:
    """Only this service, for this one project or pipeline, takes the role."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": arn}},
        }
    )


def build_permissions(place: Place) -> str:
    """A build reads what the pipeline handed it, and writes its log and report. It runs the app's code: that is all."""
    return document(
        _writes_log(place),
        statement(["s3:GetObject", "s3:GetObjectVersion"], [place.handed_on]),
        statement(["s3:PutObject"], [place.report]),
        _uses_key(["kms:Decrypt", "kms:GenerateDataKey"], place),
    )


def pipeline_permissions(place: Place) -> str:
    """The pipeline fetches the source, starts the one project, and asks the factory. It approves nothing."""
    return document(
        _writes_log(place),
        *_fetches(place),
        statement(["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], [place.handed_on]),
        _uses_key(["kms:Decrypt", "kms:GenerateDataKey"], place),
        statement(["codebuild:BatchGetBuilds", "codebuild:StartBuild"], [place.project]),
        statement(
            ["secretsmanager:GetSecretValue"],
            [f"arn:aws:secretsmanager:{place.region}:{place.account}:secret:{place.app}/ci/*"],
        ),
        # Also when somebody attaches more to the role: who walks through the gate does not open it, nor move it.
        {
            "Sid": "Gate",
            "Effect": "Deny",
            "Action": [
                "codepipeline:DeletePipeline",
                "codepipeline:OverrideStageCondition",
                "codepipeline:PutApprovalResult",
                "codepipeline:PutJobSuccessResult",
                "codepipeline:UpdatePipeline",
            ],
            "Resource": [place.pipeline, f"{place.pipeline}/*"],
        },
    )


def _fetches(place: Place) -> list[dict[str, Any]]:
    if place.connection:
        # The service has two names, and a connection is used by the one in its ARN.
        return [statement([f"{place.connection.split(':')[2]}:UseConnection"], [place.connection])]
    bucket = f"arn:aws:s3:::{place.bucket}"
    return [
        statement(["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], [bucket]),
        statement(["s3:GetObject", "s3:GetObjectVersion"], [f"{bucket}/{source_object(place.app)}"]),
    ]


def source_object(app: str) -> str:
    """The object in the artefact bucket that CI takes the source from."""
    return f"source/{app}.zip"


def _writes_log(place: Place) -> dict[str, Any]:
    return statement(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{place.log_group}:*"])


def _uses_key(actions: list[str], place: Place) -> dict[str, Any]:
    """The environment's key, for objects in S3 only."""
    through = {"StringEquals": {"kms:ViaService": f"s3.{place.region}.amazonaws.com"}}
    return statement(actions, [place.key_id], Condition=through)
