"""A client of the provider door that speaks as the engine does, for tests without the engine."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import boto3
import grpc
import pytest
from botocore.config import Config
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from factory.daemons import RunFile
from localcloud.provider.values import UNKNOWN, Secret, decode, encode

__all__ = ["ACCOUNT", "REGION", "UNKNOWN", "Door", "Made", "Secret", "boto", "urn"]
ACCOUNT = "123456789012"
REGION = "eu-central-1"


@dataclass
class Made:
    """A resource as the engine's state would hold it."""

    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Checked:
    inputs: dict[str, Any]
    failures: dict[str, str] = field(default_factory=dict)


class Door:
    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(
            # The engine opens a connection per provider instance; channels of one process would share one.
            address,
            options=[("grpc.use_local_subchannel_pool", 1)],
        )
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def configure(self, **arguments: Any) -> None:
        """Configure the connection; everything but strings goes as JSON text, as the engine sends it."""
        sent = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        self.stub.Configure(provider_pb2.ConfigureRequest(args=encode(sent)))

    def check(
        self, type: str, name: str, news: dict[str, Any], olds: dict[str, Any] | None = None, seed: bytes = b"seed"
    ) -> Checked:
        request = provider_pb2.CheckRequest(
            urn=urn(type, name), type=type, name=name, news=encode(news), olds=encode(olds or {}), randomSeed=seed
        )
        answer = self.stub.Check(request)
        return Checked(decode(answer.inputs), {failure.property: failure.reason for failure in answer.failures})

    def preview(self, type: str, name: str, news: dict[str, Any]) -> dict[str, Any]:
        inputs = self.check(type, name, news)
        assert not inputs.failures, inputs.failures
        request = provider_pb2.CreateRequest(
            urn=urn(type, name), type=type, name=name, properties=encode(inputs.inputs), preview=True
        )
        return decode(self.stub.Create(request).properties)

    def create(
        self, type: str, name: str, news: dict[str, Any], stack: str = "test", project: str = "localcloud"
    ) -> Made:
        inputs = self.check(type, name, news, seed=name.encode())
        assert not inputs.failures, inputs.failures
        request = provider_pb2.CreateRequest(
            urn=urn(type, name, stack, project), type=type, name=name, properties=encode(inputs.inputs)
        )
        answer = self.stub.Create(request)
        return Made(type, name, answer.id, inputs.inputs, decode(answer.properties))

    def diff(self, made: Made, news: dict[str, Any], ignore: tuple[str, ...] = ()) -> Any:
        inputs = self.check(made.type, made.name, news, olds=made.inputs)
        assert not inputs.failures, inputs.failures
        request = provider_pb2.DiffRequest(
            id=made.id,
            urn=urn(made.type, made.name),
            type=made.type,
            name=made.name,
            olds=encode(made.outputs),
            old_inputs=encode(made.inputs),
            news=encode(inputs.inputs),
            ignoreChanges=list(ignore),
        )
        return self.stub.Diff(request)

    def update(self, made: Made, news: dict[str, Any], preview: bool = False) -> Made:
        inputs = self.check(made.type, made.name, news, olds=made.inputs)
        assert not inputs.failures, inputs.failures
        request = provider_pb2.UpdateRequest(
            id=made.id,
            urn=urn(made.type, made.name),
            type=made.type,
            name=made.name,
            olds=encode(made.outputs),
            old_inputs=encode(made.inputs),
            news=encode(inputs.inputs),
            preview=preview,
        )
        return Made(made.type, made.name, made.id, inputs.inputs, decode(self.stub.Update(request).properties))

    def read(self, made: Made) -> Made | None:
        request = provider_pb2.ReadRequest(
            id=made.id,
            urn=urn(made.type, made.name),
            type=made.type,
            name=made.name,
            properties=encode(made.outputs),
            inputs=encode(made.inputs),
        )
        answer = self.stub.Read(request)
        if not answer.id:
            return None
        return Made(made.type, made.name, answer.id, decode(answer.inputs), decode(answer.properties))

    def bring_in(self, type: str, id: str) -> Made | None:
        """Import what exists under `id`."""
        return self.read(Made(type, "imported", id, {}, {}))

    def delete(self, made: Made) -> None:
        request = provider_pb2.DeleteRequest(
            id=made.id,
            urn=urn(made.type, made.name),
            type=made.type,
            name=made.name,
            properties=encode(made.outputs),
            old_inputs=encode(made.inputs),
        )
        self.stub.Delete(request)

    def invoke(self, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        return decode(getattr(answer, "return"))


def urn(type: str, name: str, stack: str = "test", project: str = "localcloud") -> str:
    return f"urn:pulumi:{stack}::{project}::{type}::{name}"


def boto(run_file: RunFile, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
    return boto3.client(
        service,
        endpoint_url=run_file.addresses["http"],
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
    )


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return str(refused.value.details())
