"""Which connections to the page are kept, where there are too many: a bounded number, so that they cannot use up the descriptors
that polls need. Decides only; `web.server` accepts and closes.

A new connection is always let in: one that has no request under way makes room for it, the oldest of whoever holds most. So
/healthz is answered while thousands of connections are held open, and holding more of them gains nothing. Where all are at work,
a small reserve takes connections on which nothing but /healthz is answered.
"""

from __future__ import annotations

import ipaddress
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST = 200
"""More than readers of one page need: a browser opens six."""
_SHARE_OF_DESCRIPTORS = 6
_PER_PEER_SHARE = 3


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be: in all, from one address, and in reserve for /healthz."""

    total: int = _MOST
    per_peer: int = _MOST // _PER_PEER_SHARE
    reserve: int = 16

    @classmethod
    def of_this_process(cls) -> ConnectionLimits:
        """A sixth of the file descriptors that this process may open, at most 200."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = _MOST if soft == resource.RLIM_INFINITY else soft // _SHARE_OF_DESCRIPTORS
        total = max(8, min(_MOST, room))
        return cls(total=total, per_peer=max(4, total // _PER_PEER_SHARE), reserve=max(4, min(16, total // 4)))


class Connection(Protocol):
    """One connection as far as its place matters."""

    peer: str
    is_reserve: bool

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way on it."""

    @property
    def idle_since(self) -> float:
        """When it was opened or its last request was answered."""

    def abort(self) -> None:
        """Close it at once."""


class Place(Enum):
    """What a new connection may do."""

    FULL = "full"
    RESERVE = "reserve"
    """Ask for /healthz."""
    NONE = "none"


class Connections:
    """All open connections. `is_proxy` says of an address whether many readers come from there: its share is not limited."""

    def __init__(self, limits: ConnectionLimits, is_proxy: Callable[[str], bool] = lambda _: False) -> None:
        self._limits = limits
        self._is_proxy = is_proxy
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Count a connection."""
        self._open[connection] = None

    def remove(self, connection: Connection) -> None:
        """Count it no more."""
        self._open.pop(connection, None)

    def make_place(self, address: str) -> Place:
        """The place of a new connection from this address, for which idle ones may be closed."""
        peer = peer_of(address)
        full = [each for each in self._open if not each.is_reserve]
        own = [each for each in full if each.peer == peer]
        if len(own) >= self._limits.per_peer and not self._is_proxy(address):
            if self._close_oldest(own):
                return Place.FULL
        elif len(full) < self._limits.total or self._close_oldest(_of_whom_there_are_most(full)):
            return Place.FULL
        return self._reserve_place()

    def close_idle(self) -> int:
        """Close all connections without a request under way, where the whole process is short of descriptors."""
        idle = [each for each in self._open if each.is_idle]
        for each in idle:
            self._close(each)
        return len(idle)

    def _reserve_place(self) -> Place:
        reserve = [each for each in self._open if each.is_reserve]
        if len(reserve) < self._limits.reserve or self._close_oldest(reserve):
            return Place.RESERVE
        return Place.NONE

    def _close_oldest(self, candidates: Sequence[Connection]) -> bool:
        oldest = min((each for each in candidates if each.is_idle), key=lambda each: each.idle_since, default=None)
        if oldest:
            self._close(oldest)
        return oldest is not None

    def _close(self, connection: Connection) -> None:
        self.remove(connection)
        connection.abort()


def _of_whom_there_are_most(connections: Sequence[Connection]) -> list[Connection]:
    """The idle connections of the address that has most of them."""
    counts = Counter(each.peer for each in connections if each.is_idle)
    most = counts.most_common(1)
    return [each for each in connections if most and each.peer == most[0][0]]


# --- addresses --------------------------------------------------------------------------------------------------------


def peer_of(address: str) -> str:
    """The key to count a client by: an IPv4 address, or the /64 of an IPv6 address, which one customer owns whole."""
    ip = parse_address(address)
    if ip is None:
        return address[:100]
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))


def parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; an IPv4 address in its IPv6 form (on a socket for both) as IPv4. None where it is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks."""
    ip = parse_address(address)
    return ip is not None and any(ip in network for network in networks)
