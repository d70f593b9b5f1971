"""Cases of the controls of isolation on namespaces: 12, 13."""

from policies import UNKNOWN, Provider
from policies.helpers.pods import PLACES
from policies.model import Plain, Properties

from .case import EVASION, Case, thing, urn
from .pods import DEPLOYMENT, POD, declaring

DENY = "namespace-default-deny"
NAMESPACE = "kubernetes:core/v1:Namespace"
NET_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NET_POLICIES = (
    NET_POLICY,
    "kubernetes:networking.k8s.io/v1:NetworkPolicyPatch",
    "kubernetes:extensions/v1beta1:NetworkPolicy",
    "kubernetes:extensions/v1beta1:NetworkPolicyPatch",
)
CHECKOV_DENY = "Checkov CKV2_K8S_6 (tests/kubernetes/graph/checks)"
KUBERNETES_DENY = "Kubernetes, Network Policies: default policies"
BOTH: list[Plain] = ["Ingress", "Egress"]
OWN = "own-namespace"
CHECKOV_DEFAULT = "Checkov CKV_K8S_21 (tests/kubernetes/checks)"
PART_OF = "app.kubernetes.io/part-of"
POD_SPEC: Properties = {"containers": [{"name": "web", "image": "web"}]}


def _net(namespace: Plain, selector: Plain = None, **spec: Plain) -> Properties:
    chosen: Properties = {} if selector is None else {"podSelector": selector}
    return {"metadata": {"name": "net", "namespace": namespace}, "spec": {"podSelector": {}} | chosen | spec}


def _named(name: str, **labels: Plain) -> Properties:
    return {"metadata": {"name": name, "labels": {**labels}}}


def _labelled(namespace: Plain, labels: Plain) -> Properties:
    return declaring(DEPLOYMENT, POD_SPEC) | {
        "metadata": {"name": "web", "namespace": namespace, "labels": labels},
    }


