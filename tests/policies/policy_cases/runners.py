"""Cases of the controls of runners."""

import json

from policies import UNKNOWN
from policies.model import Plain

from . import runners_pods
from .case import EVASION, Case
from .pods import CRON_JOB, DEPLOYMENT, POD, declaring, in_every_kind

HOST = "no-host-access"
IMAGE = "image-by-digest"
READ_ONLY = "read-only-root"
UNPRIVILEGED = "unprivileged-containers"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
PROJECT = "aws:codebuild/project:Project"
DIGEST = "sha256:" + "0a" * 32
OWN_ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/links"
PSS = "Pod Security Standards: baseline"
CHECKOV = "Checkov CKV_K8S_16-19/26 (tests/kubernetes/checks)"
CIS = "CIS Kubernetes 5.2"


def _pod(**container: Plain) -> dict[str, Plain]:
    return {"containers": [{"name": "web", "image": "web", **container}]}


def _image(image: Plain) -> dict[str, Plain]:
    return {"containers": [{"name": "web", "image": image}]}


def _task(image: str = f"{OWN_ECR}@{DIGEST}", **container: object) -> dict[str, Plain]:
    return {"family": "web", "containerDefinitions": json.dumps([{"name": "web", "image": image, **container}])}


def _project(**environment: Plain) -> dict[str, Plain]:
    return {"name": "links", "environment": {"type": "LINUX_CONTAINER", "computeType": "SMALL", **environment}}


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
    # 52. Digest + approved registry, every container kind
    *in_every_kind(
        IMAGE, "tag only", _image("registry.example/acme/web:1.2"), "Checkov CKV_K8S_43", "containers[0].image"
    ),
    Case(
        IMAGE,
        "tag in ECS",
        "fail",
        TASK,
        _task(f"{OWN_ECR}:latest"),
        "AWS: ECS best practices, images by digest",
        "containerDefinitions[0].image",
    ),
    Case(
        IMAGE, "Docker Hub", "fail", POD, declaring(POD, _image(f"nginx@{DIGEST}")), "Kyverno restrict-image-registries"
    ),
    Case(
        IMAGE,
        "another path of the registry",
        "fail",
        POD,
        declaring(POD, _image(f"registry.example/acme-mirror/web@{DIGEST}")),
        EVASION,
    ),
    Case(
        IMAGE,
        "host that only begins so",
        "fail",
        POD,
        declaring(POD, _image(f"registry.example.evil.example/acme/web@{DIGEST}")),
        EVASION,
    ),
    Case(
        IMAGE,
        "path with dots",
        "fail",
        POD,
        declaring(POD, _image(f"registry.example/acme/../evil/web@{DIGEST}")),
        EVASION,
    ),
    Case(
        IMAGE,
        "registry of a foreign account",
        "fail",
        TASK,
        _task(f"999999999999.dkr.ecr.eu-central-1.amazonaws.com/links@{DIGEST}"),
        "Prowler: ecs task definitions",
    ),
    Case(IMAGE, "short digest", "fail", POD, declaring(POD, _image("registry.example/acme/web@sha256:0a0a")), EVASION),
    Case(
        IMAGE,
        "init container",
        "fail",
        POD,
        declaring(
            POD, _image(f"registry.example/acme/web@{DIGEST}") | {"initContainers": [{"name": "i", "image": "sh"}]}
        ),
        "Kyverno disallow-latest-tag: initContainers",
        "spec.initContainers[0].image",
    ),
    Case(
        IMAGE,
        "ephemeral container",
        "fail",
        POD,
        declaring(POD, {"ephemeralContainers": [{"name": "e", "image": "busybox"}]}),
        "Kyverno disallow-latest-tag: ephemeralContainers",
        "spec.ephemeralContainers[0].image",
    ),
    Case(
        IMAGE,
        "image as a volume",
        "fail",
        POD,
        declaring(POD, {"volumes": [{"name": "a", "image": {"reference": "quay.io/crio/artifact:v2"}}]}),
        "Kubernetes: use an image volume with a pod",
        "spec.volumes[0].image.reference",
    ),
    Case(IMAGE, "no image", "fail", POD, declaring(POD, {"containers": [{"name": "web"}]}), EVASION),
    Case(IMAGE, "definitions that nobody can read", "fail", TASK, {"containerDefinitions": "[{"}, EVASION),
    Case(
        IMAGE,
        "listed registry",
        "pass",
        POD,
        declaring(POD, _image(f"registry.example/acme/web@{DIGEST}")),
        "near miss",
    ),
    Case(IMAGE, "own registry", "pass", TASK, _task(), "Amazon ECR: private registry"),
    Case(
        IMAGE,
        "tag and digest",
        "pass",
        POD,
        declaring(POD, _image(f"registry.example/acme/tools/web:1.2@{DIGEST}")),
        "OCI reference grammar",
    ),
    Case(
        IMAGE,
        "own project's registry",
        "pass",
        DEPLOYMENT,
        declaring(DEPLOYMENT, _image(f"europe-west3-docker.pkg.dev/acme-links-build/web/web@{DIGEST}")),
        "Google Artifact Registry: names",
    ),
    Case(
        IMAGE,
        "own registry, both stacks",
        "pass",
        TASK,
        _task(f"123456789012.dkr-ecr.eu-central-1.on.aws/links@{DIGEST}"),
        "Amazon ECR: dual-stack endpoints",
    ),
    Case(
        IMAGE,
        "patch of something else",
        "pass",
        "kubernetes:apps/v1:DeploymentPatch",
        declaring("kubernetes:apps/v1:DeploymentPatch", {"containers": [{"name": "web"}]}),
        "near miss",
    ),
    Case(
        IMAGE,
        "image is not known",
        "unknown",
        POD,
        declaring(POD, _image(UNKNOWN)),
        "preview",
        "spec.containers[0].image",
    ),
    Case(
        IMAGE,
        "definitions are not known",
        "unknown",
        TASK,
        {"containerDefinitions": UNKNOWN},
        "preview",
        "containerDefinitions",
    ),
    # 54. ECS/CodeBuild unprivileged
    Case(
        UNPRIVILEGED,
        "privileged container",
        "fail",
        TASK,
        _task(privileged=True),
        "Checkov CKV_AWS_334 (ECSContainerPrivilege)",
        "containerDefinitions[0].privileged",
    ),
    Case(
        UNPRIVILEGED,
        "privileged build",
        "fail",
        PROJECT,
        _project(privilegedMode=True),
        "Checkov CKV_AWS_316 (CodeBuildPrivilegedMode)",
        "environment.privilegedMode",
    ),
    Case(
        UNPRIVILEGED,
        "processes of the host",
        "fail",
        TASK,
        _task() | {"pidMode": "host"},
        "Checkov CKV_AWS_335 (ECSContainerHostProcess)",
        "pidMode",
    ),
    Case(
        UNPRIVILEGED, "memory of the host", "fail", TASK, _task() | {"ipcMode": "host"}, "ECS API: ipcMode", "ipcMode"
    ),
    Case(
        UNPRIVILEGED,
        "network of the host",
        "fail",
        TASK,
        _task() | {"networkMode": "host"},
        "AWS Security Hub ECS.17",
        "networkMode",
    ),
    Case(
        UNPRIVILEGED,
        "path of the host",
        "fail",
        TASK,
        _task() | {"volumes": [{"name": "docker", "hostPath": "/var/run/docker.sock"}]},
        "ECS developer guide: bind mounts",
        "volumes[0].hostPath",
    ),
    Case(
        UNPRIVILEGED,
        "added capability",
        "fail",
        TASK,
        _task(linuxParameters={"capabilities": {"add": ["SYS_ADMIN"]}}),
        "ECS API: KernelCapabilities",
        "containerDefinitions[0].linuxParameters.capabilities.add[0]",
    ),
    Case(
        UNPRIVILEGED,
        "device of the host",
        "fail",
        TASK,
        _task(linuxParameters={"devices": [{"hostPath": "/dev/kvm"}]}),
        "ECS API: Device",
        "containerDefinitions[0].linuxParameters.devices",
    ),
    Case(
        UNPRIVILEGED,
        "root",
        "fail",
        TASK,
        _task(user="0:0"),
        "AWS Security Hub ECS.20",
        "containerDefinitions[0].user",
    ),
    Case(UNPRIVILEGED, "root by name", "fail", TASK, _task(user="root"), "Docker run: --user"),
    Case(UNPRIVILEGED, "root by more digits", "fail", TASK, _task(user="000"), EVASION),
    Case(UNPRIVILEGED, "root without a name", "fail", TASK, _task(user=":1000"), EVASION),
    Case(UNPRIVILEGED, "a number for a user", "fail", TASK, _task(user=0), EVASION),
    Case(UNPRIVILEGED, "in other letters", "fail", TASK, _task(Privileged=True), EVASION),
    Case(
        UNPRIVILEGED,
        "second container",
        "fail",
        TASK,
        {"containerDefinitions": [{"name": "a"}, {"name": "b", "privileged": True}]},
        EVASION,
        "containerDefinitions[1].privileged",
    ),
    Case(UNPRIVILEGED, "definitions that nobody can read", "fail", TASK, {"containerDefinitions": "{"}, EVASION),
    Case(UNPRIVILEGED, "said not to be", "pass", TASK, _task(privileged=False), "Checkov CKV_AWS_334"),
    Case(UNPRIVILEGED, "build said not to be", "pass", PROJECT, _project(privilegedMode=False), "Checkov CKV_AWS_316"),
    Case(UNPRIVILEGED, "nothing said", "pass", PROJECT, _project(), "Checkov CKV_AWS_316: default"),
    Case(
        UNPRIVILEGED,
        "dropped, and processes of the task",
        "pass",
        TASK,
        _task(linuxParameters={"capabilities": {"drop": ["ALL"], "add": []}, "devices": []})
        | {"pidMode": "task", "networkMode": "awsvpc"},
        "Checkov CKV_AWS_335",
    ),
    Case(UNPRIVILEGED, "a user of its own", "pass", TASK, _task(user="65532:65532"), "AWS Security Hub ECS.20"),
    Case(UNPRIVILEGED, "a user in root's group", "pass", TASK, _task(user="web:0"), "near miss"),
    Case(
        UNPRIVILEGED,
        "volume of a file system",
        "pass",
        TASK,
        _task() | {"volumes": [{"name": "a", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]},
        "near miss",
    ),
    Case(
        UNPRIVILEGED,
        "privileged mode is not known",
        "unknown",
        PROJECT,
        _project(privilegedMode=UNKNOWN),
        "preview",
        "environment.privilegedMode",
    ),
    Case(
        UNPRIVILEGED,
        "definitions are not known",
        "unknown",
        TASK,
        {"containerDefinitions": UNKNOWN},
        "preview",
        "containerDefinitions",
    ),
    # 49. Read-only root file system, of ECS
    Case(
        READ_ONLY,
        "a task may write",
        "fail",
        TASK,
        _task(readonlyRootFilesystem=False),
        "Checkov CKV_AWS_336 (ECSContainerReadOnlyRoot)",
        "containerDefinitions[0].readonlyRootFilesystem",
    ),
    Case(
        READ_ONLY,
        "a task that says nothing",
        "fail",
        TASK,
        _task(),
        "Checkov CKV_AWS_336: default",
        "containerDefinitions[0].readonlyRootFilesystem",
    ),
    Case(
        READ_ONLY,
        "second container of a task",
        "fail",
        TASK,
        {"containerDefinitions": [{"name": "a", "readonlyRootFilesystem": True}, {"name": "b"}]},
        EVASION,
        "containerDefinitions[1].readonlyRootFilesystem",
    ),
    Case(READ_ONLY, "a task that says 1", "fail", TASK, _task(readonlyRootFilesystem=1), EVASION),
    Case(READ_ONLY, "definitions that nobody can read", "fail", TASK, {"containerDefinitions": "{"}, EVASION),
    Case(READ_ONLY, "a read-only task", "pass", TASK, _task(readonlyRootFilesystem=True), "Checkov CKV_AWS_336"),
    Case(
        READ_ONLY,
        "definitions are not known",
        "unknown",
        TASK,
        {"containerDefinitions": UNKNOWN},
        "preview",
        "containerDefinitions",
    ),
    # 48-51, 53, 55
    *runners_pods.CASES,
)
