"""Ways from some rights to all of them, as data.

Sources: Rhino Security Labs, "AWS IAM Privilege Escalation: Methods and Mitigation"; pathfinding.cloud (Datadog);
Bishop Fox, "IAM Vulnerable". Reading what a role that exists already can read (ssm, secrets) is no way here.
"""

from dataclasses import dataclass
from typing import Final

PASSING: Final = "iam:PassRole"
UNRELATED: Final = "named-by-nobody"
"""Name of a thing that no policy was written for: what matches it matches by wildcard."""
ANY_ROLE: Final = f"arn:aws*:iam::{'?' * 12}:role/{UNRELATED}"


@dataclass(frozen=True)
class Way:
    """Actions that together give more rights.

    `service` is whom a role is passed to, where one is. `resource` is what the last action is asked of: a thing that
    no policy was written for, where it is harmless on the things that were; `*` where it never is.
    """

    actions: tuple[str, ...]
    service: str = ""
    resource: str = "*"

    def __str__(self) -> str:
        return " + ".join(self.actions)


def _alone(*actions: str) -> tuple[Way, ...]:
    return tuple(Way((action,)) for action in actions)


def _passing(service: str, *actions: str) -> Way:
    return Way((PASSING, *actions), f"{service}.amazonaws.com")


# Whoever does one of these to themselves, or to whom they can become, holds what they like.
CHANGES_RIGHTS: Final = _alone(
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:PutGroupPolicy",
    "iam:AddUserToGroup",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
)
# Code of one's own runs with a role that is there already. On a named function of the app that is a deployment.
RUNS_CODE: Final = tuple(
    Way((action,), resource=f"arn:aws*:{resource}")
    for action, resource in (
        ("lambda:UpdateFunctionCode", f"lambda:*:*:function:{UNRELATED}"),
        ("glue:UpdateDevEndpoint", f"glue:*:*:devEndpoint/{UNRELATED}"),
        ("cloudformation:UpdateStack", f"cloudformation:*:*:stack/{UNRELATED}/{UNRELATED}"),
        ("cloudformation:CreateChangeSet", f"cloudformation:*:*:stack/{UNRELATED}/{UNRELATED}"),
        ("codestar:AssociateTeamMember", f"codestar:*:*:project/{UNRELATED}"),
        ("sagemaker:CreatePresignedNotebookInstanceUrl", f"sagemaker:*:*:notebook-instance/{UNRELATED}"),
        ("ssm:SendCommand", f"ec2:*:*:instance/i-{UNRELATED}"),
        ("ssm:StartSession", f"ec2:*:*:instance/i-{UNRELATED}"),
        ("ec2-instance-connect:SendSSHPublicKey", f"ec2:*:*:instance/i-{UNRELATED}"),
    )
)
PASSES_ROLE: Final = (
    _passing("lambda", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _passing("lambda", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    _passing("lambda", "lambda:CreateFunction", "lambda:AddPermission"),
    _passing("lambda", "lambda:UpdateFunctionConfiguration"),
    _passing("ec2", "ec2:RunInstances"),
    _passing("ec2", "ec2:RequestSpotInstances"),
    _passing("ec2", "ec2:AssociateIamInstanceProfile"),
    _passing("autoscaling", "autoscaling:CreateAutoScalingGroup"),
    _passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:StartTask"),
    _passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _passing("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:UpdateService"),
    _passing("ecs-tasks", "ecs:RunTask"),
    _passing("cloudformation", "cloudformation:CreateStack"),
    _passing("cloudformation", "cloudformation:UpdateStack"),
    _passing("cloudformation", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
    _passing("codebuild", "codebuild:CreateProject", "codebuild:StartBuild"),
    _passing("codebuild", "codebuild:UpdateProject", "codebuild:StartBuild"),
    _passing("codebuild", "codebuild:CreateProject", "codebuild:StartBuildBatch"),
    _passing("codepipeline", "codepipeline:CreatePipeline"),
    _passing("glue", "glue:CreateDevEndpoint"),
    _passing("glue", "glue:CreateJob", "glue:StartJobRun"),
    _passing("glue", "glue:UpdateJob", "glue:StartJobRun"),
    _passing("glue", "glue:CreateJob", "glue:CreateTrigger"),
    _passing("datapipeline", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"),
    _passing("sagemaker", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"),
    _passing("sagemaker", "sagemaker:CreateTrainingJob"),
    _passing("sagemaker", "sagemaker:CreateProcessingJob"),
    _passing("states", "states:CreateStateMachine", "states:StartExecution"),
    _passing("states", "states:UpdateStateMachine", "states:StartExecution"),
    _passing("scheduler", "scheduler:CreateSchedule"),
    _passing("apprunner", "apprunner:CreateService"),
    _passing("elasticmapreduce", "elasticmapreduce:RunJobFlow"),
    _passing("batch", "batch:RegisterJobDefinition", "batch:SubmitJob"),
    _passing("amplify", "amplify:CreateApp"),
    _passing("bedrock-agentcore", "bedrock-agentcore:CreateCodeInterpreter", "bedrock-agentcore:InvokeCodeInterpreter"),
    _passing("bedrock-agentcore", "bedrock-agentcore:CreateAgentRuntime"),
)
WAYS: Final = (*CHANGES_RIGHTS, *RUNS_CODE, *PASSES_ROLE)
