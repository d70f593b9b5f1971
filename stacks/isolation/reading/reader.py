"""Calls of one region: paginated, and what fails is remembered as unread instead of being left out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from factory.errors import CloudUnavailable
from stacks.isolation.records import Reference, Unread

# A boto3 client by service and region.
Clients = Callable[[str, str], Any]
T = TypeVar("T")


@dataclass
class Reader:
    """One account in one region. `unread` collects what could not be read."""

    clients: Clients
    region: str
    account: str
    unread: list[Unread] = field(default_factory=list)

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """Every item of a list, over all pages; none, and an entry in `unread`, when the cloud refuses."""
        client = self.clients(service, self.region)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        # Some services leave an empty list out: the key must be one that the answer can have.
        if key not in model.output_shape.members:
            raise KeyError(f"{service} {operation} answers with no {key}")
        if not client.can_paginate(operation):
            return list((self.call(service, operation, **arguments) or {}).get(key, ()))
        return self._tried(
            service,
            operation,
            lambda: [
                item for page in client.get_paginator(operation).paginate(**arguments) for item in page.get(key, ())
            ],
            [],
            (),
        )

    def call(self, service: str, operation: str, absent: Sequence[str] = (), **arguments: Any) -> dict[str, Any] | None:
        """One answer; None when it is an error of `absent`, or one that is remembered in `unread`."""
        client = self.clients(service, self.region)

        def answer() -> dict[str, Any] | None:
            return dict(getattr(client, operation)(**arguments))

        return self._tried(service, operation, answer, None, absent, arguments)

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def key(self, how: str, key: str | None) -> Iterable[Reference]:
        """The use of a customer's key, whatever form names it; none for a key of AWS's own or no key."""
        if not key or "alias/aws/" in key:
            return ()
        if key.startswith("arn:"):
            return (Reference(how, key),)
        return (Reference(how, self.arn("kms", key if key.startswith("alias/") else f"key/{key}")),)

    def _tried(
        self,
        service: str,
        operation: str,
        work: Callable[[], T],
        otherwise: T,
        absent: Sequence[str],
        arguments: Mapping[str, Any] | None = None,
    ) -> T:
        # Imported late, as boto3 is.
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return work()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in absent:
                return otherwise
            of = f" of {next(iter(arguments.values()))}" if arguments else ""
            self.unread.append(Unread(what=f"{service} {operation}{of} in {self.region}", why=str(error)))
            return otherwise
        except BotoCoreError as error:
            raise CloudUnavailable(f"the cloud cannot be read: {service} {operation}: {error}") from None


def tags_of(pairs: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as a mapping, from the pairs that most services answer with."""
    return {pair[key]: pair[value] for pair in pairs or ()}


def references(how: str, targets: Iterable[str | None]) -> tuple[Reference, ...]:
    """The same use of each of these; what is empty is left out."""
    return tuple(Reference(how, target) for target in targets if target)
