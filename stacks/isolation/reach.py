"""What roles may ever do to what is another environment's, by their real documents and the resources' own.

Every question is `factory.iam.may_ever`: False is a proof. A thousand roles and ten thousand resources are ten million
questions, so only those are asked that can have another answer: a role reaches a resource by a pattern of its own
that begins as the resource's ARN does, or because the resource's policy names it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from factory.iam import Policies, Policy, Principal, PrincipalKind, ResourceTrust, Statement, may_ever
from stacks.isolation.documents import Documents, Holder, allowing, shown, without, without_conditional
from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.ownership import PLATFORM_REPOSITORIES, Owned
from stacks.isolation.records import Kind, Owner, Resource
from stacks.isolation.sharing import on_purpose

# What reading an image takes; whoever may only do these cannot change what another environment runs.
PULLS = frozenset(
    f"ecr:{action}"
    for action in (
        "batchchecklayeravailability",
        "batchgetimage",
        "describeimages",
        "describerepositories",
        "getdownloadurlforlayer",
        "listimages",
    )
)
# With any of these a role may make itself, or another, as strong as it likes.
ESCALATING = ("iam:Add*", "iam:Attach*", "iam:Create*", "iam:Put*", "iam:Set*", "iam:Update*")
# Neither trusts the account's identity policies by itself; see factory.iam.ResourceTrust.
_EXPLICIT = frozenset({Kind.KEY, Kind.ROLE})
_WILD = re.compile(r"[*?]|\$\{")
_SHOWN = 3


def literal(pattern: str) -> str:
    """How everything begins that a pattern matches."""
    return _WILD.split(pattern, maxsplit=1)[0]


class Index:
    """Resources by what their ARNs begin with."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.all = {each.id: each for each in resources if each.arns}
        self._by_prefix: dict[str, list[Resource]] = {}
        for each in self.all.values():
            for arn in each.arns:
                self._by_prefix.setdefault(literal(arn), []).append(each)
        self._prefixes = sorted(self._by_prefix)

    def candidates(self, pattern: str) -> dict[str, Resource]:
        """Every resource of which the pattern could match an ARN, and some more."""
        begins = literal(pattern)
        found: dict[str, Resource] = {}
        at = bisect_left(self._prefixes, begins)
        while at < len(self._prefixes) and self._prefixes[at].startswith(begins):
            found.update((each.id, each) for each in self._by_prefix[self._prefixes[at]])
            at += 1
        for length in range(len(begins)):
            found.update((each.id, each) for each in self._by_prefix.get(begins[:length], ()))
        return found


class Asked(NamedTuple):
    """What one role may do to one resource: whether anything, whether without a condition that could matter, and
    whether the resource's policy alone lets it."""

    ever: bool
    surely: bool
    by_resource: bool


