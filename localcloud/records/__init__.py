"""The resource types of the local AWS, one declarative record each, by type token.

Adding a type is adding a record to its service's module; the generic code and the contract tests pick it up.
"""

from collections.abc import Mapping

from localcloud.records import (
    dynamodb,
    ec2,
    ecr,
    ecs,
    ecs_services,
    events,
    gateways,
    iam,
    iam_identities,
    iam_policies,
    instances,
    kms,
    lambda_functions,
    listeners,
    load_balancers,
    logs,
    rds,
    rds_groups,
    route_tables,
    routes,
    s3,
    s3_objects,
    s3_settings,
    secretsmanager,
    security_groups,
    sfn,
    sns,
    sqs,
    ssm,
    target_groups,
)
from localcloud.records.record import Record

SERVICES = (
    ec2,
    route_tables,
    security_groups,
    kms,
    secretsmanager,
    iam,
    iam_policies,
    iam_identities,
    logs,
    ecr,
    ecs,
    ecs_services,
    load_balancers,
    target_groups,
    listeners,
    s3,
    rds_groups,
    rds,
    sqs,
    sns,
    ssm,
    dynamodb,
    gateways,
    routes,
    instances,
    s3_settings,
    s3_objects,
    lambda_functions,
    sfn,
    events,
)
RECORDS: Mapping[str, Record] = {record.type: record for service in SERVICES for record in service.RECORDS}
