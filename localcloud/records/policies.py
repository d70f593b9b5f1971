"""Documents that hang on one thing: a secret's policy, a repository's policy and lifecycle."""

from typing import Final

from localcloud.documents import policy_form
from localcloud.records.record import REGION, Call, Record, View, document, text


def put_secret_policy(call: Call) -> str:
    """Write a secret's policy; the secret's ARN."""
    arn = str(call.inputs["secretArn"])
    call.aws("secretsmanager").put_resource_policy(SecretId=arn, ResourcePolicy=call.inputs["policy"])
    return arn


def read_secret_policy(call: Call) -> View | None:
    """A secret's policy."""
    policy = call.aws("secretsmanager").get_resource_policy(SecretId=call.id).get("ResourcePolicy")
    return {"secretArn": call.id, "policy": policy} if policy else None


def delete_secret_policy(call: Call) -> None:
    """Take the policy off its secret."""
    call.aws("secretsmanager").delete_resource_policy(SecretId=call.id)


def put_repository_policy(call: Call) -> str:
    """Write a repository's policy; the repository's name."""
    name = str(call.inputs["repository"])
    call.aws("ecr").set_repository_policy(repositoryName=name, policyText=call.inputs["policy"])
    return name


def read_repository_policy(call: Call) -> View:
    """A repository's policy."""
    found = call.aws("ecr").get_repository_policy(repositoryName=call.id)
    return {"repository": call.id, "policy": found["policyText"], "registryId": found["registryId"]}


def delete_repository_policy(call: Call) -> None:
    """Take the policy off its repository."""
    call.aws("ecr").delete_repository_policy(repositoryName=call.id)


def put_lifecycle(call: Call) -> str:
    """Write a repository's lifecycle policy; the repository's name."""
    name = str(call.inputs["repository"])
    call.aws("ecr").put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=call.inputs["policy"])
    return name


def read_lifecycle(call: Call) -> View:
    """A repository's lifecycle policy."""
    found = call.aws("ecr").get_lifecycle_policy(repositoryName=call.id)
    return {"repository": call.id, "policy": found["lifecyclePolicyText"], "registryId": found["registryId"]}


def delete_lifecycle(call: Call) -> None:
    """Take the lifecycle policy off its repository."""
    call.aws("ecr").delete_lifecycle_policy(repositoryName=call.id)


NO_REPOSITORY: Final = "RepositoryNotFoundException"
RECORDS = (
    Record(
        type="aws:secretsmanager/secretPolicy:SecretPolicy",
        service="secretsmanager",
        properties={
            "secretArn": text(required=True, replaces=True),
            "policy": document(required=True, same_as=policy_form),
            **REGION,
        },
        outputs=(),
        unique=("secretArn",),
        create=put_secret_policy,
        read=read_secret_policy,
        update=put_secret_policy,
        delete=delete_secret_policy,
        gone=("ResourceNotFoundException",),
        refused={"blockPublicPolicy": "the local cloud judges no policies"},
    ),
    Record(
        type="aws:ecr/repositoryPolicy:RepositoryPolicy",
        service="ecr",
        properties={
            "repository": text(required=True, replaces=True),
            "policy": document(required=True, same_as=policy_form),
            **REGION,
        },
        outputs=("registryId",),
        unique=("repository",),
        create=put_repository_policy,
        read=read_repository_policy,
        update=put_repository_policy,
        delete=delete_repository_policy,
        gone=(NO_REPOSITORY, "RepositoryPolicyNotFoundException"),
    ),
    Record(
        type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        service="ecr",
        properties={
            "repository": text(required=True, replaces=True),
            "policy": document(required=True),
            **REGION,
        },
        outputs=("registryId",),
        unique=("repository",),
        create=put_lifecycle,
        read=read_lifecycle,
        update=put_lifecycle,
        delete=delete_lifecycle,
        gone=(NO_REPOSITORY, "LifecyclePolicyNotFoundException"),
    ),
)