@dataclass
class Reach:
    """The questions about one cloud."""

    owned: Owned
    documents: Documents

    def __post_init__(self) -> None:
        self.index = Index([*self.owned.cloud.resources, *_platform(self.owned)])
        self._platform = {each.id for each in _platform(self.owned)} | self.owned.platform

    def findings(self) -> Iterator[Finding]:
        """A finding for each role that may do something to what is another environment's."""
        named = self._named_by_resources()
        for holder in self.documents.holders:
            touched = self._touched(holder)
            # Told by role and owner; what a resource's own policy lets is told by resource.
            reached: dict[tuple[Owner | None, str], list[tuple[Resource, Asked]]] = {}
            for resource in {**touched, **named.get(holder.resource.id, {})}.values():
                other = self.owned.of(resource)
                if other == holder.owner or (other is None and resource.id not in self._platform):
                    continue
                asked = self._ask(holder, resource)
                if asked.ever:
                    at = resource.id if asked.by_resource else holder.resource.id
                    reached.setdefault((other, at), []).append((resource, asked))
            for (other, _), found in reached.items():
                yield self._finding(holder, other, found)
            yield from self._escalates(holder)
            yield from self._beside(holder)

    def _touched(self, holder: Holder) -> dict[str, Resource]:
        found: dict[str, Resource] = {}
        for _, statement in allowing(holder.identity):
            if statement.not_resources or statement.resources is None:
                return self.index.all
            for pattern in statement.resources if statement.actions else ():
                found |= self.index.candidates(pattern.text)
        return found

    def _named_by_resources(self) -> dict[str, dict[str, Resource]]:
        """For each role, the resources whose policies name it."""
        by_name = {each.principal.session_of: each.resource.id for each in self.documents.holders}
        found: dict[str, dict[str, Resource]] = {}
        for identifier, policy in self.documents.policies.items():
            for _, statement in allowing([policy]):
                for principal in statement.principals or ():
                    if principal.session_of in by_name:
                        role = found.setdefault(by_name[principal.session_of], {})
                        role[identifier] = self.owned.named[identifier]
        return found

    def _ask(self, holder: Holder, resource: Resource) -> Asked:
        identity = holder.identity
        other = self.owned.of(resource)
        if resource.id in self._platform or (other and on_purpose(holder.owner, other, resource)):
            identity = tuple(without(policy, PULLS) for policy in identity)
        policy = self.documents.policies.get(resource.id)
        principals = [holder.principal, *_sessions(policy, holder.principal)]
        ever = self._may(holder, identity, policy, resource, principals)
        return Asked(
            ever=ever,
            surely=ever
            and self._may(
                holder,
                tuple(map(without_conditional, identity)),
                policy and without_conditional(policy),
                resource,
                principals,
            ),
            by_resource=ever and self._may(holder, (), policy, resource, principals),
        )

    def _may(
        self,
        holder: Holder,
        identity: tuple[Policy, ...],
        policy: Policy | None,
        resource: Resource,
        principals: list[Principal],
    ) -> bool:
        trust = ResourceTrust.EXPLICIT if resource.kind in _EXPLICIT else ResourceTrust.ACCOUNT
        of = Policies(identity=identity, resource=policy, resource_trust=trust, boundary=holder.boundary)
        questions = [(action, arn, of) for arn in resource.arns for action in _actions(resource, arn)]
        if resource.kind is Kind.ROLE:
            # A trust policy is about who takes the role; who may change or pass it is asked of identities alone.
            unnamed = Policies(identity=identity, boundary=holder.boundary)
            questions = [("sts:*", resource.id, of), ("iam:*", resource.id, unnamed)]
        return any(
            may_ever(policies, action, arn, principal=principal)
            for action, arn, policies in questions
            for principal in principals
        )

    def _finding(self, holder: Holder, other: Owner | None, found: list[tuple[Resource, Asked]]) -> Finding:
        resources = [resource for resource, _ in found]
        surely = [resource for resource, asked in found if asked.surely]
        by_resource = found[0][1].by_resource
        statements = list(dict.fromkeys(self._statements(holder, (surely or resources)[0])))
        owner = holder.owner
        return Finding(
            verdict=Verdict.REFUTED if surely else Verdict.UNKNOWN,
            rule=Rule.RESOURCE_POLICY if by_resource else Rule.ROLE,
            one=str(owner),
            other=str(other) if other else None,
            where=resources[0].id if by_resource else holder.resource.id,
            why=f"the role {holder.resource.id} may act on {_listed(surely or resources)} "
            + (f"of {other}" if other else "that every app runs")
            + ("" if surely else ", unless a condition keeps it out, which is not proved")
            + (f": {'; '.join(statements)}" if statements else ""),
            fix="take its ARN, and wildcards that match it, out of the document"
            f"; millwright up {owner.app} {owner.environment} puts back what was declared",
        )

    def _statements(self, holder: Holder, resource: Resource) -> Iterator[str]:
        for policy, statement in allowing(holder.identity):
            alone = Policies(identity=(replace(policy, statements=(statement,)),))
            asked = [(action, arn) for arn in resource.arns for action in _actions(resource, arn)]
            if any(may_ever(alone, action, arn) for action, arn in asked):
                yield shown(policy, statement)
        own = self.documents.policies.get(resource.id)
        for policy, statement in allowing([own] if own else []):
            named = statement.principals or ()
            if any(each.session_of == holder.principal.session_of for each in named if each.session_of):
                yield shown(policy, statement)

    def _escalates(self, holder: Holder) -> Iterator[Finding]:
        policies = Policies(identity=holder.identity, boundary=holder.boundary)
        found = [action for action in ESCALATING if may_ever(policies, action, "*")]
        if found:
            yield Finding(
                verdict=Verdict.UNKNOWN,
                rule=Rule.ESCALATION,
                one=str(holder.owner),
                other=None,
                where=holder.resource.id,
                why=f"the role may ever {', '.join(found)}, so what it may do next is bounded by nothing that stands",
                fix="take these actions out of its policies",
            )

    def _beside(self, holder: Holder) -> Iterator[Finding]:
        """A permission on what nobody owns: it may come to be another app's."""
        for policy, statement in allowing(holder.identity):
            if statement.not_resources or not statement.actions:
                continue
            for pattern in statement.resources or ():
                candidates = self.index.candidates(pattern.text).values()
                if not any(self._meets(policy, statement, pattern.text, each) for each in candidates):
                    yield Finding(
                        verdict=Verdict.UNKNOWN,
                        rule=Rule.DANGLING,
                        one=str(holder.owner),
                        other=None,
                        where=holder.resource.id,
                        why=f"{shown(policy, statement)}; {pattern.text} matches nothing that any stack owns, and "
                        "what comes to have that name may be another app's",
                        fix="take it out of the document, or name what is there",
                    )

    def _meets(self, policy: Policy, statement: Statement, text: str, resource: Resource) -> bool:
        if self.owned.of(resource) is None and resource.id not in self._platform:
            return False
        only = tuple(each for each in statement.resources or () if each.text == text)
        alone = Policies(identity=(replace(policy, statements=(replace(statement, resources=only),)),))
        return any(may_ever(alone, "*", arn) for arn in resource.arns)


def _platform(owned: Owned) -> Iterator[Resource]:
    """The repositories that all apps' factories run images from, whether they are there yet or not."""
    for region in owned.cloud.regions:
        for name in PLATFORM_REPOSITORIES:
            arn = f"arn:aws:ecr:{region}:{owned.cloud.account}:repository/{name}"
            yield owned.named.get(arn) or Resource(kind=Kind.REPOSITORY, id=arn, arns=(arn,))


def _actions(resource: Resource, arn: str) -> list[str]:
    """What can be done with it at all: what its own service offers, and taking a role is STS's."""
    return ["iam:*", "sts:*"] if resource.kind is Kind.ROLE else [f"{arn.split(':')[2]}:*"]


def _sessions(policy: Policy | None, role: Principal) -> list[Principal]:
    """The sessions of the role that a policy names one by one."""
    named = [each for _, statement in allowing([policy] if policy else []) for each in statement.principals or ()]
    return [
        Principal.of(each.name, issuer=role.name)
        for each in named
        if each.kind is PrincipalKind.ROLE_SESSION and each.session_of == role.session_of
    ]


def _listed(resources: list[Resource]) -> str:
    shown_here = ", ".join(f"{each.kind} {each.id}" for each in resources[:_SHOWN])
    more = len(resources) - _SHOWN
    return f"{shown_here} and {more} more" if more > 0 else shown_here
