"""Whether a feed that answers is silent, and when it is to be asked without validators. Pure.

A feed is silent where it brings nothing for longer than its rhythm makes likely, where its document is emptied, where its dates
went bad, or where its server says "not modified" though it was. This is decided only on answers: a feed that fails, or that
nobody asked while the machine slept, is not silent. What is found is shown at once, and told after `TOLD_AFTER_FOR`, so that
feeds that fall silent together are told together, and one that only slept a little longer is not told at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.polling.rhythm import Rhythm
from monitor.types.fetching import FeedState, Silence, Watch, was_unwatched

TOLD_AFTER_FOR = timedelta(hours=6)
IN_FULL_EVERY = timedelta(hours=24)
"""The least time between two requests without validators."""
UNDATED_FROM = 5
"""Entries in a row without a date that can be believed, after as many with one, from which a feed's dates went bad."""
_SOON = timedelta(days=1)
"""A date so far in the future may be a mistake of the time zone."""
_STALE_AFTER_FOR = timedelta(days=7)
"""An entry that is new and dated so long before the last answer would have been seen then."""


def is_to_be_asked_in_full(feed: FeedState, *, now: datetime) -> bool:
    """Whether to ask without validators, as "not modified" lasts longer than the feed's rhythm makes likely.

    At most once a day, and of a feed that is silent for long ever more rarely.
    """
    watch = feed.watch
    if feed.validators.etag is None and feed.validators.last_modified is None:
        return False
    asked_at = feed.asked_in_full_at
    if asked_at is not None and timedelta() <= now - asked_at < IN_FULL_EVERY:
        return False
    if watch.silence is Silence.STUCK:
        return True
    if watch.likely_by_at is None or now < watch.likely_by_at:
        return False
    silent_for = now - watch.last_entry_at if watch.last_entry_at else timedelta()
    return asked_at is None or abs(now - asked_at) >= max(IN_FULL_EVERY, silent_for / 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one answer of a feed showed."""

    entries: int | None
    """In its document; None where that was not modified, or byte for byte the last one."""
    new: Sequence[datetime | None] = ()
    """The dates of entries that it had not shown before, as far as they have one."""
    is_first: bool = False
    is_in_full: bool = False
    """Whether it was asked without validators though it had some."""
    has_same_validators: bool = False


def next_watch(feed: FeedState, answer: Answer, rhythm: Callable[[], Rhythm], *, now: datetime) -> Watch:
    """What to keep of a feed after an answer. `rhythm` is looked up only where it can have changed."""
    watch = feed.watch
    if answer.new or watch.quiet_from_at is None:
        watch = _expecting(watch, rhythm(), answer, now)
    watch = _with_dates(watch, feed, answer, now)
    watch = _with_silence(watch, _silence(watch, feed, answer, now), now)
    is_untold = watch.silence is not None and watch.silence_told_at is None
    if is_untold and was_unwatched(
        feed.last_success_at, feed.interval_for, now=now
    ):  # see it silent for as long once more
        watch = replace(watch, silence_due_at=now + TOLD_AFTER_FOR)
    return watch


def _expecting(watch: Watch, rhythm: Rhythm, answer: Answer, now: datetime) -> Watch:
    """What is to be expected from now on. A first document tells by its dates when something came last."""
    came_at = now if answer.new and not answer.is_first else rhythm.last_at
    last_at = came_at or now
    return replace(
        watch,
        last_entry_at=came_at,
        per_day=rhythm.per_day,
        likely_by_at=rhythm.likely_by(last_at),
        quiet_from_at=rhythm.quiet_from(last_at),
    )


def _with_dates(watch: Watch, feed: FeedState, answer: Answer, now: datetime) -> Watch:
    """Count the entries with a date, and the newest ones in a row without."""
    since_at = None if answer.is_first or feed.last_success_at is None else feed.last_success_at - _STALE_AFTER_FOR
    for at in answer.new:
        is_believed = at is not None and at <= now + _SOON and (since_at is None or at >= since_at)
        run = 0 if is_believed else watch.undated_run + 1
        watch = replace(watch, dated_entries=watch.dated_entries + is_believed, undated_run=run)
    return watch


def _silence(watch: Watch, feed: FeedState, answer: Answer, now: datetime) -> Silence | None:
    """How the feed is silent after this answer, the worst first."""
    if answer.entries == 0 and feed.first_polled_at is not None and not answer.is_first and watch.last_entry_at:
        return Silence.EMPTIED
    if answer.entries is None and watch.silence is Silence.EMPTIED:
        return Silence.EMPTIED
    if watch.quiet_from_at is not None and now >= watch.quiet_from_at:
        return Silence.QUIET
    if _is_stuck(watch, feed, answer):
        return Silence.STUCK
    has_bad_dates = watch.undated_run >= UNDATED_FROM and watch.dated_entries >= UNDATED_FROM
    return Silence.UNDATED if has_bad_dates else None


def _is_stuck(watch: Watch, feed: FeedState, answer: Answer) -> bool:
    """Whether the server says "not modified" though it was: what is new came only when asked without validators.

    The proof is that the validators stayed, or that something is dated before the last "not modified".
    """
    if not answer.new:
        return watch.silence is Silence.STUCK
    if not answer.is_in_full:
        return False
    last_at = feed.last_success_at
    is_late = any(at is not None and last_at is not None and at < last_at - timedelta(hours=1) for at in answer.new)
    return answer.has_same_validators or is_late or watch.silence is Silence.STUCK


def _with_silence(watch: Watch, silence: Silence | None, now: datetime) -> Watch:
    """The state and what is to be told of it: once that it began, and, where that was told, once that it is over."""
    was_told = watch.silence_told_at is not None
    if silence is not None:
        begins = watch.silence is None and not was_told
        return replace(
            watch,
            silence=silence,
            silence_changed_at=now if watch.silence is None else watch.silence_changed_at,
            silence_due_at=now + TOLD_AFTER_FOR if begins else None if was_told else watch.silence_due_at,
        )
    if watch.silence is None:
        return watch
    back_at = now if was_told else None
    return replace(watch, silence=None, silence_changed_at=back_at, silence_due_at=back_at)
