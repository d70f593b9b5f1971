"""One hardened container definition, used by agents and services alike."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def container(  # noqa: PLR0913 -- keywords only: a container definition has so many parts
    name: str,
    *,
    image: str,
    log_group: str,
    region: str,
    port: int | None = None,
    entry_point: Sequence[str] = (),
    command: Sequence[str] = (),
    log_options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> str:
    """ECS container definitions (JSON) of one container: not root, read-only root, no privilege, no capabilities.

    `environment` holds plain variables; `secrets` maps a variable to the ARN its value is injected from when the
    container starts. Without a `command`, the image's own starts; `entry_point` takes the place of the image's own.
    `log_options` are further ones of the log driver.
    """
    definition: dict[str, Any] = {
        "name": name,
        "image": image,
        "essential": True,
        "user": "65532:65532",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": region,
                "awslogs-stream-prefix": name,
                **(log_options or {}),
            },
        },
    }
    if port is not None:
        definition["portMappings"] = [{"containerPort": port, "hostPort": port, "protocol": "tcp"}]
    if entry_point:
        definition["entryPoint"] = list(entry_point)
    if command:
        definition["command"] = list(command)
    if environment:
        definition["environment"] = [{"name": key, "value": value} for key, value in sorted(environment.items())]
    if secrets:
        definition["secrets"] = [{"name": key, "valueFrom": arn} for key, arn in sorted(secrets.items())]
    return json.dumps([definition])
