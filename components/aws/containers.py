"""One hardened container definition, used by agents and services alike."""

import json
from typing import Any

# What a container did must be readable for a year.
LOG_DAYS = 365


def container(
    name: str,
    *,
    image: str,
    log_group: str,
    region: str,
    port: int | None = None,
    secrets: dict[str, str] | None = None,
) -> str:
    """ECS container definitions (JSON) of one container: not root, read-only root, no privilege, no capabilities.

    `secrets` maps an environment variable to the ARN its value is injected from when the container starts.
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
            "options": {"awslogs-group": log_group, "awslogs-region": region, "awslogs-stream-prefix": name},
        },
    }
    if port is not None:
        definition["portMappings"] = [{"containerPort": port, "hostPort": port, "protocol": "tcp"}]
    if secrets:
        definition["secrets"] = [{"name": key, "valueFrom": arn} for key, arn in sorted(secrets.items())]
    return json.dumps([definition])


def variable_name(secret: str) -> str:
    """The environment variable that carries a secret: `signing-key` becomes `SIGNING_KEY`."""
    return secret.replace("-", "_").upper()
