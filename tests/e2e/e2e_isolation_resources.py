"""The rest of what may go wrong: resource policies, things in common, forged tags, and what cannot be judged."""

import json
from collections.abc import Iterator
from typing import Any

from e2e_isolation import ACCOUNT, GONE, REGION, STARTER, Created, Expected, allow, mutation, role, tags, trust

from stacks.isolation import Rule, Verdict

FOREIGN = {"AWS": role(STARTER)}


@mutation("keys")
def a_key_policy_that_lets_a_foreign_role_in(created: Created) -> Iterator[Expected]:
    kms, key = created("kms"), created.key("notes-build")
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    changed = json.loads(before)
    changed["Statement"].append({"Effect": "Allow", "Principal": FOREIGN, "Action": "kms:Decrypt", "Resource": "*"})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(changed))
    yield Expected(Rule.RESOURCE_POLICY, key)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


@mutation("keys")
def a_grant_of_a_key_to_a_foreign_role(created: Created) -> Iterator[Expected]:
    kms, key = created("kms"), created.key("links-build")
    made = kms.create_grant(KeyId=key, GranteePrincipal=role("notes-build-coder"), Operations=["Decrypt"])["GrantId"]
    yield Expected(Rule.SHARED, f"{key} grant {made}")
    kms.revoke_grant(KeyId=key, GrantId=made)


@mutation("secrets")
def a_secret_policy_that_lets_a_foreign_role_in(created: Created) -> Iterator[Expected]:
    secrets, secret = created("secretsmanager"), created.secret("notes/build/signing-key")
    policy = allow("secretsmanager:GetSecretValue", Resource="*", Principal=FOREIGN)
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=policy)
    yield Expected(Rule.RESOURCE_POLICY, secret)
    secrets.delete_resource_policy(SecretId=secret)


@mutation("queues")
def a_queue_policy_for_everyone(created: Created) -> Iterator[Expected]:
    sqs = created("sqs")
    url = sqs.get_queue_url(QueueName="notes-build-jobs")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:notes-build-jobs"
    policy = allow("sqs:SendMessage", Resource=arn, Principal="*")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    yield Expected(Rule.RESOURCE_POLICY, arn, between=(None, "notes-build"))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


@mutation("images")
def a_repository_policy_that_lets_a_foreign_role_in(created: Created) -> Iterator[Expected]:
    ecr = created("ecr")
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ecr:PutImage", "Principal": FOREIGN}],
        }
    )
    ecr.set_repository_policy(repositoryName="notes", policyText=policy)
    yield Expected(Rule.RESOURCE_POLICY, f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/notes")
    ecr.delete_repository_policy(repositoryName="notes")


@mutation("buckets")
def a_bucket_policy_that_lets_a_foreign_role_in(created: Created) -> Iterator[Expected]:
    s3, bucket = created("s3"), f"notes-build-artefacts-{ACCOUNT}"
    policy = allow("s3:GetObject", Resource=f"arn:aws:s3:::{bucket}/*", Principal=FOREIGN)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    yield Expected(Rule.RESOURCE_POLICY, f"arn:aws:s3:::{bucket}")
    s3.delete_bucket_policy(Bucket=bucket)


@mutation("topics")
def a_topic_policy_on_behalf_of_a_foreign_topic(created: Created) -> Iterator[Expected]:
    sns, topic = created("sns"), f"arn:aws:sns:{REGION}:{ACCOUNT}:notes-build-budget"
    before = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    source = {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::links-build-artefacts-{ACCOUNT}"}}
    service = {"Service": "s3.amazonaws.com"}
    policy = allow("sns:Publish", Resource=topic, Principal=service, Condition=source)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    yield Expected(Rule.RESOURCE_POLICY, topic)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=before)


@mutation("topics")
def a_topic_that_sends_to_a_foreign_queue(created: Created) -> Iterator[Expected]:
    sns = created("sns")
    made = sns.subscribe(
        TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:links-build-budget",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:notes-build-jobs",
    )["SubscriptionArn"]
    yield Expected(Rule.SHARED, made)
    sns.unsubscribe(SubscriptionArn=made)


def definition(created: Created, **roles: str) -> str:
    answer = created("ecs").register_task_definition(
        family="links-build-agents-coder",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "coder", "image": "public.ecr.aws/docker/library/busybox", "essential": True}],
        tags=tags("links", "build", "key", "value"),
        **roles,
    )
    return answer["taskDefinition"]["taskDefinitionArn"]


@mutation("services and tasks")
def a_task_with_a_foreign_task_role(created: Created) -> Iterator[Expected]:
    made = definition(created, taskRoleArn=role("notes-build-coder"))
    yield Expected(Rule.SHARED, made)
    created("ecs").deregister_task_definition(taskDefinition=made)


@mutation("services and tasks")
def a_task_with_a_foreign_execution_role(created: Created) -> Iterator[Expected]:
    made = definition(created, executionRoleArn=role("notes-build-agents-start"))
    yield Expected(Rule.SHARED, made)
    created("ecs").deregister_task_definition(taskDefinition=made)


@mutation("secrets")
def a_secret_that_a_foreign_key_encrypts(created: Created) -> Iterator[Expected]:
    secrets, secret = created("secretsmanager"), created.secret("links/build/signing-key")
    secrets.update_secret(SecretId=secret, KmsKeyId=created.key("notes-build"))
    yield Expected(Rule.SHARED, secret)
    secrets.update_secret(SecretId=secret, KmsKeyId=created.key("links-build"))


@mutation("secrets")
def a_forged_tag(created: Created) -> Iterator[Expected]:
    secrets, secret = created("secretsmanager"), created.secret("notes/build/signing-key")
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "app", "Value": "links"}])
    yield Expected(Rule.FORGED_TAG, secret)
    secrets.tag_resource(SecretId=secret, Tags=[{"Key": "app", "Value": "notes"}])


@mutation("queues")
def a_queue_that_only_its_tags_give_to_an_app(created: Created) -> Iterator[Expected]:
    sqs = created("sqs")
    url = sqs.create_queue(QueueName="strange", tags={"app": "links", "environment": "build"})["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:strange"
    yield Expected(Rule.FORGED_TAG, arn, verdict=Verdict.UNKNOWN, between=("links-build", None))
    sqs.delete_queue(QueueUrl=url)


@mutation("roles")
def a_role_of_nobody(created: Created) -> Iterator[Expected]:
    iam = created("iam")
    policy = allow("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"})
    iam.create_role(RoleName="strange", AssumeRolePolicyDocument=policy)
    yield unknown(Rule.UNASSIGNED, role("strange"))
    iam.delete_role(RoleName="strange")


@mutation("other services")
def a_table_which_is_not_read(created: Created) -> Iterator[Expected]:
    dynamodb = created("dynamodb")
    dynamodb.create_table(
        TableName="strange",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield unknown(Rule.UNASSIGNED, "dynamodb strange")
    dynamodb.delete_table(TableName="strange")


@mutation("roles")
def a_trust_that_names_who_is_gone(created: Created) -> Iterator[Expected]:
    with trust(created, "links-build-coder", {"AWS": GONE}):
        yield Expected(
            Rule.UNREADABLE_POLICY, role("links-build-coder"), verdict=Verdict.UNKNOWN, between=("links-build", None)
        )


def unknown(rule: Rule, where: str, **more: Any) -> Expected:
    return Expected(rule, where, verdict=Verdict.UNKNOWN, between=(None, None), **more)
