"""How old the values of an app's secrets are, told by the cloud that holds them; no value is read."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine

from factory import db, environments
from factory.cloud_clients import client
from factory.errors import CloudUnavailable
from factory.outputs import AppFactoryOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import AppSpec, Environment

CURRENT = "AWSCURRENT"


class Age(StrEnum):
    """What a value's age means."""

    OVERDUE = "overdue"
    """It is older than app.yaml says it may grow."""
    IN_TIME = "in time"
    """It is not."""
    ANY = "no limit"
    """app.yaml says nothing."""
    ABSENT = "not there"
    """The environment does not stand, or the secret was not made in it yet."""


@dataclass(frozen=True)
class SecretAge:
    """One secret in one environment. `since`: when the cloud was given the present value; `rotation` in days."""

    app: str
    environment: Environment
    secret: str
    rotation: int | None
    since: datetime | None
    now: datetime

    @property
    def due(self) -> datetime | None:
        """When there is to be another value; None where nothing says so, or there is no value."""
        return None if self.since is None or self.rotation is None else self.since + timedelta(days=self.rotation)

    @property
    def age(self) -> Age:
        """What its age means now."""
        if self.since is None:
            return Age.ABSENT
        if self.due is None:
            return Age.ANY
        return Age.OVERDUE if self.now >= self.due else Age.IN_TIME

    def as_json(self) -> dict[str, Any]:
        """As JSON; times in UTC."""
        return {
            "app": self.app,
            "environment": self.environment,
            "secret": self.secret,
            "rotation": self.rotation,
            "since": self.since.isoformat() if self.since else None,
            "due": self.due.isoformat() if self.due else None,
            "age": self.age,
        }


def secret_ages(
    root: FactoryRoot, settings: Settings, database: Engine, spec: AppSpec, environment: Environment, now: datetime
) -> list[SecretAge]:
    """Each secret that the app declares, in one environment, in the order of the file.

    Raises CloudUnavailable when the cloud does not tell.
    """
    with db.transaction(database) as connection:
        row = environments.read(connection, spec.stack(environment))
    outputs = row.outputs if row and isinstance(row.outputs, AppFactoryOutputs) else None
    cloud = client(root, settings, "secretsmanager", outputs.region) if outputs and spec.secrets else None
    made = outputs.secrets if outputs else {}
    return [
        SecretAge(
            app=spec.name,
            environment=environment,
            secret=name,
            rotation=declared.rotation,
            since=_since(cloud, made[name]) if name in made else None,
            now=now,
        )
        for name, declared in spec.secrets.items()
    ]


def _since(cloud: Any, arn: str) -> datetime | None:
    """When the secret was given its present value; None where it has none.

    Not `LastChangedDate`: that is also the time of a new tag or description.
    """
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # Versions with a label only; a secret has few, and one answer holds a hundred.
        versions = cloud.list_secret_version_ids(SecretId=arn)["Versions"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            return None
        raise CloudUnavailable(f"the age of {arn} cannot be read: {error}") from None
    except BotoCoreError as error:
        raise CloudUnavailable(f"the age of {arn} cannot be read: {error}") from None
    since = [version["CreatedDate"] for version in versions if CURRENT in version.get("VersionStages", [])]
    return since[0].astimezone(UTC) if since else None
