"""robots.txt (RFC 9309): its bytes and an address in, whether we may ask for that address out. Pure.

Matching is Protego's, which knows wildcards and the longest rule; the standard library's parser knows neither. How robots.txt is
come by, and what it means where it cannot be read, is `pages`' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MAX_BYTES = 512 * 1024
"""RFC 9309 section 2.5 asks for at least 500 KiB."""
_LONGEST_DELAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a site says to us about one address."""

    is_allowed: bool
    delay_for: timedelta | None = None
    """The pause it wants between two requests (Crawl-delay)."""


def rule(robots: bytes, agent: str, url: str) -> Rule:
    """`agent` is the name that we give ourselves; the part before a slash counts."""
    from protego import Protego  # only where a page is read

    name = agent.partition("/")[0].strip() or "*"
    found = Protego.parse(robots[:MAX_BYTES].decode("utf-8-sig", "replace"))
    delay = found.crawl_delay(name)
    return Rule(
        is_allowed=bool(found.can_fetch(url, name)),
        delay_for=timedelta(seconds=min(delay, _LONGEST_DELAY.total_seconds())) if delay and delay > 0 else None,
    )
