"""Outbound address policy (SSRF guard) and DNS resolution under it.

`AddressPolicy` is pure. It uses an explicit list of ranges, because `ipaddress.is_global` accepts NAT64, 6to4 and other ranges
that can lead to internal hosts (measured on Python 3.11). `Resolver` resolves in a few threads of its own, so that slow names do
not block other requests (case F30). Connect only to the addresses that it returns: resolving again could give others (DNS
rebinding, case R3).
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
"""An operator's own networks: allowed for feeds and channels with `allow_private`."""

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

# Cloud metadata services, which hand out credentials. Only an allow-list entry for the single address opens them.
_METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(each)
    for each in (
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"),
    )
)

# Ports above 1024 of protocols that a crafted HTTP request can abuse; other ports there may serve pages.
_DANGEROUS_PORTS = frozenset(
    {1080, 1433, 1434, 1521, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3268, 3306, 3389, 4369, 5432, 5433, 5672, 5900}
    | {5901, 5984, 5985, 5986, 6379, 6380, 6443, 6660, 6665, 6666, 6667, 6668, 6669, 6697, 7001, 8500, 9042, 9092}
    | {9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017, 27018, 27019, 28017, 50000, 61616}
    | set(range(6000, 6011))
)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be reached: the public internet and the `allowed` networks (an administrator's list, case R10)."""

    allowed: tuple[Network, ...] = ()

    def refusal(self, ip: Address, port: int | None = None) -> str | None:
        """Why this address (and port) may not be reached, in words; None where it may."""
        if self._allows(ip):
            return None
        what = _reserved(ip)
        if what is not None:
            return f"its address is {what}"
        if port is not None and not is_web_port(port):
            return f"port {port} is not one for pages"
        return None

    def _allows(self, ip: Address) -> bool:
        networks = [network for network in self.allowed if ip in network]
        if ip in _METADATA:
            return any(network.num_addresses == 1 for network in networks)
        return bool(networks)


PUBLIC = AddressPolicy()
"""The public internet alone."""


def is_web_port(port: int) -> bool:
    """Whether an untrusted URL may name this port (case R5)."""
    return port in (80, 443) or (port >= 1024 and port not in _DANGEROUS_PORTS)


def _reserved(ip: Address) -> str | None:
    if ip in _METADATA:
        return "a cloud's own service"
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        # IPv6-only networks reach IPv4 hosts through this prefix (RFC 6052): the embedded address decides.
        return _reserved(IPv4Address(int(ip) & 0xFFFFFFFF))
    for network, what in _RESERVED:
        if ip in network:
            return what
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_V6:
        return "outside the public internet"
    return None


# --- names ------------------------------------------------------------------------------------------------------------


def system_lookup(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """`getaddrinfo`; blocks."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Resolver:
    """Resolves names to checked addresses, in at most one thread a name, so that slow names do not block others."""

    def __init__(self, *, lookup: Lookup = system_lookup, threads: int = 16, limit_for: float = 8.0) -> None:
        self._lookup = lookup
        self._limit_for = limit_for
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")
        self._pending: dict[tuple[str, int], asyncio.Future[Sequence[tuple[Any, ...]]]] = {}

    async def addresses(self, host: str, port: int, *, policy: AddressPolicy, url: str) -> list[Address]:
        """All addresses of a host. Raises RefusedAddressError if `policy` refuses any, FetchError `dns` if there are none."""
        found = _literal(host) or await self._resolved(host, port, url)
        for ip in found:
            refusal = policy.refusal(ip, port)
            if refusal is not None:
                raise refusal_error(host, refusal, url=url)
        return found

    async def _resolved(self, host: str, port: int, url: str) -> list[Address]:
        try:
            async with asyncio.timeout(self._limit_for):
                rows = await asyncio.shield(self._shared_lookup(host, port))
        except TimeoutError:
            raise FetchError(f"the name service did not answer for {host} in time", url=url, code="dns") from None
        except (OSError, UnicodeError) as fault:
            raise FetchError(_lookup_fault(host, fault), url=url, code="dns") from fault
        found = list(dict.fromkeys(_row_address(row) for row in rows))
        if not found:
            raise FetchError(f"the host {host} has no address", url=url, code="dns")
        return found

    def _shared_lookup(self, host: str, port: int) -> asyncio.Future[Sequence[tuple[Any, ...]]]:
        """The pending lookup of this name, or a new one, so that a name that hangs never takes a second thread."""
        key = (host, port)
        if key not in self._pending:
            loop = asyncio.get_running_loop()
            self._pending[key] = loop.run_in_executor(self._threads, self._lookup, host, port)
            self._pending[key].add_done_callback(lambda done: self._discard(key, done))
        return self._pending[key]

    def _discard(self, key: tuple[str, int], done: asyncio.Future[Sequence[tuple[Any, ...]]]) -> None:
        self._pending.pop(key, None)
        if not done.cancelled():
            done.exception()  # marks it as retrieved: if its callers were cancelled, asyncio would log it

    def close(self) -> None:
        """Shut the threads down; one that still waits for an answer ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def refusal_error(host: str, why: str, *, url: str) -> RefusedAddressError:
    """The error for any refused address. Its text does not reveal whether anything answers there (case R9)."""
    return RefusedAddressError(
        f"{host} is not one we may call: {why}; if it is yours, name its network in allow_networks ([fetch] or [delivery])",
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


def _row_address(row: tuple[Any, ...]) -> Address:
    """The address in a row of `getaddrinfo`, without the zone of a link-local one, which is refused anyway."""
    return ipaddress.ip_address(str(row[4][0]).partition("%")[0])
