"""Runners: what containers and machines may do."""

from typing import Final

from policies.checks import runners
from policies.helpers.pods import POD_READS
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
)
