"""What happens to one resource: create, read, update, delete, each through its record and the cloud's clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from factory.errors import UpdateFailed
from localcloud.clients import Clients
from localcloud.provider import outcomes
from localcloud.provider.config import Scope
from localcloud.provider.made import Thing
from localcloud.provider.values import Secret, plain, secret_texts
from localcloud.records.record import Call, Record

Json = Any


class HalfMade(UpdateFailed):
    """The resource exists but could neither be finished nor removed: the engine must remember it."""

    def __init__(self, message: str, *, id: str, properties: dict[str, Json]) -> None:
        super().__init__(message, hint="repair the cause and run the update again, or destroy the stack")
        self.id = id
        self.properties = properties


@dataclass(frozen=True)
class Found:
    """A resource as it is now."""

    id: str
    inputs: dict[str, Json]
    outputs: dict[str, Json]


@dataclass(frozen=True)
class Resource:
    """One resource in one scope, ready to be acted on."""

    record: Record
    scope: Scope
    clients: Clients
    name: str

    def create(self, inputs: Mapping[str, Json]) -> tuple[str, dict[str, Json]]:
        """Make it. When a later step fails it is removed again, so that the next update starts clean."""
        call = self._call(inputs)
        try:
            answer = self.record.create(call)
            id, once = answer if isinstance(answer, tuple) else (answer, {})
            made = replace(call, id=id)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("create", inputs, error) from error
        try:
            self.record.settle(made)
            return id, self._outputs(made, inputs) | {name: self._guarded(name, once[name]) for name in once}
        except (ClientError, BotoCoreError, UpdateFailed) as error:
            self._undo(made, inputs, error)
            raise self._failed("create", inputs, error, " (it was removed again)") from error

    def _guarded(self, name: str, value: Json) -> Json:
        return Secret(value) if name in self.record.secret_outputs else value

    def _undo(self, made: Call, inputs: Mapping[str, Json], cause: Exception) -> None:
        try:
            self._take_back(made)
        except (ClientError, BotoCoreError) as error:
            message = f"{self._failed('finish', inputs, cause)}; removing it failed as well: {said(error)}"
            raise HalfMade(message, id=made.id, properties=dict(inputs)) from error

    def read(self, id: str, inputs: Mapping[str, Json], state: Mapping[str, Json]) -> Found | None:
        """It as the cloud has it now, or None when it is gone. Without inputs and state it is being imported."""
        call = self._call(inputs, state=state, id=id)
        try:
            view = self.record.read(call)
        except ClientError as error:
            if self.record.is_gone(error):
                return None
            raise self._failed("read", inputs, error) from error
        except BotoCoreError as error:
            # An id that the service would not even look at.
            raise self._failed("read", inputs, error) from error
        if view is None:
            return None
        if inputs:
            now = outcomes.refreshed(self.record, inputs, view)
        else:
            now = outcomes.imported(self.record, view, self.scope.default_tags)
        told = outcomes.outputs(self.record, now, view, call.region) | self._told_once(state)
        return Found(view.get("id", id), now, told)

    def update(
        self, id: str, inputs: Mapping[str, Json], old_inputs: Mapping[str, Json], state: Mapping[str, Json]
    ) -> dict[str, Json]:
        """Bring a changed declaration about. After a failure the old inputs stay recorded, so it is tried again."""
        call = self._call(inputs, old=old_inputs, state=state, id=id)
        try:
            self.record.update(call)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("update", inputs, error) from error
        return self._outputs(call, inputs) | self._told_once(state)

    def _told_once(self, state: Mapping[str, Json]) -> dict[str, Json]:
        return {name: state[name] for name in self.record.told_once if name in state}

    def delete(self, id: str, inputs: Mapping[str, Json], state: Mapping[str, Json]) -> None:
        """Remove it; already gone is success."""
        self._removed(self.record.delete, inputs, self._call(inputs, state=state, id=id))

    def undo(self, id: str, inputs: Mapping[str, Json], state: Mapping[str, Json]) -> None:
        """Remove what was made and no state ever named; already gone is success."""
        self._removed(self._take_back, inputs, self._call(inputs, state=state, id=id))

    def _take_back(self, made: Call) -> None:
        (self.record.undo or self.record.delete)(made)

    def _removed(self, remove: Callable[[Call], None], inputs: Mapping[str, Json], call: Call) -> None:
        try:
            remove(call)
        except ClientError as error:
            if not self.record.is_gone(error):
                raise self._failed("delete", inputs, error) from error

    def thing(self, id: str, inputs: Mapping[str, Json], outputs: Mapping[str, Json]) -> Thing:
        """What was made, as it is remembered."""
        return Thing(
            type=self.record.type,
            name=self.name,
            scope=self.scope,
            id=id,
            inputs=plain(dict(inputs)),
            outputs=plain(dict(outputs)),
        )

    def region(self, inputs: Mapping[str, Json], state: Mapping[str, Json]) -> str:
        """Where it lives: its own region property, else where it was made, else the provider's region."""
        own = plain(inputs.get("region") or state.get("region")) if self.record.regional else None
        return str(own or self.scope.region)

    def _call(
        self,
        inputs: Mapping[str, Json],
        *,
        old: Mapping[str, Json] | None = None,
        state: Mapping[str, Json] | None = None,
        id: str = "",
    ) -> Call:
        region = self.region(inputs, state or {})
        return Call(
            aws=lambda service: self.clients.client(service, self.scope.account, region),
            account=self.scope.account,
            region=region,
            inputs=plain(dict(inputs)),
            old=plain(dict(old or {})),
            state=plain(dict(state or {})),
            id=id,
        )

    def _outputs(self, call: Call, inputs: Mapping[str, Json]) -> dict[str, Json]:
        view = self.record.read(call)
        if view is None:
            raise UpdateFailed(f"{self.record.type} {self.name}: it is gone right after it was made or changed")
        return outcomes.outputs(self.record, inputs, view, call.region)

    def _failed(self, verb: str, inputs: Mapping[str, Json], error: Exception, more: str = "") -> UpdateFailed:
        reason = said(error)
        # boto3 repeats the values it refuses.
        for text in secret_texts(dict(inputs)):
            reason = reason.replace(text, "[secret]")
        named = inputs.get(self.record.name.prop) if self.record.name else None
        # Services often do not say which name is taken.
        called = f" ({named})" if isinstance(named, str) and named not in reason else ""
        return UpdateFailed(f"cannot {verb} {self.record.type} {self.name}{called}: {reason}{more}")


def said(error: Exception) -> str:
    """What the cloud said, readable: its error code and message."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        return f"{detail.get('Code', 'Error')}: {detail.get('Message', '')}"
    return str(error)
