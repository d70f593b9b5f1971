"""Jobs are not taken: moto would run them in Docker, on this machine and outside every sandbox."""

from typing import Any, NoReturn

from moto.batch.models import BatchBackend


def teach() -> None:
    """Make moto's Batch in this process refuse to run a job, by name. Calling it again changes nothing."""
    backend: Any = BatchBackend
    backend.submit_job = _refuse


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("nothing runs a Batch job here")
