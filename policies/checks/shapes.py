"""What a credential looks like: known shapes, and random values under names that promise a credential.

Sources: the prefixes are documented by their issuers (AWS, GitHub, GitLab, Slack, Stripe, Google, Anthropic, npm,
PyPI); RFC 7468 for PEM, RFC 7519 for JWT. The entropy limit is detect-secrets' default for hexadecimal strings.
"""

import math
import re
from collections import Counter
from typing import Final

ENTROPY_BITS: Final = 3.0
RANDOM_LENGTH: Final = 16
FILLER_BITS: Final = 1.5

SHAPES: Final = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("an AWS access key id", re.compile(r"(?<![A-Z0-9])A(?:KIA|SIA)([A-Z0-9]{16})(?![A-Z0-9])")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_([A-Za-z0-9]{36,})")),
    ("a GitHub token", re.compile(r"\bgithub_pat_([A-Za-z0-9_]{22,})")),
    ("a GitLab token", re.compile(r"\bglpat-([A-Za-z0-9_-]{20,})")),
    ("a Slack token", re.compile(r"\bxox[abeprs]-([A-Za-z0-9-]{10,})")),
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/services/(T\w{6,}/B\w{6,}/\w{16,})")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_([A-Za-z0-9]{16,})")),
    ("a Google API key", re.compile(r"\bAIza([A-Za-z0-9_-]{35})")),
    ("an Anthropic key", re.compile(r"\bsk-ant-([A-Za-z0-9_-]{20,})")),
    ("an npm token", re.compile(r"\bnpm_([A-Za-z0-9]{36})")),
    ("a PyPI token", re.compile(r"\bpypi-AgEIcHlwaS5vcmc([A-Za-z0-9_-]{20,})")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.([A-Za-z0-9_-]{10,})")),
)

URL_PASSWORD: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,200}:([^\s/@]{1,200})@", re.IGNORECASE)
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,100})[\"']?[ \t]*[=:][ \t]*[\"']?([^\s\"';,]+)")

WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PASSWORDS: Final = frozenset({"password", "passwd", "passphrase", "pwd"})
KEYS: Final = frozenset(
    {
        "accesskey",
        "apikey",
        "auth",
        "authkey",
        "credential",
        "credentials",
        "encryptionkey",
        "masterkey",
        "privatekey",
        "secret",
        "secretkey",
        "sharedkey",
        "signingkey",
        "token",
    }
)

PLACEHOLDER: Final = re.compile(
    r"|change[-_ ]?me|replace[-_ ]?me|example|placeholder|dummy|redacted|todo|none|null|true|false|yes|no|on|off"
    r"|your[-_ ].*|<.*>|\[.*\]|(.)\1*",
    re.IGNORECASE,
)
REFERENCE: Final = re.compile(
    r"arn:.*|.*\$\{.*\}.*|.*\{\{.*\}\}.*|\$\(.*|\$\w+|%\w+%|(?:ssm|vault|op|keyring|file):.*"
    r"|/(?:run|etc|var|opt|mnt|secrets)/.*|~?(?:/[a-z0-9_.-]+)+/?"
)
IDENTIFIER: Final = re.compile(r"[A-Za-z]+(?:[-_/.:][A-Za-z]+)*(?:[-_/.:]?\d{1,3})?")


def credential_in_text(text: str) -> str | None:
    """What kind of credential `text` (a script, a command word) spells out, or None."""
    if kind := _shaped(text):
        return kind
    for assignment in ASSIGNMENT.finditer(text):
        if kind := _named(assignment[1], assignment[2]):
            return kind
    return None


def credential_in_variable(name: str, value: str) -> str | None:
    """What kind of credential the variable `name` spells out in `value`, or None."""
    return credential_in_text(value) or _named(name, value.strip())


def _shaped(text: str) -> str | None:
    for kind, shape in SHAPES:
        for match in shape.finditer(text):
            # `ghp_xxxxxxxx...` in a template has the shape, but nobody's token is one letter over and over.
            if not match.groups() or _entropy(match[1]) >= FILLER_BITS:
                return kind
    for match in URL_PASSWORD.finditer(text):
        if not _harmless(match[1]):
            return "a password in a URL"
    return None


def _named(name: str, value: str) -> str | None:
    if _harmless(value):
        return None
    words = [word.lower() for word in WORD.findall(name)]
    if words and words[-1] in PASSWORDS:
        return None if "://" in value else "a literal password"
    if KEYS.intersection((words[-1], "".join(words[-2:])) if words else ()) and _random(value):
        return "a literal secret"
    return None


def _harmless(value: str) -> bool:
    return bool(PLACEHOLDER.fullmatch(value) or REFERENCE.fullmatch(value))


def _random(value: str) -> bool:
    return (
        len(value) >= RANDOM_LENGTH
        and "://" not in value
        and bool(re.search(r"\d", value))
        and bool(re.search(r"[A-Za-z]", value))
        and not re.search(r"\s", value)
        and not IDENTIFIER.fullmatch(value)
        and _entropy(value) >= ENTROPY_BITS
    )


def _entropy(text: str) -> float:
    """Shannon entropy of the characters of `text`, bits per character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
