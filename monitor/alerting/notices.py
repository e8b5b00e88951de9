"""Notices to the operator about the service itself, such as a failing feed or a recovered channel; one when each state begins.

A notice is written in the transaction of the poll or attempt that detected the state; the alert's unique key keeps it to one.
Where every feed fails at the same time our own network is down: that is one notice, not one for each feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.store import alerts, articles
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import feed_reports
from monitor.store.outbox import delivery_queue
from monitor.text import urls
from monitor.types.alerting import (
    Alert,
    AlertKind,
    AttemptResult,
    ChannelEvent,
    DeliveryState,
    DeliveryUpdate,
    Outcome,
    RecipientEvent,
    RecipientOutcome,
)
from monitor.types.condition import Code, Problem
from monitor.types.fetching import FeedEvent, FeedState, FeedUpdate

_OUTAGE = "network/down/"
_CONDITION, _WELL = "condition", "well"
_SAME_AGAIN_AFTER = timedelta(hours=1)
"""A problem that comes and goes is told at most this often."""
_GIVEN_UP_AGAIN_AFTER = timedelta(days=7)
_TITLES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstReport:
    """The outcome of a burst."""

    outlet: str
    fresh: int
    known: int
    changed: int
    """Entries whose changes were ascribed to a new page template; 0 where none were."""
    held_article_ids: tuple[int, ...] = ()
    """Articles that matched and were not alerted one by one."""
    is_first_poll: bool = False


def notify_feed(
    session: Session,
    feed: FeedState,
    update: FeedUpdate,
    event: FeedEvent,
    *,
    channels: Mapping[str, str],
    now: datetime,
) -> None:
    """A feed began to fail, recovered, is gone or moved. `channels`: name -> digest of the destination."""
    since_at = feed.failing_since_at or update.failing_since_at or now
    key = f"feed/{feed.id}/{FeedEvent.FAILING}/{since_at.isoformat()}"
    if event is FeedEvent.FAILING and feed_reports.all_failing_since(session, since_at):
        _of_network_down(session, since_at, channels, now)
        return
    if event is FeedEvent.RECOVERED and not alerts.exists(session, key):
        _of_network_back(session, channels, now)
        return
    title, body = _feed_words(feed, update, event, since_at)
    if event is FeedEvent.MOVED and (other := feed_reports.also_at(session, update.new_url or "", feed_id=feed.id)):
        body = (
            f"It has redirected to the address of the feed {other} for a week: both bring the same now. "
            "Remove one of the two; with one address for both the settings would be refused."
        )
    enqueue_notice(
        session,
        title,
        f"{urls.masked(feed.url)}\n{body}",
        key=key.replace(FeedEvent.FAILING, event),
        channels=channels,
        now=now,
    )


def notify_burst(
    session: Session, feed: FeedState, burst: BurstReport, *, page: str, channels: Mapping[str, str], now: datetime
) -> None:
    """A feed brought a burst that is no news: one notice in place of an alert for each entry."""
    title, body = _burst_words(burst)
    if burst.held_article_ids:
        titles = articles.titles(session, burst.held_article_ids[:_TITLES_SHOWN])
        more = len(burst.held_article_ids) - len(titles)
        listed = [*(f"- {each}" for each in titles), *([f"and {more} more"] if more else [])]
        body += "\n" + "\n".join(listed) + (f"\nAll of them: {page}/?state=new" if page else "")
    key = f"feed/{feed.id}/storm/{now.isoformat()}"
    enqueue_notice(session, title, f"{urls.masked(feed.url)}\n{body}", key=key, channels=channels, now=now)


def _burst_words(burst: BurstReport) -> tuple[str, str]:
    name = f"The feed {burst.outlet}"
    if burst.held_article_ids and not burst.changed:
        return (
            f"{name} brought {burst.fresh} entries at once, {len(burst.held_article_ids)} of them on your topics",
            "That is many times its usual number, and most of their dates do not say when they were published: it looks like an "
            "archive. They were stored and are shown on the review page, without an alert for each:",
        )
    if burst.changed:
        return (
            f"{name} changed {burst.changed} of its entries at once",
            "It looks like a new page template. The changes are kept as revisions, without alerts.",
        )
    others = burst.fresh - burst.known
    if burst.is_first_poll:
        return (
            f"The new feed {burst.outlet} holds {burst.fresh} entries, {burst.known} of which we had from other feeds",
            "Is it the same feed under another name or address? If so, remove one of the two.",
        )
    rest = f"the {others} others were handled as usual" if others else "there were no others"
    rest = "the other one was handled as usual" if others == 1 else rest
    return (
        f"{name} showed {burst.fresh} entries as new, {burst.known} of which we had",
        f"No alerts were sent for these; {rest}. It may have moved, changed its ids or published its archive again. "
        "You get this notice once, however many polls it lasts.",
    )


def notify_channel(
    session: Session,
    name: str,
    event: ChannelEvent,
    update: DeliveryUpdate,
    outcome: Outcome,
    *,
    since_at: datetime,
    others: Mapping[str, str],
    now: datetime,
) -> None:
    """A channel began to fail, recovered or was disabled. `others`: the channels that carry the notice."""
    said = _said(outcome)
    title, body = {
        ChannelEvent.FAILING: (
            f"The channel {name} is failing",
            f"{update.channel.failures} tries in a row failed, the last with: {said}\n"
            f"{_what_follows(outcome)} You will be told once when it is back.",
        ),
        ChannelEvent.RECOVERED: (
            f"The channel {name} is back",
            f"It had been failing since {moment(since_at)}." if since_at < now else "Alerts reach it again.",
        ),
        ChannelEvent.DISABLED: (
            f"The channel {name} was disabled",
            f"It answered: {said}\nIts alerts are held. Correct it in the settings and restart: what waited goes out then. "
            "Or run `monitor alerts retry`.",
        ),
    }[event]
    key = f"channel/{name}/{event}/{since_at.isoformat()}"
    enqueue_notice(session, title, body, key=key, channels=others, now=now)


def _said(outcome: Outcome) -> str:
    """The answer, and what it means."""
    said = f"{outcome.code} {outcome.detail}".strip()[:500]
    return f"{said} ({outcome.reason})" if outcome.reason else said


def _what_follows(outcome: Outcome) -> str:
    if outcome.result is AttemptResult.REJECTED:
        return (
            "Alerts are kept for about three days and tried again meanwhile; after five days of nothing else the channel is "
            "disabled. A correction in the settings lets what waits go out."
        )
    return "Nothing is lost: it is tried again, each alert for about three days."


def notify_given_up(
    session: Session, delivery: DeliveryState, outcome: Outcome, *, others: Mapping[str, str], now: datetime
) -> None:
    """An alert was given up on a channel. One notice a channel and week: `alerts list` has the others, until somebody sees to
    them. A notice that was given up makes no further notice: they would never end."""
    is_told = delivery_queue.has_given_up(
        session, delivery.channel, since_at=now - _GIVEN_UP_AGAIN_AFTER, besides=delivery.id
    )
    if delivery.alert.kind is AlertKind.NOTICE or is_told:
        return
    title = f"An alert could not be delivered to {delivery.channel}"
    body = (
        f"{delivery.alert.title}\nGiven up after {delivery.attempts + 1} tries, the last with: {_said(outcome)}\n"
        f"Send it again with: monitor alerts retry {delivery.alert.id}\n"
        "Should others follow, you are not told of each: `monitor alerts list --state dead` shows them."
    )
    enqueue_notice(session, title, body, key=f"delivery/{delivery.id}/dead", channels=others, now=now)


def notify_recipient(
    session: Session,
    channel: str,
    event: RecipientEvent,
    answer: RecipientOutcome,
    *,
    since_at: datetime,
    channels: Mapping[str, str],
    now: datetime,
) -> None:
    """A recipient of a channel is refused for good, was put off for a while, or takes mail again. The others get theirs."""
    said = f"{answer.code} {answer.detail}".strip()[:500]
    title, body = {
        RecipientEvent.REFUSED: (
            f"{answer.name} gets no mail of the channel {channel}",
            f"The mail server refused this recipient for good: {said}\nThe others get theirs. Correct the address in the "
            "settings, or take it out.",
        ),
        RecipientEvent.WAITING: (
            f"{answer.name} gets no mail of the channel {channel} at present",
            f"The mail server has put this recipient off since {moment(since_at)}, the last time with: {said}\n"
            "The others get theirs. Each mail is tried for this one for about three days. You will be told once when it is over.",
        ),
        RecipientEvent.BACK: (
            f"{answer.name} gets mail of the channel {channel} again",
            f"It had got none since {moment(since_at)}. What waits for it goes out now.",
        ),
    }[event]
    key = f"channel/{channel}/recipient/{answer.key}/{event}/{since_at.isoformat()}"
    enqueue_notice(session, title, body, key=key, channels=channels, now=now)


def notify_embedder(
    session: Session, embedder: str, problem: str | None, *, channels: Mapping[str, str], now: datetime
) -> None:
    """The embedder began to fail, or (without a problem) works again; at most one notice of each a day."""
    title = f"Semantic matching is paused: {embedder} fails" if problem else "Topics match semantically again"
    body = (
        f"{problem}\nNothing is lost: articles are matched by words alone meanwhile, and the embedder is tried again."
        if problem
        else f"{embedder} works again."
    )
    key = f"embedder/{embedder}/{'failing' if problem else 'back'}/{now:%Y-%m-%d}"
    enqueue_notice(session, title, body, key=key, channels=channels, now=now)


def notify_condition(
    session: Session, lasting: Mapping[str, Problem | None], *, channels: Mapping[str, str], now: datetime
) -> set[str]:
    """The lasting problems of the service (subject -> problem, None where it is well): a notice where one begins, gets worse or is
    over. What was told last is read from the store, so that neither a restart nor a second node tells it again.

    Returns the subjects of which there is nothing left to tell.
    """
    serialize_decisions(session)
    settled = set()
    for subject, problem in lasting.items():
        told, told_at = _last_told(alerts.latest_key(session, f"{_CONDITION}/{subject}/"))
        if problem and told == _WELL and told_at and abs(now - told_at) < _SAME_AGAIN_AFTER:
            continue
        settled.add(subject)
        if _is_news(problem, told):
            code, title, body = _condition_words(subject, problem, told_at or now)
            key = f"{_CONDITION}/{subject}/{code}/{now.isoformat()}"
            enqueue_notice(session, title, body, key=key, channels=channels, now=now)
    return settled


def _is_news(problem: Problem | None, told: str) -> bool:
    """Whether this is to be told where `told` was told last. A disk that is only nearly full again has no room yet."""
    if problem is None:
        return told not in (_WELL, "")
    is_better = told == Code.DISK_FULL and problem.code is Code.DISK_LOW
    return problem.code != told and not is_better


def _condition_words(subject: str, problem: Problem | None, told_at: datetime) -> tuple[str, str, str]:
    """Code, title and text of the notice."""
    if problem is None:
        return _WELL, _OVER[subject], f"It was told at {moment(told_at)}."
    says = f"{problem.says[0].upper()}{problem.says[1:]}."
    body = f"{says}\nWhat to do: {problem.mend}\nYou will be told once when it is over."
    return problem.code.value, _BEGUN[problem.code], body


def _last_told(key: str | None) -> tuple[str, datetime | None]:
    """What was told last of a subject, and when: the code of a problem, `well`, or '' where nothing ever was."""
    if key is None:
        return "", None
    _, _, code, at = key.split("/", 3)
    return code, datetime.fromisoformat(at)


_BEGUN = {
    Code.LATE_FEEDS: "Feeds are polled late",
    Code.DISK_LOW: "The disk of the store is nearly full",
    Code.DISK_FULL: "The disk of the store is full",
    Code.NO_TOPICS: "There is no topic",
    Code.STORE_GONE: "The file of the store is gone",
}
_OVER = {
    "feeds": "Feeds are polled in time again",
    "disk": "The disk has room again",
    "topics": "There are topics again",
    "store": "The file of the store is back",
}


def notify_seeds(
    session: Session,
    topic: str,
    text: str,
    *,
    is_over: bool,
    since_at: datetime,
    channels: Mapping[str, str],
    now: datetime,
) -> None:
    """Seeds of a topic, or with '' the whole folder, cannot be used for a while already, or can be again."""
    what = f"The topic {topic} stays" if topic else "All topics stay"
    title = f"{what} as last read: the seeds cannot be used"
    if is_over:
        title = f"The topic {topic} is read from its seeds again" if topic else "The seeds can be used again"
    body = f"They could not be used since {moment(since_at)}." if is_over else f"{text}\nNothing is lost meanwhile."
    key = f"seeds/{topic}/{since_at.isoformat()}/{'over' if is_over else 'held'}"
    enqueue_notice(session, title, body, key=key, channels=channels, now=now)


def notify_topic_ended(
    session: Session, name: str, *, away_for: str, channels: Mapping[str, str], now: datetime
) -> None:
    """A topic's folder was away for so long that the topic counts as removed."""
    body = f"Its folder has been away for {away_for} while others are there. Put it back to follow the topic again."
    key = f"topic/{name}/ended/{now.isoformat()}"
    enqueue_notice(session, f"The topic {name} was removed", body, key=key, channels=channels, now=now)


