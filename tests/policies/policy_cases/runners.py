"""Cases of the controls of runners."""

from policies import UNKNOWN
from policies.model import Plain

from .case import EVASION, Case
from .pods import CRON_JOB, DEPLOYMENT, POD, declaring, in_every_kind

HOST = "no-host-access"
PSS = "Pod Security Standards: baseline"
CHECKOV = "Checkov CKV_K8S_16-19/26 (tests/kubernetes/checks)"
CIS = "CIS Kubernetes 5.2"


def _pod(**container: Plain) -> dict[str, Plain]:
    return {"containers": [{"name": "web", "image": "web", **container}]}


PLAIN = _pod(securityContext={"privileged": False}, ports=[{"containerPort": 8080}])

CASES: tuple[Case, ...] = (
    # 47. No privileged/host namespaces/hostPath/hostPort
    *in_every_kind(
        HOST,
        "privileged",
        _pod(securityContext={"privileged": True}),
        CHECKOV,
        "containers[0].securityContext.privileged",
    ),
    Case(
        HOST,
        "privileged init container",
        "fail",
        DEPLOYMENT,
        declaring(DEPLOYMENT, PLAIN | {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]}),
        PSS,
        "spec.template.spec.initContainers[0].securityContext.privileged",
    ),
    Case(
        HOST,
        "privileged ephemeral container",
        "fail",
        POD,
        declaring(POD, PLAIN | {"ephemeralContainers": [{"name": "e", "securityContext": {"privileged": True}}]}),
        PSS,
        "spec.ephemeralContainers[0].securityContext.privileged",
    ),
    Case(HOST, "host network", "fail", POD, declaring(POD, PLAIN | {"hostNetwork": True}), CIS, "spec.hostNetwork"),
    Case(HOST, "host PIDs", "fail", POD, declaring(POD, PLAIN | {"hostPID": True}), CIS, "spec.hostPID"),
    Case(HOST, "host IPC", "fail", POD, declaring(POD, PLAIN | {"hostIPC": True}), CIS, "spec.hostIPC"),
    Case(
        HOST,
        "host path",
        "fail",
        CRON_JOB,
        declaring(CRON_JOB, PLAIN | {"volumes": [{"name": "a"}, {"name": "b", "hostPath": {"path": "/"}}]}),
        PSS,
        "spec.jobTemplate.spec.template.spec.volumes[1].hostPath",
    ),
    Case(
        HOST,
        "host port",
        "fail",
        POD,
        declaring(POD, _pod(ports=[{"containerPort": 80}, {"containerPort": 22, "hostPort": 22}])),
        CHECKOV,
        "spec.containers[0].ports[1].hostPort",
    ),
    Case(
        HOST,
        "process of a Windows host",
        "fail",
        POD,
        declaring(POD, PLAIN | {"securityContext": {"windowsOptions": {"hostProcess": True}}}),
        PSS,
        "spec.securityContext.windowsOptions.hostProcess",
    ),
    Case(
        HOST,
        "privileged in other words",
        "fail",
        POD,
        declaring(POD, _pod(securityContext={"privileged": "true"})),
        EVASION,
    ),
    Case(HOST, "nothing of the host's", "pass", DEPLOYMENT, declaring(DEPLOYMENT, PLAIN), CHECKOV),
    Case(
        HOST,
        "said not to be",
        "pass",
        POD,
        declaring(POD, PLAIN | {"hostNetwork": False, "hostPID": False, "hostIPC": False}),
        CHECKOV,
    ),
    Case(
        HOST,
        "other volumes",
        "pass",
        POD,
        declaring(POD, PLAIN | {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "c"}}]}),
        PSS,
    ),
    Case(
        HOST, "host port 0", "pass", POD, declaring(POD, _pod(ports=[{"containerPort": 80, "hostPort": 0}])), "PSS: 0"
    ),
    Case(HOST, "patch without a spec", "pass", "kubernetes:core/v1:PodPatch", {"metadata": {"name": "a"}}, "near miss"),
    Case(
        HOST,
        "privileged is not known",
        "unknown",
        POD,
        declaring(POD, _pod(securityContext={"privileged": UNKNOWN})),
        "preview",
        "spec.containers[0].securityContext.privileged",
    ),
    Case(HOST, "spec not known", "unknown", DEPLOYMENT, {"spec": {"template": UNKNOWN}}, "preview", "spec.template"),
    Case(HOST, "containers not known", "unknown", POD, {"spec": {"containers": UNKNOWN}}, "preview", "spec.containers"),
)
