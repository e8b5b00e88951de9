"""What worker processes are asked for, so that whoever asks need not load what does it: feedparser alone takes 10 MB."""

from __future__ import annotations

from datetime import datetime

from monitor.types.fetching import Delta, KnownEntries


def read_delta(body: bytes, url: str, media_type: str, now: datetime, known: KnownEntries | None) -> Delta:
    """`delta.read`."""
    from monitor.reading import delta

    return delta.read(body, url, media_type, now, known)
