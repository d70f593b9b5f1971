"""The scanners themselves, each in a sandbox: what it answers as findings, or ScannerFailed. Never nothing instead."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from factory.findings import Finding
from pipeline.checks import scanners, severities
from pipeline.checks.scanned import Scanned, ScannerFailed
from sandbox import Bind, Confined, Limits, Ran, python_binds, run

TREE: Final = "/tree"
LISTS: Final = "/lists"
SCANNERS: Final = "/scanners"
SECONDS: Final = 120.0
OUTPUT_BYTES: Final = 32_000_000
RUFF: Final = "ruff"
SECRETS: Final = "detect-secrets"


class _Place(BaseModel):
    row: int


class _Diagnostic(BaseModel):
    code: str | None
    filename: str
    location: _Place
    message: str


class _Secret(BaseModel):
    path: str
    line: int
    type: str
    hash: str


class _Scanned(BaseModel):
    scanned: int


_DIAGNOSTICS: Final = TypeAdapter(list[_Diagnostic])


def static_analysis(scanned: Scanned, work: Path) -> list[Finding]:
    """Ruff's security rules over every Python file, whatever the tree's own configuration and comments say.

    Raises ScannerFailed.
    """
    if not scanned.python:
        return []
    lists = work / "lists"
    lists.mkdir(mode=0o700)
    # A list in a file: names that begin with a hyphen are no options there, and there is no limit to their number.
    (lists / "python").write_text("".join(f"./{path}\n" for path in scanned.python))
    arguments = (
        "python", "-I", "-m", "ruff", "check", "--isolated", "--ignore-noqa", "--no-cache", "--no-respect-gitignore",
        "--no-force-exclude", "--select", "S", "--target-version", "py311", "--output-format", "json", "--exit-zero",
        f"@{LISTS}/python",
    )  # fmt: skip
    ran = _run(RUFF, arguments, scanned, Bind(lists, LISTS))
    try:
        diagnostics = _DIAGNOSTICS.validate_json(ran.out)
    except ValidationError:
        raise _failed(RUFF, ran, "its answer cannot be read") from None
    return [_of_ruff(diagnostic) for diagnostic in diagnostics]


def secrets_search(scanned: Scanned) -> list[Finding]:
    """Secrets in every file, whatever the comments beside them say; their values never leave the sandbox.

    Raises ScannerFailed.
    """
    arguments = ("python", "-I", f"{SCANNERS}/secrets_scan.py")
    ran = _run(SECRETS, arguments, scanned, Bind(Path(scanners.__file__).parent, SCANNERS))
    *found, last = ran.out.splitlines() or [""]
    try:
        ended = _Scanned.model_validate_json(last)
        secrets = [_Secret.model_validate_json(line) for line in found]
    except ValidationError:
        raise _failed(SECRETS, ran, "its answer cannot be read") from None
    files = sum(path.is_file() for path in scanned.folder.rglob("*"))
    if ended.scanned != files:
        raise _failed(SECRETS, ran, f"it read {ended.scanned} of {files} files")
    return [_of_secrets(secret) for secret in secrets]


def _run(tool: str, arguments: tuple[str, ...], scanned: Scanned, *binds: Bind) -> Ran:
    ran = run(
        Confined(
            argv=arguments,
            binds=(*python_binds(), Bind(scanned.folder, TREE), *binds),
            cwd=TREE,
            limits=Limits(seconds=SECONDS, output_bytes=OUTPUT_BYTES),
        )
    )
    if ran.code != 0 or ran.timed_out or ran.truncated:
        raise _failed(tool, ran, "it did not run to its end")
    return ran


def _failed(tool: str, ran: Ran, why: str) -> ScannerFailed:
    how = f"timed out after {ran.seconds:.0f} s" if ran.timed_out else f"exit code {ran.code}"
    return ScannerFailed(
        f"{tool}: {why} ({how}), so nothing is known to be clean\n{ran.err[-1000:]}".rstrip(),
        hint="try again; if it stays so: millwright doctor",
    )


def _of_ruff(diagnostic: _Diagnostic) -> Finding:
    path = diagnostic.filename.removeprefix(f"{TREE}/")
    rule = diagnostic.code or "invalid-syntax"
    return Finding(
        tool=RUFF,
        rule=rule,
        severity=severities.of_ruff(rule, path).severity,
        path=path,
        line=diagnostic.location.row,
        message=diagnostic.message,
    )


def _of_secrets(secret: _Secret) -> Finding:
    return Finding(
        tool=SECRETS,
        rule=secret.type.lower().replace(" ", "-"),
        severity=severities.SECRET.severity,
        path=secret.path,
        line=secret.line,
        message=f"{secret.type}; its value is not shown, its SHA-256 begins with {secret.hash}",
    )
