"""The state of feeds as it is shown, and how many are polled, fail or were never asked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from monitor.store.feeds.watches import IS_POLLED, watch_of
from monitor.store.tables.feeds import FeedRow
from monitor.text.secrets import shown_address, without_addresses
from monitor.types.fetching import Watch


def find_row(session: Session, name: str) -> FeedRow | None:
    """The row of the feed of that name; None where there is none."""
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


def of_all(session: Session) -> list[FeedReport]:
    """The state of every feed, ordered by name."""
    return [_report(row) for row in session.exec(select(FeedRow).order_by(col(FeedRow.name)))]


def count_polled(session: Session) -> int:
    """The number of feeds that are on and not paused."""
    is_polled = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
    return session.exec(select(func.count()).select_from(FeedRow).where(*is_polled)).one()


def count_failing(session: Session) -> int:
    """The number of feeds that are on and not paused, and whose last poll failed."""
    return session.exec(select(func.count()).select_from(FeedRow).where(*IS_POLLED, col(FeedRow.failures) > 0)).one()


def never_polled(session: Session) -> list[str]:
    """The names of the feeds that are on and were never asked."""
    is_new = (col(FeedRow.is_enabled).is_(True), col(FeedRow.last_polled_at).is_(None))
    return list(session.exec(select(FeedRow.name).where(*is_new)))


def find(session: Session, name: str) -> FeedReport | None:
    """The state of the feed of that name; None where there is none."""
    row = find_row(session, name)
    return _report(row) if row else None


def _report(row: FeedRow) -> FeedReport:
    values = {each.name: getattr(row, each.name) for each in fields(FeedReport) if each.name != "watch"}
    if row.is_secret:  # what an earlier version wrote down, or while the address was not known to be secret
        values |= {name: without_addresses(values[name] or "", row.url) for name in ("error", "notes", "site_url")}
    return FeedReport(**{**values, "title": row.title or row.own_title}, watch=watch_of(row))


def also_at(session: Session, url: str, *, feed_id: int) -> str:
    """The name of another feed in use that is polled at this address; '' where there is none."""
    others = select(FeedRow.name).where(FeedRow.url == url, FeedRow.id != feed_id, col(FeedRow.is_enabled))
    return session.exec(others.order_by(col(FeedRow.id)).limit(1)).first() or ""


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