def _feed_words(feed: FeedState, update: FeedUpdate, event: FeedEvent, since_at: datetime) -> tuple[str, str]:
    if event is FeedEvent.FAILING:
        return (
            f"The feed {feed.name} is failing",
            f"{update.failures} polls in a row failed, the last with: {update.error}\n"
            "It is tried again, at longer intervals. You will be told once when it is back.",
        )
    if event is FeedEvent.RECOVERED:
        return f"The feed {feed.name} is back", f"It had been failing since {moment(since_at)}."
    if event is FeedEvent.GONE:
        return (
            f"The feed {feed.name} is gone and was paused",
            f"{update.error}\nRemove it from the settings, or correct its address there.",
        )
    address = urls.masked(update.new_url or "") if feed.is_secret else (update.new_url or "").partition("?")[0]
    return (
        f"The feed {feed.name} moved",
        f"It has redirected to {address} for a week; from now on it is polled there. "
        "Please correct its address in the settings.",
    )


def _of_network_down(session: Session, since_at: datetime, channels: Mapping[str, str], now: datetime) -> None:
    last_at = feed_reports.last_success_at(session)
    enqueue_notice(
        session,
        "No feed can be reached",
        f"Not one feed has answered since {moment(last_at or since_at)}: the network of this machine may be down. "
        "All are tried again, at longer intervals. You will be told once when they are back.",
        key=f"{_OUTAGE}{last_at.isoformat() if last_at else 'never'}",
        channels=channels,
        now=now,
    )


def _of_network_back(session: Session, channels: Mapping[str, str], now: datetime) -> None:
    outage = alerts.latest_key(session, _OUTAGE)
    if outage:
        body = "The feeds answer again; each is polled when its turn comes."
        key = outage.replace("down", "back", 1)
        enqueue_notice(session, "Feeds can be reached again", body, key=key, channels=channels, now=now)


def enqueue_notice(
    session: Session, title: str, body: str, *, key: str, channels: Mapping[str, str], now: datetime
) -> None:
    """Queue a notice for all these channels, once for a key."""
    notice = Alert(id=alerts.new_id(), kind=AlertKind.NOTICE, created_at=now, title=title, body=body)
    alerts.enqueue(session, notice, key=key, channels=channels, deliver_at=now)


def moment(at: datetime | None) -> str:
    """A time, as notices name it."""
    return f"{at:%d %B %Y, %H:%M} UTC" if at else "an unknown time"
