"""The checks of a change: the test stage and the security stage, both in sandboxes that no agent has a part in.

`run_tests` and `run_security` judge a tree and change nothing. A check that cannot be run is an error, never a pass.
Imported by the stages of the pipeline; imports `pipeline.changefiles`, `sandbox`, `policies` and `factory`.
"""

from pipeline.checks.policy import violations_to_findings
from pipeline.checks.reports import Failure, SuiteName, SuiteReport, TestReport
from pipeline.checks.security import ScannerFailed, SecurityReport, run_security, scan
from pipeline.checks.testing import run_tests

__all__ = [
    "Failure",
    "ScannerFailed",
    "SecurityReport",
    "SuiteName",
    "SuiteReport",
    "TestReport",
    "run_security",
    "run_tests",
    "scan",
    "violations_to_findings",
]
