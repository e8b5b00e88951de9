"""Feeds: scheduling, leases, and the result of each poll. Every `claim` is followed by one `settle`.

A claim takes a lease with one conditional UPDATE, so that of two pollers exactly one gets the feed; the lease of a poller that
died expires. `settle` runs in the transaction that stores the entries: validators must never be saved without them.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter, namedtuple
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, bindparam, exists, func, or_, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from monitor.store.db import Prepared, as_parameter, execute
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import FeedRow, HostRow
from monitor.text.secrets import shown_address, without_addresses
from monitor.types.errors import StoreError
from monitor.types.fetching import FeedState, FeedUpdate, FirstPoll, Lease, Silence, Validators, Watch, Wishes


class LeaseLostError(StoreError):
    """The lease expired and another process took the feed; this poll's result is discarded, the other one will get the same."""


def claim_due(session: Session, *, now: datetime, lease_for: timedelta, limit: int, per_host: int) -> list[FeedState]:
    """Lease up to `limit` feeds that are due, at most `per_host` of one server, the longest overdue first."""
    claimed: list[FeedState] = []
    on_host = _leased_per_host(session, now)
    full = [host for host, leased in on_host.items() if leased >= per_host]
    for row in _due(session, now, limit=limit, per_host=per_host, full=full):
        if len(claimed) < limit and on_host.get(row.host, 0) < per_host:
            state = _lease(session, row, now=now, lease_for=lease_for)
            on_host[row.host] = on_host.get(row.host, 0) + 1
            claimed += [state] if state else []
    return claimed


def _due(session: Session, now: datetime, *, limit: int, per_host: int, full: Sequence[str]) -> Sequence[Any]:
    """Due feeds to claim from, at most `per_host` of a server, so that 200 feeds of one server do not block the rest (F15)."""
    session.flush()
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    hosts = json.dumps(full) if is_sqlite else list(full)
    asked = {"now": now, "full": hosts, "per_host": per_host, "limit": limit * per_host}
    return [_FeedColumns(*row) for row in _DUE.read(session, asked)]


def state(session: Session, name: str) -> FeedState | None:
    """The feed of this name, without a lease: nothing can be settled by it."""
    row = _find(session, name)
    return _state(row, Lease(token="", until_at=row.next_poll_at)) if row else None


def claim(session: Session, name: str, *, now: datetime, lease_for: timedelta) -> FeedState | None:
    """Lease the feed of this name, due or not; None where another process holds it or there is no such feed."""
    row = _find(session, name)
    return _lease(session, row, now=now, lease_for=lease_for) if row else None


def _lease(session: Session, row: Any, *, now: datetime, lease_for: timedelta) -> FeedState | None:
    lease = Lease(token=secrets.token_hex(8), until_at=now + lease_for)
    asked = {"feed": row.id, "now": now, "token": lease.token, "until_at": lease.until_at}
    if not _LEASE.write(session, asked):
        return None
    return _state(row, lease)


def settle(session: Session, result: FeedUpdate) -> None:
    """Store the result of a poll and end its lease. Raises LeaseLostError, and writes nothing, where the lease was lost."""
    values = {
        "lease_token": None,
        "lease_until_at": None,
        "last_polled_at": result.polled_at,
        "next_poll_at": result.next_poll_at,
        "outcome": result.outcome,
        "error": result.error,
        "failures": result.failures,
        "failing_since_at": result.failing_since_at if result.failures else None,
        "is_failing_told": result.is_failing_told,
        "permanent_url": result.permanent_url,
        "permanent_since_at": result.permanent_since_at,
        **_optional_values(result),
    }
    session.flush()
    settling = _settling(frozenset(values), result.outcome == "not modified")
    if not settling.write(session, {**values, "feed": result.feed_id, "token": result.lease.token}):
        raise LeaseLostError(f"the lease on feed {result.feed_id} ran out before its poll was stored")


def put_off(session: Session, feed: FeedState, until_at: datetime) -> None:
    """End the lease of a feed that was not asked: it is due at that time, and nothing was learned of it."""
    is_held = (col(FeedRow.id) == feed.id, col(FeedRow.lease_token) == feed.lease.token)
    changed = update(FeedRow).where(*is_held).values(next_poll_at=until_at, lease_token=None, lease_until_at=None)
    execute(session, changed)


