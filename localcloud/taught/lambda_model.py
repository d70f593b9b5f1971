"""Functions are kept with their code and not run: moto would run them in Docker, of which there is none here."""

from typing import Any, NoReturn

from moto.awslambda.models import LambdaBackend


def teach() -> None:
    """Make moto's Lambda in this process refuse to run a function, by name. Calling it again changes nothing."""
    backend: Any = LambdaBackend
    for name in (
        "invoke",
        "send_sqs_batch",
        "send_sns_message",
        "send_log_event",
        "send_dynamodb_items",
        "send_kinesis_message",
    ):
        if hasattr(backend, name):
            setattr(backend, name, _refuse)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("a Lambda function is kept with its code, and nothing runs it here")
