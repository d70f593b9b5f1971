"""Random policies, requests and sets of policies over a small world, in which statements meet requests often."""

from typing import Any

from hypothesis import strategies as st
from iam_documents import ACCOUNT, FEDERATED, OTHER, PRINCIPALS, ROLE, ROOT, SESSION, USER, policy, statement

from factory.iam import Policies, Policy, Principal, Request, ResourceTrust, parse

EVERYTHING = statement()
ACTIONS = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]
RESOURCES = ["arn:aws:s3:::a/x", "arn:aws:s3:::a/red", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:a"]
ACTION_PATTERNS = ["*", "s3:*", "S3:Get*", "s3:?etObject", "sqs:SendMessage", "*:*Object"]
RESOURCE_PATTERNS = [
    *("*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/${aws:PrincipalTag/team}", "arn:aws:s3:::?/x", "arn:aws:sqs:*"),
    "arn:aws:s3:::a/${aws:PrincipalTag/team, 'x'}",
]
CONDITIONS: list[dict[str, Any]] = [
    {"StringEquals": {"aws:PrincipalTag/team": "red"}},
    {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
    {"Null": {"aws:PrincipalTag/team": "true"}},
    {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": "a*"}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}},
]
NAMED: list[Any] = [
    *({"AWS": one} for one in (USER, ROLE, SESSION, FEDERATED, ROOT, OTHER)),
    *("*", {"AWS": [ROLE, ROOT]}, {"AWS": [USER, ACCOUNT]}, {"Service": "cloudtrail.amazonaws.com"}),
    {"Federated": "accounts.google.com"},
]


def _some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


@st.composite
def statements(draw: st.DrawFn, *, effect: str | None = None, named: bool = False) -> dict[str, Any]:
    """One statement as JSON; `named`: it has a Principal, or NotPrincipal where that is allowed."""
    written: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    written[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(_some(ACTION_PATTERNS))
    written[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(_some(RESOURCE_PATTERNS))
    if draw(st.sampled_from([False, False, True])):
        written["Condition"] = draw(st.sampled_from(CONDITIONS))
    if named:
        negated = written["Effect"] == "Deny" and draw(st.booleans())
        written["NotPrincipal" if negated else "Principal"] = draw(st.sampled_from(NAMED))
    return written


def documents(*, named: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Whole documents as JSON."""
    listed = st.lists(statements(named=named), min_size=1, max_size=3)
    return st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": listed})


def policies_of(*, named: bool = False) -> st.SearchStrategy[Policy]:
    """Every second one allows everything, so that a request often gets through all layers."""
    return st.just(policy(EVERYTHING | {"Principal": "*"} if named else EVERYTHING)) | documents(named=named).map(parse)


def _sets_for(principal: Principal) -> st.SearchStrategy[Policies]:
    """Sets of policies that such a principal can have."""
    own = principal.account is not None and principal.name != ROOT
    lists = st.lists(policies_of(), min_size=1, max_size=2)
    return st.builds(
        Policies,
        identity=lists if own else st.just([]),
        resource=st.none() | policies_of(named=True),
        resource_trust=st.sampled_from(ResourceTrust),
        boundary=st.none() | policies_of() if own else st.none(),
        session=st.none() | lists if own else st.none(),
        service_control=st.none() | st.lists(lists, max_size=2) if principal.account is not None else st.none(),
    )


def requests_of(principal: Principal) -> st.SearchStrategy[Request]:
    context = st.fixed_dictionaries(
        {},
        optional={
            "aws:PrincipalTag/team": st.sampled_from(["red", "x"]),
            "aws:TagKeys": st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=2),
        },
    )
    return st.builds(
        Request,
        principal=st.just(principal),
        action=st.sampled_from(ACTIONS),
        resource=st.sampled_from(RESOURCES),
        resource_account=st.sampled_from([ACCOUNT, ACCOUNT, ACCOUNT, OTHER]),
        context=context,
    )


CASES = st.sampled_from(list(PRINCIPALS.values())).flatmap(
    lambda principal: st.tuples(requests_of(principal), _sets_for(principal))
)
"""A request, and policies that may apply to it."""
