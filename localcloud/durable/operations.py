"""Whether an AWS call changes anything, told from the request alone.

By the operation's name where the protocol carries one, else by the HTTP method. Checked against moto 5.2.5's whole
list of operations; the exceptions are reads that change moto's state.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

READS: Final = re.compile(
    "(?:Get|List|Describe|Head|BatchGet|Query|Scan|Search|Lookup|Select|Check|Validate|Estimate|Simulate|Preview|"
    "Decode|Discover|Filter|Count)"
)
# A balancer becomes active and a build proceeds when somebody looks; images come when they are asked for; an operation
# is forgotten; the rest make things.
READS_THAT_CHANGE: Final = frozenset(
    {
        "BatchGetBuilds",
        "DescribeImageScanFindings",
        "DescribeImages",
        "DescribeLoadBalancers",
        "DescribeManagedPrefixLists",
        "DescribeReservedInstancesOfferings",
        "DescribeUsers",
        "GetId",
        "GetShardIterator",
        "ListOperations",
        "SelectResourceConfig",
    }
)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ACTION_IN_FORM: Final = re.compile(rb"(?:^|&)Action=(\w+)")
ACTION_IN_URL: Final = re.compile(r"[?&]Action=(\w+)")


def operation(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The operation's name, or "" where the protocol has none (REST)."""
    if target := headers.get("x-amz-target"):
        return target.rsplit(".", 1)[-1]
    if headers.get("smithy-protocol"):
        return urlsplit(url).path.rsplit("/", 1)[-1]
    if "x-www-form-urlencoded" in headers.get("content-type", "") and (found := ACTION_IN_FORM.search(body)):
        return found[1].decode()
    named = ACTION_IN_URL.search(url)
    return named[1] if named else ""


def changes(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the call may change the state; when in doubt it does."""
    name = operation(url, headers, body)
    # A name may stand where it means nothing: in the bytes of an object, in the address of one.
    if not name or not _may_be_named(method, url):
        return method not in SAFE_METHODS
    return not READS.match(name) or name in READS_THAT_CHANGE


def _may_be_named(method: str, url: str) -> bool:
    """Whether a call's protocol can be one that names its operation: those POST without a query, or GET with one."""
    return method == "GET" or (method == "POST" and not urlsplit(url).query)
