"""What to do about one service: declared deployments and tasks in, actions out. No clock, no process, no cloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from localcloud.runtime.declared import Deployment, Rollout, Service

# How long a new copy may take until its health check passes, and how long one may answer it with a wrong status:
# that one listens already, so it is not slow to start.
START_SECONDS: Final = 15.0
REFUSING_SECONDS: Final = 6.0
# The circuit breaker opens after as many failures in a row (ECS's own smallest threshold), or when copies fail and
# the rollout has taken as long as one copy may, or when a copy failed that had all its time.
FAILED_STARTS: Final = 3
# A failure this old no longer counts: what failed since then fails for the first time.
FORGET_SECONDS: Final = 60.0
# A copy that stays unhealthy is replaced even if nothing better runs.
UNHEALTHY_SECONDS: Final = 3.0
BACK_OFF_SECONDS: Final = 0.25
LONGEST_BACK_OFF_SECONDS: Final = 30.0

SCALING = "ServiceSchedulerInitiated"
UNHEALTHY = "Task failed ELB health checks"


@dataclass(frozen=True)
class Task:
    """One started copy. `ready`: it passed its health check at least once; `sick_since`: it fails it since then.

    `refusing_since`: not ready yet, and answers its health check with a status that says no since then.
    """

    id: str
    deployment: str
    started: float
    ready: bool = False
    sick_since: float | None = None
    refusing_since: float | None = None
    leaving: bool = False

    @property
    def healthy(self) -> bool:
        """Whether it may serve."""
        return self.ready and self.sick_since is None and not self.leaving

    def late(self, now: float) -> bool:
        """Whether it had all the time that a copy gets to become healthy."""
        refusing = self.refusing_since is not None and now - self.refusing_since > REFUSING_SECONDS
        return not self.ready and (refusing or now - self.started > START_SECONDS)


@dataclass(frozen=True)
class Failures:
    """Copies of one deployment that failed in a row. `reason`: why the last one did.

    `lasting`: another attempt cannot help; `late`: one had all the time that a copy gets, and did not become healthy.
    """

    count: int = 0
    last: float = 0.0
    lasting: bool = False
    late: bool = False
    reason: str = ""

    @property
    def retry_at(self) -> float:
        """When the next copy may be started: each failure doubles the pause."""
        if not self.count:
            return 0.0
        if self.lasting:
            return self.last + LONGEST_BACK_OFF_SECONDS
        return self.last + min(BACK_OFF_SECONDS * 2.0 ** min(self.count - 1, 10), LONGEST_BACK_OFF_SECONDS)

    def and_now(self, now: float, reason: str, *, lasting: bool = False, late: bool = False) -> "Failures":
        """These failures and one more."""
        before = self if now - self.last < FORGET_SECONDS else Failures()
        return Failures(before.count + 1, now, lasting, before.late or late, reason)


@dataclass(frozen=True)
class Start:
    """Start one copy."""

    deployment: str


@dataclass(frozen=True)
class Stop:
    """End a copy. `failed`: it counts against its deployment; `late`: it never became healthy in all its time."""

    task: str
    reason: str
    code: str = SCALING
    failed: bool = False
    late: bool = False


@dataclass(frozen=True)
class Turn:
    """A deployment reached an end of its rollout."""

    deployment: str
    rollout: Rollout
    reason: str


@dataclass(frozen=True)
class Retire:
    """A replaced deployment has no copy left: it is forgotten."""

    deployment: str


Action = Start | Stop | Turn | Retire


def plan(service: Service, tasks: Sequence[Task], failures: Mapping[str, Failures], now: float) -> tuple[Action, ...]:
    """The actions that bring `tasks` towards what `service` declares.

    One step at a time: what depends on an action is decided when its outcome is seen.
    """
    live = [task for task in tasks if not task.leaving and task.id not in service.stop_asked]
    actions: list[Action] = [
        Stop(task.id, service.stop_asked[task.id] or "Task stopped by user", "UserInitiated")
        for task in tasks
        if task.id in service.stop_asked and not task.leaving
    ]
    kept = _kept(service)
    for deployment in kept:
        mine = [task for task in live if task.deployment == deployment.id]
        actions += _keep(service, deployment, mine, failures.get(deployment.id, Failures()), now)
    ids = {deployment.id for deployment in kept}
    actions += [
        Stop(task.id, f"Scaling activity initiated by (deployment {_primary_id(service)})")
        for task in live
        if task.deployment not in ids
    ]
    left = {task.deployment for task in tasks}
    actions += [Retire(each.id) for each in service.deployments[1:] if each.id not in ids and each.id not in left]
    return (*actions, *_turn(service, live, failures, now))


def _kept(service: Service) -> list[Deployment]:
    """The deployments that must have copies: the primary, and what it replaces until it can serve."""
    primary, fallback = service.primary, service.fallback
    if primary is None:
        return []
    match primary.rollout:
        case Rollout.COMPLETED:
            return [primary]
        case Rollout.IN_PROGRESS:
            return [primary, fallback] if fallback else [primary]
        case Rollout.FAILED:
            return [fallback] if fallback else []


def _primary_id(service: Service) -> str:
    return service.primary.id if service.primary else "none"


def _keep(
    service: Service, deployment: Deployment, mine: Sequence[Task], failures: Failures, now: float
) -> list[Action]:
    """Bring one deployment to the desired number of copies."""
    late = [task for task in mine if task.late(now)]
    sick = [task for task in mine if task.ready and not task.healthy]
    good = [task for task in mine if task not in late and task not in sick]
    actions: list[Action] = [
        Stop(task.id, f"{UNHEALTHY}: not healthy {now - task.started:.0f} s after its start", failed=True, late=True)
        for task in late
    ]
    healthy = sum(task.healthy for task in good)
    # A sick copy stays, seen as unhealthy, until its replacement serves; but not for ever.
    given_up = [task for task in sick if now - (task.sick_since or now) > UNHEALTHY_SECONDS]
    actions += [Stop(task.id, UNHEALTHY, failed=True) for task in (sick if healthy >= service.desired else given_up)]
    if (missing := service.desired - len(good)) > 0 and now >= failures.retry_at:
        actions += [Start(deployment.id)] * missing
    surplus = sorted(good, key=lambda task: (task.healthy, -task.started))[: max(len(good) - service.desired, 0)]
    return actions + [Stop(task.id, f"Scaling activity initiated by (deployment {deployment.id})") for task in surplus]


def _turn(service: Service, live: Sequence[Task], failures: Mapping[str, Failures], now: float) -> list[Action]:
    """Whether the primary's rollout has come to an end."""
    primary = service.primary
    if primary is None or primary.rollout is not Rollout.IN_PROGRESS:
        return []
    if sum(task.healthy for task in live if task.deployment == primary.id) >= service.desired:
        return [Turn(primary.id, Rollout.COMPLETED, f"ECS deployment {primary.id} completed.")]
    seen = failures.get(primary.id, Failures())
    slow = seen.late or (seen.count > 0 and now - primary.since > START_SECONDS)
    if service.breaker and (seen.lasting or slow or seen.count >= FAILED_STARTS):
        kept = f"deployment {service.fallback.id} keeps serving" if service.fallback else "nothing served before it"
        reason = f"ECS deployment circuit breaker: tasks failed to start ({seen.reason}); {kept}."
        return [Turn(primary.id, Rollout.FAILED, reason)]
    return []
