"""Adding feeds by command or page: where one goes is decided from what the store has, then written.

Whoever adds feeds from several sources in one transaction passes the same `KnownFeeds` along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from monitor.config.load import feed_by_command
from monitor.config.plan import feed_entry, feed_name
from monitor.config.settings import FeedSettings
from monitor.store import settings as store
from monitor.store.db import Session, serialize_decisions
from monitor.text import urls
from monitor.types.errors import ConfigError
from monitor.types.plans import PAUSED, REMOVED, SettingsRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A feed as somebody wants it; what is None or '' is as for all feeds, or as the feed says itself."""

    url: str
    name: str = ""
    title: str = ""
    publisher: str = ""
    language: str = ""
    interval_minutes: float | None = None
    first_poll: str = "baseline"
    allow_private: bool = False
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a feed goes: under a new name or, `same`, nowhere, as a feed has its address already."""

    name: str
    same: SettingsRow | None = None


class KnownFeeds:
    """The feeds of the store by name and address, and those added since; for one addition or thousands."""

    def __init__(self, rows: Iterable[SettingsRow]) -> None:
        feeds = [row for row in rows if row.kind == "feed"]
        dropped = [row for row in feeds if row.is_dropped]
        self._by_key = {urls.feed_key(row.values["url"]): row for row in feeds if not row.is_dropped}
        self._dropped = {urls.feed_key(row.values["url"]): row.name for row in dropped}
        self._names = {row.name for row in feeds}
        self._free = {row.name for row in dropped}
        self._numbers: dict[str, int] = {}

    def same(self, url: str) -> SettingsRow | None:
        """The feed that has this address already."""
        return self._by_key.get(urls.feed_key(url))

    def place(self, url: str, name: str = "") -> Placement:
        """The name to add a feed under, which is taken from then on; without one of its own, that of its host. One that was
        removed comes back under its old name, with its history. Raises ConfigError where another feed has the name."""
        if same := self.same(url):
            return Placement(name=same.name, same=same)
        if name in self._names - self._free:
            raise ConfigError(f"there is a feed {name} already; choose another name, or `monitor feeds resume {name}`")
        key = urls.feed_key(url)
        chosen = name or self._dropped.get(key) or self._numbered(feed_name(url, ()))
        self._names.add(chosen)
        self._free.discard(chosen)
        self._by_key[key] = SettingsRow(kind="feed", name=chosen, values={"url": url}, is_on=True)
        return Placement(name=chosen)

    def _numbered(self, name: str) -> str:
        """The name, with the next free number where it is taken."""
        if name not in self._names:
            return name
        number = self._numbers.get(name, 2)
        while f"{name}-{number}" in self._names:
            number += 1
        self._numbers[name] = number + 1
        return f"{name}-{number}"


def add(session: Session, wanted: NewFeed, *, usual_seconds: float, now: datetime) -> Placement:
    """Add a feed, due now; nothing is written where a feed has its address. `usual_seconds` is the interval of feeds without one of
    their own. Raises ConfigError with all faults of what is wanted."""
    feed = _checked(wanted)
    serialize_decisions(session)
    placed = KnownFeeds(store.rows(session)).place(feed.url, wanted.name)
    if not placed.same:
        entry = feed_entry(placed.name, feed, usual_seconds=usual_seconds, is_secret=wanted.is_secret)
        store.add_feed(session, entry, now=now)
    return placed


def change(session: Session, name: str, wanted: NewFeed, *, usual_seconds: float, now: datetime) -> None:
    """Change title, publisher, language and interval of a feed that was added by command or page; the rest stays. Raises
    ConfigError with all faults of what is wanted."""
    entry = feed_entry(name, _checked(wanted), usual_seconds=usual_seconds)
    values = {**entry.values, **entry.defaults}
    store.change_feed(session, name, {key: values[key] for key in _CHANGEABLE}, now=now)


_CHANGEABLE = ("title", "publisher", "language", "interval_seconds")


def _checked(wanted: NewFeed) -> FeedSettings:
    values = {
        "url": wanted.url,
        "title": wanted.title or None,
        "publisher": wanted.publisher or None,
        "language": wanted.language or None,
        "interval_minutes": wanted.interval_minutes,
        "first_poll": wanted.first_poll,
        "allow_private": wanted.allow_private,
    }
    return feed_by_command(wanted.name or "new", values)


def standing(row: SettingsRow) -> str:
    """How a feed that is there already stands: '' where it is polled, else what is done to it and the command that undoes that."""
    if row.is_on:
        return ""
    what = row.by_hand if row.by_hand in (PAUSED, REMOVED) else "off"
    return f"it is {what}: `monitor feeds resume {row.name}` polls it"
