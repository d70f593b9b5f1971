"""Keys of a stack's configuration, shared by the program that reads them and the driver that writes them."""

from factory.spec import AppSpec
from stacks.shared_platform import Spec


def secret_key(secret: str) -> str:
    """The configuration key that holds the value of one of the app's secrets."""
    return f"secret.{secret}"


def password_key(database: str) -> str:
    """The configuration key that holds the password of one of the app's databases."""
    return f"password.{database}"


def secret_keys(spec: Spec) -> list[str]:
    """Every key that a stack of the app holds a random secret value under, until somebody gives it another."""
    if not isinstance(spec, AppSpec):
        return []
    return [secret_key(name) for name in spec.secrets] + [password_key(name) for name in spec.databases]