CASES: tuple[Case, ...] = (
    # 12. Namespace default-deny both directions
    Case(DENY, "no policy", "fail", NAMESPACE, _named("links-build"), CHECKOV_DENY, "metadata.name", "test"),
    *(
        Case(
            DENY,
            f"only {kind}",
            "fail",
            NAMESPACE,
            _named("links-build"),
            KUBERNETES_DENY,
            "metadata.name",
            others=(thing(NET_POLICY, _net("links-build", policyTypes=[kind]), "net"),),
        )
        for kind in ("Ingress", "Egress")
    ),
    Case(
        DENY,
        "both, and no types said: only what comes in",
        "fail",
        NAMESPACE,
        _named("links-build"),
        "Kubernetes API reference, NetworkPolicySpec: policyTypes",
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-build"), "net"),),
    ),
    Case(
        DENY,
        "in another namespace",
        "fail",
        NAMESPACE,
        _named("links-build"),
        CHECKOV_DENY,
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-staging", policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "for some pods only",
        "fail",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-build", {"matchLabels": {"app": "web"}}, policyTypes=BOTH), "net"),),
    ),
    *(
        Case(
            DENY,
            f"everything is let in: {type_}",
            "fail",
            type_,
            _net("links-build", policyTypes=["Ingress"], ingress=[{}]),
            KUBERNETES_DENY,
            "spec.ingress[0]",
        )
        for type_ in NET_POLICIES
    ),
    Case(
        DENY,
        "everything is let out",
        "fail",
        NET_POLICY,
        _net("links-build", policyTypes=BOTH, egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
        EVASION,
        "spec.egress[0]",
    ),
    Case(
        DENY,
        "every other namespace is let in",
        "fail",
        NET_POLICY,
        _net("links-build", policyTypes=BOTH, ingress=[{"from": [{"namespaceSelector": {}}]}]),
        EVASION,
        "spec.ingress[0]",
    ),
    Case(
        DENY,
        "both denied",
        "pass",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        others=(thing(NET_POLICY, _net("links-build", policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "denied by one policy each",
        "pass",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        others=(
            thing(NET_POLICY, _net("links-build", policyTypes=["Ingress"], ingress=[]), "in"),
            thing(NET_POLICY, _net("links-build", policyTypes=["Egress"], egress=[]), "out"),
        ),
    ),
    Case(
        DENY,
        "denied, and some opened again",
        "pass",
        NAMESPACE,
        _named("links-build"),
        "near miss",
        others=(
            thing(NET_POLICY, _net("links-build", policyTypes=BOTH), "net"),
            thing(
                NET_POLICY,
                _net("links-build", policyTypes=["Egress"], egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]),
                "names",
            ),
            thing(
                NET_POLICY,
                _net("links-build", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}]),
                "own",
            ),
            thing(NET_POLICY, _net("links-build", {"matchLabels": {"app": "web"}}, ingress=[{}]), "front"),
        ),
    ),
    Case(
        DENY,
        "denied by a namespace's name that is to be known",
        "pass",
        NAMESPACE,
        {"metadata": {"name": UNKNOWN}},
        "preview",
        others=(
            thing(
                NET_POLICY,
                _net(UNKNOWN, policyTypes=BOTH),
                "net",
                property_dependencies={"metadata": (urn(NAMESPACE, "test"),)},
            ),
        ),
    ),
    Case(
        DENY,
        "whose policy it is, is not known",
        "unknown",
        NAMESPACE,
        _named("links-build"),
        "preview",
        "metadata.namespace",
        "net",
        others=(thing(NET_POLICY, _net(UNKNOWN, policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "what it denies is not known",
        "unknown",
        NAMESPACE,
        _named("links-build"),
        "preview",
        "spec",
        "net",
        others=(thing(NET_POLICY, _net("links-build", policyTypes=UNKNOWN), "net"),),
    ),
    # 13. Never the default namespace; a workload's app = its namespace's app
    *(
        Case(
            OWN,
            f"default: {token}",
            "fail",
            token,
            declaring(token, POD_SPEC) | {"metadata": {"name": "web", "namespace": "default"}},
            CHECKOV_DEFAULT,
            "metadata.namespace",
        )
        for token in PLACES
    ),
    Case(
        OWN,
        "default by saying nothing",
        "fail",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        CHECKOV_DEFAULT,
        "metadata.namespace",
    ),
    Case(
        OWN,
        "default of a provider that says so",
        "fail",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        EVASION,
        "metadata.namespace",
        provider=Provider(type="pulumi:providers:kubernetes", urn="k", name="k", properties={"namespace": "default"}),
    ),
    Case(
        OWN,
        "another app's",
        "fail",
        DEPLOYMENT,
        _labelled("tally-build", {}),
        "another app's stack",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "another environment's",
        "fail",
        DEPLOYMENT,
        _labelled("links-production", {}),
        "another stack",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "the cluster's",
        "fail",
        DEPLOYMENT,
        _labelled("kube-system", {}),
        "CIS Kubernetes 5.7.1",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "the namespace is another app's by its label",
        "fail",
        NAMESPACE,
        _named("shared", **{PART_OF: "tally"}),
        "Kubernetes, Recommended Labels",
        f"metadata.labels.{PART_OF}",
        "web",
        others=(thing(DEPLOYMENT, _labelled("shared", {PART_OF: "links"}), "web"),),
    ),
    Case(
        OWN,
        "the workload is another app's by its label",
        "fail",
        NAMESPACE,
        _named("links-build", app="links"),
        "near miss of a good one",
        "metadata.labels.app",
        "web",
        others=(thing(DEPLOYMENT, _labelled("links-build", {"app": "tally"}), "web"),),
    ),
    Case(
        OWN,
        "the pods of a deployment are another app's",
        "fail",
        NAMESPACE,
        _named("links-build", app="links"),
        EVASION,
        "spec.template.metadata.labels.app",
        "web",
        others=(
            thing(
                DEPLOYMENT,
                {
                    "metadata": {"name": "web", "namespace": "links-build", "labels": {"app": "links"}},
                    "spec": {"template": {"metadata": {"labels": {"app": "tally"}}, "spec": POD_SPEC}},
                },
                "web",
            ),
        ),
    ),
    Case(OWN, "own namespace", "pass", DEPLOYMENT, _labelled("links-build", {"app": "links"}), CHECKOV_DEFAULT),
    Case(OWN, "a name that holds default", "pass", DEPLOYMENT, _labelled("default-tenant", {}), "near miss"),
    Case(
        OWN,
        "the provider's namespace",
        "pass",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        "near miss",
        provider=Provider(type="pulumi:providers:kubernetes", urn="k", name="k", properties={"namespace": "links"}),
    ),
    Case(
        OWN,
        "labels of the same app",
        "pass",
        NAMESPACE,
        _named("links-build", **{PART_OF: "links", "app": "team"}),
        "near miss: app names a component beside part-of",
        others=(thing(DEPLOYMENT, _labelled("links-build", {PART_OF: "links", "app": "web"}), "web"),),
    ),
    Case(
        OWN,
        "no labels",
        "pass",
        NAMESPACE,
        {"metadata": {"name": "links-build"}},
        "near miss",
        others=(thing(DEPLOYMENT, _labelled("links-build", {"tier": "web"}), "web"),),
    ),
    Case(OWN, "not known", "unknown", DEPLOYMENT, _labelled(UNKNOWN, {}), "preview", "metadata.namespace"),
    Case(
        OWN,
        "labels not known",
        "unknown",
        NAMESPACE,
        _named("links-build", app="links"),
        "preview",
        "metadata.labels",
        "web",
        others=(thing(DEPLOYMENT, _labelled("links-build", UNKNOWN), "web"),),
    ),
)
