"""The outbound address policy and name resolution."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy, Lookup, Resolver, is_web_port
from monitor.types.errors import FetchError, RefusedAddressError
from tests.fakes.patience import PATIENCE

OPEN = AddressPolicy()
LOOPBACK = AddressPolicy((ipaddress.ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "100.64.0.1", "100.127.255.255", "100.100.100.200", "169.254.1.1", "169.254.169.254"),
        *("168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1"),
        *("2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1"),
        *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1", "4000::1", "200::1"),
    ],
)
def test_r1_reserved_addresses_are_refused(address: str) -> None:
    assert OPEN.refusal(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1"),
        *("223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "2400:cb00::1", "64:ff9b::808:808"),
    ],
)
def test_r1_public_addresses_are_not(address: str) -> None:
    assert OPEN.refusal(ipaddress.ip_address(address), 443) is None


@pytest.mark.parametrize("port", [22, 25, 6379, 5432, 1, 110, 3306, 11211, 9200, 27017, 2375, 6000])
def test_r5_ports_of_other_services_are_refused(port: int) -> None:
    assert OPEN.refusal(ipaddress.ip_address("1.1.1.1"), port) is not None
    assert not is_web_port(port)


@pytest.mark.parametrize("port", [80, 443, 1024, 8000, 8080, 8443, 65535])
def test_r5_ports_of_pages_are_not(port: int) -> None:
    assert OPEN.refusal(ipaddress.ip_address("1.1.1.1"), port) is None


def test_r5_an_allowed_address_may_use_any_port() -> None:
    assert LOOPBACK.refusal(ipaddress.ip_address("127.0.0.1"), 25) is None


def test_r10_an_allow_list_opens_exactly_its_network() -> None:
    policy = AddressPolicy((ipaddress.ip_network("192.168.1.0/24"),))
    assert policy.refusal(ipaddress.ip_address("192.168.1.255")) is None
    assert policy.refusal(ipaddress.ip_address("192.168.2.0")) is not None
    assert policy.refusal(ipaddress.ip_address("::ffff:192.168.1.1")) is not None
    assert OPEN.refusal(ipaddress.ip_address("192.168.1.1")) is not None


def test_r10_a_wide_allow_list_does_not_open_the_clouds_own_services() -> None:
    wide = AddressPolicy((*PRIVATE_NETWORKS, ipaddress.ip_network("169.254.0.0/16")))
    exact = AddressPolicy((ipaddress.ip_network("169.254.169.254/32"),))
    assert wide.refusal(ipaddress.ip_address("169.254.169.254")) is not None
    assert wide.refusal(ipaddress.ip_address("fd00:ec2::254")) is not None
    assert wide.refusal(ipaddress.ip_address("100.100.100.200")) is not None
    assert wide.refusal(ipaddress.ip_address("fd00::1")) is None
    assert exact.refusal(ipaddress.ip_address("169.254.169.254")) is None


@given(st.ip_addresses())
def test_whatever_python_calls_private_is_refused(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    nat64 = ipaddress.ip_network("64:ff9b::/96")
    if ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local or ip.is_unspecified:
        assert ip in nat64 or OPEN.refusal(ip) is not None


@given(st.ip_addresses(v=4))
def test_an_address_behind_nat64_is_judged_by_where_it_leads(ip: ipaddress.IPv4Address) -> None:
    behind = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(ip))
    assert OPEN.refusal(behind) == OPEN.refusal(ip)


# --- names --------------------------------------------------------------------------------------------------------------


def answering(*addresses: str) -> Lookup:
    """A name service that gives these addresses for every name."""
    return lambda host, port: [(0, 0, 0, "", (address, port)) for address in addresses]


def ask(
    lookup: Lookup, *, policy: AddressPolicy = OPEN, host: str = "news.example", limit_for: float = PATIENCE
) -> list[str]:
    async def asking() -> list[str]:
        resolver = Resolver(lookup=lookup, limit_for=limit_for)
        try:
            found = await resolver.addresses(host, 443, policy=policy, url=f"https://{host}/")
            return [str(each) for each in found]
        finally:
            resolver.close()

    return asyncio.run(asking())


def test_a_name_is_worth_its_addresses() -> None:
    assert ask(answering("1.1.1.1", "1.0.0.1", "1.1.1.1")) == ["1.1.1.1", "1.0.0.1"]


@pytest.mark.parametrize(
    "mixed", [("1.1.1.1", "10.0.0.1"), ("2606:4700::1111", "127.0.0.1"), ("1.1.1.1", "fe80::1%eth0")]
)
def test_r3_any_private_answer_refuses_the_name(mixed: Sequence[str]) -> None:
    with pytest.raises(RefusedAddressError) as refusal:
        ask(answering(*mixed))
    assert refusal.value.code == "refused"
    assert not any(address in str(refusal.value) for address in mixed)


def test_r1_localhost_is_refused_by_what_it_resolves_to() -> None:
    for spelling in ("localhost", "127.0.0.1", "::1"):
        with pytest.raises(RefusedAddressError):
            ask(answering("127.0.0.1"), host=spelling)


def test_an_address_is_not_asked_for() -> None:
    def never(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        raise AssertionError("asked")

    assert ask(never, host="1.1.1.1") == ["1.1.1.1"]


def test_f30_two_hundred_addresses_are_all_checked() -> None:
    many = [f"1.1.1.{number}" for number in range(200)]
    assert len(ask(answering(*many))) == 200
    with pytest.raises(RefusedAddressError):
        ask(answering(*many, "10.0.0.1"))


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), r"no host news\.example"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "is the network up"),
        (UnicodeError("label too long"), "no host"),
    ],
)
def test_f30_a_name_that_cannot_be_resolved_is_one_clear_error(trouble: Exception, sentence: str) -> None:
    def failing(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        raise trouble

    with pytest.raises(FetchError, match=sentence) as error:
        ask(failing)
    assert error.value.code == "dns"


def test_f30_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(FetchError, match="no address"):
        ask(answering())


def test_f30_a_slow_name_holds_up_nobody_else() -> None:
    release = threading.Event()
    asked: list[str] = []

    def lookup(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        asked.append(host)
        if host == "slow.example":
            release.wait(PATIENCE)
        return answering("1.1.1.1")(host, port)

    async def everybody() -> tuple[list[object], list[object]]:
        resolver = Resolver(lookup=lookup, threads=2, limit_for=10 * PATIENCE)
        asking = [
            asyncio.create_task(resolver.addresses(name, 443, policy=OPEN, url=f"https://{name}/"))
            for name in ["slow.example"] * 20 + [f"quick{number}.example" for number in range(20)]
        ]
        slow, quick = asking[:20], asking[20:]
        try:
            async with asyncio.timeout(PATIENCE):
                answers = await asyncio.gather(*quick)
            assert not any(each.done() for each in slow)
            release.set()
            return await asyncio.gather(*slow), answers
        finally:
            release.set()
            resolver.close()

    slow, quick = asyncio.run(everybody())
    assert len(slow) == len(quick) == 20
    assert asked.count("slow.example") == 1, "one name never takes two threads"


def test_f30_a_name_service_that_does_not_answer_costs_the_limit() -> None:
    release = threading.Event()

    def hanging(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        release.wait(PATIENCE)
        return answering("1.1.1.1")(host, port)

    try:
        with pytest.raises(FetchError, match=r"did not answer for news\.example in time") as error:
            ask(hanging, limit_for=0.2)
    finally:
        release.set()
    assert error.value.code == "dns"
