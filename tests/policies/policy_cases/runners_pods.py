"""Cases of the controls of runners about pods, namespaces and machines."""

from policies import UNKNOWN
from policies.model import Plain

from .case import EVASION, Case, thing, urn
from .pods import CRON_JOB, DEPLOYMENT, POD, declaring, in_every_kind

RESTRICTED = "restricted-containers"
READ_ONLY = "read-only-root"
SOCKET = "no-runtime-socket"
LIMITS = "limits-and-quota"
ADMISSION = "pod-security-admission"
METADATA = "metadata-v2"
PSS = "Pod Security Standards: restricted"
NAMESPACE = "kubernetes:core/v1:Namespace"
PATCH = "kubernetes:core/v1:NamespacePatch"
QUOTA = "kubernetes:core/v1:ResourceQuota"
DEPLOYMENT_PATCH = "kubernetes:apps/v1:DeploymentPatch"
INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"
SPOT = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
HELD: dict[str, Plain] = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
    "readOnlyRootFilesystem": True,
}
BOUND: dict[str, Plain] = {"limits": {"cpu": "500m", "memory": "256Mi"}}


def _container(**more: Plain) -> dict[str, Plain]:
    return {"name": "web", "image": "web", **more}


def _held(**changed: Plain) -> dict[str, Plain]:
    """A pod with one container that is held as it should be, apart from what is changed (None: left out)."""
    context: Plain = {name: value for name, value in (HELD | changed).items() if value is not None}
    return {"containers": [_container(securityContext=context)]}


def _mounting(path: Plain) -> dict[str, Plain]:
    return {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": path}}]}


def _bound(resources: Plain) -> dict[str, Plain]:
    return {"containers": [_container(resources=resources)]}


def _namespace(name: str = "links-build", **labels: Plain) -> dict[str, Plain]:
    return {"metadata": {"name": name, "labels": {f"pod-security.kubernetes.io/{k}": v for k, v in labels.items()}}}


def _quota(namespace: Plain = "links-build", **hard: Plain) -> dict[str, Plain]:
    limits: dict[str, Plain] = {"limits.cpu": "8", "limits.memory": "16Gi"}
    return {"metadata": {"namespace": namespace}, "spec": {"hard": hard or limits}}


def _options(**options: Plain) -> dict[str, Plain]:
    return {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1, **options}}


SECURITY = "containers[0].securityContext"
OWN = "spec.containers[0].securityContext"

