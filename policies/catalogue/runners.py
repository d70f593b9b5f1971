"""Runners: what containers and machines may do."""

from typing import Final

from policies.checks import runners, runners_containers
from policies.helpers.pods import POD_READS
from policies.helpers.tasks import TASK_DEFINITION
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=47,
        id="no-host-access",
        title="No privileged/host namespaces/hostPath/hostPort",
        severity=Severity.CRITICAL,
        reads=POD_READS,
        why="A container with the host's rights, namespaces or files is no boundary: what runs in it runs on the node.",
        fix="leave out privileged, hostNetwork, hostPID, hostIPC, hostProcess, hostPath and hostPort",
        references=(
            "Pod Security Standards: baseline",
            "CKV_K8S_16",
            "CKV_K8S_17",
            "CKV_K8S_18",
            "CKV_K8S_19",
            "CKV_K8S_26",
            "CIS Kubernetes 5.2.2-5.2.5, 5.2.12, 5.2.13",
        ),
        check=runners.no_host_access,
    ),
    Control(
        number=52,
        id="image-by-digest",
        title="Digest + approved registry, every container kind",
        severity=Severity.HIGH,
        reads={**POD_READS, TASK_DEFINITION: ("containerDefinitions",)},
        why="A tag can be moved to another image, and what a foreign registry serves was built by somebody else.",
        fix="name the image as registry/repository@sha256:..., from the factory's own registry or one in policies.yaml",
        references=("CKV_K8S_43", "CIS Kubernetes 5.5.1", "SLSA: artifacts by digest"),
        check=runners_containers.image_by_digest,
    ),
    Control(
        number=54,
        id="unprivileged-containers",
        title="ECS/CodeBuild unprivileged",
        severity=Severity.CRITICAL,
        reads=runners_containers.UNPRIVILEGED_READS,
        why="A container with the machine's rights, namespaces, files or devices is no boundary.",
        fix="leave out privileged, privilegedMode, added capabilities, devices, host modes and hostPath",
        references=("CKV_AWS_334", "CKV_AWS_335", "CKV_AWS_316", "AWS Security Hub ECS.4, ECS.3"),
        check=runners_containers.unprivileged,
    ),
)
