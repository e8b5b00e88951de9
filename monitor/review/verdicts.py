"""What people say of matches and near misses: recorded once, told in a sentence's parts, and undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.store import matches, topics, verdicts
from monitor.store.db import Session
from monitor.store.matches import StoredArticle, StoredMatch
from monitor.store.near_misses import StoredNearMiss
from monitor.store.verdicts import StoredVerdict
from monitor.types.matching import Verdict


def record_if_new(
    session: Session, on: StoredMatch | StoredNearMiss, *, is_relevant: bool, by: str, note: str, now: datetime
) -> int | None:
    """Record a verdict on a match or near miss and return its id; repeating the one in force changes nothing, unless with another
    note."""
    if on.is_relevant is is_relevant and not (note and _is_other_note(session, on, note)):
        return None
    verdict = Verdict(article_id=on.article_id, topic=on.topic, is_relevant=is_relevant, by=by, at=now, note=note)
    return verdicts.record(session, verdict, is_near_miss=isinstance(on, StoredNearMiss))


def _is_other_note(session: Session, on: StoredMatch | StoredNearMiss, note: str) -> bool:
    return all(each.note != note for each in verdicts.latest(session, on.article_id, on.topic, limit=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictsGiven:
    """Verdicts that were given in one go, to be told to who gave them."""

    first_id: int
    last_id: int
    is_relevant: bool
    matches: int
    title: str
    """Of the article, where all are on one."""
    topics: tuple[str, ...]
    """Titles of their topics."""
    has_other_topics: bool
    """Whether the article matches topics that they do not name."""
    article_id: int
    topic: str
    """Of the first of them."""
    story_ids: tuple[int, ...]
    undone: int
    """How many of them are in force no more."""
    state_now: str
    """The state of the first match now: it changes when the verdict is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How many of the verdicts given in one go were undone; the others were followed by another verdict already."""

    count: int
    of: int
    story_ids: tuple[int, ...]
    """The stories of what was undone."""


def given(session: Session, first_id: int, last_id: int) -> VerdictsGiven | None:
    """What was said in one go; None where these are no such verdicts."""
    found = verdicts.given_together(session, first_id, last_id)
    if not found:
        return None
    articles = _articles(session, found)
    only = articles[0] if len(articles) == 1 else None
    titles, last = topics.titles(session), [_last(session, each) for each in found]
    named = tuple(dict.fromkeys(each.topic for each in found))
    return VerdictsGiven(
        first_id=found[0].id,
        last_id=found[-1].id,
        is_relevant=found[0].is_relevant,
        matches=len(found),
        title=only.title or "(no title)" if only else "",
        topics=tuple(titles.get(each, each) for each in named),
        has_other_topics=bool(only and {each.topic for each in matches.of_article(session, only.id)} - set(named)),
        article_id=found[0].article_id,
        topic=found[0].topic,
        story_ids=_stories(articles),
        undone=sum(now.id != then.id for now, then in zip(last, found, strict=True)),
        state_now=verdicts.state(None if last[0].is_withdrawn else last[0].is_relevant),
    )


def _last(session: Session, verdict: StoredVerdict) -> StoredVerdict:
    return verdicts.latest(session, verdict.article_id, verdict.topic, limit=1)[0]


def undo(session: Session, first_id: int, last_id: int, *, by: str, now: datetime) -> Undone:
    """Undo the verdicts that were given in one go: what was in force before each is in force again."""
    found = verdicts.given_together(session, first_id, last_id)
    undone = [each for each in found if verdicts.put_back(session, each, by=by, now=now)]
    return Undone(count=len(undone), of=len(found), story_ids=_stories(_articles(session, undone)))


def _articles(session: Session, of: Sequence[StoredVerdict]) -> list[StoredArticle]:
    on = (matches.article(session, each) for each in dict.fromkeys(each.article_id for each in of))
    return [each for each in on if each is not None]


def _stories(articles: Sequence[StoredArticle]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(each.story_id for each in articles if each.story_id is not None))