def _optional_values(result: FeedUpdate) -> dict[str, object]:
    """The columns that only some results change."""
    values: dict[str, object] = {}
    if result.validators is not None:
        values |= {"etag": result.validators.etag, "last_modified": result.validators.last_modified}
        values |= {"last_success_at": result.polled_at}
    if result.notes is not None:
        values["notes"] = result.notes
    if result.is_asked_in_full:
        values["asked_in_full_at"] = result.polled_at
    if result.wishes is not None:
        ttl_for = result.wishes.ttl_for
        values["ttl_seconds"] = ttl_for.total_seconds() if ttl_for else None
        values |= {"skip_hours": _words(result.wishes.skip_hours), "skip_days": _words(result.wishes.skip_days)}
    if result.is_first_poll_done:
        values["first_polled_at"] = result.polled_at
    if result.new_url:
        values |= {"url": result.new_url, "etag": None, "last_modified": None, "body_hash": None}
    elif result.body_hash is not None:
        values["body_hash"] = result.body_hash
    for column, name in (("own_title", "title"), ("site_url", "site_url"), ("paused_reason", "paused_reason")):
        if getattr(result, name):
            values[column] = getattr(result, name)
    return values


def release_all(session: Session) -> int:
    """End every lease and return how many. Only for the start of a process that is alone, holding the data directory's lock."""
    is_held = col(FeedRow.lease_token).is_not(None)
    return execute(session, update(FeedRow).where(is_held).values(lease_token=None, lease_until_at=None))


def _find(session: Session, name: str) -> FeedRow | None:
    return session.exec(select(FeedRow).where(FeedRow.name == name)).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """The state of a feed, for display. Fields are named after the columns of `feeds`."""

    name: str
    url: str
    """Not to be shown: see `shown_url`."""
    is_secret: bool
    title: str
    """From the settings, else from the feed itself."""
    publisher: str
    """As the owner set it; '' where the monitor finds out."""
    site_url: str
    language: str | None
    interval_seconds: float
    allow_private: bool
    first_poll: str
    first_poll_latest: int
    is_enabled: bool
    origin: str
    by_hand: str
    paused_reason: str | None
    outcome: str
    error: str | None
    notes: str
    failures: int
    failing_since_at: datetime | None
    first_polled_at: datetime | None
    last_polled_at: datetime | None
    last_success_at: datetime | None
    next_poll_at: datetime
    permanent_url: str | None
    polls: int
    polls_not_modified: int
    watch: Watch

    @property
    def shown_url(self) -> str:
        """Its address as it may be shown."""
        return shown_address(self.url, is_secret=self.is_secret)

    @property
    def shown_permanent_url(self) -> str:
        """The address that it is moving to, as it may be shown; '' where there is none."""
        return shown_address(self.permanent_url or "", is_secret=self.is_secret)


def reports(session: Session) -> list[FeedReport]:
    """The state of every feed, ordered by name."""
    return [_report(row) for row in session.exec(select(FeedRow).order_by(col(FeedRow.name)))]


def count_polled(session: Session) -> int:
    """The number of feeds that are on and not paused."""
    is_polled = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
    return session.exec(select(func.count()).select_from(FeedRow).where(*is_polled)).one()


def count_failing(session: Session) -> int:
    """The number of feeds that are on and not paused, and whose last poll failed."""
    return session.exec(select(func.count()).select_from(FeedRow).where(*_IS_POLLED, col(FeedRow.failures) > 0)).one()


def never_polled(session: Session) -> list[str]:
    """The names of the feeds that are on and were never asked."""
    is_new = (col(FeedRow.is_enabled).is_(True), col(FeedRow.last_polled_at).is_(None))
    return list(session.exec(select(FeedRow.name).where(*is_new)))


def report(session: Session, name: str) -> FeedReport | None:
    """The state of the feed of that name; None where there is none."""
    row = _find(session, name)
    return _report(row) if row else None


def _report(row: FeedRow) -> FeedReport:
    values = {each.name: getattr(row, each.name) for each in fields(FeedReport) if each.name != "watch"}
    if row.is_secret:  # what an earlier version wrote down, or while the address was not known to be secret
        values |= {name: without_addresses(values[name] or "", row.url) for name in ("error", "notes", "site_url")}
    return FeedReport(**{**values, "title": row.title or row.own_title}, watch=_watch_of(row))


# --- what feeds have shown before ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKeys:
    """The keys of a poll's entries that are stored already. Addresses and texts share one set: both are 64-bit hashes."""

    guids: frozenset[int]
    """Of entries of this feed."""
    by_feed: frozenset[int]
    """Addresses and texts of articles from this feed."""
    by_any: frozenset[int]
    """Addresses and texts of all articles."""


