"""Lists of feeds imported and exported: a verdict for each outline of a file, and one transaction for what is new. No network."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from monitor.config.plan import feed_entry
from monitor.config.settings import FeedSettings
from monitor.feeds import opml
from monitor.feeds.additions import KnownFeeds, standing
from monitor.feeds.opml import Listed, Outline
from monitor.net.addresses import PUBLIC, AddressPolicy, is_web_port
from monitor.store import settings as store
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import feed_reports
from monitor.store.feeds.feed_reports import FeedReport
from monitor.text import language, links, urls
from monitor.text.secrets import without_keys
from monitor.types.plans import REMOVED, SettingsEntry


class Verdict(StrEnum):
    """What became of an outline."""

    ADDED = "added"
    THERE = "already there"
    TWICE = "twice in the file"
    NO_ADDRESS = "no feed address"
    NOT_AN_ADDRESS = "not a feed address"
    PRIVATE = "private address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An outline with its verdict."""

    outline: Outline
    verdict: Verdict
    name: str = ""
    """Of the feed that was added, or is there; '' where there is none."""
    why: str = ""
    """What is wrong, with the mend, or how the feed that is there stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file."""

    judged: tuple[Judged, ...]
    damage: str = ""
    """Where the file is damaged, so that outlines may be missing; '' where it is whole."""


def import_feeds(
    session: Session,
    document: bytes,
    *,
    usual_seconds: float,
    policy: AddressPolicy = PUBLIC,
    allow_private: bool = False,
    is_dry: bool = False,
    now: datetime,
) -> Imported:
    """Add the feeds of an OPML file that are new, due now; with `is_dry` only judge them. A second import of the same file
    changes nothing. `policy` says which addresses feeds may have, `allow_private` takes all others, too.

    Raises ConfigError where the file cannot be read."""
    file = opml.read(document)
    if not is_dry:
        serialize_decisions(session)
    judged = judge(file.outlines, KnownFeeds(store.rows(session)), policy=policy, allow_private=allow_private)
    if not is_dry:
        entries = [_entry(each, usual_seconds, policy) for each in judged if each.verdict is Verdict.ADDED]
        store.add_feeds(session, entries, now=now)
    return Imported(judged=tuple(judged), damage=file.damage)


def judge(
    outlines: Iterable[Outline], known: KnownFeeds, *, policy: AddressPolicy = PUBLIC, allow_private: bool = False
) -> list[Judged]:
    """A verdict for each outline, in order; names for those to be added. Pure."""
    seen: dict[str, int] = {}
    private = (lambda _: "") if allow_private else partial(private_fault, policy=policy)
    return [_judge(each, known, seen, private) for each in outlines]


def _judge(outline: Outline, known: KnownFeeds, seen: dict[str, int], private: Callable[[str], str]) -> Judged:
    if not outline.url:
        return Judged(outline=outline, verdict=Verdict.NO_ADDRESS, why="it has no xmlUrl: it is no feed")
    try:
        url = _address(outline.url)
    except ValueError as fault:
        return Judged(outline=outline, verdict=Verdict.NOT_AN_ADDRESS, why=str(fault))
    key = urls.feed_key(url)
    if key in seen:
        return Judged(outline=outline, verdict=Verdict.TWICE, why=f"as in line {seen[key]}")
    seen[key] = outline.line
    placed = known.place(url)
    if placed.same:
        return Judged(outline=outline, verdict=Verdict.THERE, name=placed.name, why=standing(placed.same))
    if why := private(url):
        mend = "`fetch.allow_networks` of the settings permits its network, or `monitor feeds import --allow-private`"
        return Judged(outline=outline, verdict=Verdict.PRIVATE, why=f"{why}; {mend}")
    return Judged(outline=outline, verdict=Verdict.ADDED, name=placed.name)


def _address(written: str) -> str:
    """The address that is meant. Raises ValueError with fault and mend."""
    if written[:5].lower() == "feed:":
        rest = written[5:].removeprefix("//")
        written = rest if rest[:4].lower() == "http" else f"https://{rest}"
    url = urls.check(written.replace("&amp;", "&"))
    if links.is_media(url):
        raise ValueError("this is the address of a file, not of a feed")
    return url


def private_fault(url: str, policy: AddressPolicy = PUBLIC) -> str:
    """Why an address is one of this machine or a private network that `policy` does not allow, or has a port that is none for
    pages; '' where it is neither. Names are looked up at the first poll, not here."""
    parts = urls.split(url)
    if parts.host == "localhost" or parts.host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa")):
        return "its host is one of a private network"
    try:
        return policy.refusal(ipaddress.ip_address(parts.host), parts.port) or ""
    except ValueError:  # a name
        return "" if is_web_port(parts.port) else f"port {parts.port} is not one for pages"


def _entry(judged: Judged, usual_seconds: float, policy: AddressPolicy) -> SettingsEntry:
    outline = judged.outline
    url = _address(outline.url)
    feed = FeedSettings(
        url=url,
        title=outline.title or None,
        language=language.normalize(outline.language),
        allow_private=bool(private_fault(url, policy)),
    )
    return feed_entry(judged.name, feed, usual_seconds=usual_seconds)


def counted(judged: Sequence[Judged]) -> str:
    """How many outlines got which verdict, in one line."""
    counts = Counter(each.verdict for each in judged)
    return ", ".join(f"{counts[each]} {each}" for each in Verdict if counts[each]) or "no feeds in this file"


# --- export -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The feeds as OPML."""

    document: bytes
    feeds: int
    left_out: tuple[str, ...]
    """The names of feeds whose address is, or holds, a secret."""


def export_feeds(session: Session, *, now: datetime) -> Export:
    """All feeds that were not removed, paused ones too, except those whose address must not leave."""
    rows = [row for row in feed_reports.of_all(session) if row.is_enabled or (row.by_hand and row.by_hand != REMOVED)]
    kept = [row for row in rows if not holds_secret(row)]
    listed = [
        Listed(url=row.url, title=row.title or row.name, site_url=row.site_url, language=row.language or "")
        for row in kept
    ]
    return Export(
        document=opml.write(listed, title="Feeds of the article monitor", now=now),
        feeds=len(kept),
        left_out=tuple(row.name for row in rows if holds_secret(row)),
    )


def holds_secret(row: FeedReport) -> bool:
    """Whether a feed's address is a secret, or has a parameter named like one."""
    return row.is_secret or without_keys(row.url) != row.url
