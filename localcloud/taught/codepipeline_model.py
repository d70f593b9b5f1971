"""Pipelines are kept, and nothing runs them here: moto would say at once that an execution has succeeded."""

from typing import Any, NoReturn

from moto.codepipeline.models import CodePipeline, CodePipelineBackend
from moto.core.utils import unix_time


def teach() -> None:
    """Make moto's CodePipeline in this process refuse to run a pipeline, by name. Calling it again changes nothing."""
    backend: Any = CodePipelineBackend
    backend.start_pipeline_execution = _refuse
    pipeline: Any = CodePipeline
    pipeline.metadata = property(_metadata)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("a pipeline is kept, and nothing runs it here")


def _metadata(pipeline: Any) -> dict[str, Any]:
    """Times as numbers: moto writes text, which boto3 reads as well, and the SDK of other tools refuses."""
    known = vars(pipeline)
    return {
        "pipelineArn": known["_arn"],
        "created": unix_time(known["_created"]),
        "updated": unix_time(known["_updated"]),
    }
