"""Roles of tasks, declared by boto3."""

import json
from dataclasses import dataclass
from typing import Any

from localcloud_runtime import Declared

TASKS = "ecs-tasks.amazonaws.com"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources), **more}


@dataclass
class TaskRole:
    """A role; `may` replaces what it may do."""

    cloud: Declared
    name: str
    trusted: str = TASKS

    def __post_init__(self) -> None:
        made = self.cloud.aws("iam").create_role(RoleName=self.name, AssumeRolePolicyDocument=self._trust(self.trusted))
        self.arn = str(made["Role"]["Arn"])

    def _trust(self, service: str) -> str:
        return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})

    def trust(self, service: str) -> None:
        self.cloud.aws("iam").update_assume_role_policy(RoleName=self.name, PolicyDocument=self._trust(service))

    def may(self, *statements: dict[str, Any]) -> None:
        self.cloud.aws("iam").put_role_policy(
            RoleName=self.name, PolicyName="work", PolicyDocument=document(*statements)
        )
