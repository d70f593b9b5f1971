"""Decides calls of copies by the policies that the cloud's records hold, as IAM would, with `factory.iam`.

Whoever calls this holds the backends' lock. Importing it imports moto's IAM, KMS, SQS and Secrets Manager.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends

from factory.errors import InputError
from factory.iam import Policies, Policy, Principal, Request, ResourceTrust, evaluate, parse
from localcloud.runtime.asked import Asked, Refused
from localcloud.runtime.caller import Caller
from localcloud.runtime.declared import ServiceId

Json = Any
QUEUE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}(?:\.fifo)?")
# Keys of AWS itself: everybody of the account may use them through their service.
OWN_KEYS: Final = "alias/aws/"
# What encrypted data asks of the key, of whoever calls.
KEY_ACTIONS: Final = {
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "secretsmanager:PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
}


@dataclass(frozen=True)
class _Need:
    action: str
    resource: str
    policy: str | None = None
    trust: ResourceTrust = ResourceTrust.ACCOUNT
    through: str = ""


def decide(caller: Caller, asked: Asked) -> None:
    """Return when the caller's role may make this call. Raises Refused."""
    role = _role(caller)
    asking = Principal.of(_session(caller, role), issuer=role.arn)
    for need in _needs(caller.service, asked):
        context = {"aws:RequestedRegion": caller.service.region, "aws:SecureTransport": "true"}
        if need.through:
            context["kms:ViaService"] = need.through
        request = Request(principal=asking, action=need.action, resource=need.resource, context=context)
        try:
            decision = evaluate(request, _policies(caller, role, need))
        except InputError as error:
            raise Refused(f"{need.action} on {need.resource} cannot be decided here: {error}") from None
        if not decision.allowed:
            raise Refused(f"{asking.name} is not authorized to perform {need.action} on {need.resource}: {decision}")


def _role(caller: Caller) -> Role:
    """The task's role. Raises Refused where there is none, or where it does not let ECS take it."""
    if not caller.role:
        raise Refused("the task definition names no task role, so the task has no credentials")
    account, region = caller.service.account, caller.service.region
    backend = iam_backends[account]["aws"]
    role = next((each for each in backend.get_roles() if each.arn == caller.role), None)
    if role is None:
        raise Refused(f"the task's role is not there: {caller.role}")
    source = {"aws:SourceAccount": account, "aws:SourceArn": f"arn:aws:ecs:{region}:{account}:task/{caller.task}"}
    taking = Request(
        principal=Principal.service("ecs-tasks.amazonaws.com"),
        action="sts:AssumeRole",
        resource=role.arn,
        context=source,
    )
    try:
        trust = _parsed(role.assume_role_policy_document, "trust policy")
        taken = evaluate(taking, Policies(resource=trust, resource_trust=ResourceTrust.EXPLICIT))
    except InputError as error:
        raise Refused(f"whether ECS may take {role.arn} cannot be decided here: {error}") from None
    if not taken.allowed:
        raise Refused(f"ECS is unable to assume the role {role.arn}: {taken}")
    return role


def _session(caller: Caller, role: Role) -> str:
    return f"arn:aws:sts::{caller.service.account}:assumed-role/{role.name}/{caller.task}"


def _policies(caller: Caller, role: Role, need: _Need) -> Policies:
    inline = [_parsed(text, name) for name, text in role.policies.items()]
    attached = [_managed(each) for each in role.managed_policies.values()]
    return Policies(
        identity=[*inline, *attached],
        resource=_parsed(need.policy, f"policy of {need.resource}") if need.policy else None,
        resource_trust=need.trust,
        boundary=_boundary(caller, role),
    )


def _boundary(caller: Caller, role: Role) -> Policy | None:
    arn = role.permissions_boundary_arn
    if not arn:
        return None
    found = iam_backends[caller.service.account]["aws"].managed_policies.get(arn)
    if found is None:
        raise Refused(f"the permissions boundary of {role.arn} is not there: {arn}")
    return _managed(found)


def _managed(policy: ManagedPolicy) -> Policy:
    """The version of it that counts."""
    text = next(each.document for each in policy.versions if each.version_id == policy.default_version_id)
    return _parsed(text, policy.name)


# By text: the same documents are asked for at every call.
@lru_cache(maxsize=1024)
def _parsed(text: str, name: str) -> Policy:
    return parse(text, name=name)


def _needs(service: ServiceId, asked: Asked) -> Iterator[_Need]:
    """What the call needs, in the order in which it is looked at."""
    if not asked.subject:
        yield _Need(asked.action, "*")
        return
    resource, policy, key = (_queue if asked.service == "sqs" else _secret)(service, asked.subject)
    yield _Need(asked.action, resource, policy)
    if key and not key.startswith(OWN_KEYS):
        for action in KEY_ACTIONS.get(asked.action, ()):
            yield _with_key(service, action, key, asked.service)


def _queue(service: ServiceId, named: str) -> tuple[str, str | None, str]:
    """ARN, policy and key of a queue, by its URL or its name."""
    address, slash, name = named.rpartition("/")
    if not QUEUE.fullmatch(name) or (slash and not re.fullmatch(rf"https?://[^/?#\s]+/{service.account}", address)):
        raise Refused(f"no URL of a queue of account {service.account}: {named}")
    arn = f"arn:aws:sqs:{service.region}:{service.account}:{name}"
    queue: Json = sqs_backends[service.account][service.region].queues.get(name)
    if queue is None:
        return arn, None, ""
    return arn, queue.policy or None, str(getattr(queue, "kms_master_key_id", None) or "")


def _secret(service: ServiceId, named: str) -> tuple[str, str | None, str]:
    """ARN, policy and key of a secret, by its name or ARN."""
    own = f"arn:aws:secretsmanager:{service.region}:{service.account}:secret:"
    if named.startswith("arn:") and not named.startswith(own):
        raise Refused(f"no secret of account {service.account} in {service.region}: {named}")
    secret: Json = secretsmanager_backends[service.account][service.region].secrets.get(named)
    if secret is None:
        return (named if named.startswith(own) else own + named), None, ""
    return secret.arn, secret.policy or None, str(secret.kms_key_id or "")


def _with_key(service: ServiceId, action: str, key_id: str, through: str) -> _Need:
    backend = kms_backends[service.account][service.region]
    key = backend.keys.get(backend.any_id_to_key_id(key_id))
    if key is None:
        raise Refused(f"the key is not there: {key_id}")
    return _Need(action, key.arn, key.policy, ResourceTrust.EXPLICIT, f"{through}.{service.region}.amazonaws.com")
