"""Keys of a stack's configuration, shared by the program that reads them and the driver that writes them."""


def secret_key(secret: str) -> str:
    """The configuration key that holds the value of one of the app's secrets."""
    return f"secret.{secret}"
