"""ACM: certificate, and its validation. A certificate is issued as soon as it is asked for: nobody asks DNS here."""

from typing import Any, Final

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Record,
    View,
    one,
    refusal,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
ISSUED: Final = "ISSUED"
OPTIONS: Final = {
    "certificateTransparencyLoggingPreference": "CertificateTransparencyLoggingPreference",
    "export": "Export",
}


def _options(call: Call) -> dict[str, Json]:
    declared = call.inputs.get("options") or {}
    return {key: declared[name] for name, key in OPTIONS.items() if declared.get(name)}


def create_certificate(call: Call) -> str:
    """Ask for a certificate; its ARN."""
    made = call.aws("acm").request_certificate(
        DomainName=call.inputs["domainName"],
        ValidationMethod=call.inputs["validationMethod"],
        **call.given(
            SubjectAlternativeNames=call.inputs.get("subjectAlternativeNames") or None,
            Options=_options(call) or None,
            Tags=call.tag_list or None,
        ),
    )
    return str(made["CertificateArn"])


def update_certificate(call: Call) -> None:
    """Change tags; everything else is another certificate."""
    client = call.aws("acm")
    added, removed = call.tag_change()
    if removed:
        client.remove_tags_from_certificate(CertificateArn=call.id, Tags=[{"Key": key} for key in removed])
    if added:
        client.add_tags_to_certificate(CertificateArn=call.id, Tags=tags_to(added))


def read_certificate(call: Call) -> View:
    """A certificate, and the record by which AWS would see whose name it is."""
    client = call.aws("acm")
    found = client.describe_certificate(CertificateArn=call.id)["Certificate"]
    # The name itself is told among the others.
    declared = call.inputs.get("subjectAlternativeNames") or []
    others = [name for name in found["SubjectAlternativeNames"] if name != found["DomainName"] or name in declared]
    records = [(each, each.get("ResourceRecord") or {}) for each in found.get("DomainValidationOptions") or []]
    return {
        "domainName": found["DomainName"],
        "subjectAlternativeNames": others or None,
        "validationMethod": records[0][0].get("ValidationMethod") if records else None,
        "options": {name: (found.get("Options") or {}).get(key) for name, key in OPTIONS.items()},
        "arn": found["CertificateArn"],
        "status": found["Status"],
        "type": found["Type"],
        "domainValidationOptions": [
            {
                "domainName": each["DomainName"],
                "resourceRecordName": record.get("Name"),
                "resourceRecordType": record.get("Type"),
                "resourceRecordValue": record.get("Value"),
            }
            for each, record in records
        ],
        "tagsAll": tags_from(client.list_tags_for_certificate(CertificateArn=call.id).get("Tags")),
    }


def delete_certificate(call: Call) -> None:
    """Remove a certificate that nothing serves."""
    call.aws("acm").delete_certificate(CertificateArn=call.id)


def create_validation(call: Call) -> str:
    """Nothing is made: it stands for the certificate's being issued."""
    arn = str(call.inputs["certificateArn"])
    status = call.aws("acm").describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
    if status != ISSUED:
        raise refusal("RequestInProgressException", f"{arn} is {status}", "DescribeCertificate")
    return arn


def read_validation(call: Call) -> View | None:
    """A validation stands as long as its certificate does."""
    found = call.aws("acm").describe_certificate(CertificateArn=call.id)["Certificate"]
    return {"certificateArn": found["CertificateArn"]} if found["Status"] == ISSUED else None


def delete_validation(call: Call) -> None:
    """There is nothing to remove."""
    del call


NOT_IMPORTED: Final = "ask for a certificate by domainName; the ingress serves no imported ones"
NO_AUTHORITY: Final = "the local cloud has no private certificate authorities"
RECORDS = (
    Record(
        type="aws:acm/certificate:Certificate",
        service="acm",
        properties={
            "domainName": text(required=True, replaces=True),
            "validationMethod": text(required=True, replaces=True, one_of=("DNS",)),
            "subjectAlternativeNames": texts(replaces=True, cloud_decides=True),
            "options": one({name: text() for name in OPTIONS}, cloud_decides=True, replaces=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "domainValidationOptions", "status", "type"),
        create=create_certificate,
        read=read_certificate,
        update=update_certificate,
        delete=delete_certificate,
        gone=("ResourceNotFoundException",),
        refused={
            "certificateAuthorityArn": NO_AUTHORITY,
            "earlyRenewalDuration": NO_AUTHORITY,
            "certificateBody": NOT_IMPORTED,
            "certificateChain": NOT_IMPORTED,
            "privateKey": NOT_IMPORTED,
            "privateKeyWo": NOT_IMPORTED,
            "privateKeyWoVersion": NOT_IMPORTED,
            "keyAlgorithm": "the ingress's authority chooses the key",
            "validationOptions": "nobody reads mail here; give validationMethod DNS",
        },
    ),
    Record(
        type="aws:acm/certificateValidation:CertificateValidation",
        service="acm",
        properties={
            "certificateArn": text(required=True, replaces=True),
            "validationRecordFqdns": texts(replaces=True, no_effect="nobody asks DNS here"),
            **REGION,
        },
        outputs=(),
        create=create_validation,
        read=read_validation,
        delete=delete_validation,
        gone=("ResourceNotFoundException",),
    ),
)
