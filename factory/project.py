"""`Pulumi.yaml` of a factory: what of it both doors depend on. All else in it is the engine's affair."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from factory.errors import InputError
from factory.located import load_model
from factory.paths import FactoryRoot

PYTHON = "python"


class Project(BaseModel):
    """The project that a factory's stacks belong to."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    runtime: Any

    @field_validator("runtime")
    @classmethod
    def _is_python(cls, runtime: Any) -> Any:
        name = runtime.get("name") if isinstance(runtime, dict) else runtime
        if name != PYTHON:
            raise ValueError("a factory's program is Python: `runtime: {name: python}`")
        return runtime


def project_name(root: FactoryRoot) -> str:
    """The Pulumi project of this factory, which both doors share.

    Raises InputError when Pulumi.yaml is not there, or says what no factory's can.
    """
    if not root.project_file.is_file():
        raise InputError(f"{root.project_file} does not exist", hint="`millwright init DIR` shows a whole factory")
    return load_model(Project, root.project_file).name
