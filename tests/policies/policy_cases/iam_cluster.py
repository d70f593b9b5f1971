"""Cases of the controls of IAM in Kubernetes: 30, 31 and 32."""

from policies import UNKNOWN
from policies.checks.iam_cluster import CLUSTER_BINDINGS, CLUSTER_ROLES, RBAC_READS
from policies.model import Plain

from .case import EVASION, Case, thing, urn
from .iam_words import NEAR, PREVIEW
from .pods import CRON_JOB, DEPLOYMENT, POD, declaring, in_every_kind

WILD = "no-wildcard-rbac"
SECRETS = "no-cluster-wide-secrets"
TOKEN = "no-token-automount"

CHECKOV_WILD = "Checkov CKV_K8S_49"
CHECKOV_GROWING = "Checkov CKV_K8S_158"
CHECKOV_SECRETS = "Checkov CKV2_K8S_5"
CHECKOV_TOKEN = "Checkov CKV_K8S_38"
PRACTICES = "Kubernetes: Role Based Access Control Good Practices"
AGGREGATED = "Kubernetes: Using RBAC Authorization, aggregated ClusterRoles"
FACING = "Kubernetes: Using RBAC Authorization, user-facing roles"
ACCOUNTS = "Kubernetes: Configure Service Accounts for Pods"

GROUP = "kubernetes:rbac.authorization.k8s.io/v1:"
ROLE = f"{GROUP}Role"
CLUSTER_ROLE = f"{GROUP}ClusterRole"
BINDING = f"{GROUP}RoleBinding"
CLUSTER_BINDING = f"{GROUP}ClusterRoleBinding"


def _rule(verbs: Plain = ("get",), resources: Plain = ("pods",), groups: Plain = ("",), **more: Plain) -> Plain:
    parts = {"verbs": verbs, "resources": resources, "apiGroups": groups}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in parts.items()} | more


def _named(name: str, *rules: Plain, **more: Plain) -> dict[str, Plain]:
    return {"metadata": {"name": name}, "rules": list(rules), **more}


def _bound(name: Plain, kind: Plain = "ClusterRole") -> dict[str, Plain]:
    return {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}, "subjects": []}


