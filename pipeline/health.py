"""Watches a release through the cloud's own API: does the wanted artefact run, and does the load balancer trust it?"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from factory.cloud_clients import client
from factory.outputs import AppFactoryOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings

# A release that never settles is bad; so is one that does not stay healthy for a while.
SETTLE_SECONDS = 90.0
STEADY_SECONDS = 2.0
POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Health:
    """What the cloud says about a service. `settled`: all wanted copies of the artefact run and are healthy."""

    settled: bool
    bad: bool
    detail: str


def watch(
    look: Callable[[], Health],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Health:
    """Look until the service has been settled for STEADY_SECONDS, is bad, or SETTLE_SECONDS have passed (bad)."""
    deadline = clock() + SETTLE_SECONDS
    steady_since: float | None = None
    while True:
        health = look()
        now = clock()
        if health.bad:
            return health
        if not health.settled:
            steady_since = None
        elif steady_since is None:
            steady_since = now
        elif now - steady_since >= STEADY_SECONDS:
            return health
        if now >= deadline:
            return Health(settled=False, bad=True, detail=f"not healthy after {SETTLE_SECONDS:.0f} s: {health.detail}")
        sleep(POLL_SECONDS)


def look(ecs: Any, elb: Any, service_arn: str, digest: str) -> Health:
    """One look: the service's deployments, its task definition's image, and the health of its targets."""
    cluster = service_arn.split("/")[-2]
    found = ecs.describe_services(cluster=cluster, services=[service_arn])["services"]
    if not found:
        return Health(settled=False, bad=True, detail="the service is not there")
    (service,) = found
    primary: dict[str, str] = next((each for each in service["deployments"] if each["status"] == "PRIMARY"), {})
    rollout, reason = primary.get("rolloutState", ""), primary.get("rolloutStateReason", "")
    if rollout == "FAILED":
        return Health(settled=False, bad=True, detail=reason or "the deployment failed")
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    image = definition["containerDefinitions"][0]["image"]
    if not image.endswith("@" + digest):
        return Health(settled=False, bad=True, detail=f"the service names {image}, not the release's {digest}")
    running, wanted = service["runningCount"], service["desiredCount"]
    healthy = sum(_healthy(elb, balancer["targetGroupArn"]) for balancer in service["loadBalancers"])
    settled = rollout == "COMPLETED" and running == wanted and healthy >= wanted > 0
    detail = f"{running} of {wanted} run, {healthy} healthy, deployment {rollout.lower() or 'unknown'}"
    return Health(settled=settled, bad=False, detail=detail)


def of_environment(root: FactoryRoot, settings: Settings, outputs: AppFactoryOutputs) -> Callable[[], Health]:
    """How to look at one environment's service. Raises LookupError when it has none."""
    service = outputs.service
    if service is None:
        raise LookupError(f"{outputs.app}-{outputs.environment} has no service")
    ecs, elb = (client(root, settings, name, outputs.region) for name in ("ecs", "elbv2"))
    return lambda: look(ecs, elb, service.service, service.artefact)


def _healthy(elb: Any, target_group: str) -> int:
    targets = elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)
