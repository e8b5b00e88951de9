"""Which feeds are due, their leases, and the result of each poll. Every `claim` is followed by one `settle`.

A claim takes a lease with one conditional UPDATE, so that of two pollers exactly one gets the feed; the lease of a poller that
died expires. `settle` runs in the transaction that stores the entries: validators must never be saved without them.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter, namedtuple
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, Table, bindparam, func, or_, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col

from monitor.store.feeds.feed_reports import find_row
from monitor.store.feeds.watches import feed_parameter, watch_of
from monitor.store.statements import Prepared, execute
from monitor.store.tables.feeds import FeedRow, HostRow
from monitor.types.errors import StoreError
from monitor.types.fetching import FeedState, FeedUpdate, FirstPoll, Lease, Validators, Wishes

_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]
_hosts: Table = HostRow.__table__  # type: ignore[attr-defined]


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
    row = find_row(session, name)
    return _state(row, Lease(token="", until_at=row.next_poll_at)) if row else None


def claim(session: Session, name: str, *, now: datetime, lease_for: timedelta) -> FeedState | None:
    """Lease the feed of this name, due or not; None where another process holds it or there is no such feed."""
    row = find_row(session, name)
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
        watch=watch_of(row),
    )


@cache
def _settling(names: frozenset[str], is_unmodified: bool) -> Prepared:
    """The update that stores these columns of a poll's result: there are a few dozen combinations."""
    values: dict[str, Any] = {name: feed_parameter(name) for name in sorted(names)} | {"polls": _feeds.c.polls + 1}
    if is_unmodified:
        values["polls_not_modified"] = _feeds.c.polls_not_modified + 1
    if "first_polled_at" in values:
        values["first_polled_at"] = func.coalesce(_feeds.c.first_polled_at, values["first_polled_at"])
    is_held = (_feeds.c.id == bindparam("feed"), _feeds.c.lease_token == bindparam("token"))
    return Prepared(update(_feeds).where(*is_held).values(values))


_FeedColumns = namedtuple("_FeedColumns", [each.name for each in _feeds.c])  # type: ignore[misc]
_ORDER = (_feeds.c.next_poll_at, _feeds.c.id)
_POSITION = func.row_number().over(partition_by=_feeds.c.host, order_by=_ORDER).label("position")
_IS_DUE = (
    _feeds.c.is_enabled.is_(True),
    _feeds.c.paused_reason.is_(None),
    or_(_feeds.c.lease_token.is_(None), _feeds.c.lease_until_at < feed_parameter("lease_until_at", "now")),
    _feeds.c.host.not_in(
        select_columns(_hosts.c.host).where(_hosts.c.paused_until_at > feed_parameter("next_poll_at", "now"))
    ),
    _feeds.c.next_poll_at <= feed_parameter("next_poll_at", "now"),
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
        _feeds.c.lease_token.is_not(None), _feeds.c.lease_until_at >= feed_parameter("lease_until_at", "now")
    )
)
_LEASE = Prepared(
    update(_feeds)
    .where(
        _feeds.c.id == bindparam("feed"),
        or_(_feeds.c.lease_token.is_(None), _feeds.c.lease_until_at < feed_parameter("lease_until_at", "now")),
    )
    .values(
        lease_token=feed_parameter("lease_token", "token"), lease_until_at=feed_parameter("lease_until_at", "until_at")
    )
)