WILD_CASES: tuple[Case, ...] = (
    *(
        Case(WILD, f"everything: {token}", "fail", token, _bound("cluster-admin"), CHECKOV_WILD, "roleRef.name")
        if "Binding" in token
        else Case(WILD, f"everything: {token}", "fail", token, _named("x", _rule(["*"], ["*"], ["*"])), CHECKOV_WILD)
        for token in RBAC_READS
    ),
    Case(WILD, "every verb", "fail", ROLE, _named("x", _rule(["*"])), CHECKOV_WILD, "rules[0].verbs[0]"),
    Case(
        WILD,
        "every resource, in the second rule",
        "fail",
        ROLE,
        _named("x", _rule(), _rule(resources=["pods", "*"])),
        CHECKOV_WILD,
        "rules[1].resources[1]",
    ),
    Case(
        WILD,
        "every group",
        "fail",
        CLUSTER_ROLE,
        _named("x", _rule(groups=["*"])),
        CHECKOV_WILD,
        "rules[0].apiGroups[0]",
    ),
    Case(
        WILD,
        "every address",
        "fail",
        CLUSTER_ROLE,
        _named("x", {"nonResourceURLs": ["*"], "verbs": ["get"]}),
        PRACTICES,
        "rules[0].nonResourceURLs[0]",
    ),
    *(
        Case(WILD, verb, "fail", CLUSTER_ROLE, _named("x", _rule([verb], [of])), source, "rules[0].verbs[0]")
        for verb, of, source in (
            ("escalate", "clusterroles", CHECKOV_GROWING),
            ("bind", "clusterroles", CHECKOV_GROWING),
            ("impersonate", "users", PRACTICES),
        )
    ),
    Case(
        WILD,
        "takes in every role",
        "fail",
        CLUSTER_ROLE,
        _named("x", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {}}]}),
        AGGREGATED,
        "aggregationRule.clusterRoleSelectors[0]",
    ),
    Case(
        WILD,
        "by which labels it takes in roles is not known",
        "unknown",
        CLUSTER_ROLE,
        _named("x", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to": UNKNOWN}}]}),
        "preview: labels without a value are not asked for",
        "aggregationRule.clusterRoleSelectors[0]",
    ),
    Case(
        WILD,
        "one of the labels is known",
        "pass",
        CLUSTER_ROLE,
        _named("x", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to": UNKNOWN, "of": "links"}}]}),
        AGGREGATED,
    ),
    Case(WILD, "named", "pass", ROLE, _named("x", _rule(["get", "list"], ["pods", "pods/log"])), CHECKOV_WILD),
    Case(WILD, "the scale of everything", "pass", ROLE, _named("x", _rule(["get"], ["*/scale"])), NEAR),
    Case(WILD, "a part of the addresses", "pass", CLUSTER_ROLE, _named("x", {"nonResourceURLs": ["/healthz/*"]}), NEAR),
    Case(
        WILD,
        "takes in roles by label",
        "pass",
        CLUSTER_ROLE,
        _named("x", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"to": "x"}}]}),
        AGGREGATED,
    ),
    Case(WILD, "bound to view", "pass", CLUSTER_BINDING, _bound("view"), FACING),
    Case(WILD, "a role of the namespace that is called so", "pass", BINDING, _bound("cluster-admin", "Role"), NEAR),
    Case(WILD, "a name that is a wildcard", "pass", ROLE, _named("x", _rule(resourceNames=["*"])), NEAR),
    Case(WILD, "rules not known", "unknown", ROLE, {"rules": UNKNOWN}, PREVIEW, "rules"),
    Case(WILD, "a verb not known", "unknown", ROLE, _named("x", _rule([UNKNOWN])), PREVIEW, "rules[0].verbs[0]"),
    Case(WILD, "bound to what is not known", "unknown", BINDING, _bound(UNKNOWN), PREVIEW, "roleRef.name"),
    Case(WILD, "bound to what kind is not known", "unknown", BINDING, _bound("cluster-admin", UNKNOWN), PREVIEW),
)

READS_ALL: dict[str, Plain] = _named("reader", _rule(["get", "list"], ["configmaps", "secrets"]))
SECRET_CASES: tuple[Case, ...] = (
    *(
        Case(
            SECRETS,
            f"bound everywhere: {binding}",
            "fail",
            role,
            READS_ALL,
            CHECKOV_SECRETS,
            "roleRef.name",
            "bound",
            others=(thing(binding, _bound("reader"), "bound"),),
        )
        for role, binding in zip(CLUSTER_ROLES, CLUSTER_BINDINGS, strict=True)
    ),
    Case(SECRETS, "edit", "fail", CLUSTER_BINDING, _bound("edit"), FACING, "roleRef.name"),
    Case(
        SECRETS,
        "watches everything",
        "fail",
        CLUSTER_ROLE,
        _named("reader", _rule(["watch"], ["*"], ["*"])),
        CHECKOV_SECRETS,
        others=(thing(CLUSTER_BINDING, _bound("reader"), "bound"),),
    ),
    Case(
        SECRETS,
        "by the role that it takes in",
        "fail",
        CLUSTER_ROLE,
        {
            "metadata": {"name": "outer"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "outer"}}]},
        },
        AGGREGATED,
        others=(
            thing(CLUSTER_BINDING, _bound("outer"), "bound"),
            thing(CLUSTER_ROLE, READS_ALL | {"metadata": {"name": "inner", "labels": {"to": "outer"}}}, "inner"),
        ),
    ),
    Case(
        SECRETS,
        "the role is not made yet",
        "fail",
        CLUSTER_ROLE,
        READS_ALL,
        EVASION,
        others=(
            thing(
                CLUSTER_BINDING,
                _bound(UNKNOWN),
                "bound",
                property_dependencies={"roleRef": (urn(CLUSTER_ROLE, "test"),)},
            ),
        ),
    ),
    Case(
        SECRETS,
        "bound in one namespace",
        "pass",
        CLUSTER_ROLE,
        READS_ALL,
        CHECKOV_SECRETS,
        others=(thing(BINDING, _bound("reader"), "bound"),),
    ),
    Case(SECRETS, "bound to nobody", "pass", CLUSTER_ROLE, READS_ALL, NEAR),
    Case(
        SECRETS,
        "one secret by name",
        "pass",
        CLUSTER_ROLE,
        _named("reader", _rule(["get"], ["secrets"], resourceNames=["links-tls"])),
        PRACTICES,
        others=(thing(CLUSTER_BINDING, _bound("reader"), "bound"),),
    ),
    Case(
        SECRETS,
        "writes them only",
        "pass",
        CLUSTER_ROLE,
        _named("reader", _rule(["create"], ["secrets"]), _rule(["get"], ["secrets"], ["vault.example"])),
        NEAR,
        others=(thing(CLUSTER_BINDING, _bound("reader"), "bound"),),
    ),
    Case(SECRETS, "view", "pass", CLUSTER_BINDING, _bound("view"), FACING),
    Case(SECRETS, "of what, not known", "unknown", CLUSTER_BINDING, _bound(UNKNOWN), PREVIEW, "roleRef.name"),
    Case(
        SECRETS,
        "rules not known",
        "unknown",
        CLUSTER_ROLE,
        {"metadata": {"name": "reader"}, "rules": UNKNOWN},
        PREVIEW,
        "roleRef.name",
        "bound",
        others=(thing(CLUSTER_BINDING, _bound("reader"), "bound"),),
    ),
)

