"""The records speak exactly the published AWS SDK's language: its classes carry the schema."""

import importlib
import inspect
import re
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

import pytest

from localcloud import supported_invokes, supported_types
from localcloud.records import RECORDS
from localcloud.records.record import Kind, Prop, Record

# What the SDK requires and the local cloud cannot do without, although the SDK makes it optional (the cloud would
# take it from an IPAM pool, from a subnet mapping or the like).
REQUIRED_HERE = {
    "aws:ec2/vpc:Vpc": {"cidrBlock"},
    "aws:ec2/subnet:Subnet": {"cidrBlock"},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"subnetId"},
    "aws:ec2/route:Route": {"destinationCidrBlock"},
    "aws:ec2/natGateway:NatGateway": {"subnetId"},
    "aws:servicediscovery/service:Service": {"dnsConfig"},
    "aws:ec2/instance:Instance": {"ami", "instanceType"},
    "aws:s3/bucketAcl:BucketAcl": {"acl"},
    "aws:s3/bucketAclV2:BucketAclV2": {"acl"},
    "aws:secretsmanager/secretRotation:SecretRotation": {"rotationLambdaArn", "rotationRules"},
    "aws:acm/certificate:Certificate": {"domainName", "validationMethod"},
    "aws:budgets/budget:Budget": {"limitAmount", "limitUnit"},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"comparisonOperator", "evaluationPeriods"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"serviceName"},
    "aws:dynamodb/table:Table": {"hashKey"},
    "aws:rds/instance:Instance": {"engine", "username"},
    "aws:lb/loadBalancer:LoadBalancer": {"subnets"},
}
# The SDK's deprecated classes warn on import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
each_record = pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def sdk_class(token: str) -> Any:
    _, path, name = token.split(":")
    module = path.split("/")[0]
    # A keyword of Python's has an underscore in the SDK.
    return getattr(importlib.import_module(f"pulumi_aws.{f'{module}_' if iskeyword(module) else module}"), name)


def wire_names(cls: Any, given: list[str]) -> dict[str, str]:
    """Wire name by Python name, as the SDK itself translates them."""
    module = importlib.import_module(cls.__module__)
    args = getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, f"{cls.__name__}Args", None) or cls
    result = {}
    for name in given:
        prop = inspect.getattr_static(args, name, None) or inspect.getattr_static(cls, name, None)
        result[name] = getattr(getattr(prop, "fget", None), "_pulumi_name", camel(name))
    return result


def arguments(cls: Any) -> dict[str, inspect.Parameter]:
    module = importlib.import_module(cls.__module__)
    # Another name where a nested type has this one.
    args = getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, f"{cls.__name__}Args")
    parameters = dict(list(inspect.signature(args.__init__).parameters.items())[1:])
    names = wire_names(cls, list(parameters))
    return {names[name]: parameter for name, parameter in parameters.items()}


@each_record
def test_the_type_token_is_the_sdks(record: Record) -> None:
    assert sdk_class(record.type).pulumi_type == record.type


@each_record
def test_every_property_exists_in_the_sdk_and_every_other_is_refused_by_name(record: Record) -> None:
    known = arguments(sdk_class(record.type))
    assert set(record.properties) <= set(known)
    assert set(record.refused) <= set(known)
    assert not set(record.refused) & set(record.properties)


@each_record
def test_what_the_sdk_requires_is_required(record: Record) -> None:
    required = {n for n, p in arguments(sdk_class(record.type)).items() if p.default is inspect.Parameter.empty}
    here = {name for name, prop in record.properties.items() if prop.required}
    assert here == required | REQUIRED_HERE.get(record.type, set())


@each_record
def test_primitive_kinds_agree_with_the_sdks_type_hints(record: Record) -> None:
    hints = {name: str(parameter.annotation) for name, parameter in arguments(sdk_class(record.type)).items()}
    expected: dict[Kind, Callable[[str], Any]] = {
        Kind.TEXT: re.compile(r"Union\[str\b").search,
        Kind.JSON: re.compile(r"Union\[str\b").search,
        Kind.INTEGER: re.compile(r"Union\[int\b").search,
        Kind.NUMBER: re.compile(r"Union\[float\b").search,
        Kind.FLAG: re.compile(r"Union\[bool\b").search,
        Kind.LIST: re.compile(r"Sequence\[").search,
        Kind.SET: re.compile(r"Sequence\[").search,
        Kind.MAP: re.compile(r"Mapping\[").search,
        Kind.ASSET: re.compile(r"Asset|Archive").search,
        Kind.OBJECT: re.compile(r"ForwardRef\('\w+Args'\)").search,
    }
    for name, prop in record.properties.items():
        assert expected[prop.kind](hints[name]), (name, hints[name])


@each_record
def test_nested_properties_exist_in_the_sdk(record: Record) -> None:
    cls = sdk_class(record.type)
    module = importlib.import_module(f"{cls.__module__.rpartition('.')[0]}._inputs")
    hints = {name: str(parameter.annotation) for name, parameter in arguments(cls).items()}
    for name, prop in record.properties.items():
        assert_nested(module, prop, hints[name])


def assert_nested(module: Any, prop: Prop, hint: str) -> None:
    fields = prop.fields or (prop.items.fields if prop.items else None)
    if not fields:
        return
    match = re.search(r"ForwardRef\('(\w+Args)'\)", hint)
    assert match, hint
    nested = getattr(module, match[1])
    parameters = dict(list(inspect.signature(nested.__init__).parameters.items())[1:])
    names = wire_names(nested, list(parameters))
    known = {names[name]: str(parameter.annotation) for name, parameter in parameters.items()}
    for name, inner in fields.items():
        assert name in known, (match[1], name)
        assert_nested(module, inner, known[name])


@each_record
def test_every_output_is_one_the_sdk_declares(record: Record) -> None:
    cls = sdk_class(record.type)
    outputs = [name for name, value in vars(cls).items() if isinstance(value, property)]
    assert set(record.outputs) <= set(wire_names(cls, outputs).values()) - set(record.properties)


def test_the_documentation_lists_every_type_with_reasons() -> None:
    listed = {item.type for item in supported_types()}
    assert listed == set(RECORDS)
    assert all(reason for item in supported_types() for reason in item.without_effect.values())
    assert "aws:iam/getPolicyDocument:getPolicyDocument" in supported_invokes()
