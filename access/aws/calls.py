"""What a request asks a service to do: its operation and parameters, by botocore's model of the service.

Nothing that the model does not have passes, and what is sent on is written again from what was read, so that no second
reader finds another call in it.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from access.aws.asked import Asked
from access.aws.refusals import Reason, Refused
from access.aws.resources import SERVICES, Need, Places

TYPE: Final = "application/x-amz-json-"
SAID_CHARACTERS: Final = 300
# No call of SQS has so many (a full batch has some 500), and looking each over by its model takes time from everybody.
MOST_VALUES: Final = 2_000
MOST_DEPTH: Final = 20


@dataclass(frozen=True)
class Call:
    """One call. `needs`: every permission that it takes."""

    service: str
    operation: str
    parameters: dict[str, Any]
    needs: tuple[Need, ...]


@cache
def model_of(service: str) -> ServiceModel:
    """botocore's model of a service, by the name in signatures. Raises Refused: it is not served here."""
    if service not in SERVICES:
        raise Refused(Reason.OPERATION, 400, "UnknownOperationException", f"{service} is not served here")
    return botocore.session.Session().get_service_model(service)


def read(asked: Asked, body: bytes, places: Places) -> Call:
    """The call in a request whose signature holds. Raises Refused."""
    service = asked.signed.service
    model = model_of(service)
    version = model.metadata.get("jsonVersion")
    if asked.headers.get("content-type") != f"{TYPE}{version}":
        raise _not_so("SerializationException", f"{service} speaks {TYPE}{version} here, and nothing else")
    prefix, _, operation = asked.target.partition(".")
    if prefix != model.metadata.get("targetPrefix") or operation not in model.operation_names:
        raise _not_so("UnknownOperationException", f"{service} has no operation {asked.target[:100]!r}")
    parameters = _parameters(body)
    _check(model, operation, parameters)
    resources = SERVICES[service]
    needs = resources.needs(operation, parameters, places)
    return Call(service, operation, resources.written(operation, parameters, places), tuple(needs))


def _check(model: ServiceModel, operation: str, parameters: dict[str, Any]) -> None:
    shape = model.operation_model(operation).input_shape
    if shape is None:
        if parameters:
            raise _not_so("ValidationException", f"{operation} takes no parameters")
        return
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        # Up to where a value stands: it may be what a message holds, and this is told for ever.
        said = str(report.generate_report()).partition(", value: ")[0]
        raise _not_so("ValidationException", said[:SAID_CHARACTERS])


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}", object_pairs_hook=_once, parse_constant=_no_number)
        # Half a surrogate is no text, and could not be recorded.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _not_so("SerializationException", "the body is not JSON that can be read in one way") from None
    if not isinstance(found, dict):
        raise _not_so("SerializationException", "the body is no JSON object")
    _require_bounded(found)
    return found


def _require_bounded(found: dict[str, Any]) -> None:
    waiting, count = [(0, found)], 0
    while waiting:
        depth, each = waiting.pop()
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        count += len(inner)
        if count > MOST_VALUES or depth > MOST_DEPTH:
            raise _not_so("ValidationException", f"a call has at most {MOST_VALUES} values, {MOST_DEPTH} deep")
        waiting += [(depth + 1, value) for value in inner]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _not_so(code: str, detail: str) -> Refused:
    return Refused(Reason.OPERATION, 400, code, detail)
