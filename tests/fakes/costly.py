"""A feed that keeps feedparser busy for half a minute (case X2): it compares each of an entry's categories with all before it."""

from __future__ import annotations


def feed(number: int = 0) -> bytes:
    """One of 1 MB; each number is another document."""
    categories = b"".join(b"<category>%d</category>" % (number + each) for each in range(40_000))
    return b"<rss><channel><item><guid>1</guid><title>x</title>" + categories + b"</item></channel></rss>"
