"""The contract cases of certificates."""

from typing import Any

from localcloud_door import Made
from localcloud_world import Aws, Case, World


def certificate_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("acm").describe_certificate(CertificateArn=made.id)["Certificate"]
    assert found["Status"] == "ISSUED"
    (own, other) = found["DomainValidationOptions"]
    assert own["ResourceRecord"]["Name"].endswith(".links.example.com.")
    assert own["ResourceRecord"] != other["ResourceRecord"]
    return {
        "domainName": found["DomainName"],
        "subjectAlternativeNames": [name for name in found["SubjectAlternativeNames"] if name != found["DomainName"]],
        "validationMethod": own["ValidationMethod"],
    }


def certificate(world: World, name: str) -> str:
    inputs = {"domainName": f"{name}.example.com", "validationMethod": "DNS"}
    return world.one("aws:acm/certificate:Certificate", f"world-{name}", **inputs).id


CASES = (
    Case(
        type="aws:acm/certificate:Certificate",
        declare=lambda _: {
            "domainName": "links.example.com",
            "validationMethod": "DNS",
            "subjectAlternativeNames": ["www.example.com"],
        },
        told=certificate_told,
        change=lambda _: {"tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("acm").add_tags_to_certificate(
            CertificateArn=made.id, Tags=[{"Key": "by", "Value": "hand"}]
        ),
        drifts="tags",
    ),
    Case(
        type="aws:acm/certificateValidation:CertificateValidation",
        declare=lambda w: {"certificateArn": certificate(w, "one")},
        told=lambda aws, made: {
            "certificateArn": aws("acm").describe_certificate(CertificateArn=made.id)["Certificate"]["CertificateArn"]
        },
        change=lambda w: {"certificateArn": certificate(w, "two")},
        replaces=True,
        outlives_deletion=True,
    ),
)
