"""Looks at the service regularly and keeps the last answer, so that /healthz needs neither disk nor store (in the daemon and in
`monitor serve`); `monitor doctor` and `monitor status` look once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from monitor.alerting import condition
from monitor.alerting.condition import ServiceState
from monitor.store import channels, files, nodes
from monitor.store.db import Database, Session
from monitor.store.feeds import feed_reports, watches
from monitor.store.outbox import delivery_states
from monitor.types.condition import Problem, stale_answer, store_gone, store_problem
from monitor.types.errors import StoreBusyError, StoreError, StoreFullError

log = logging.getLogger("monitor.observer")

EVERY_SECONDS = 15.0
_STALE_AFTER = timedelta(seconds=90)
"""An answer that is older is a problem of its own. A look may wait for a busy store for as long as a tick (60 s)."""


class Observer:
    """The last answer of `look`, with its age. Thread-safe: the whole answer is one value that is replaced."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` is one that nobody sets: ages are measured by it."""
        self._clock = clock
        self._answer: tuple[tuple[Problem, ...], datetime] | None = None

    def keep(self, found: tuple[Problem, ...]) -> None:
        """Keep what was found just now."""
        self._answer = (found, self._clock())

    def latest(self) -> tuple[tuple[Problem, ...], timedelta | None]:
        """What was found last, and how long ago (None: never yet). An answer that is too old is a problem of its own."""
        if self._answer is None:
            return (stale_answer(None),), None
        found, at = self._answer
        age_for = self._clock() - at
        return ((stale_answer(age_for), *found) if age_for > _STALE_AFTER else found), age_for


def read(session: Session, *, path: Path | None, is_disk_full: bool = False) -> ServiceState:
    """What the store and its disk show. `path`: the SQLite file, None for PostgreSQL."""
    return ServiceState(
        nodes=nodes.reports(session),
        due_times=nodes.due_times(session),
        failing_feeds=feed_reports.count_failing(session),
        last_polled_at=nodes.last_polled_at(session),
        channels=channels.reports(session),
        waiting_since=delivery_states.waiting_since(session),
        silent_feeds=watches.silent(session),
        recipients=channels.recipient_reports(session),
        topics=nodes.topics_in_force(session),
        is_in_use=files.is_in_use(path),
        free_bytes=files.free_bytes(path),
        is_disk_full=is_disk_full,
    )


def look(db: Database, *, now: datetime, speed: float = 1.0) -> tuple[Problem, ...]:
    """All problems of the service at `now`; that the store cannot be read is one, and then the only one."""
    if db.is_file_gone:
        return (store_gone(db.shown),)
    try:
        with db.reading() as session:
            return condition.problems(read(session, path=db.path), now=now, speed=speed)
    except StoreError as error:
        return (problem_of(error),)


def problem_of(error: StoreError) -> Problem:
    """A failure of the store as a problem. Its text names the store's address, which is not for everybody."""
    what, _, mend = str(error).partition("; ")
    if isinstance(error, StoreFullError):
        return next(condition.disk_problems(None, is_full=True))
    if isinstance(error, StoreBusyError):
        return store_problem(what, mend, public="the store is held by another program")
    return store_problem(what, mend, public="the store is damaged" if "damaged" in what else "the store cannot be used")


class BackgroundObserver:
    """Looks every `EVERY_SECONDS` on a thread of its own, as a context. For a process without ticks."""

    def __init__(self, observer: Observer, looks: Callable[[], tuple[Problem, ...]]) -> None:
        self._observer, self._looks = observer, looks
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> None:
        """Look once, so that the first question has an answer, then regularly."""
        self._observer.keep(self._looks())
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End the thread after the look under way."""
        self._is_over.set()
        self._thread.join(EVERY_SECONDS)

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS):
            try:
                self._observer.keep(self._looks())
            except Exception:
                log.exception("the service could not be looked at; it is tried again, and the last answer grows old")
