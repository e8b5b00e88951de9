"""The document of a feed that was fetched, read as far as it is new.

An entry that stood in the last document, byte for byte, and that is stored, is not read again (`reading.delta`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from monitor.reading import calls
from monitor.reading.workers import Workers
from monitor.store import articles
from monitor.store.db import Database
from monitor.store.indexes import known_entries
from monitor.text.secrets import Secrets
from monitor.types.fetching import Delta, Entry, FeedState, Fetched, KnownEntries, ParsedFeed

log = logging.getLogger("monitor.poll")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDocument:
    """What was read of a document, beside what the store has of its feed."""

    parsed: ParsedFeed
    fresh: Sequence[Entry]
    """Those of its entries that are new in this feed, or changed."""
    known: KnownEntries | None = None
    """To be kept for the next document once these are stored."""
    is_known_changed: bool = False


async def read_document(feed: FeedState, fetched: Fetched, workers: Workers, db: Database) -> ReadDocument | None:
    """What a document shows; None where nothing changed since the last poll. Raises ParseError where it cannot be read."""
    if fetched.status == 304 or body_hash(fetched) == feed.body_hash:
        return None
    before = await db.read(known_entries.of_feed, feed.id)
    found = await _read(feed, fetched, workers, None if feed.is_secret else before)
    fresh = await db.read(articles.new_or_changed, feed.id, found.feed.entries, known=found.feed.known)
    if fresh is None:  # the store has not all that was read before, so the document itself counts
        found = await _read(feed, fetched, workers, None)
        fresh = await db.read(articles.new_or_changed, feed.id, found.feed.entries)
    known = None if feed.is_secret else found.known
    return ReadDocument(parsed=found.feed, fresh=fresh or (), known=known, is_known_changed=known != before)


def body_hash(fetched: Fetched) -> str | None:
    """By which a document is found to be the last one; None where none was sent."""
    return sha256(fetched.body).hexdigest() if fetched.status != 304 else None


async def _read(feed: FeedState, fetched: Fetched, workers: Workers, known: KnownEntries | None) -> Delta:
    found = await workers.run_for(
        feed.name, calls.read_delta, fetched.body, fetched.final_url, fetched.media_type, fetched.at, known
    )
    if found.wrong:
        log.error(
            "feed=%s: %d entries are not what was read before of the same bytes; it is read in full from now on, please report it",
            feed.name,
            found.wrong,
        )
    return found._replace(feed=_without_secrets(found.feed, feed, fetched)) if feed.is_secret else found


def _without_secrets(parsed: ParsedFeed, feed: FeedState, fetched: Fetched) -> ParsedFeed:
    """A feed whose links hold its secret address, or the key in it (relative links do, and empty ones): an article of which an
    alert would give it away has no link.
    """
    known = [Secrets.of_feed(url) for url in {feed.url, fetched.final_url}]

    def reveals(text: str) -> bool:
        return any(each.are_in(text) for each in known)

    entries = tuple(
        replace(
            each,
            url="" if reveals(each.url) else each.url,
            guid=sha256(each.guid.encode()).hexdigest() if reveals(each.guid) else each.guid,
        )
        for each in parsed.entries
    )
    return replace(parsed, entries=entries, site_url="" if reveals(parsed.site_url) else parsed.site_url)
