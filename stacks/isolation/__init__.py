"""Proves that apps are isolated from each other, from what the cloud holds: `survey` reads and proves.

Reading (`reading`, `states`) makes records, `prove` makes findings of them and is pure. What is proved and what is
not: docs/explanation/isolation.md.
"""

from stacks.isolation.findings import Finding, Pair, Proof, Rule, Verdict
from stacks.isolation.proof import prove
from stacks.isolation.records import Cloud, Stack
from stacks.isolation.states import read_stacks
from stacks.isolation.survey import look, survey

__all__ = ["Cloud", "Finding", "Pair", "Proof", "Rule", "Stack", "Verdict", "look", "prove", "read_stacks", "survey"]
