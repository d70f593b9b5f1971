"""By when everything was logged last, told by whoever logs it to whoever gives access, in any process of the machine.

Events tell their own time by the wall clock: after that is set back, one that waits seems to be of the future.
"""

import math
from typing import Final

from access.clock import Moment, elapsed
from factory import own_file
from factory.paths import FactoryRoot

FILE: Final = "logged.json"


def all_logged(root: FactoryRoot, began: Moment) -> None:
    """Tell that whatever had happened when this look at the outbox began is logged. Raises OSError."""
    own_file.replace(root.access / FILE, began.model_dump_json().encode())


def seconds_since_logged(root: FactoryRoot, now: Moment) -> float | None:
    """For how long at most an event waits that is not logged; infinite where that cannot be known.

    None where nobody has ever told.
    """
    try:
        told = Moment.model_validate_json((root.access / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return math.inf
    # Before the machine was started anew: whatever waits has waited since then.
    seconds = elapsed(told, now) if told.boot == now.boot else math.inf
    return seconds if seconds >= 0 else math.inf