def known_keys(
    session: Session, feed: FeedState, *, guids: Sequence[int], addresses: Sequence[int], texts: Sequence[int]
) -> KnownKeys:
    """Which of these keys (of a poll's entries) are stored, by this feed or by any."""
    shown = _SHOWN.run(session, {"feed": feed.id, "keys": _as_keys(session, guids)})
    by_address = _BY_ADDRESS.run(session, {"name": feed.name, "feed": feed.id, "keys": _as_keys(session, addresses)})
    by_text = _BY_TEXT.run(session, {"name": feed.name, "keys": _as_keys(session, texts)})
    stored = [*by_address, *by_text]
    return KnownKeys(
        guids=frozenset(key for (key,) in shown),
        by_any=frozenset(key for key, _ in stored),
        by_feed=frozenset(key for key, is_own in stored if is_own),
    )


def _as_keys(session: Session, keys: Sequence[int]) -> object:
    """Keys as a parameter; 0 stands for "has no key" and never counts."""
    return as_parameter(session, set(keys) - {0})


def poll_times(session: Session, feed_id: int) -> tuple[datetime | None, datetime | None]:
    """(first polled at, last successful poll at) of a feed; None where it has not happened yet."""
    ((first_at, last_at),) = _POLL_TIMES.read(session, {"feed": feed_id})
    return first_at, last_at


def count_entries(session: Session, feed_id: int, *, since_at: datetime) -> int:
    """How many entries a feed has shown for the first time since then."""
    asked = select(func.count()).select_from(EntryRow)
    return session.exec(asked.where(EntryRow.feed_id == feed_id, col(EntryRow.first_seen_at) > since_at)).one()


def note_burst(session: Session, feed_id: int, *, now: datetime) -> datetime | None:
    """Record that a feed brought a burst of entries now; returns when it last did before."""
    row = session.get_one(FeedRow, feed_id)
    before_at, row.storm_at = row.storm_at, now
    session.add(row)
    session.flush()
    return before_at


# --- whether a feed is silent -------------------------------------------------------------------------------------------


def _watch_of(row: Any) -> Watch:
    values = {each.name: getattr(row, each.name) for each in fields(Watch)}
    return Watch(**{**values, "silence": Silence(row.silence) if row.silence else None})


def watch(session: Session, feed_id: int) -> Watch | None:
    """What is kept of a feed now; None where it is gone."""
    for row in _WATCH.read(session, {"feed": feed_id}):
        values = dict(zip(_WATCHED, row, strict=True))
        return Watch(**{**values, "silence": Silence(values["silence"]) if values["silence"] else None})
    return None


def save_watch(session: Session, feed_id: int, watch: Watch) -> None:
    """Store what is kept of a feed."""
    values = {each.name: getattr(watch, each.name) for each in fields(Watch)}
    silence = watch.silence.value if watch.silence else None
    _SAVE_WATCH.write(session, {**values, "silence": silence, "feed": feed_id})


def forget_watch(row: FeedRow) -> None:
    """A feed has another address: what was learned of the old one, and what was told of it, is no more."""
    for each in fields(Watch):
        setattr(row, each.name, each.default)
    row.ttl_seconds, row.skip_hours, row.skip_days, row.asked_in_full_at = None, "", "", None


def guids_first_seen(session: Session, feed_id: int, *, at: datetime) -> list[str]:
    """The entries that a feed showed for the first time at exactly this time."""
    session.flush()
    return [guid for (guid,) in _FIRST_SEEN.run(session, {"feed": feed_id, "at": at})]


def entry_times(session: Session, feed_id: int, *, at_most: int) -> list[tuple[datetime, datetime]]:
    """(published, first seen) of the entries that a feed showed last, in no order; without a date, both are when it was seen."""
    session.flush()
    return [(published, seen) for published, seen in _ENTRY_TIMES.read(session, {"feed": feed_id, "limit": at_most})]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFeed:
    """A feed by its name, with what is kept of it."""

    id: int
    name: str
    watch: Watch
    interval_for: timedelta = timedelta(minutes=15)
    last_success_at: datetime | None = None


def is_silence_due(session: Session, *, now: datetime) -> bool:
    """Whether there is something to tell of any feed."""
    return bool(_SILENCE_DUE.run(session, {"now": now}))


def untold_silence(session: Session) -> list[WatchedFeed]:
    """Feeds of which there is, or soon will be, something to tell."""
    return _watched(session, col(FeedRow.silence_due_at).is_not(None), *_IS_ANSWERING)