QUIET: dict[str, Plain] = {"automountServiceAccountToken": False, "containers": [{"name": "web"}]}
TOKEN_CASES: tuple[Case, ...] = (
    *in_every_kind(
        TOKEN, "mounted", {**QUIET, "automountServiceAccountToken": True}, CHECKOV_TOKEN, "automountServiceAccountToken"
    ),
    *(
        Case(
            TOKEN,
            f"nothing said: {token}",
            "fail",
            token,
            declaring(token, {"containers": [{"name": "web"}]}),
            CHECKOV_TOKEN,
        )
        for token in (POD, DEPLOYMENT, CRON_JOB)
    ),
    Case(
        TOKEN,
        "left to the account",
        "fail",
        POD,
        declaring(POD, {"serviceAccountName": "web"}),
        ACCOUNTS,
        "spec.automountServiceAccountToken",
    ),
    Case(TOKEN, "not mounted", "pass", POD, declaring(POD, QUIET), CHECKOV_TOKEN),
    Case(TOKEN, "not mounted by a cron job", "pass", CRON_JOB, declaring(CRON_JOB, QUIET), CHECKOV_TOKEN),
    Case(
        TOKEN,
        "a token for somebody else, by name",
        "pass",
        DEPLOYMENT,
        declaring(
            DEPLOYMENT,
            {
                **QUIET,
                "volumes": [
                    {
                        "name": "vault",
                        "projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "path": "t"}}]},
                    }
                ],
            },
        ),
        "Kubernetes: ServiceAccount token volume projection",
    ),
    Case(
        TOKEN,
        "a patch of something else",
        "pass",
        f"{DEPLOYMENT}Patch",
        declaring(f"{DEPLOYMENT}Patch", {"containers": [{"name": "web"}]}),
        NEAR,
    ),
    Case(TOKEN, "only read", "pass", POD, {}, NEAR),
    Case(TOKEN, "spec not known", "unknown", POD, {"spec": UNKNOWN}, PREVIEW, "spec"),
    Case(
        TOKEN,
        "not known",
        "unknown",
        POD,
        declaring(POD, {**QUIET, "automountServiceAccountToken": UNKNOWN}),
        PREVIEW,
        "spec.automountServiceAccountToken",
    ),
)
CASES = (*WILD_CASES, *SECRET_CASES, *TOKEN_CASES)
