"""An environment that stands in a real local cloud: its record, and secrets with values in Secrets Manager."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grant_place import GrantPlace

from access.providers.app_secrets import Secrets
from access.providers.provider import Place
from access.providers.standing import SecretValue, app_secret
from factory import daemons, db, environments
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.outputs import AppFactoryOutputs, NetworkOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings

REGION = "eu-central-1"


@dataclass
class Vault:
    """The Secrets Manager of a local cloud that runs."""

    root: FactoryRoot

    def clients(self, service: str, region: str) -> Any:
        return client(self.root, Settings(), service, region)

    def put(self, name: str, value: str | bytes) -> str:
        """A secret with this value, or a new value of it; its ARN."""
        manager = self.clients("secretsmanager", REGION)
        content = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
        try:
            return str(manager.create_secret(Name=name, **content)["ARN"])
        except manager.exceptions.ResourceExistsException:
            return str(manager.put_secret_value(SecretId=name, **content)["ARN"])

    def stands(self, place: GrantPlace, app: str = "tally", environment: str = "build", **values: str | bytes) -> None:
        """The environment stands, with these secrets (`signing_key` is `signing-key`)."""
        named = {name.replace("_", "-"): value for name, value in values.items()}
        arns = {name: self.put(f"{app}/{environment}/{name}", value) for name, value in named.items()}
        outputs = AppFactoryOutputs(
            app=app,
            environment=environment,
            region=REGION,
            account="1",
            spec="sha256:1",
            network=NetworkOutputs(id="vpc", cidr="10.0.0.0/16", subnets=[]),
            key="key",
            secrets=arns,
            agents={},
        )
        row = EnvironmentRecord(
            stack=f"{app}-{environment}",
            app=app,
            environment=environment,
            updated="2026-03-01T12:00:00.000+00:00",
            actor="test",
            version=1,
            cloud_generation="1",
            outputs=outputs,
        )
        with db.transaction(place.database) as connection:
            environments.record(connection, row)

    def secrets(self, place: GrantPlace) -> Secrets:
        """The real provider."""

        def value_of(at: Place) -> SecretValue:
            return app_secret(place.database, self.clients, at, at.resource.partition(".")[2])

        return Secrets(value_of)


@contextlib.contextmanager
def vault(folder: Path) -> Iterator[Vault]:
    (folder / "millwright.yaml").write_text("aws: local\n")
    made = Vault(FactoryRoot(folder))
    try:
        daemons.ensure(made.root, daemons.LOCAL_CLOUD)
        yield made
    finally:
        daemons.stop(made.root, daemons.LOCAL_CLOUD)
