"""Decides AWS requests by policy documents: a pure evaluator, without any AWS SDK and without effects.

Every room may import it. `parse` reads a document, `evaluate` decides one request, `may_ever` bounds all requests
from above (for proofs). What is covered and what is not: docs/explanation/iam-evaluator.md.
"""

from factory.iam.documents import Condition, Effect, Policy, Qualifier, Statement
from factory.iam.evaluation import Deciding, Decision, Layer, Policies, Reason, ResourceTrust, evaluate
from factory.iam.parsing import parse
from factory.iam.principals import Principal, PrincipalKind
from factory.iam.reach import may_ever
from factory.iam.requests import Request

__all__ = [
    "Condition",
    "Deciding",
    "Decision",
    "Effect",
    "Layer",
    "Policies",
    "Policy",
    "Principal",
    "PrincipalKind",
    "Qualifier",
    "Reason",
    "Request",
    "ResourceTrust",
    "Statement",
    "evaluate",
    "may_ever",
    "parse",
]
