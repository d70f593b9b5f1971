"""IAM: what roles of Kubernetes allow. Source: Kubernetes, "Role Based Access Control Good Practices"."""

from collections.abc import Collection, Iterator
from typing import Final

from policies.context import Context
from policies.helpers.pods import Setting, at
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource, Stack

_TOKENS: Final = tuple(
    (f"kubernetes:rbac.authorization.k8s.io/{version}:", patch)
    for version in ("v1", "v1beta1", "v1alpha1")
    for patch in ("", "Patch")
)
CLUSTER_ROLES: Final = tuple(f"{start}ClusterRole{patch}" for start, patch in _TOKENS)
CLUSTER_BINDINGS: Final = tuple(f"{start}ClusterRoleBinding{patch}" for start, patch in _TOKENS)
_ROLES: Final = tuple(f"{start}Role{patch}" for start, patch in _TOKENS)
_BINDINGS: Final = tuple(f"{start}RoleBinding{patch}" for start, patch in _TOKENS)

RBAC_READS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(CLUSTER_ROLES, ("rules", "aggregationRule")),
    **dict.fromkeys(_ROLES, ("rules",)),
    **dict.fromkeys((*CLUSTER_BINDINGS, *_BINDINGS), ("roleRef",)),
}
SECRET_READS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(CLUSTER_ROLES, ("metadata", "rules", "aggregationRule")),
    **dict.fromkeys(CLUSTER_BINDINGS, ("roleRef",)),
}

ADMIN: Final = "cluster-admin"
_GROWING_VERBS: Final = ("escalate", "bind", "impersonate")
# Source: Kubernetes, "Using RBAC Authorization", user-facing roles: these read secrets, `view` does not.
_READ_SECRETS: Final = (ADMIN, "admin", "edit")
_REF: Final[Path] = ("roleRef", "name")


def no_wildcard_roles(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 30: no role by wildcard, none that grows by itself, and nobody bound to cluster-admin."""
    del context
    for path, rule in each(resource.properties.get("rules"), ("rules",)):
        yield from _rule(rule, path)
    selectors = at(resource.properties, ("aggregationRule", "clusterRoleSelectors"), ())
    for path, selector in each(selectors.value, selectors.path):
        wanted = [*map(_wanted, selector.values())] if isinstance(selector, dict) else [selector]
        if any(value is not UNKNOWN and value for value in wanted):
            continue
        if UNKNOWN in wanted:
            yield Unknown(path)
        else:
            yield Fail(path, "takes in the rules of every role of the cluster")
    yield from _bound_to_admin(resource)


def _wanted(labels: Plain) -> Plain:
    """What a selector asks for. A label whose value is not known may turn out not to be asked for."""
    asked = [value for value in labels.values() if value is not None] if isinstance(labels, dict) else []
    return UNKNOWN if asked and all(value is UNKNOWN for value in asked) else labels


def _rule(rule: Plain, path: Path) -> Iterator[Finding]:
    if not isinstance(rule, dict):
        yield Unknown(path) if rule is UNKNOWN else Fail(path, "cannot be read as a rule")
        return
    for field in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
        for place, value in each(rule.get(field), (*path, field)):
            if value is UNKNOWN:
                yield Unknown(place)
            elif value == "*":
                yield Fail(place, "stands for all there are, and for what comes to exist", found="*")
            elif field == "verbs" and value in _GROWING_VERBS:
                yield Fail(place, "lets its holder take rights that it was not given", found=str(value))


def _bound_to_admin(resource: Resource) -> Iterator[Finding]:
    name, kind = (at(resource.properties, ("roleRef", part), ()) for part in ("name", "kind"))
    # A role of a namespace may be called so too.
    if name.value not in (ADMIN, UNKNOWN) or kind.value not in ("ClusterRole", UNKNOWN, None):
        return
    if name.unknown or kind.unknown:
        yield Unknown(name.path if name.unknown else kind.path)
    else:
        yield Fail(name.path, "is bound to everything in the cluster", found=ADMIN)


def no_cluster_wide_secrets(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 31: nobody can read the secrets of every namespace."""
    del context
    for binding in stack.of(*CLUSTER_BINDINGS):
        name = at(binding.properties, _REF, ())
        if name.value in _READ_SECRETS:
            yield Fail(name.path, "reads the secrets of every namespace", urn=binding.urn)
            continue
        certain, possible = _roles(stack, binding, name)
        reads = [_reads_secrets(stack, role) for role in certain]
        perhaps = [_reads_secrets(stack, role) for role in possible]
        if True in reads:
            yield Fail(name.path, "reads the secrets of every namespace", urn=binding.urn)
        elif None in reads or any(one is not False for one in perhaps) or (name.unknown and not certain):
            yield Unknown(name.path, binding.urn)


def _roles(stack: Stack, binding: Resource, name: Setting) -> tuple[list[Resource], list[Resource]]:
    """The roles of this stack that a binding is of, and those that it may be of."""
    roles = list(stack.of(*CLUSTER_ROLES))
    if name.unknown:
        sources = binding.property_dependencies.get("roleRef", ())
        return [role for role in roles if role.urn in sources], []
    called = [(role, at(role.properties, ("metadata", "name"), ())) for role in roles]
    return (
        [role for role, own in called if own.value == name.value],
        [role for role, own in called if own.unknown],
    )


def _reads_secrets(stack: Stack, role: Resource) -> bool | None:
    """Whether a role reads all secrets; None when that depends on what is not known yet."""
    found = [_rule_reads(rule) for _, rule in each(role.properties.get("rules"), ())]
    for other in stack.of(*CLUSTER_ROLES):
        if other is not role and (taken := _takes_in(role, other)) is not False:
            rules = [_rule_reads(rule) for _, rule in each(other.properties.get("rules"), ())]
            found += [None if taken is None and reads else reads for reads in rules]
    return True if True in found else None if None in found else False


def _takes_in(role: Resource, other: Resource) -> bool | None:
    """Whether a role aggregates another; a selector by expressions may select anything."""
    labels = at(other.properties, ("metadata", "labels"), ())
    own = labels.value if isinstance(labels.value, dict) else {}
    verdicts: list[bool | None] = [False]
    selectors = at(role.properties, ("aggregationRule", "clusterRoleSelectors"), ())
    for _, selector in each(selectors.value, ()):
        wanted = selector.get("matchLabels") if isinstance(selector, dict) else None
        if not isinstance(wanted, dict) or labels.unknown or UNKNOWN in (*wanted.values(), *own.values()):
            verdicts.append(None)
        else:
            verdicts.append(wanted.items() <= own.items())
    return True if True in verdicts else None if None in verdicts else False


def _rule_reads(rule: Plain) -> bool | None:
    if not isinstance(rule, dict):
        return None if rule is UNKNOWN else False
    names = [value for _, value in each(rule.get("resourceNames"), ())]
    parts = (
        _any_of(rule.get("apiGroups"), ("", "*")),
        _any_of(rule.get("resources"), ("secrets", "*")),
        _any_of(rule.get("verbs"), ("get", "list", "watch", "*")),
        None if UNKNOWN in names else not names,
    )
    return False if False in parts else None if None in parts else True


def _any_of(values: Plain, wanted: Collection[str]) -> bool | None:
    found = [value for _, value in each(values, ())]
    if any(value in wanted for value in found if isinstance(value, str)):
        return True
    return None if UNKNOWN in found else False