def silent(session: Session) -> list[WatchedFeed]:
    """Polled feeds that answer and are silent."""
    return _watched(session, col(FeedRow.silence).is_not(None), *_IS_ANSWERING)


def told_together(session: Session, told_at: Collection[datetime]) -> list[WatchedFeed]:
    """Polled feeds that were named by the notices of these times."""
    return _watched(session, col(FeedRow.silence_told_at).in_(sorted(told_at)), *_IS_POLLED)


def _watched(session: Session, *conditions: ColumnElement[bool]) -> list[WatchedFeed]:
    asked = select(FeedRow).where(*conditions).order_by(col(FeedRow.name))
    rows = session.exec(asked.execution_options(populate_existing=True))  # they are written by statements
    return [
        WatchedFeed(
            id=row.id or 0,
            name=row.name,
            watch=_watch_of(row),
            interval_for=timedelta(seconds=row.interval_seconds),
            last_success_at=row.last_success_at,
        )
        for row in rows
    ]


_IS_POLLED = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
_IS_ANSWERING = (*_IS_POLLED, col(FeedRow.failures) == 0)


# --- all feeds together -------------------------------------------------------------------------------------------------


def last_success_at(session: Session) -> datetime | None:
    """When any feed was last polled successfully."""
    return session.exec(select(func.max(FeedRow.last_success_at))).one()


def all_failing_since(session: Session, since_at: datetime) -> bool:
    """Whether no feed was polled successfully since then, and three or more fail: the fault is then likely on our side."""
    failing = (
        select(func.count()).select_from(FeedRow).where(col(FeedRow.is_enabled).is_(True), col(FeedRow.failures) > 0)
    )
    last_at = last_success_at(session)
    return session.exec(failing).one() >= 3 and (last_at is None or last_at < since_at)


def _leased_per_host(session: Session, now: datetime) -> dict[str, int]:
    return Counter(host for (host,) in _LEASED_HOSTS.run(session, {"now": now}))


def _words(numbers: frozenset[int]) -> str:
    return " ".join(map(str, sorted(numbers)))


def _wishes(row: Any) -> Wishes:
    return Wishes(
        ttl_for=timedelta(seconds=row.ttl_seconds) if row.ttl_seconds else None,
        skip_hours=frozenset(map(int, row.skip_hours.split())),
        skip_days=frozenset(map(int, row.skip_days.split())),
    )


def _state(row: Any, lease: Lease) -> FeedState:
    assert row.id is not None
    return FeedState(
        id=row.id,
        name=row.name,
        url=row.url,
        lease=lease,
        validators=Validators(etag=row.etag, last_modified=row.last_modified),
        body_hash=row.body_hash,
        language=row.language,
        interval_for=timedelta(seconds=row.interval_seconds),
        first_poll=FirstPoll(row.first_poll),
        first_poll_latest=row.first_poll_latest,
        first_polled_at=row.first_polled_at,
        failures=row.failures,
        failing_since_at=row.failing_since_at,
        is_failing_told=row.is_failing_told,
        permanent_url=row.permanent_url,
        permanent_since_at=row.permanent_since_at,
        allow_private=row.allow_private,
        is_secret=row.is_secret,
        pages=row.pages,
        wishes=_wishes(row),
        asked_in_full_at=row.asked_in_full_at,
        last_success_at=row.last_success_at,
        watch=_watch_of(row),
    )


# --- statements of every poll, built once -------------------------------------------------------------------------------

_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]
_WATCHED = tuple(each.name for each in fields(Watch))


def _given(column: str, name: str = "") -> Any:
    """A parameter of a column's type."""
    return bindparam(name or column, type_=_feeds.c[column].type)


@cache
def _settling(names: frozenset[str], is_unmodified: bool) -> Prepared:
    """The update that stores these columns of a poll's result: there are a few dozen combinations."""
    values: dict[str, Any] = {name: _given(name) for name in sorted(names)} | {"polls": _feeds.c.polls + 1}
    if is_unmodified:
        values["polls_not_modified"] = _feeds.c.polls_not_modified + 1
    if "first_polled_at" in values:
        values["first_polled_at"] = func.coalesce(_feeds.c.first_polled_at, values["first_polled_at"])
    is_held = (_feeds.c.id == bindparam("feed"), _feeds.c.lease_token == bindparam("token"))
    return Prepared(update(_feeds).where(*is_held).values(values))


