"""Why a connection goes no further, in words that both the record and the agent are given."""


class Refused(Exception):
    """The connection ends here. `status` is what an HTTP client is told, while it can be told anything."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
