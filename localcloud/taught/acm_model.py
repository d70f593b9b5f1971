"""A certificate that is asked for is issued at once and has no text: the ingress's own authority makes what is served.

moto would make a key and sign with it itself, fill in the same validation record for every name, and wait a minute.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from moto.acm.exceptions import CertificateNotFound
from moto.acm.models import AWSCertificateManagerBackend, TagHolder
from moto.acm.utils import make_arn_for_certificate
from moto.core.exceptions import AWSError
from moto.core.utils import utcnow

Json = Any
# https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
LIFETIME: Final = timedelta(days=198)


def teach() -> None:
    """Make moto's ACM in this process issue certificates so. Calling it again changes nothing."""
    backend: Any = AWSCertificateManagerBackend
    backend.request_certificate = _request
    backend.delete_certificate = _delete


class RequestedCertificate:
    """What ACM knows of a certificate that it was asked for. The attributes have moto's names."""

    def __init__(self, account: str, region: str, domain: str, names: Iterable[str], options: Json) -> None:
        self.arn = make_arn_for_certificate(account, region)
        self.account, self.region = account, region
        self.common_name = domain
        self.sans = list(dict.fromkeys([domain, *names]))
        self.tags = TagHolder()
        self.type, self.status = "AMAZON_ISSUED", "ISSUED"
        self.cert_options = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"} | options
        self.created_at: datetime = utcnow()

    def check(self) -> None:
        """Nothing: it is renewed by who serves it."""

    @property
    def cert(self) -> bytes:
        """Its text, which is nowhere."""
        raise NotImplementedError("a certificate has no text here: ask the ingress for the one it serves")

    @property
    def in_use_by(self) -> list[str]:
        """The balancers whose listeners name it."""
        from moto.elbv2.models import elbv2_backends

        balancers = elbv2_backends[self.account][self.region].load_balancers.values()
        return [each.arn for each in balancers if any(self.arn in o.certificates for o in each.listeners.values())]

    def describe(self) -> dict[str, Json]:
        """DescribeCertificate's answer."""
        told = {
            "CertificateArn": self.arn,
            "DomainName": self.common_name,
            "SubjectAlternativeNames": self.sans,
            "Subject": f"CN={self.common_name}",
            "Issuer": "the factory's own authority",
            "InUseBy": self.in_use_by,
            "Type": self.type,
            "Status": self.status,
            "CreatedAt": self.created_at,
            "IssuedAt": self.created_at,
            "NotBefore": self.created_at,
            "NotAfter": self.created_at + LIFETIME,
            "RenewalEligibility": "ELIGIBLE",
            "Options": self.cert_options,
            "DomainValidationOptions": [self._validation(name) for name in self.sans],
        }
        return {"Certificate": told}

    def _validation(self, name: str) -> dict[str, Json]:
        """As on AWS the record is the account's and the name's: one serves all certificates for a name."""
        proof = hashlib.sha256(f"{self.account}/{name}".encode()).hexdigest()
        record = f"_{proof[:32]}.{name.removeprefix('*.')}."
        return {
            "DomainName": name,
            "ValidationDomain": name,
            "ValidationStatus": "SUCCESS",
            "ValidationMethod": "DNS",
            "ResourceRecord": {"Name": record, "Type": "CNAME", "Value": f"_{proof[32:]}.acm-validations.aws."},
        }


def _request(
    self: Json,
    domain_name: str,
    idempotency_token: str | None,
    subject_alt_names: list[str] | None,
    tags: Json,
    cert_authority_arn: str | None = None,
    cert_options: Json = None,
) -> str:
    if cert_authority_arn:
        raise NotImplementedError("the local cloud has no private certificate authorities")
    if idempotency_token:
        known = self._get_arn_from_idempotency_token(idempotency_token)
        if known in self._certificates:
            return str(known)
    made = RequestedCertificate(
        self.account_id, self.region_name, domain_name, subject_alt_names or (), cert_options or {}
    )
    if idempotency_token:
        self._set_idempotency_token_arn(idempotency_token, made.arn)
    if tags:
        made.tags.add(tags)
    self._certificates[made.arn] = made
    return made.arn


def _delete(self: Json, arn: str) -> None:
    """As on AWS: not while a listener serves it."""
    found = self._certificates.get(arn)
    if found is None:
        raise CertificateNotFound(arn=arn, account_id=self.account_id)
    if found.in_use_by:
        raise AWSError(f"Certificate {arn} in account {self.account_id} is in use.", "ResourceInUseException")
    del self._certificates[arn]
