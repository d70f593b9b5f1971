"""Which calls are taken for changes: what is taken for a read is not kept."""

import pytest

from localcloud.durable.operations import changes

FORM = {"content-type": "application/x-www-form-urlencoded"}
S3 = "http://s3.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        ("GET", f"{S3}/bucket/key", {}, b""),
        ("HEAD", f"{S3}/bucket", {}, b""),
        ("POST", "http://iam.amazonaws.com/", FORM, b"Action=ListUsers&Version=2010-05-08"),
        ("GET", "http://iam.amazonaws.com/?Action=ListUsers", {}, b""),
        ("POST", "http://kms.amazonaws.com/", {"x-amz-target": "TrentService.DescribeKey"}, b"{}"),
    ],
)
def test_reads(method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    assert not changes(method, url, headers, body)


@pytest.mark.parametrize(
    ("method", "url", "headers", "body"),
    [
        ("POST", "http://iam.amazonaws.com/", FORM, b"Action=CreateUser&UserName=u"),
        ("GET", "http://iam.amazonaws.com/?Action=CreateUser&UserName=u", {}, b""),
        ("POST", "http://kms.amazonaws.com/", {"x-amz-target": "TrentService.CreateKey"}, b"{}"),
        # An object whose bytes look like a call; curl sends them as a form.
        ("PUT", f"{S3}/bucket/key", FORM, b"Action=ListUsers&Version=2010-05-08"),
        ("PUT", f"{S3}/bucket/key?Action=Get", {}, b"x"),
        ("PUT", f"{S3}/bucket/key", {"x-amz-target": "S3.GetObject"}, b"x"),
        ("DELETE", f"{S3}/bucket/key?Action=Get", {}, b""),
        ("POST", f"{S3}/bucket?delete", FORM, b"Action=ListUsers"),
        ("POST", f"{S3}/bucket/key?uploads&Action=List", {}, b""),
        # A load balancer becomes active when somebody looks.
        ("POST", "http://elasticloadbalancing.amazonaws.com/", FORM, b"Action=DescribeLoadBalancers"),
    ],
)
def test_changes(method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    assert changes(method, url, headers, body)
