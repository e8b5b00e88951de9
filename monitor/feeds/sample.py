"""What a feed would bring: its document read once, nothing stored. Pure, but run it in a worker process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.text import language
from monitor.types.fetching import Entry, ParsedFeed

TITLES = 3
"""How many of the newest titles are shown."""
_STALE_FOR = timedelta(days=30)
_LANGUAGE_ENTRIES = 20
"""Entries whose titles and teasers tell a feed's language, as far as they suffice."""
_LANGUAGE_WORDS = 10
"""Fewer words tell no language: "hi" alone passes for Vietnamese."""
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSample:
    """A feed as it was found at an address."""

    url: str
    """Where to poll it: the address asked, or where that has moved for good."""
    format: str
    """`RSS 2.0`, `Atom 1.0`, `JSON Feed`, …"""
    title: str = ""
    site_url: str = ""
    language: str | None = None
    """As the feed says it, else as its entries are written; None where neither tells."""
    entries: int = 0
    dated: int = 0
    """Entries with a date that can be read."""
    linked: int = 0
    """Entries with an address."""
    newest_at: datetime | None = None
    titles: tuple[str, ...] = ()
    """Those of its newest entries."""
    notes: tuple[str, ...] = ()
    """What was cut, repaired or could not be read."""


def read_sample(body: bytes, url: str, media_type: str, now: datetime) -> FeedSample:
    """The sample of a feed's document. Raises ParseError where it is none, as `reading.parse` does."""
    from monitor.reading.parse import parse  # feedparser: only in the process that reads

    parsed = parse(body, url=url, media_type=media_type, now=now)
    newest = sorted(parsed.entries, key=_moment, reverse=True)
    dates = [each.published_at for each in parsed.entries if each.published_at]
    return FeedSample(
        url=url,
        format=parsed.format or "feed",
        title=parsed.title,
        site_url=parsed.site_url,
        language=parsed.language or _language_of(parsed),
        entries=len(parsed.entries),
        dated=len(dates),
        linked=sum(1 for each in parsed.entries if each.url),
        newest_at=max(dates, default=None),
        titles=tuple(each.title or "(no title)" for each in newest[:TITLES]),
        notes=parsed.notes,
    )


def _moment(entry: Entry) -> float:
    """Entries without a date come last, in the feed's own order."""
    return entry.published_at.timestamp() if entry.published_at else float("-inf")


def _language_of(parsed: ParsedFeed) -> str | None:
    texts = (f"{each.title} {_TAG.sub(' ', each.summary_html[:500])}" for each in parsed.entries[:_LANGUAGE_ENTRIES])
    written = " ".join(texts)
    found = language.detect(written) if len(written.split()) >= _LANGUAGE_WORDS else language.UNKNOWN
    return None if found == language.UNKNOWN else found


def doubts(sample: FeedSample, *, now: datetime) -> list[str]:
    """What is wrong with a feed that can be read, each in a sentence with the mend."""
    said = []
    if not sample.entries:
        said.append("it holds no entries at present; if that stays so, look for another feed of this site")
    elif not sample.dated:
        said.append("none of its entries has a date that can be read: what is old cannot be told from what is new")
    elif sample.newest_at and now - sample.newest_at > _STALE_FOR:
        days = (now - sample.newest_at).days
        said.append(f"its newest entry is {days} days old: it may be given up; look on the site for another feed")
    if sample.linked < sample.entries:
        said.append(f"{sample.entries - sample.linked} of {sample.entries} entries have no address of their own")
    return [*said, *sample.notes]
