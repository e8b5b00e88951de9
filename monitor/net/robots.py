"""robots.txt (RFC 9309): whether a URL may be requested, and with what delay. Pure.

Protego does the matching, because the standard library's parser supports neither wildcards nor the longest-match rule. Fetching
robots.txt, and what to do where it cannot be read, is in `polling.fulltext`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

MAX_ROBOTS_BYTES = 512 * 1024
"""RFC 9309 section 2.5 requires at least 500 KiB."""
_MAX_DELAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a site's robots.txt says about one URL."""

    is_allowed: bool
    delay_for: timedelta | None = None
    """The pause it asks for between two requests (Crawl-delay)."""


def rule(robots: bytes, agent: str, url: str) -> Rule:
    """The rule for `url`. `agent` is our User-Agent, of which the part before a slash counts."""
    from protego import Protego  # imported only where pages are read

    name = agent.partition("/")[0].strip() or "*"
    parsed = Protego.parse(robots[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace"))
    delay = parsed.crawl_delay(name)
    return Rule(
        is_allowed=bool(parsed.can_fetch(url, name)),
        delay_for=timedelta(seconds=min(delay, _MAX_DELAY.total_seconds())) if delay and delay > 0 else None,
    )
