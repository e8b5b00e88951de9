"""Notices on feeds that answer and are silent: when they are told, and in which words.

Silence is told slowly and together: at most one notice a day that feeds fell silent, and one that they are back. Where very
many are silent at once (Christmas, a strike of an agency) one notice says so, and those that follow are added without another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerting.notices import enqueue_notice, moment
from monitor.store import alerts
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import feed_reports, watches
from monitor.store.feeds.watches import WatchedFeed
from monitor.types.fetching import Silence, Watch, was_unwatched

_EVERY = timedelta(days=1)
CROWD_FROM, CROWD_SHARE = 5, 0.25
"""So many silent feeds, and such a share of all, are no faults of their own."""
_PATIENCE = timedelta(hours=2)
_NAMED = 20
_TITLES = {
    Silence.QUIET: "is silent",
    Silence.EMPTIED: "is empty",
    Silence.UNDATED: "gives no dates any more",
    Silence.STUCK: 'says "not modified" though it is',
}
_BEGUN, _OVER, _CROWD = "silence/begun/", "silence/over/", "crowd"


def tell(session: Session, *, channels: Mapping[str, str], now: datetime) -> None:
    """Write the notices that are due, if any, in the transaction of the poll that found out."""
    if not watches.is_silence_due(session, now=now):
        return
    serialize_decisions(session)
    untold = watches.untold_silence(session)
    begun = [each for each in untold if each.watch.silence and not _is_unwatched(each, now)]
    over = [each for each in untold if not each.watch.silence]
    if any(_is_confirmed(each, now) for each in begun) and not any(_will_soon_be_asked(each, now) for each in begun):
        told = [each for each in begun if not _is_due(each, now) or _is_confirmed(each, now)]
        _tell_begun(session, told, channels, now)
    if any(_is_due(each, now) for each in over):
        _tell_over(session, over, channels, now)


def _is_unwatched(feed: WatchedFeed, now: datetime) -> bool:
    """Whether what is stored of a feed may be over already, as after a sleep of ours: it is told when it was asked again."""
    return was_unwatched(feed.last_success_at, feed.interval_for, now=now)


def _is_due(feed: WatchedFeed, now: datetime) -> bool:
    return feed.watch.silence_due_at is not None and feed.watch.silence_due_at <= now


def _is_confirmed(feed: WatchedFeed, now: datetime) -> bool:
    """Whether a silent feed was asked again, and was silent still, once its silence was due to be told."""
    due_at, asked_at = feed.watch.silence_due_at, feed.last_success_at
    return due_at is not None and asked_at is not None and due_at <= asked_at <= now


def _will_soon_be_asked(feed: WatchedFeed, now: datetime) -> bool:
    """Whether a silent feed has just become due and is asked next in its turn: those that are told together wait for it."""
    is_open = _is_due(feed, now) and not _is_confirmed(feed, now)
    due_at = feed.watch.silence_due_at
    return is_open and due_at is not None and now - due_at < feed.interval_for + _PATIENCE


# --- what begins ------------------------------------------------------------------------------------------------------


def _tell_begun(session: Session, begun: Sequence[WatchedFeed], channels: Mapping[str, str], now: datetime) -> None:
    """One notice on all that fell silent, also on those that are not due yet; or none, where another told of this crowd."""
    crowd_from = max(CROWD_FROM, CROWD_SHARE * feed_reports.count_polled(session))
    all_silent = watches.silent(session)
    told = [each.watch.silence_told_at for each in all_silent if each.watch.silence_told_at]
    kind, last_at = _last_begun(session)
    if kind == _CROWD and 2 * len(told) >= crowd_from:
        _settle(session, begun, told_at=max(told))
    elif last_at and abs(now - last_at) < _EVERY:
        _put_off(session, begun, last_at + _EVERY)
    else:
        is_crowd = len(all_silent) >= crowd_from
        title, body = _crowd_words(all_silent) if is_crowd else _begun_words(begun)
        key = f"{_BEGUN}{_CROWD if is_crowd else 'feeds'}/{now.isoformat()}"
        enqueue_notice(session, title, body, key=key, channels=channels, now=now)
        _settle(session, begun, told_at=now)


def _last_begun(session: Session) -> tuple[str, datetime | None]:
    """Of the last notice that feeds fell silent: whether it told of a crowd, and when."""
    key = alerts.latest_key(session, _BEGUN)
    if key is None:
        return "", None
    kind, at = key.removeprefix(_BEGUN).split("/", 1)
    return kind, datetime.fromisoformat(at)


def _crowd_words(silent: Sequence[WatchedFeed]) -> tuple[str, str]:
    return (
        f"{len(silent)} feeds are silent at once",
        "They answer and bring nothing new. Where so many are silent it may be a holiday, or a fault of the network.\n"
        f"{_described(silent)}\nThose that follow are shown on the status page only. You will be told when they are back.",
    )


def _described(silent: Sequence[WatchedFeed]) -> str:
    return _listed([f"{each.name}: {describe(each.watch)}" for each in silent])


def _begun_words(begun: Sequence[WatchedFeed]) -> tuple[str, str]:
    kinds = {each.watch.silence for each in begun}
    is_silent = kinds <= {Silence.QUIET, Silence.EMPTIED}
    title = f"{len(begun)} feeds are silent" if is_silent else f"{len(begun)} feeds are not as usual"
    if len(begun) == 1:
        title = f"The feed {begun[0].name} {_TITLES[begun[0].watch.silence or Silence.QUIET]}"
    mend = "Look whether it has moved; `monitor feeds show NAME` says more. You will be told once when it is back."
    return title, f"{_described(begun)}\n{mend}"


def describe(watch: Watch) -> str:
    """How a feed is silent, in a sentence without its name; '' where it is not."""
    since = f" since {moment(watch.last_entry_at)}" if watch.last_entry_at else ""
    match watch.silence:
        case Silence.QUIET:
            usual = f"; it usually brings {usual_words(watch.per_day)}" if watch.per_day else ""
            return f"it answers and has brought nothing new{since}{usual}"
        case Silence.EMPTIED:
            return f"it answers, but its document has no entries any more, and nothing new came{since}"
        case Silence.UNDATED:
            return f"its newest {watch.undated_run} entries have no date that can be believed; their time is when they were seen"
        case Silence.STUCK:
            return 'its server says "not modified" though it was; it is asked in full once a day, so its articles come late'
        case None:
            return ""


def usual_words(per_day: float) -> str:
    """How often a feed brings something: `about 50 entries a day`."""
    for times, unit in ((1, "day"), (7, "week"), (30, "month")):
        if per_day * times >= 1.5 or unit == "month":
            count = max(1, round(per_day * times))
            return f"about {count} {'entry' if count == 1 else 'entries'} a {unit}"
    raise AssertionError


# --- what is over -----------------------------------------------------------------------------------------------------


def _tell_over(session: Session, over: Sequence[WatchedFeed], channels: Mapping[str, str], now: datetime) -> None:
    """Feeds are back that one notice named: told when all of them are, or else a day after the first one was."""
    named = {each.watch.silence_told_at for each in over}
    still_silent = {
        each.watch.silence_told_at
        for each in watches.told_together(session, {at for at in named if at})
        if each.watch.silence
    }
    ready: list[WatchedFeed] = []
    for told_at in named:
        together = [each for each in over if each.watch.silence_told_at == told_at]
        until_at = min(each.watch.silence_changed_at or now for each in together) + _EVERY
        if told_at in still_silent and now < until_at:
            _put_off(session, together, until_at)
        else:
            ready += together
    if ready:
        title, body = _over_words(sorted(ready, key=lambda each: each.name))
        enqueue_notice(session, title, body, key=f"{_OVER}{now.isoformat()}", channels=channels, now=now)
        _settle(session, ready, told_at=None)


def _over_words(over: Sequence[WatchedFeed]) -> tuple[str, str]:
    told = ", ".join(sorted({moment(each.watch.silence_told_at) for each in over}))
    if len(over) == 1:
        return f"The feed {over[0].name} is as usual again", f"That it was not was told at {told}."
    title = f"{len(over)} feeds are as usual again"
    return title, f"{_listed([each.name for each in over])}\nThat they were not was told at {told}."


# --- parts ------------------------------------------------------------------------------------------------------------


def _put_off(session: Session, untold: Sequence[WatchedFeed], until_at: datetime) -> None:
    for each in untold:
        watches.save_watch(session, each.id, replace(each.watch, silence_due_at=until_at))


def _settle(session: Session, told: Sequence[WatchedFeed], *, told_at: datetime | None) -> None:
    """Note that these feeds were told: as silent at that time, or (None) as back."""
    for each in told:
        changed_at = each.watch.silence_changed_at if told_at else None
        watch = replace(each.watch, silence_told_at=told_at, silence_changed_at=changed_at, silence_due_at=None)
        watches.save_watch(session, each.id, watch)


def _listed(lines: Sequence[str]) -> str:
    more = len(lines) - _NAMED
    shown = [f"- {each}" for each in lines[:_NAMED]]
    return "\n".join([*shown, *([f"and {more} more"] if more > 0 else [])])
