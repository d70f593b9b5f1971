"""What can be wrong with the state on disk."""

from factory.errors import CloudUnavailable

HINT_RESET = (
    "put the file back from a copy, or give the state up: millwright cloud reset (each stack's next update "
    "builds again)"
)


class StateBroken(CloudUnavailable):
    """The state on disk cannot be read as it was written. Nothing in it was changed."""

    def __init__(self, message: str, hint: str = HINT_RESET) -> None:
        super().__init__(f"the local cloud's state cannot be read: {message}", hint=hint)


class StateFull(CloudUnavailable):
    """A change cannot be kept, so it must not be answered."""

    def __init__(self, message: str) -> None:
        super().__init__(
            f"the local cloud cannot keep its state: {message}",
            hint="make room on the disk and run the command again; everything that was answered is kept",
        )
