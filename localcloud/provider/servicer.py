"""Pulumi's resource provider protocol, as the engine speaks it, for the published AWS SDK (pulumi_aws 7)."""

import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from factory.errors import MillwrightError
from localcloud.clients import Clients
from localcloud.invokes import INVOKES, InvokeCall
from localcloud.provider import config, outcomes
from localcloud.provider.checks import DEFAULTS, Failure, check, nearest
from localcloud.provider.compare import Difference, differences, same
from localcloud.provider.lifecycle import HalfMade, Resource
from localcloud.provider.made import Keeper, Kept, Made, Thing, identity
from localcloud.provider.values import Secret, decode, encode, has_unknown, plain
from localcloud.records import RECORDS
from localcloud.records.record import Record

Json = Any
T = TypeVar("T")
Context = grpc.ServicerContext
# Engines come and go; the oldest connections' scopes are forgotten first.
MOST_PEERS: Final = 4096
KINDS = provider_pb2.PropertyDiff
CHANGES = provider_pb2.DiffResponse


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers every engine; which provider instance asks is told by the connection (one per instance)."""

    def __init__(self, clients: Clients, keeper: Keeper, records: Mapping[str, Record] = RECORDS) -> None:
        self._clients = clients
        self._keeper = keeper
        self._made = Made(keeper)
        self._records = records
        self._lock = threading.Lock()
        self._scopes: OrderedDict[str, config.Scope] = OrderedDict()

    def Handshake(self, request: Any, context: Context) -> Any:
        """A new engine connection: secrets are understood, resource references and outputs are not."""
        self._forget(context)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Context) -> Any:
        """An engine attaches to the running provider."""
        self._forget(context)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Context) -> Any:
        """The version of the SDK that this provider serves."""
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def GetSchema(self, request: Any, context: Context) -> NoReturn:
        """Refused: programs use the published SDK, which carries the schema."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the local cloud has no schema of its own; see the AWS package's")

    def Cancel(self, request: Any, context: Context) -> Any:
        """Nothing to cancel: every call is short, and the provider serves other engines as well."""
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Context) -> Any:
        """Validate the provider's arguments."""
        arguments = decode(request.news)
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(config.problems(arguments)))

    def DiffConfig(self, request: Any, context: Context) -> Any:
        """Another region or account is another cloud: everything in it must be made anew."""
        old, new = decode(request.old_inputs), decode(request.news)
        changed = sorted(name for name in {*old, *new} if plain(old.get(name)) != plain(new.get(name)))
        moved = [name for name in changed if name in {"region", "accessKey"} and _moves(old, new)]
        kind = CHANGES.DIFF_SOME if changed else CHANGES.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed, replaces=moved)

    def Configure(self, request: Any, context: Context) -> Any:
        """Remember what this connection works on."""
        arguments = decode(request.args)
        if found := config.problems(arguments):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "; ".join(failure.reason for failure in found))
        with self._lock:
            self._scopes[context.peer()] = config.scope(arguments)
            while len(self._scopes) > MOST_PEERS:
                self._scopes.popitem(last=False)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Context) -> Any:
        """Complete and validate a resource's inputs."""
        token = request.type or _type_of(request.urn)
        record = self._records.get(token)
        if record is None:
            return provider_pb2.CheckResponse(inputs=request.news, failures=_failures([self._unsupported(token)]))
        inputs, failures = check(
            record,
            decode(request.news),
            decode(request.olds),
            logical_name=request.name or _name_of(request.urn),
            seed=request.randomSeed,
            default_tags=self._scope(context).default_tags,
        )
        marked = {
            name: Secret(value)
            if (prop := record.properties.get(name)) and prop.secret and not isinstance(value, Secret)
            else value
            for name, value in inputs.items()
        }
        return provider_pb2.CheckResponse(inputs=encode(marked), failures=_failures(failures))

    def Diff(self, request: Any, context: Context) -> Any:
        """Compare the declarations before and now."""
        record = self._record(request, context)
        old, new = decode(request.old_inputs), decode(request.news)
        found = [d for d in differences(record, old, new) if not _ignored(d.path, request.ignoreChanges)]
        response = provider_pb2.DiffResponse(
            changes=CHANGES.DIFF_SOME if found else CHANGES.DIFF_NONE,
            diffs=sorted({difference.prop for difference in found}),
            replaces=sorted({difference.prop for difference in found if difference.replaces}),
            hasDetailedDiff=True,
        )
        for difference in found:
            response.detailedDiff[difference.path].CopyFrom(KINDS(kind=_kind(difference), inputDiff=True))
        response.deleteBeforeReplace = bool(response.replaces) and _collides(record, old, new)
        return response

    def Create(self, request: Any, context: Context) -> Any:
        """Make a resource, or say what is known of it before."""
        record, inputs = self._record(request, context), decode(request.properties)
        resource = self._resource(record, request, context)
        if request.preview:
            known = outcomes.preview_of_create(record, inputs, resource.region(inputs, {}))
            return provider_pb2.CreateResponse(properties=encode(known))
        made: list[tuple[str, dict[str, Json]]] = []

        def make() -> Thing:
            id, properties = resource.create(inputs)
            made.append((id, properties))
            return resource.thing(id, inputs, properties)

        _attempt(context, lambda: self._made.create(request.urn, make))
        id, properties = made[0]
        return provider_pb2.CreateResponse(id=id, properties=encode(properties))

    def Read(self, request: Any, context: Context) -> Any:
        """The resource as the cloud has it; an empty id when it is gone."""
        record = self._record(request, context)
        resource = self._resource(record, request, context)
        inputs, state = decode(request.inputs), decode(request.properties)
        found = _attempt(context, lambda: resource.read(request.id, inputs, state))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, inputs=encode(found.inputs), properties=encode(found.outputs))

    def Update(self, request: Any, context: Context) -> Any:
        """Change a resource in place, or say what is known of it before."""
        record = self._record(request, context)
        resource = self._resource(record, request, context)
        news, olds, old_inputs = decode(request.news), decode(request.olds), decode(request.old_inputs)
        if request.preview:
            known = outcomes.preview_of_update(record, olds, old_inputs, news)
            return provider_pb2.UpdateResponse(properties=encode(known))
        with self._keeper.operation():
            properties = _attempt(context, lambda: resource.update(request.id, news, old_inputs, olds))
        return provider_pb2.UpdateResponse(properties=encode(properties))

    def Delete(self, request: Any, context: Context) -> Any:
        """Remove a resource."""
        record = self._record(request, context)
        resource = self._resource(record, request, context)
        state = decode(request.properties)
        inputs = decode(request.old_inputs) or state
        with self._keeper.operation():
            _attempt(context, lambda: resource.delete(request.id, inputs, state))
            self._made.forget(request.urn, identity(request.id, plain(state)))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Context) -> Any:
        """Answer a function (`aws.get_...`)."""
        answer = INVOKES.get(request.tok)
        if answer is None:
            close = nearest(request.tok, INVOKES)
            hint = f"; the nearest supported one is {close}" if close else ""
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the local cloud does not support {request.tok}{hint}")
        arguments = decode(request.args)
        if has_unknown(arguments):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{request.tok} needs arguments that are known")
        call = InvokeCall(clients=self._clients, scope=self._scope(context), arguments=plain(arguments))
        result = _attempt(context, lambda: answer(call))
        response = provider_pb2.InvokeResponse()
        # The field is a Python keyword.
        getattr(response, "return").CopyFrom(encode(result))
        return response

    def discard(self, prefix: str, kept: Collection[Kept]) -> list[str]:
        """Delete what was made for URNs that start with `prefix` and is not `kept`; see `Made.discard`."""
        return self._made.discard(prefix, kept, self._undo)

    def settled(self, prefix: str) -> None:
        """What was made for URNs that start with `prefix` was seen; see `Made.settled`."""
        self._made.settled(prefix)

    def clear(self) -> None:
        """The cloud was emptied."""
        self._made.clear()

    def _undo(self, thing: Thing) -> None:
        record = self._records[thing.type]
        resource = Resource(record=record, scope=thing.scope, clients=self._clients, name=thing.name)
        resource.undo(thing.id, thing.inputs, thing.outputs)

    def _forget(self, context: Context) -> None:
        # A port may be used again: what an earlier connection configured must not count for this one.
        with self._lock:
            self._scopes.pop(context.peer(), None)

    def _scope(self, context: Context) -> config.Scope:
        with self._lock:
            scope = self._scopes.get(context.peer())
        if scope is None:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                "this connection to the local cloud was never configured: the engine must call Configure first",
            )
        return scope

    def _record(self, request: Any, context: Context) -> Record:
        token = request.type or _type_of(request.urn)
        record = self._records.get(token)
        if record is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, self._unsupported(token).reason)
        return record

    def _unsupported(self, token: str) -> Failure:
        close = nearest(token, self._records)
        hint = f"; the nearest supported type is {close}" if close else ""
        return Failure("", f"the local cloud does not support the resource type {token}{hint}")

    def _resource(self, record: Record, request: Any, context: Context) -> Resource:
        name = request.name or _name_of(request.urn)
        return Resource(record=record, scope=self._scope(context), clients=self._clients, name=name)