_hosts: Table = HostRow.__table__  # type: ignore[attr-defined]
_FeedColumns = namedtuple("_FeedColumns", [each.name for each in _feeds.c])  # type: ignore[misc]
_ORDER = (_feeds.c.next_poll_at, _feeds.c.id)
_POSITION = func.row_number().over(partition_by=_feeds.c.host, order_by=_ORDER).label("position")
_IS_DUE = (
    _feeds.c.is_enabled.is_(True),
    _feeds.c.paused_reason.is_(None),
    or_(_feeds.c.lease_token.is_(None), _feeds.c.lease_until_at < _given("lease_until_at", "now")),
    _feeds.c.host.not_in(select_columns(_hosts.c.host).where(_hosts.c.paused_until_at > _given("next_poll_at", "now"))),
    _feeds.c.next_poll_at <= _given("next_poll_at", "now"),
)


def _due_feeds(is_on_full_host: str) -> Any:
    queues = select_columns(_feeds.c.id, _POSITION).where(*_IS_DUE, text(f"NOT ({is_on_full_host})")).subquery()
    first = select_columns(*_feeds.c).join(queues, _feeds.c.id == queues.c.id)
    first = first.where(queues.c.position <= bindparam("per_host", type_=Integer))
    return first.order_by(*_ORDER).limit(bindparam("limit", type_=Integer))


_DUE = Prepared(
    _due_feeds("feeds.host IN (SELECT value FROM json_each(:full))"),
    postgresql=_due_feeds("feeds.host = ANY(CAST(:full AS text[]))"),
)
_LEASED_HOSTS = Prepared(
    select_columns(_feeds.c.host).where(
        _feeds.c.lease_token.is_not(None), _feeds.c.lease_until_at >= _given("lease_until_at", "now")
    )
)
_LEASE = Prepared(
    update(_feeds)
    .where(
        _feeds.c.id == bindparam("feed"),
        or_(_feeds.c.lease_token.is_(None), _feeds.c.lease_until_at < _given("lease_until_at", "now")),
    )
    .values(lease_token=_given("lease_token", "token"), lease_until_at=_given("lease_until_at", "until_at"))
)
_WATCH = Prepared(select_columns(*(_feeds.c[name] for name in _WATCHED)).where(_feeds.c.id == bindparam("feed")))
_SAVE_WATCH = Prepared(
    update(_feeds).where(_feeds.c.id == bindparam("feed")).values({name: _given(name) for name in _WATCHED})
)
_entries: Table = EntryRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_FIRST_SEEN = Prepared(
    select_columns(_entries.c.guid).where(
        _entries.c.feed_id == bindparam("feed"),
        _entries.c.first_seen_at == bindparam("at", type_=_entries.c.first_seen_at.type),
    )
)
_POLL_TIMES = Prepared(
    select_columns(_feeds.c.first_polled_at, _feeds.c.last_success_at).where(_feeds.c.id == bindparam("feed"))
)


def _among_keys(asked: Any, column: str) -> Prepared:
    """The select of rows whose column is one of the keys that are given."""
    return Prepared(
        asked.where(text(f"{column} IN (SELECT value FROM json_each(:keys))")),
        postgresql=asked.where(text(f"{column} = ANY(CAST(:keys AS bigint[]))")),
    )


_IS_OF_FEED = _articles.c.source == bindparam("name")
_IS_SHOWN = exists().where(_entries.c.article_id == _articles.c.id, _entries.c.feed_id == bindparam("feed"))
_SHOWN = _among_keys(select_columns(_entries.c.guid_key).where(_entries.c.feed_id == bindparam("feed")), "guid_key")
_BY_ADDRESS = _among_keys(select_columns(_articles.c.url_key, or_(_IS_OF_FEED, _IS_SHOWN)), "url_key")
_BY_TEXT = _among_keys(select_columns(_articles.c.text_key, _IS_OF_FEED), "text_key")
_ENTRY_TIMES = Prepared(
    select_columns(_articles.c.published_at, _entries.c.first_seen_at)
    .join(_articles, _articles.c.id == _entries.c.article_id)
    .where(_entries.c.feed_id == bindparam("feed"))
    .order_by(_entries.c.first_seen_at.desc())
    .limit(bindparam("limit", type_=Integer))
)
_SILENCE_DUE = Prepared(
    select_columns(_feeds.c.id)
    .where(_feeds.c.silence_due_at <= _given("silence_due_at", "now"), *_IS_ANSWERING)
    .limit(1)
)
