"""Elastic Load Balancing v2: listener (the SDK files it under lb)."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.elb_shared import retag, tags_of
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Prop,
    Record,
    View,
    integer,
    list_of,
    one,
    text,
)

Json = Any


# Actions: SDK property, API argument.
FIXED_RESPONSE = {"contentType": "ContentType", "messageBody": "MessageBody", "statusCode": "StatusCode"}


REDIRECT = {
    "host": "Host",
    "path": "Path",
    "port": "Port",
    "protocol": "Protocol",
    "query": "Query",
    "statusCode": "StatusCode",
}


def _renamed(source: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    return {new: source[old] for old, new in names.items() if source.get(old) is not None}


def _action(action: Mapping[str, Json], order: int) -> dict[str, Json]:
    result: dict[str, Json] = {"Type": action["type"], "Order": action.get("order") or order}
    if action.get("targetGroupArn"):
        result["TargetGroupArn"] = action["targetGroupArn"]
    if forward := action.get("forward"):
        groups = [
            {"TargetGroupArn": item["arn"], "Weight": item.get("weight") or 1} for item in forward["targetGroups"]
        ]
        result["ForwardConfig"] = {"TargetGroups": groups}
    if fixed := action.get("fixedResponse"):
        result["FixedResponseConfig"] = _renamed(fixed, FIXED_RESPONSE)
    if redirect := action.get("redirect"):
        result["RedirectConfig"] = _renamed(redirect, REDIRECT)
    return result


def _action_there(action: Mapping[str, Json]) -> dict[str, Json]:
    back = {value: key for key, value in FIXED_RESPONSE.items()}, {value: key for key, value in REDIRECT.items()}
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    forward = {"targetGroups": [{"arn": item["TargetGroupArn"], "weight": item.get("Weight")} for item in groups]}
    result = {
        "type": action["Type"],
        "order": action.get("Order"),
        "targetGroupArn": action.get("TargetGroupArn"),
        "forward": forward if groups else None,
        "fixedResponse": _renamed(action.get("FixedResponseConfig") or {}, back[0]) or None,
        "redirect": _renamed(action.get("RedirectConfig") or {}, back[1]) or None,
    }
    return {key: value for key, value in result.items() if value is not None}


def actions_form(actions: Json) -> Json:
    """Actions in one form: a forward to one group is the same said either way, redirects keep unsaid parts."""
    result = []
    for position, action in enumerate(actions or [], start=1):
        groups = [
            (item["arn"], item.get("weight") or 1) for item in (action.get("forward") or {}).get("targetGroups") or []
        ]
        if action.get("targetGroupArn") and not groups:
            groups = [(action["targetGroupArn"], 1)]
        if len(groups) == 1:
            groups = [(groups[0][0], 1)]
        redirect = action.get("redirect")
        result.append(
            {
                "type": action["type"],
                "order": action.get("order") or position,
                "groups": sorted(groups),
                "fixedResponse": {k: v for k, v in (action.get("fixedResponse") or {}).items() if v},
                "redirect": REDIRECT_DEFAULTS | {k: v for k, v in redirect.items() if v} if redirect else None,
            }
        )
    return result


# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
REDIRECT_DEFAULTS = {
    "host": "#{host}",
    "path": "/#{path}",
    "port": "#{port}",
    "protocol": "#{protocol}",
    "query": "#{query}",
}


def create_listener(call: Call) -> str:
    """Make a listener."""
    listener = call.aws("elbv2").create_listener(
        LoadBalancerArn=call.inputs["loadBalancerArn"],
        **call.given(Tags=call.tag_list or None),
        **_listener_arguments(call),
    )
    return str(listener["Listeners"][0]["ListenerArn"])


def _listener_arguments(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    certificate, alpn = inputs.get("certificateArn"), inputs.get("alpnPolicy")
    return call.given(
        Port=inputs.get("port"),
        Protocol=inputs.get("protocol"),
        SslPolicy=inputs.get("sslPolicy"),
        Certificates=[{"CertificateArn": certificate}] if certificate else None,
        AlpnPolicy=[alpn] if alpn else None,
        DefaultActions=[_action(item, order) for order, item in enumerate(inputs["defaultActions"], start=1)],
    )


def update_listener(call: Call) -> None:
    """Change everything but the balancer."""
    if call.changed("port", "protocol", "sslPolicy", "certificateArn", "alpnPolicy", "defaultActions"):
        call.aws("elbv2").modify_listener(ListenerArn=call.id, **_listener_arguments(call))
    retag(call)


def read_listener(call: Call) -> View:
    """A listener."""
    listener = call.aws("elbv2").describe_listeners(ListenerArns=[call.id])["Listeners"][0]
    return {
        "loadBalancerArn": listener["LoadBalancerArn"],
        "port": listener.get("Port"),
        "protocol": listener.get("Protocol"),
        "sslPolicy": listener.get("SslPolicy"),
        "certificateArn": next((item.get("CertificateArn") for item in listener.get("Certificates") or []), None),
        "alpnPolicy": next(iter(listener.get("AlpnPolicy") or []), None),
        "defaultActions": [_action_there(item) for item in listener["DefaultActions"]],
        "arn": call.id,
        "tagsAll": tags_of(call),
    }


def delete_listener(call: Call) -> None:
    """Remove a listener."""
    call.aws("elbv2").delete_listener(ListenerArn=call.id)


ACTION: Mapping[str, Prop] = {
    "type": text(required=True, one_of=("forward", "fixed-response", "redirect")),
    "order": integer(cloud_decides=True),
    "targetGroupArn": text(),
    "forward": one({"targetGroups": list_of({"arn": text(required=True), "weight": integer()}, required=True)}),
    "fixedResponse": one({"contentType": text(required=True), "messageBody": text(), "statusCode": text()}),
    "redirect": one({name: text(required=name == "statusCode") for name in REDIRECT}),
}


NO_HEADERS = "the local cloud's listeners rewrite no headers"


RECORDS = (
    Record(
        type="aws:lb/listener:Listener",
        service="elbv2",
        properties={
            "loadBalancerArn": text(required=True, replaces=True),
            "port": integer(),
            "protocol": text(default="HTTP", one_of=("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE")),
            "sslPolicy": text(cloud_decides=True),
            "certificateArn": text(),
            "alpnPolicy": text(),
            "defaultActions": list_of(ACTION, required=True, same_as=actions_form),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        unique=("loadBalancerArn", "port"),
        create=create_listener,
        read=read_listener,
        update=update_listener,
        delete=delete_listener,
        gone=("ListenerNotFound", "LoadBalancerNotFound"),
        refused={
            "mutualAuthentication": "the local cloud checks no client certificates",
            "tcpIdleTimeoutSeconds": "the local cloud does not know it",
            **dict.fromkeys(
                (
                    "routingHttpRequestXAmznMtlsClientcertHeaderName",
                    "routingHttpRequestXAmznMtlsClientcertIssuerHeaderName",
                    "routingHttpRequestXAmznMtlsClientcertLeafHeaderName",
                    "routingHttpRequestXAmznMtlsClientcertSerialNumberHeaderName",
                    "routingHttpRequestXAmznMtlsClientcertSubjectHeaderName",
                    "routingHttpRequestXAmznMtlsClientcertValidityHeaderName",
                    "routingHttpRequestXAmznTlsCipherSuiteHeaderName",
                    "routingHttpRequestXAmznTlsVersionHeaderName",
                    "routingHttpResponseAccessControlAllowCredentialsHeaderValue",
                    "routingHttpResponseAccessControlAllowHeadersHeaderValue",
                    "routingHttpResponseAccessControlAllowMethodsHeaderValue",
                    "routingHttpResponseAccessControlAllowOriginHeaderValue",
                    "routingHttpResponseAccessControlExposeHeadersHeaderValue",
                    "routingHttpResponseAccessControlMaxAgeHeaderValue",
                    "routingHttpResponseContentSecurityPolicyHeaderValue",
                    "routingHttpResponseServerEnabled",
                    "routingHttpResponseStrictTransportSecurityHeaderValue",
                    "routingHttpResponseXContentTypeOptionsHeaderValue",
                    "routingHttpResponseXFrameOptionsHeaderValue",
                ),
                NO_HEADERS,
            ),
        },
    ),
)