def _attempt(context: Context, action: Callable[[], T]) -> T:
    """Run `action`; what the cloud refuses becomes the engine's error for the resource."""
    try:
        return action()
    except HalfMade as error:
        details = provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=encode(error.properties), inputs=encode(error.properties), reasons=[str(error)]
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        status.details.add().Pack(details)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except MillwrightError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        # A record met an answer it does not know: a bug, but the user must see where.
        traceback.print_exc(file=sys.stderr)
        context.abort(grpc.StatusCode.INTERNAL, f"the local cloud failed: {type(error).__name__}: {error}")


def _failures(found: list[Failure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=failure.prop, reason=failure.reason) for failure in found]


def _moves(old: Mapping[str, Json], new: Mapping[str, Json]) -> bool:
    here, there = plain(dict(old)), plain(dict(new))
    if has_unknown([there.get("region"), there.get("accessKey")]):
        return False
    accounts = config.account_of(here.get("accessKey")), config.account_of(there.get("accessKey"))
    return here.get("region") != there.get("region") or accounts[0] != accounts[1]


def _collides(record: Record, old: Mapping[str, Json], new: Mapping[str, Json]) -> bool:
    """Whether old and new thing could not exist side by side."""
    unique = record.unique
    if record.name is not None:
        unique = unique or (record.name.prop,)
        if record.name.prop in unique and record.name.prop in (plain(new.get(DEFAULTS)) or []):
            # The name was made here; the replacement gets another one.
            return False
    return bool(unique) and all(same(record.properties[name], new.get(name), old.get(name)) for name in unique)


def _ignored(path: str, ignored: list[str]) -> bool:
    return any(path == item or path.startswith((f"{item}.", f"{item}[")) for item in ignored)


def _kind(difference: Difference) -> Any:
    name = f"{difference.change}_replace" if difference.replaces else difference.change
    return KINDS.Kind.Value(name.upper())


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _name_of(urn: str) -> str:
    return urn.split("::", 3)[3]
