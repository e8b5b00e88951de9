"""What pages can ask of the rest of the program beyond the store: the network, and work in other processes. Built by `service`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.feeds.visitor import Visitor
from monitor.net.addresses import PUBLIC, AddressPolicy
from monitor.types.matching import Article, Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTools:
    """Each may be missing, as in tests: the page then says that it cannot do that."""

    visitor: Visitor | None = None
    """Looks at the addresses of new feeds."""
    policy: AddressPolicy = PUBLIC
    """Which addresses feeds may have."""
    usual_seconds: float = 900.0
    """The interval of feeds without one of their own."""
    held_after_for: timedelta = timedelta(hours=96)
    """What waited longer for a channel is held when that is resumed."""
    reassess_for: timedelta = timedelta(days=7)
    """The articles of so long are assessed again for a topic that is followed again."""
    channel_folder: Path | None = None
    """Where the files of channels lie that are added by page."""
    speed: float = 1.0
    """How many seconds of the clock pass in a real one."""
    evidence_of: Callable[[str, str, str, str], Evidence | None] | None = None
    """What the words of a topic find in a title, a text and its language, whether they match or not; None for an unknown topic."""
    article_at: Callable[[str], Awaitable[Article]] | None = None
    """Fetches an article. Raises FetchError or ParseError."""
    try_topic: Callable[[Path], Awaitable[Mapping[str, Any] | None]] | None = None
    """What a topic's folder would have found, as `topics try --json` says it; None without articles. Raises MonitorError."""
