"""What the local AWS offers, as plain data for documentation and error messages."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SupportedType:
    """One resource type: properties with their effect, those kept without one (why), those refused (what instead)."""

    type: str
    honoured: tuple[str, ...]
    without_effect: Mapping[str, str]
    refused: Mapping[str, str]
    outputs: tuple[str, ...]


def supported_types() -> tuple[SupportedType, ...]:
    """Every resource type of the local AWS, sorted by token."""
    # Imported late: `import localcloud` must stay light, the plugin executable pays for it on every engine run.
    from localcloud.records import RECORDS

    return tuple(
        SupportedType(
            type=token,
            honoured=tuple(sorted(name for name, prop in record.properties.items() if not prop.no_effect)),
            without_effect={name: prop.no_effect for name, prop in record.properties.items() if prop.no_effect},
            refused=dict(record.refused),
            outputs=record.outputs,
        )
        for token, record in sorted(RECORDS.items())
    )


def supported_invokes() -> tuple[str, ...]:
    """Every function (`aws.get_...`) the local AWS answers, as tokens."""
    from localcloud.invokes import INVOKES

    return tuple(sorted(INVOKES))
