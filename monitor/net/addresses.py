"""Whom we may call: a host name and port in, addresses that were checked out, or the reason why not.

`AddressPolicy` is pure: an explicit list of ranges, because `ipaddress.is_global` lets NAT64, 6to4 and others through that
lead back inside (measured on Python 3.11). `Resolver` asks the name service in a few threads of its own, so that slow names
hold up nobody else (case F30). Whoever connects must use the very addresses returned here, or a second answer of the name
service undoes the check (DNS rebinding, case R3).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from monitor.types.errors import FetchError, RefusedAddressError

Address = IPv4Address | IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Sequence[tuple[Any, ...]]]

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "fc00::/7", "::1/128")
)
"""What an operator means by "my own network": to be allowed for a feed marked `allow_private`."""

# https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry, and multicast.
_RESERVED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(each), what)
    for what, ranges in {
        "this host": "0.0.0.0/8 ::/128",
        "loopback": "127.0.0.0/8 ::1/128",
        "private": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "shared by a carrier": "100.64.0.0/10",
        "link-local": "169.254.0.0/16 fe80::/10",
        "site-local": "fec0::/10",
        "multicast": "224.0.0.0/4 ff00::/8",
        "broadcast or reserved": "240.0.0.0/4",
        "reserved for protocols": "192.0.0.0/24 192.88.99.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24 "
        "2001::/23 2620:4f:8000::/48 100::/64 100:0:0:1::/64 5f00::/16",
        "for documentation only": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
        "for benchmarks only": "198.18.0.0/15",
        "an IPv4 address in disguise": "::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b:1::/48 2001::/32 2002::/16",
    }.items()
    for each in ranges.split()
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# Where clouds answer with credentials. A wide allow-list does not open these; an entry for the very address does.
_METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(each)
    for each in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"),
    )
)

# Above 1024, where anyone may serve pages, these speak other protocols that a crafted request can abuse.
_DANGEROUS_PORTS = frozenset(
    {1080, 1433, 1434, 1521, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3268, 3306, 3389, 4369, 5432, 5433, 5672, 5900}
    | {5901, 5984, 5985, 5986, 6379, 6380, 6443, 6660, 6665, 6666, 6667, 6668, 6669, 6697, 7001, 8500, 9042, 9092}
    | {9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017, 27018, 27019, 28017, 50000, 61616}
    | set(range(6000, 6011))
)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be called: the open internet, and the `allowed` networks (an administrator's list, case R10)."""

    allowed: tuple[Network, ...] = ()

    def refusal(self, ip: Address, port: int | None = None) -> str | None:
        """Why this address (and port) may not be called, in words; None where it may."""
        if self._allows(ip):
            return None
        what = _reserved(ip)
        if what is not None:
            return f"its address is {what}"
        if port is not None and not is_web_port(port):
            return f"port {port} is not one for pages"
        return None

    def _allows(self, ip: Address) -> bool:
        around = [network for network in self.allowed if ip in network]
        if ip in _METADATA:
            return any(network.num_addresses == 1 for network in around)
        return bool(around)


def is_web_port(port: int) -> bool:
    """Whether a stranger's URL may name this port (case R5)."""
    return port in (80, 443) or (port >= 1024 and port not in _DANGEROUS_PORTS)


def _reserved(ip: Address) -> str | None:
    if ip in _METADATA:
        return "a cloud's own service"
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        # Networks without IPv4 reach all of it through here (RFC 6052): what counts is where it leads.
        return _reserved(IPv4Address(int(ip) & 0xFFFFFFFF))
    for network, what in _RESERVED:
        if ip in network:
            return what
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_V6:
        return "outside the public internet"
    return None


# --- names ------------------------------------------------------------------------------------------------------------


def system_lookup(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """The machine's own name service; blocks."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Resolver:
    """Names to checked addresses. One thread a name at most, `threads` in all, so that slow names stay among themselves."""

    def __init__(self, *, lookup: Lookup = system_lookup, threads: int = 16, limit_for: float = 8.0) -> None:
        self._lookup = lookup
        self._limit_for = limit_for
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[tuple[Any, ...]]]] = {}

    async def addresses(self, host: str, port: int, *, policy: AddressPolicy, url: str) -> list[Address]:
        """All addresses of a host; RefusedAddressError where `policy` refuses any of them, FetchError `dns` where none."""
        found = _literal(host) or await self._resolved(host, port, url)
        for ip in found:
            refusal = policy.refusal(ip, port)
            if refusal is not None:
                raise refused(host, refusal, url=url)
        return found

    async def _resolved(self, host: str, port: int, url: str) -> list[Address]:
        try:
            async with asyncio.timeout(self._limit_for):
                rows = await asyncio.shield(self._answer(host, port))
        except TimeoutError:
            raise FetchError(f"the name service did not answer for {host} in time", url=url, code="dns") from None
        except (OSError, UnicodeError) as fault:
            raise FetchError(_lookup_fault(host, fault), url=url, code="dns") from fault
        found = list(dict.fromkeys(_from_row(row) for row in rows))
        if not found:
            raise FetchError(f"the host {host} has no address", url=url, code="dns")
        return found

    def _answer(self, host: str, port: int) -> asyncio.Future[Sequence[tuple[Any, ...]]]:
        """The running question for this name, or a new one: a name that hangs never takes a second thread."""
        key = (host, port)
        if key not in self._asked:
            loop = asyncio.get_running_loop()
            self._asked[key] = loop.run_in_executor(self._threads, self._lookup, host, port)
            self._asked[key].add_done_callback(lambda done: self._forget(key, done))
        return self._asked[key]

    def _forget(self, key: tuple[str, int], done: asyncio.Future[Sequence[tuple[Any, ...]]]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever asked may have gone: nobody else will look, and asyncio would complain

    def close(self) -> None:
        """Let go of the threads; one that still waits for the name service ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def refused(host: str, why: str, *, url: str) -> RefusedAddressError:
    """The one sentence for every address we do not call: says nothing of what might answer there (case R9)."""
    return RefusedAddressError(
        f"{host} is not one we may call: {why}; if it is yours, set allow_private = true there, or allow_networks",
        url=url,
        code="refused",
    )


def _lookup_fault(host: str, fault: Exception) -> str:
    if isinstance(fault, socket.gaierror) and fault.errno == socket.EAI_AGAIN:
        return f"the name service cannot say just now where {host} is; is the network up?"
    return f"there is no host {host}; check its spelling"


def _literal(host: str) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        return []


def _from_row(row: tuple[Any, ...]) -> Address:
    """A row of getaddrinfo; the zone of a link-local address is dropped: it is refused anyway."""
    return ipaddress.ip_address(str(row[4][0]).partition("%")[0])
