"""One contract case per resource type: what is declared, read back by boto3, changed, and edited by an outsider."""

import localcloud_cases_core
from localcloud_world import Case

CASES: tuple[Case, ...] = localcloud_cases_core.CASES
