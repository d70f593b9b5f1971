"""The provider for parts of an app that are a cloud's own: calls through the signing proxy, under a role's session."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from access.aws.orders import Document, Open, Rights, Upstream
from access.aws.process import AwsProxy
from access.certificates import ADDRESS
from access.grants import Grant, utc_now
from access.grants.model import seconds_until, stamp
from access.providers.aws_keys import client_keys
from access.providers.aws_places import parts_of
from access.providers.aws_roles import RoleDocuments, role_documents
from access.providers.aws_sessions import Credentials, Sessions, Wanted
from access.providers.holding import Holding, seconds_left
from access.providers.provider import Issued, Place
from access.providers.standing import Clients
from factory.cloud_access import CLOUD_KINDS, VERSION, statements
from factory.errors import AccessDenied, CloudUnavailable, InputError
from factory.outputs import AppFactoryOutputs
from factory.paths import FactoryRoot

OutputsOf = Callable[[Place], AppFactoryOutputs]
PREFIX: Final = "mw_"
REF_CHARACTERS: Final = 32
# A session is followed by another one so long before its end: a call under way is not cut by it.
EARLY_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Cloud:
    """The cloud as the provider reaches it. `endpoint`: where it is now, "" where that cannot change."""

    clients: Clients
    outputs: OutputsOf
    sessions: Sessions
    endpoint: Callable[[], str]
    is_local: bool


@dataclass(frozen=True)
class _Opened:
    """What a grant is open by. `until`: seconds of the epoch."""

    endpoint: str
    until: float | None


class Aws:
    """Queues of the factory's environments, and whatever else `factory.cloud_access` has a row for."""

    def __init__(self, root: FactoryRoot, proxy: Callable[[], AwsProxy], cloud: Cloud) -> None:
        self._root, self._proxy, self._cloud = root, Holding(proxy), cloud
        self._opened: dict[str, _Opened] = {}

    def ref(self, grant: Grant) -> str:
        """The name of its session. From the whole id: the beginnings of ids that are made together are alike."""
        return PREFIX + hashlib.sha256(grant.id.encode()).hexdigest()[:REF_CHARACTERS]

    def issue(self, grant: Grant) -> Issued:
        """Take the role for it, and let its holder's calls through the proxy. Raises MillwrightError."""
        # Imported late, as boto3 is.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            order, opened = self._order(grant)
        except (BotoCoreError, ClientError) as error:
            raise CloudUnavailable(f"the cloud gives no access to {grant.resource}: {error}") from None
        issued = self._proxy.issued(lambda proxy: self._issued(grant, order, opened, proxy))
        self._opened[grant.id] = opened
        return issued

    def _issued(self, grant: Grant, order: Open, opened: _Opened, proxy: AwsProxy) -> Issued:
        self._proxy.renew(proxy, grant, order)
        until = str(grant.hard_until)
        ends = until if opened.until is None else min(until, stamp(datetime.fromtimestamp(opened.until, UTC)))
        return Issued(self.ref(grant), f"{ADDRESS}:{proxy.port}/{order.upstream.region}", ends)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder's calls pass; not when its session is about to expire, or the cloud is elsewhere."""
        opened = self._opened.get(grant.id)
        if opened is None or not self._proxy.serves(grant):
            return False
        left = None if opened.until is None else opened.until - utc_now().timestamp()
        elsewhere = self._cloud.endpoint() not in ("", opened.endpoint)
        return not elsewhere and (left is None or left > EARLY_SECONDS)

    def cut(self, grants: Collection[Grant]) -> None:
        """End their calls at the proxy, all at once."""
        for grant in grants:
            self._opened.pop(grant.id, None)
        self._proxy.cut(grants)

    def remove(self, grant: Grant) -> None:
        """Forbid its session everything. Raises MillwrightError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            outputs = self._cloud.outputs(_place(grant))
        except InputError:
            # The environment is gone, and its roles with it.
            return
        agent = outputs.agents.get(grant.function or "")
        if agent is None:
            return
        try:
            self._cloud.sessions.end(_name(agent.role), outputs.region, self.ref(grant))
        except (BotoCoreError, ClientError) as error:
            raise CloudUnavailable(f"the session of {grant.id} is not ended at the cloud: {error}") from None

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Take away what forbids sessions that have expired. Nothing else can stand there for no grant: a session's
        credentials are in the proxy only, and end with it. Raises MillwrightError."""
        from botocore.exceptions import BotoCoreError, ClientError

        del live
        try:
            outputs = self._cloud.outputs(place)
            for agent in outputs.agents.values():
                self._cloud.sessions.sweep(_name(agent.role), outputs.region)
        except InputError:
            return []
        except (BotoCoreError, ClientError) as error:
            raise CloudUnavailable(f"the roles of {place.app} in {place.environment} are not swept: {error}") from None
        return []

    def close(self) -> None:
        """End the proxy, and every call with it."""
        self._proxy.close()

    def _order(self, grant: Grant) -> tuple[Open, _Opened]:
        outputs, kind = self._cloud.outputs(_place(grant)), grant.resource.partition(".")[0]
        service = CLOUD_KINDS[kind].service
        client = self._cloud.clients(service, outputs.region)
        parts = parts_of(client, kind, grant.name, outputs)
        allowed = statements(kind, grant.scope, [each.arn for each in parts], outputs.key, outputs.region)
        policy = {"Version": VERSION, "Statement": allowed}
        rights, credentials = self._session(grant, outputs, policy)
        keys, endpoint = client_keys(self._root, grant), str(client.meta.endpoint_url).rstrip("/")
        order = Open(
            grant=grant.id,
            key_id=keys.key_id,
            secret=keys.secret,
            service=service,
            upstream=Upstream(
                endpoint=endpoint,
                account=outputs.account,
                region=outputs.region,
                key_id=credentials.key_id,
                secret=credentials.secret,
                token=credentials.token,
            ),
            rights=rights,
            resources=parts,
            app=grant.app,
            principal=grant.principal,
            seconds=seconds_left(grant),
        )
        return order, _Opened(endpoint, credentials.expires)

    def _session(self, grant: Grant, outputs: AppFactoryOutputs, policy: dict[str, Any]) -> tuple[Rights, Credentials]:
        """The documents that count, and credentials under them."""
        granted = Document(name=f"{grant.resource} for {grant.scope}", document=policy)
        name, ref = _role_name(grant, outputs), self.ref(grant)
        if name is None:
            role = self._for_people(grant, outputs, granted)
            name = _name(role.arn)
        else:
            role = role_documents(self._cloud.clients("iam", outputs.region), name)
        tags = _tags(grant)
        wanted = Wanted(
            role=name,
            arn=role.arn,
            ref=ref,
            policy=policy,
            region=outputs.region,
            account=outputs.account,
            seconds=seconds_until(str(grant.hard_until), utc_now()),
            tags=tags,
            source=grant.on_behalf_of or grant.task or "",
        )
        rights = Rights(
            session=f"arn:aws:sts::{outputs.account}:assumed-role/{name}/{ref}",
            issuer=role.arn,
            tags=tags,
            identity=role.identity,
            boundary=role.boundary,
            granted=granted,
        )
        return rights, self._cloud.sessions.begin(wanted)

    def _for_people(self, grant: Grant, outputs: AppFactoryOutputs, granted: Document) -> RoleDocuments:
        """No role is declared for people: on the local cloud what they were granted is all that they may."""
        if not self._cloud.is_local:
            raise AccessDenied(
                f"{grant.app} declares no role for people in {grant.environment}, so on an account only agents' tasks"
                f" are let into {grant.resource}"
            )
        arn = f"arn:aws:iam::{outputs.account}:role/{outputs.app}-{outputs.environment}-people"
        return RoleDocuments(arn, [granted], None)


def _place(grant: Grant) -> Place:
    return Place(grant.app, grant.environment.value, grant.resource)


def _role_name(grant: Grant, outputs: AppFactoryOutputs) -> str | None:
    """The name of the role of the agent's function; None for a person. Raises AccessDenied: it has none there."""
    if grant.function is None:
        return None
    agent = outputs.agents.get(grant.function)
    if agent is None:
        raise AccessDenied(f"the {grant.function} has no role in {grant.environment}: nobody signs its calls there")
    return _name(agent.role)


def _name(role: str) -> str:
    """Of a role, by its ARN."""
    return role.rpartition("/")[2]


def _tags(grant: Grant) -> dict[str, str]:
    """What the session says of itself; the role's trust policy wants these, and takes no others."""
    if grant.function is None:
        return {}
    told = {"app": grant.app, "environment": grant.environment.value, "function": grant.function.value}
    return {**told, "task": grant.task or grant.id, **({"change": grant.change} if grant.change else {})}