CASES: tuple[Case, ...] = (
    # 48. Nonroot, no escalation, drop ALL, seccomp
    *in_every_kind(RESTRICTED, "root", _held(runAsNonRoot=False), PSS, f"{SECURITY}.runAsNonRoot"),
    Case(
        RESTRICTED,
        "nothing said",
        "fail",
        POD,
        declaring(POD, {"containers": [_container()]}),
        "Checkov CKV_K8S_20/23/31/37",
    ),
    Case(
        RESTRICTED,
        "gains rights",
        "fail",
        POD,
        declaring(POD, _held(allowPrivilegeEscalation=None)),
        "Checkov CKV_K8S_20: default",
        f"{OWN}.allowPrivilegeEscalation",
    ),
    Case(
        RESTRICTED,
        "drops some",
        "fail",
        POD,
        declaring(POD, _held(capabilities={"drop": ["NET_RAW"]})),
        "Checkov CKV_K8S_37",
        f"{OWN}.capabilities.drop",
    ),
    Case(
        RESTRICTED,
        "adds again",
        "fail",
        POD,
        declaring(POD, _held(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
        PSS,
        f"{OWN}.capabilities.add[0]",
    ),
    Case(
        RESTRICTED,
        "unconfined",
        "fail",
        POD,
        declaring(POD, _held(seccompProfile={"type": "Unconfined"})),
        "Checkov CKV_K8S_31",
        f"{OWN}.seccompProfile.type",
    ),
    Case(RESTRICTED, "user 0", "fail", POD, declaring(POD, _held(runAsUser=0)), PSS, f"{OWN}.runAsUser"),
    Case(
        RESTRICTED,
        "container goes before the pod",
        "fail",
        POD,
        declaring(POD, _held(runAsNonRoot=False) | {"securityContext": {"runAsNonRoot": True}}),
        PSS,
        f"{OWN}.runAsNonRoot",
    ),
    Case(
        RESTRICTED,
        "init container",
        "fail",
        CRON_JOB,
        declaring(CRON_JOB, _held() | {"initContainers": [_container()]}),
        PSS,
        "spec.jobTemplate.spec.template.spec.initContainers[0].securityContext.runAsNonRoot",
    ),
    Case(
        RESTRICTED,
        "ephemeral container",
        "fail",
        POD,
        declaring(POD, _held() | {"ephemeralContainers": [_container()]}),
        PSS,
        "spec.ephemeralContainers[0].securityContext.runAsNonRoot",
    ),
    Case(
        RESTRICTED,
        "patch that adds a container",
        "fail",
        DEPLOYMENT_PATCH,
        declaring(DEPLOYMENT_PATCH, {"containers": [_container()]}),
        EVASION,
    ),
    Case(RESTRICTED, "flag in other words", "fail", POD, declaring(POD, _held(runAsNonRoot="true")), EVASION),
    Case(RESTRICTED, "held", "pass", POD, declaring(POD, _held()), PSS),
    Case(
        RESTRICTED,
        "pod says it for its containers",
        "pass",
        DEPLOYMENT,
        declaring(
            DEPLOYMENT,
            _held(runAsNonRoot=None, seccompProfile=None)
            | {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}},
        ),
        PSS,
    ),
    Case(
        RESTRICTED,
        "low port",
        "pass",
        POD,
        declaring(POD, _held(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}, runAsUser=65532)),
        PSS,
    ),
    Case(
        RESTRICTED,
        "Windows",
        "pass",
        POD,
        declaring(POD, {"os": {"name": "windows"}, "containers": [_container(securityContext={"runAsNonRoot": True})]}),
        "PSS: OS-specific policy controls",
    ),
    Case(
        RESTRICTED,
        "patch of a setting",
        "pass",
        DEPLOYMENT_PATCH,
        declaring(DEPLOYMENT_PATCH, {"containers": [{"name": "web", "env": []}]}),
        "near miss",
    ),
    Case(
        RESTRICTED,
        "pod's part is not known",
        "unknown",
        POD,
        declaring(POD, _held(runAsNonRoot=None) | {"securityContext": {"runAsNonRoot": UNKNOWN}}),
        "preview",
        "spec.securityContext.runAsNonRoot",
    ),
    Case(
        RESTRICTED,
        "containers are not known",
        "unknown",
        POD,
        {"spec": {"containers": UNKNOWN}},
        "preview",
        "spec.containers",
    ),
    # 49. Read-only root file system
    *in_every_kind(
        READ_ONLY,
        "writable",
        _held(readOnlyRootFilesystem=False),
        "Checkov CKV_K8S_22",
        f"{SECURITY}.readOnlyRootFilesystem",
    ),
    Case(
        READ_ONLY,
        "nothing said",
        "fail",
        POD,
        declaring(POD, _held(readOnlyRootFilesystem=None)),
        "Checkov CKV_K8S_22",
        f"{OWN}.readOnlyRootFilesystem",
    ),
    Case(
        READ_ONLY,
        "init container",
        "fail",
        POD,
        declaring(POD, _held() | {"initContainers": [_container()]}),
        "Kyverno",
        "spec.initContainers[0].securityContext.readOnlyRootFilesystem",
    ),
    Case(
        READ_ONLY,
        "said of the pod",
        "fail",
        POD,
        declaring(POD, _held(readOnlyRootFilesystem=None) | {"securityContext": {"readOnlyRootFilesystem": True}}),
        "Kubernetes API: SecurityContext, of containers only",
    ),
    Case(READ_ONLY, "read-only", "pass", POD, declaring(POD, _held()), "Checkov CKV_K8S_22"),
    Case(
        READ_ONLY,
        "a place to write",
        "pass",
        DEPLOYMENT,
        declaring(DEPLOYMENT, _held() | {"volumes": [{"name": "a", "emptyDir": {}}]}),
        "NSA/CISA hardening guide",
    ),
    Case(
        READ_ONLY,
        "patch of a setting",
        "pass",
        DEPLOYMENT_PATCH,
        declaring(DEPLOYMENT_PATCH, {"containers": [{"name": "web", "env": []}]}),
        "near miss",
    ),
    Case(
        READ_ONLY,
        "not known",
        "unknown",
        POD,
        declaring(POD, _held(readOnlyRootFilesystem=UNKNOWN)),
        "preview",
        f"{OWN}.readOnlyRootFilesystem",
    ),
    # 50. No container-runtime socket
    *in_every_kind(
        SOCKET, "Docker", _mounting("/var/run/docker.sock"), "Checkov CKV_K8S_27", "volumes[1].hostPath.path"
    ),
    Case(
        SOCKET,
        "containerd",
        "fail",
        POD,
        declaring(POD, _mounting("/run/containerd/containerd.sock")),
        "Kyverno disallow-container-sock-mounts",
    ),
    Case(
        SOCKET,
        "CRI-O",
        "fail",
        POD,
        declaring(POD, _mounting("/var/run/crio/crio.sock")),
        "Kyverno disallow-container-sock-mounts",
    ),
    Case(SOCKET, "folder around it", "fail", POD, declaring(POD, _mounting("/var/run")), EVASION),
    Case(SOCKET, "everything", "fail", POD, declaring(POD, _mounting("/")), EVASION),
    Case(SOCKET, "long way round", "fail", POD, declaring(POD, _mounting("//var/lib/../run//docker.sock/")), EVASION),
    Case(SOCKET, "of K3s", "fail", POD, declaring(POD, _mounting("/run/k3s/containerd/")), "K3s: container runtime"),
    Case(SOCKET, "elsewhere", "fail", POD, declaring(POD, _mounting("/mnt/docker-root.sock")), EVASION),
    Case(
        SOCKET,
        "logs of the host",
        "pass",
        POD,
        declaring(POD, _mounting("/var/log")),
        "near miss: control 47 refuses it",
    ),
    Case(SOCKET, "name that begins so", "pass", POD, declaring(POD, _mounting("/run/docker.socket.d")), "near miss"),
    Case(
        SOCKET,
        "other volumes",
        "pass",
        POD,
        declaring(POD, {"volumes": [{"name": "a", "configMap": {"name": "docker.sock"}}]}),
        "near miss",
    ),
    Case(
        SOCKET,
        "path is not known",
        "unknown",
        POD,
        declaring(POD, _mounting(UNKNOWN)),
        "preview",
        "spec.volumes[1].hostPath.path",
    ),
    # 51. Limits + quota
    *in_every_kind(
        LIMITS,
        "no memory",
        _bound({"limits": {"cpu": "1"}}),
        "Checkov CKV_K8S_13",
        "containers[0].resources.limits.memory",
    ),
    Case(
        LIMITS,
        "no CPU",
        "fail",
        POD,
        declaring(POD, _bound({"limits": {"memory": "1Gi"}})),
        "Checkov CKV_K8S_11",
        "spec.containers[0].resources.limits.cpu",
    ),
    Case(
        LIMITS,
        "only asked for",
        "fail",
        POD,
        declaring(POD, _bound({"requests": {"cpu": "1", "memory": "1Gi"}})),
        "Checkov CKV_K8S_11",
    ),
    Case(
        LIMITS,
        "namespace without a quota",
        "fail",
        NAMESPACE,
        _namespace(),
        "Kubernetes: resource quotas",
        "metadata.name",
    ),
    Case(
        LIMITS,
        "quota of another namespace",
        "fail",
        NAMESPACE,
        _namespace(),
        EVASION,
        "metadata.name",
        "test",
        others=(thing(QUOTA, _quota("links-staging")),),
    ),
    Case(
        LIMITS,
        "quota of pods only",
        "fail",
        QUOTA,
        _quota(pods="10"),
        "Kubernetes: resource quotas",
        "spec.hard.limits.cpu",
    ),
    Case(LIMITS, "bounded", "pass", POD, declaring(POD, _bound(BOUND)), "Checkov CKV_K8S_11, CKV_K8S_13"),
    Case(
        LIMITS,
        "pod is bounded",
        "pass",
        POD,
        declaring(POD, {"resources": BOUND, "containers": [_container()]}),
        "Kubernetes: pod-level resources",
    ),
    Case(
        LIMITS,
        "ephemeral container",
        "pass",
        POD,
        declaring(POD, _bound(BOUND) | {"ephemeralContainers": [_container()]}),
        "Kubernetes API: EphemeralContainer",
    ),
    Case(
        LIMITS,
        "namespace with a quota",
        "pass",
        NAMESPACE,
        _namespace(),
        "Kubernetes: resource quotas",
        others=(thing(QUOTA, _quota()),),
    ),
    Case(
        LIMITS,
        "quota by reference",
        "pass",
        NAMESPACE,
        _namespace(),
        "preview",
        others=(thing(QUOTA, _quota(UNKNOWN), property_dependencies={"metadata": (urn(NAMESPACE, "test"),)}),),
    ),
    Case(
        LIMITS,
        "limit is not known",
        "unknown",
        POD,
        declaring(POD, _bound({"limits": {"cpu": UNKNOWN, "memory": "1Gi"}})),
        "preview",
        "spec.containers[0].resources.limits.cpu",
    ),
    Case(
        LIMITS,
        "quota of who knows which",
        "unknown",
        NAMESPACE,
        _namespace(),
        "preview",
        "metadata.name",
        others=(thing(QUOTA, _quota(UNKNOWN)),),
    ),
    # 53. Pod Security admission enforce=restricted
    Case(ADMISSION, "no label", "fail", NAMESPACE, {"metadata": {"name": "links"}}, "Kyverno psa: add-psa-labels"),
    Case(
        ADMISSION,
        "baseline",
        "fail",
        NAMESPACE,
        _namespace(enforce="baseline"),
        "Kubernetes: Pod Security admission",
        "metadata.labels.pod-security.kubernetes.io/enforce",
    ),
    Case(ADMISSION, "only warns", "fail", NAMESPACE, _namespace(warn="restricted", audit="restricted"), EVASION),
    Case(ADMISSION, "patch that opens", "fail", PATCH, _namespace(enforce="privileged"), EVASION),
    Case(
        ADMISSION,
        "old version",
        "fail",
        NAMESPACE,
        _namespace(enforce="restricted", **{"enforce-version": "v1.18"}),
        "PSS: restricted, v1.22+",
        "metadata.labels.pod-security.kubernetes.io/enforce-version",
    ),
    Case(
        ADMISSION,
        "restricted",
        "pass",
        NAMESPACE,
        _namespace(enforce="restricted"),
        "Kubernetes: Pod Security admission",
    ),
    Case(
        ADMISSION,
        "latest version",
        "pass",
        NAMESPACE,
        _namespace(enforce="restricted", **{"enforce-version": "latest"}),
        "Kubernetes: Pod Security admission",
    ),
    Case(
        ADMISSION,
        "patch of something else",
        "pass",
        PATCH,
        {"metadata": {"name": "a", "labels": {"a": "b"}}},
        "near miss",
    ),
    Case(
        ADMISSION,
        "labels are not known",
        "unknown",
        NAMESPACE,
        {"metadata": {"labels": UNKNOWN}},
        "preview",
        "metadata.labels",
    ),
    # 55. IMDSv2, hop 1
    *(
        Case(
            METADATA,
            f"version 1: {token}",
            "fail",
            token,
            _options(httpTokens="optional"),
            "Checkov CKV_AWS_79",
            "metadataOptions.httpTokens",
        )
        for token in (INSTANCE, TEMPLATE, CONFIGURATION, SPOT)
    ),
    Case(
        METADATA,
        "nothing said",
        "fail",
        INSTANCE,
        {"ami": "ami-1"},
        "Checkov CKV_AWS_79: default",
        "metadataOptions.httpTokens",
    ),
    Case(
        METADATA,
        "two hops",
        "fail",
        TEMPLATE,
        _options(httpPutResponseHopLimit=2),
        "Checkov CKV_AWS_341",
        "metadataOptions.httpPutResponseHopLimit",
    ),
    Case(
        METADATA,
        "hops as the image says",
        "fail",
        INSTANCE,
        {"metadataOptions": {"httpTokens": "required"}},
        "EC2: order of precedence for instance metadata options",
        "metadataOptions.httpPutResponseHopLimit",
    ),
    Case(METADATA, "version 2", "pass", INSTANCE, _options(), "Checkov CKV_AWS_79"),
    Case(
        METADATA, "version 2 of a template", "pass", TEMPLATE, _options(httpEndpoint="enabled"), "Checkov CKV_AWS_341"
    ),
    Case(
        METADATA,
        "switched off",
        "pass",
        INSTANCE,
        {"metadataOptions": {"httpEndpoint": "disabled"}},
        "Checkov CKV_AWS_79: http_endpoint disabled",
    ),
    Case(
        METADATA,
        "tokens are not known",
        "unknown",
        INSTANCE,
        _options(httpTokens=UNKNOWN),
        "preview",
        "metadataOptions.httpTokens",
    ),
    Case(
        METADATA,
        "options are not known",
        "unknown",
        TEMPLATE,
        {"metadataOptions": UNKNOWN},
        "preview",
        "metadataOptions",
    ),
)
