"""The security stage: what the scanners and the policy pack find in a tree, and what of it the change has brought."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from factory.findings import Finding, Severity
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from factory.spec import AppSpec
from pipeline.checks import policy
from pipeline.checks.scanned import Scanned, ScannerFailed, readable_copy
from pipeline.checks.scanning import secrets_search, static_analysis
from policies import load_policies
from policies.own import controls_of
from policies.settings import settings_file
from stacks.driver.model import Violation

__all__ = ["Preview", "ScannerFailed", "SecurityReport", "run_security", "scan"]

Preview = Callable[[], Iterable[Violation]]


@dataclass(frozen=True, kw_only=True)
class SecurityReport:
    """What was found: `new` is what the change has brought, `known` what stood there before it."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]

    @property
    def criticals(self) -> tuple[Finding, ...]:
        """What a person must decide on before the change goes on."""
        return tuple(finding for finding in self.new if finding.severity is Severity.CRITICAL)


def run_security(
    root: FactoryRoot, settings: Settings, spec: AppSpec, tree: Path, base: Path | None, preview: Preview | None
) -> list[Finding]:
    """What the change has brought: the new findings of `scan`, worst first."""
    del settings, spec  # nothing of them changes what these scanners look for
    return list(scan(root, tree, base, preview).new)


def scan(root: FactoryRoot, tree: Path, base: Path | None, preview: Preview | None) -> SecurityReport:
    """Scan `tree`, and compare with `base`, the tree before the change (None: everything is new).

    `preview` gives the violations of the policy pack on the app's preview; None says that nobody looked, and that is
    a finding. Raises ScannerFailed when a scanner did not run to its end, InputError for a mistake in policies.yaml or
    in a rule of the factory's own; what `preview` raises goes through.
    """
    private_folder(root.work)
    work = Path(tempfile.mkdtemp(prefix="scan-", dir=root.work))
    try:
        found = _scanned(tree, private_folder(work / "tree"))
        before = Counter(key for key, _ in _scanned(base, private_folder(work / "base"))) if base else Counter[str]()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    new, known = _compared(found, before)
    # A violation is of the whole stack: there is no tree before the change in which it could stand already.
    new.extend(_policy(root, preview))
    return SecurityReport(new=_worst_first(new), known=_worst_first(known))


def _scanned(tree: Path, work: Path) -> list[tuple[str, Finding]]:
    """Everything in one tree, each with what makes it the same one in another tree."""
    scanned = readable_copy(tree, work / "copy")
    found = [*scanned.findings, *static_analysis(scanned, work), *secrets_search(scanned)]
    return [(_key(scanned, finding), finding) for finding in found]


def _key(scanned: Scanned, finding: Finding) -> str:
    # The line's text and not its number: what is above it may have moved it.
    return f"{finding.fingerprint()} {scanned.line(finding.path, finding.line)}"


def _compared(found: list[tuple[str, Finding]], before: Counter[str]) -> tuple[list[Finding], list[Finding]]:
    # Counted, not looked up: the same mistake made a second time is new.
    left = Counter(before)
    new: list[Finding] = []
    known: list[Finding] = []
    for key, finding in found:
        (known if left[key] > 0 else new).append(finding)
        left[key] -= 1
    return new, known


def _policy(root: FactoryRoot, preview: Preview | None) -> list[Finding]:
    if preview is None:
        message = "the policy pack was not asked: nothing is known about the app's factory"
        return [Finding(tool=policy.TOOL, rule="not-assessed", severity=Severity.INFO, message=message)]
    violations = list(preview())
    if not violations:
        return []
    return policy.violations_to_findings(violations, controls_of(settings_file(root), load_policies(root)))


def _worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    order = list(Severity)
    return tuple(sorted(findings, key=lambda f: (order.index(f.severity), f.tool, f.path, f.line, f.rule)))
