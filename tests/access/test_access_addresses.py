"""Only what is some host's own address on the Internet is public: nothing that leads to this machine or its network."""

import ipaddress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.egress import addresses
from access.egress.addresses import internet, public
from sandbox import Bind, Confined, python_binds, run

# Not connected to: they are only judged.
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::200e"]
NONE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"),  # noqa: S104
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "100::1"),
    *("2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo"),
    *("fec0::1", "ff02::1", "2606:4700::1111%lo", "5f00::1", "4000::1"),
    *("", "localhost", "127.1", "0x7f.0.0.1", "017700000001", "2130706433", "8.8.8.8:443", "[2606:4700::1111]"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert internet(address)
    assert public(address)


@pytest.mark.parametrize("address", NONE)
def test_every_other_address_is_not(address: str) -> None:
    assert not internet(address)
    assert not public(address)


def test_an_address_of_this_machine_is_not_public_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    own = psutil.net_if_addrs()["lo"][0]._replace(address=PUBLIC[0])
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [own]})
    assert internet(PUBLIC[0])
    assert not public(PUBLIC[0])
    assert public(PUBLIC[1])


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_becomes_public_by_being_written_as_ipv6(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::ffff:0:0", "::", "64:ff9b::", "64:ff9b:1::"):
        assert not internet(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + number)))
    assert not internet(str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80) + 1)))


def test_the_real_resolver_gives_each_address_once_and_asks_for_the_whole_name_only(tmp_path: Path) -> None:
    # In a network namespace of its own, whose only knowledge is a file: nobody outside is asked.
    files = {
        "hosts": "93.184.215.14 api.example.com.\n2606:4700::1111 api.example.com.\n10.0.0.1 api.example.com\n",
        "host.conf": "multi on\n",
        "nsswitch.conf": "hosts: files\n",
        "resolv.conf": "search example.com\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    code = """
import asyncio, sys
sys.path.insert(0, "/code")
from addresses import resolve
for name in ("api.example.com", "api"):
    try:
        print(sorted(asyncio.run(resolve(name, 443))))
    except OSError as error:
        print(type(error).__name__)
"""
    binds = (Bind(Path(addresses.__file__), "/code/addresses.py"), *(Bind(tmp_path / n, f"/etc/{n}") for n in files))
    ran = run(Confined(argv=("python", "-c", code), binds=(*python_binds(), *binds), cwd="/"))
    assert ran.out.splitlines() == ["['2606:4700::1111', '93.184.215.14']", "gaierror"], ran.err
