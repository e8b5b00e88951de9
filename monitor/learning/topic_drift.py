"""Reads what a topic matched and compares the latest of it with the first (monitor.learning.drift). Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.learning.drift import Drift, compare
from monitor.matching.matcher import Matcher
from monitor.matching.semantic import SemanticModel
from monitor.matching.tuning import ARCHIVE_CHARACTERS, DRIFT_MATCHES
from monitor.store import matches, vectors
from monitor.store.db import Session
from monitor.store.matches import MatchedStory

_EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDrift:
    """What was found of one topic."""

    drift: Drift
    latest_article_id: int = 0
    examples: tuple[str, ...] = ()
    """Of its latest matches, those that are least like its sentence and seeds."""


def look(
    session: Session, topic: str, matcher: Matcher, semantic: SemanticModel | None, *, had_drifted: bool, told_at: int
) -> TopicDrift:
    """Compare a topic's latest matches with its first: by meaning where they are embedded, else by words. `told_at`: the latest
    match when drift, or its end, was last told of it; nothing new is told before all of the latest came after it."""
    stories = matches.first_and_latest(session, topic, each=DRIFT_MATCHES, characters=ARCHIVE_CHARACTERS)
    found = _nearness(session, topic, stories, matcher, semantic)
    latest = found[-DRIFT_MATCHES:]
    if told_at and latest and latest[0][1].article_id <= told_at:
        return TopicDrift(drift=Drift(has_drifted=had_drifted, reason="too few matches since it was last told of"))
    drift = compare([near for near, _ in found], had_drifted=had_drifted)
    furthest = sorted(latest, key=lambda each: each[0])[:_EXAMPLES]
    return TopicDrift(
        drift=drift,
        latest_article_id=latest[-1][1].article_id if latest else 0,
        examples=tuple(f"{story.title} ({story.source})" for _, story in furthest),
    )


def _nearness(
    session: Session, topic: str, stories: Sequence[MatchedStory], matcher: Matcher, semantic: SemanticModel | None
) -> list[tuple[float, MatchedStory]]:
    if len(stories) < 2 * DRIFT_MATCHES:
        return []
    by_embedding = _by_embedding(session, topic, stories, semantic) if semantic else []
    if len(by_embedding) >= 2 * DRIFT_MATCHES:
        return by_embedding
    by_words = ((matcher.nearness(topic, each.title, each.text, each.language), each) for each in stories)
    return [(near, story) for near, story in by_words if near is not None]


def _by_embedding(
    session: Session, topic: str, stories: Sequence[MatchedStory], semantic: SemanticModel
) -> list[tuple[float, MatchedStory]]:
    ids = [each.article_id for each in stories]
    embedded = {each.article_id: each for each in vectors.of_articles(session, semantic.embedder, ids, dim=None)}
    found = []
    for story in stories:
        if (row := embedded.get(story.article_id)) is not None:
            near = semantic.nearness(topic, row.vector, row.language)
            found += [(near, story)] if near is not None else []
    return found
