"""The ingress's TLS door: certificates of the factory's own authority, by name, and redirects that lead there."""

import http.client
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from localcloud_door import REGION, Door, Made
from localcloud_ingress import GROUP, HOST, Copy, get, status
from localcloud_runtime import wait_for

from factory.daemons import RunFile
from factory.paths import FactoryRoot
from localcloud.runtime.authority import Authority
from localcloud.runtime.ingress import Ingress, listen
from localcloud.runtime.routes import Forward, Redirect, Secure, Switch, Table, Target

DOMAIN = "links.example.com"
TO_TLS = Redirect(301, "HTTPS", "#{host}", "443", "/#{path}", "#{query}")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    made = Copy(tmp_path / "s")
    yield made
    made.close()


@pytest.fixture
def ingress(tmp_path: Path, copy: Copy) -> Iterator[Ingress]:
    switch = Switch()
    secure = Secure(Forward({GROUP: 1}), [DOMAIN])
    targets = {GROUP: [Target("one", copy.path)]}
    switch.swap(Table({HOST: TO_TLS, DOMAIN: TO_TLS}, targets, {HOST: secure, DOMAIN: secure}))
    made = Ingress(listen(tmp_path / "port"), listen(tmp_path / "tls-port"), switch, tmp_path / "ca")
    made.start()
    # The first answer comes when its thread has loaded what it needs.
    get(made)
    yield made
    made.close()


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


def over_tls(port: int, context: ssl.SSLContext, name: str = DOMAIN, host: str = DOMAIN) -> http.client.HTTPResponse:
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name) as connection:
        connection.sendall(f"GET /a?b=c HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer


def test_a_client_that_trusts_the_factorys_authority_is_answered_over_tls(
    ingress: Ingress, copy: Copy, tmp_path: Path
) -> None:
    assert over_tls(ingress.secure_port, trusting(tmp_path / "ca")).status == 200
    assert dict(copy.headers)["x-forwarded-proto"] == "https"
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        over_tls(ingress.secure_port, ssl.create_default_context())


def test_a_certificate_names_its_domain_and_no_other(ingress: Ingress, tmp_path: Path) -> None:
    context = trusting(tmp_path / "ca")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        over_tls(ingress.secure_port, context, name=HOST)
    # Told nothing: asyncio ends the connection without the alert.
    with pytest.raises(ssl.SSLError):
        over_tls(ingress.secure_port, context, name="nobody.example.com")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(ingress: Ingress, tmp_path: Path) -> None:
    for version, taken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        context = trusting(tmp_path / "ca")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if taken:
            assert over_tls(ingress.secure_port, context).status == 200
        else:
            with pytest.raises(ssl.SSLError):
                over_tls(ingress.secure_port, context)


def test_what_is_asked_in_the_clear_is_sent_to_the_tls_door(ingress: Ingress, copy: Copy) -> None:
    answer = get(ingress, "/a/b?c=d", host=DOMAIN)
    assert status(answer) == 301
    assert f"location: https://{DOMAIN}:{ingress.secure_port}/a/b?c=d\r\n".encode() in answer.lower()
    assert copy.heads == []


def test_the_authority_is_kept_and_its_key_is_its_owners_only(tmp_path: Path) -> None:
    Authority(tmp_path)
    before = (tmp_path / "ca.pem").read_bytes()
    Authority(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    # One that lost its key can sign nothing, so it is another one.
    (tmp_path / "ca.key").unlink()
    Authority(tmp_path)
    assert (tmp_path / "ca.pem").read_bytes() != before
    assert {file.name for file in tmp_path.iterdir()} == {"ca.key", "ca.pem"}


def declared(door: Door) -> tuple[Made, Made]:
    """A balancer whose HTTPS listener answers by itself, and whose HTTP listener leads there."""
    vpc = door.create("aws:ec2/vpc:Vpc", "tls", {"cidrBlock": "10.77.0.0/16"})
    subnets = [
        door.create(
            "aws:ec2/subnet:Subnet",
            f"tls-{zone}",
            {"vpcId": vpc.id, "cidrBlock": f"10.77.{number}.0/24", "availabilityZone": f"{REGION}{zone}"},
        ).id
        for number, zone in enumerate("ab")
    ]
    certificate = door.create(
        "aws:acm/certificate:Certificate", "tls", {"domainName": DOMAIN, "validationMethod": "DNS"}
    )
    balancer = door.create("aws:lb/loadBalancer:LoadBalancer", "tls", {"subnets": subnets, "internal": True})
    door.create(
        "aws:lb/listener:Listener",
        "tls",
        {
            "loadBalancerArn": balancer.id,
            "port": 443,
            "protocol": "HTTPS",
            "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "certificateArn": certificate.id,
            "defaultActions": [
                {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "204"}}
            ],
        },
    )
    to_tls = {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}
    door.create(
        "aws:lb/listener:Listener",
        "plain",
        {
            "loadBalancerArn": balancer.id,
            "port": 80,
            "protocol": "HTTP",
            "defaultActions": [{"type": "redirect", "redirect": to_tls}],
        },
    )
    return balancer, certificate


def test_declared_listeners_are_served_over_tls(cloud: RunFile, cloud_root: FactoryRoot) -> None:
    with Door(cloud.addresses["provider"]) as door:
        door.configure(region=REGION)
        balancer, certificate = declared(door)
        port = int(cloud.addresses["ingress-tls"].rpartition(":")[2])
        context = trusting(cloud_root.state / "local-ca")

        def answered() -> int:
            try:
                return over_tls(port, context).status
            except (OSError, http.client.HTTPException):
                return 0

        host = str(balancer.outputs["dnsName"]).partition(":")[0]

        def led() -> tuple[int, str | None]:
            clear = cloud.addresses["ingress"].rpartition(":")[2]
            plain = http.client.HTTPConnection("127.0.0.1", int(clear), timeout=10)
            plain.request("GET", "/x", headers={"Host": balancer.outputs["dnsName"]})
            answer = plain.getresponse()
            return (answer.status, answer.headers["location"])

        assert wait_for(answered) == 204
        # Declared after the other one, so it may be served a moment later: until then it leads nowhere (501).
        assert wait_for(lambda: led()[1]) == f"https://{host}:{port}/x"
        assert led()[0] == 301
        # As on AWS, what a listener serves cannot be taken from under it.
        with pytest.raises(Exception, match="ResourceInUse"):
            door.delete(certificate)
