"""The proof: records in, findings and a verdict for each two environments out. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from stacks.isolation.documents import read_documents
from stacks.isolation.findings import Finding, Pair, Proof, Verdict
from stacks.isolation.networks import connected
from stacks.isolation.ownership import assign
from stacks.isolation.reach import Reach
from stacks.isolation.records import Cloud, Stack
from stacks.isolation.sharing import shared
from stacks.isolation.trusts import let_in

_WORST = (Verdict.REFUTED, Verdict.UNKNOWN, Verdict.PROVED)


def prove(cloud: Cloud, stacks: Iterable[Stack], apps: Sequence[str] = ()) -> Proof:
    """What is so of each two environments that stand; with `apps`, of those pairs only in which one of them is.

    PROVED: nothing that was read lets the one reach the other, and everything that is there was read.
    """
    stacks = tuple(stacks)
    owned = assign(cloud, stacks)
    documents = read_documents(owned)
    reach = Reach(owned, documents)
    findings = [
        *owned.findings,
        *documents.findings,
        *shared(owned),
        *connected(owned),
        *let_in(owned, documents, reach.index),
        *reach.findings(),
    ]
    return judged(cloud, stacks, findings, apps)


def judged(cloud: Cloud, stacks: Sequence[Stack], findings: Iterable[Finding], apps: Sequence[str]) -> Proof:
    """The verdicts that these findings come to."""
    asked = [
        (str(one.owner), str(other.owner))
        for one, other in combinations(stacks, 2)
        if not apps or {one.owner.app, other.owner.app} & set(apps)
    ]
    chosen = {str(stack.owner) for stack in stacks if not apps or stack.owner.app in apps}
    # The worst first, and each once.
    told = sorted(
        dict.fromkeys(each for each in findings if _concerns(each, chosen)),
        key=lambda each: (_WORST.index(each.verdict), each.rule, each.where, each.why),
    )
    pairs = tuple(Pair(one=one, other=other, verdict=_of_pair(told, one, other)) for one, other in asked)
    return Proof(
        verdict=_overall(stacks, pairs, told),
        stacks=tuple(str(stack.owner) for stack in stacks),
        pairs=pairs,
        findings=tuple(told),
        read=dict(sorted(Counter(each.kind.value for each in cloud.resources).items())),
    )


def _concerns(finding: Finding, chosen: set[str]) -> bool:
    ends = {name for name in (finding.one, finding.other) if name is not None}
    return not ends or len(ends) == 1 or bool(ends & chosen)


def _of_pair(findings: Sequence[Finding], one: str, other: str) -> Verdict:
    verdicts = {each.verdict for each in findings if each.is_about(one, other)}
    return next((verdict for verdict in _WORST if verdict in verdicts), Verdict.PROVED)


def _overall(stacks: Sequence[Stack], pairs: Sequence[Pair], findings: Sequence[Finding]) -> Verdict:
    verdicts = {pair.verdict for pair in pairs} | {finding.verdict for finding in findings}
    if worst := next((verdict for verdict in _WORST if verdict in verdicts), None):
        return worst
    return Verdict.PROVED if stacks else Verdict.NOTHING_STANDS
