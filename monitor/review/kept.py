"""What lists need of the whole store: the calibration of topics, publishers and languages. It is worked out once and kept, as that
takes far longer than a page.

It is worked out again when what it depends on has changed: at once where that takes no time, else after the page was sent, and then
only now and then. So the probability in a list may be as of some seconds ago; those of alerts are never kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from monitor.learning.training import calibration
from monitor.matching.calibration import Calibration
from monitor.review import choices
from monitor.store import inbox, topics, verdicts
from monitor.store.db import Database, Session
from monitor.store.inbox import Attributed
from monitor.types.errors import StoreError

KEPT_FOR = timedelta(minutes=10)
"""After which even what seems unchanged is worked out again: a judged match may get another score when it is reassessed."""
RENEWED_EVERY = timedelta(seconds=20)
AT_ONCE_SECONDS = 0.02
"""What took no longer than that is worked out within the page."""

Value = TypeVar("Value")
Stamp = tuple[int, ...]
"""Numbers that grow when what a value depends on changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValue(Generic[Value]):
    """A value, what the store said when it was worked out, when that was, and how much processor time that took."""

    value: Value
    stamp: Stamp
    at: datetime
    took_seconds: float


def is_renewed_at_once(kept: KeptValue[Value], stamp: Stamp) -> bool:
    """Whether a page works it out again before it uses it."""
    return kept.stamp != stamp and kept.took_seconds <= AT_ONCE_SECONDS


def is_due(kept: KeptValue[Value], stamp: Stamp, now: datetime) -> bool:
    """Whether it is worked out again after a page."""
    return now - kept.at >= (KEPT_FOR if kept.stamp == stamp else RENEWED_EVERY)


class Choices(NamedTuple):
    """What there is to filter by."""

    publishers: Mapping[str, tuple[Attributed, ...]]
    """Name -> by what the publisher is known."""
    languages: tuple[str, ...]


class Known(NamedTuple):
    """What is kept, as a page uses it."""

    calibration: Calibration
    choices: Choices


class Keeper(Generic[Value]):
    """Keeps one value. `stamp` says what the store holds of that on which it depends."""

    def __init__(self, work_out: Callable[[Session], Value], stamp: Callable[[Session], Stamp]) -> None:
        self._work_out, self._stamp = work_out, stamp
        self._kept: KeptValue[Value] | None = None
        self._lock = Lock()

    def value(self, session: Session, now: datetime) -> Value:
        """The value, as of some seconds ago."""
        kept = self._kept
        if kept is None or is_renewed_at_once(kept, self._stamp(session)):
            kept = self._renew(session, now)
        return kept.value

    def renew_if_due(self, session: Session, now: datetime) -> None:
        """Work it out again where it is due and nobody does; to be called when a page was sent."""
        if self._kept is not None and is_due(self._kept, self._stamp(session), now) and not self._lock.locked():
            self._renew(session, now)

    def _renew(self, session: Session, now: datetime) -> KeptValue[Value]:
        with self._lock:
            stamp, began = self._stamp(session), time.thread_time()
            value = self._work_out(session)
            self._kept = KeptValue(value=value, stamp=stamp, at=now, took_seconds=time.thread_time() - began)
            return self._kept


class KeptValues:
    """The values that all pages of one process share. Safe for several threads."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db, self._clock = db, clock
        self._calibration = Keeper(calibration, verdict_stamp)
        self._choices = Keeper(_find_choices, lambda session: (inbox.latest_id(session),))

    def known(self, session: Session) -> Known:
        """All of them, as of some seconds ago."""
        now = self._clock()
        return Known(self._calibration.value(session, now), self._choices.value(session, now))

    def calibration(self, session: Session) -> Calibration:
        """The calibration, as of some seconds ago."""
        return self._calibration.value(session, self._clock())

    def renew(self) -> None:
        """Work out again what is due. To be called when a page was sent; where the store cannot be read, the next page will do."""
        with suppress(StoreError), self._db.reading() as session:
            for each in (self._calibration, self._choices):
                each.renew_if_due(session, self._clock())


def verdict_stamp(session: Session) -> Stamp:
    """What grows with each verdict and each change of a topic."""
    return (verdicts.latest_id(session), topics.latest_revision(session))


def _find_choices(session: Session) -> Choices:
    return Choices(choices.publishers(session), tuple(choices.languages(session)))
