"""A stack's configuration file, as far as it says what encrypts the stack's secrets."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from engine.environment import PASSPHRASE
from factory.paths import FactoryRoot


def config_file(root: FactoryRoot, stack: str) -> Path:
    """Where the stack's configuration is, or will be."""
    return root.stack_config / f"Pulumi.{stack}.yaml"


def read_config(path: Path) -> dict[str, Any]:
    """The configuration as it stands; empty where there is none."""
    return (YAML(typ="safe").load(path.read_text()) or {}) if path.is_file() else {}


def provider_of(config: dict[str, Any]) -> str | None:
    """What encrypts the secrets: `passphrase`, or the URL of a key; None where nothing was ever encrypted."""
    if url := config.get("secretsprovider"):
        return str(url)
    return PASSPHRASE if "encryptionsalt" in config else None


def key_of(config: dict[str, Any]) -> str | None:
    """What tells one key from another: the passphrase's salt, or the data key as KMS encrypted it."""
    return config.get("encryptedkey") or config.get("encryptionsalt")
