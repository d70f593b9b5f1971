"""Projects keep all they are given and can be changed. Nothing builds here: moto would say that a build succeeded."""

import json
from typing import Any, Final, NoReturn

from moto.codebuild.exceptions import (
    InvalidInputException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from moto.codebuild.models import CodeBuild, CodeBuildBackend
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult
from moto.core.utils import unix_time

Json = Any
# What AWS answers under another name, or in another shape, than it takes.
ANSWERED_OTHERWISE: Final = ("name", "badgeEnabled", "encryptionKey")
# "Take it away again", as the service's API says it.
NONE: Final[Json] = ("", [], {}, -1)


def teach() -> None:
    """Make moto's CodeBuild in this process keep whole projects, change them, and refuse to build, by name."""
    door: Any = CodeBuildResponse
    door.create_project = _create
    door.update_project = _update
    backend: Any = CodeBuildBackend
    backend.start_build = _refuse


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("a project is kept, and nothing builds it here")


def _create(self: Json) -> ActionResult:
    given = json.loads(self.body)
    projects, name = self.codebuild_backend.codebuild_projects, given["name"]
    if name in projects:
        raise ResourceAlreadyExistsException(f"Project already exists: arn: {projects[name].arn}")
    _checked_role(self, given)
    project = CodeBuild(
        self.current_account,
        self.region,
        project_name=name,
        description=None,
        project_source=given["source"],
        artifacts=given["artifacts"],
        environment=given["environment"],
        serviceRole=given["serviceRole"],
        timeout=60,
        queued_timeout=480,
        tags=[],
    )
    _keep(project.project_metadata, given)
    projects[name] = project
    self.codebuild_backend.build_history[name] = []
    return ActionResult({"project": project.project_metadata})


def _update(self: Json) -> ActionResult:
    given = json.loads(self.body)
    project = self.codebuild_backend.codebuild_projects.get(given["name"])
    if project is None:
        raise ResourceNotFoundException(f"Project cannot be found: {given['name']}")
    _checked_role(self, given)
    _keep(project.project_metadata, given)
    project.project_metadata["lastModifiedDate"] = unix_time()
    return ActionResult({"project": project.project_metadata})


def _checked_role(self: Json, given: Json) -> None:
    role = given.get("serviceRole")
    if role and role.startswith("arn:") and role.split(":")[4] != self.current_account:
        raise InvalidInputException("Invalid service role: Service role account ID does not match caller's account")


def _keep(project: Json, given: Json) -> None:
    for name, value in given.items():
        if name in ANSWERED_OTHERWISE:
            continue
        if value in NONE:
            project.pop(name, None)
        else:
            project[name] = value
    if given.get("encryptionKey"):
        project["encryptionKey"] = given["encryptionKey"]
    if "badgeEnabled" in given:
        project["badge"] = {"badgeEnabled": given["badgeEnabled"]}
