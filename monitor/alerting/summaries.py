"""Keeps the budget of a channel: before a delivery is claimed, what goes beyond it is deferred, or gathered into a summary.

A summary is an alert of its own, with a delivery that is tried like any other. It is stored in the transaction that marks what
it tells, so that a kill at any line neither loses an alert nor tells it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from monitor.alerting import budget, render
from monitor.alerting.budget import Waiting
from monitor.matching import margins
from monitor.store import alerts, channels
from monitor.store.db import Session
from monitor.store.outbox import messages
from monitor.store.statements import chunks
from monitor.types import digests
from monitor.types.alerting import Alert, AlertKind, SummaryEntry

log = logging.getLogger("monitor.summaries")


def keep_budget(session: Session, channel: str, destination: str, *, limit: int, now: datetime) -> None:
    """Defer or gather the due deliveries of a channel that are beyond its budget; what is left to be claimed is within it."""
    if not limit:
        return
    channels.serialize_budget(session, channel)
    waiting = _waiting(session, channel, destination, now)
    spent = channels.spent(session, channel, now=now, window_for=budget.WINDOW_FOR)
    decided = budget.decide(waiting, spent=spent, limit=limit, now=now)
    if decided.deferred and decided.until_at:
        why = f"{decided.reason}, at {decided.until_at:%H:%M} UTC"
        channels.defer(session, decided.deferred, until_at=decided.until_at, why=why, now=now)
    if freed := [each.id for each in waiting if each.is_deferred and each.id in decided.alone]:
        channels.undefer(session, freed)
    if decided.summarised:
        _gather(session, decided.summarised, channel, destination, limit=limit, now=now)


def _waiting(session: Session, channel: str, destination: str, now: datetime) -> list[Waiting]:
    rows = channels.waiting_alerts(session, channel, destination, now=now)
    return [
        Waiting(id=id, created_at=created_at, is_due=is_due, is_deferred=is_deferred)
        for id, created_at, is_due, is_deferred in rows
    ]


def _gather(session: Session, ids: Sequence[int], channel: str, destination: str, *, limit: int, now: datetime) -> None:
    found = [each for some in chunks(ids) for each in messages.load_waiting(session, some)]
    by_alert = {alert.id: id for id, alert in found}
    ranked = entries([alert for _, alert in found])
    for part in _parts(ranked):
        told = [by_alert[id] for entry in part for id in entry.alert_ids]
        summary = compose(part, channel, limit=limit, now=now)
        while not _enqueue(session, summary, channel, destination, now):  # somebody asked for all of these once more
            summary = replace(summary, id=digests.of_alert(summary.id, "another"))
        channels.mark_summarised(session, told, summary.id)
        log.info("summary alert=%s channel=%s tells %d alerts on %d stories", summary.id, channel, len(told), len(part))


def _enqueue(session: Session, summary: Alert, channel: str, destination: str, now: datetime) -> bool:
    key = f"summary/{channel}/{summary.id}"
    return alerts.enqueue(session, summary, key=key, channels={channel: destination}, deliver_at=now)


def _parts(ranked: Sequence[SummaryEntry]) -> Iterable[Sequence[SummaryEntry]]:
    return (ranked[at : at + budget.MOST_NAMED] for at in range(0, len(ranked), budget.MOST_NAMED))


# --- the summary (pure) -------------------------------------------------------------------------------------------------


def compose(ranked: Sequence[SummaryEntry], channel: str, *, limit: int, now: datetime) -> Alert:
    """The summary of these entries. Its id is made of the alerts that it tells."""
    told = "\n".join(sorted(id for each in ranked for id in each.alert_ids))
    noun = "story" if len(ranked) == 1 else "stories"
    return Alert(
        id=digests.of_alert(told, AlertKind.SUMMARY.value, channel),
        kind=AlertKind.SUMMARY,
        created_at=now,
        title=f"{len(ranked)} more {noun} on {_topics(ranked)}",
        body=(
            f"More than {limit} alerts came within an hour. The first {limit} were sent one by one; these are the others, "
            "the most likely and most widely carried first."
        ),
        entries=tuple(ranked),
        review_url=_page(ranked),
    )


def _topics(ranked: Sequence[SummaryEntry]) -> str:
    names = [name for each in ranked for name in each.topics]
    by_count = sorted(dict.fromkeys(names), key=lambda name: (-names.count(name), name))
    shown = [render.line(each, 40) for each in by_count[: render.TOPICS_SHOWN]]
    rest = len(by_count) - len(shown)
    more = f" and {rest} other topic{'s' if rest > 1 else ''}" if rest else ""
    return f"{', '.join(shown) or 'your topics'}{more}"


def _page(ranked: Sequence[SummaryEntry]) -> str:
    """The page with what nobody has judged yet; '' where alerts have no page."""
    base, found, _ = next((each.review_url for each in ranked if each.review_url), "").partition("/articles")
    return f"{base}/?state=new" if found else ""


def entries(told: Sequence[Alert]) -> tuple[SummaryEntry, ...]:
    """An entry for each story of these alerts, the first to be read first: by probability, in steps of a tenth, then by the number
    of outlets, then by topic."""
    ordered = sorted(told, key=lambda each: (each.story_id or 0, each.created_at))
    grouped = [list(group) for _, group in groupby(ordered, key=lambda each: each.story_id or each.id)]
    return tuple(sorted((_entry(each) for each in grouped), key=_rank))


def _entry(of_story: Sequence[Alert]) -> SummaryEntry:
    """What the newest alert on a story says, with what changed or grew by the others."""
    newest = of_story[-1]
    article = newest.article
    topics = [topic for each in of_story for topic in each.all_topics]
    return SummaryEntry(
        alert_ids=tuple(each.id for each in of_story),
        kind=of_story[0].kind,
        title=render.title(newest),
        url=article.url if article else "",
        source=article.source if article else "",
        published_at=article.published_at if article else newest.created_at,
        topics=tuple(dict.fromkeys(render.topic_title(each) for each in topics)),
        score=newest.score,
        threshold=newest.threshold,
        probability=max((each.probability for each in topics if each.probability is not None), default=None),
        outlets=1 + len(newest.also_carried_by),
        independent_sources=newest.independent_sources,
        news=_news(of_story),
        review_url=newest.review_url,
    )


def _news(of_story: Sequence[Alert]) -> str:
    """What changed or grew; "since you were told" only where readers had been told before."""
    said = [render.news_since(each) for each in of_story]
    if of_story[0].kind is AlertKind.NEW:
        said = [each.replace(" since you were told", "", 1) for each in said]
    return "; ".join(dict.fromkeys(each for each in said if each))


def _rank(entry: SummaryEntry) -> tuple[float, int, str, float, str]:
    likely = entry.probability
    if likely is None:  # how far beyond the threshold: the best there is before anything is calibrated
        share = margins.share(entry.score, entry.threshold)
        likely = max(0.0, share / (1 + share))
    return -round(likely, 1), -entry.outlets, entry.topics[0] if entry.topics else "", -likely, entry.alert_ids[0]
