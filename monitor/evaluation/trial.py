"""Try a topic before it is enabled: what it would have matched and alerted, with the matches and near misses next to its
threshold.

The articles are replayed (monitor.evaluation.backtest), so each count is what the daemon would have done, article by article.
Nothing is stored and nobody is alerted.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.evaluation.backtest import Line, Replayed, replay
from monitor.learning.multilingual import Multilingual
from monitor.matching import sensitivity
from monitor.matching.alert_rate import AlertRate, SensitivityCost, rate, sensitivity_costs
from monitor.matching.calibration import Calibration
from monitor.matching.margins import margin, share
from monitor.matching.matcher import Matcher
from monitor.matching.sensitivity import AppliedSensitivity, ScoredArchive, ScoredArrival, scored_archive
from monitor.matching.tuning import MIN_FACTOR
from monitor.store.db import Database
from monitor.stories.fingerprint import Shingles
from monitor.types.matching import Article, Reason, Score, Topic
from monitor.types.stories import ArticleKind

NEAR_DUPLICATE = 0.8
"""From this share of common word runs an article is a copy of a seed (as `topics.lint` calls two seeds nearly the same)."""
NEAREST = 6
"""Articles shown on each side of the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMatch:
    """One article with its score on one topic."""

    id: Any
    title: str
    source: str
    url: str
    published_at: datetime
    language: str
    score: float
    threshold: float
    part: float
    """Share of its threshold (monitor.matching.margins): 1 or more is a match."""
    kind: str
    story: Any
    is_alert: bool
    reason: str
    """Why it was told, or why not."""
    also: tuple[str, ...] = ()
    """Other enabled topics that match it as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The outcome for one topic."""

    topic: str
    articles: int
    matches: tuple[TrialMatch, ...] = ()
    """Every article that matched, in order of arrival, without the topic's seeds and their copies."""
    seeds: int = 0
    """How many articles were left out as seeds or copies of one."""
    blocked: Mapping[str, int] = field(default_factory=dict)
    """Above the threshold, but blocked by a rule of topic.toml: reason -> how many."""
    alerts: int
    """How many stories would have been told."""
    days: int
    """Calendar days that the articles span."""
    rate: AlertRate
    """Alerts a day to expect (monitor.matching.alert_rate)."""
    is_in_force: bool = False
    """Whether the topic is in force as it was tried: what to expect is what its stored scores say."""
    sensitivity: str
    """Its sensitivity, as the topic states it."""
    applied_sensitivity: AppliedSensitivity
    """The sensitivity in effect, given the scores of these articles."""
    costs: tuple[SensitivityCost, ...] = ()
    above: tuple[TrialMatch, ...] = ()
    """The matches nearest to the threshold, nearest first; copies left out."""
    below: tuple[TrialMatch, ...] = ()
    """The articles below it, likewise."""
    overlap: Mapping[str, int] = field(default_factory=dict)
    """Other enabled topics -> how many of the matches they match as well."""

    @property
    def stories(self) -> int:
        """How many stories the matches belong to."""
        return len({str(each.story) for each in self.matches})


def run(
    lines: Iterable[Line],
    matcher: Matcher,
    topics: Sequence[Topic],
    *,
    others: Matcher | None = None,
    matched: Mapping[int, frozenset[str]] | None = None,
    across: Multilingual | None = None,
    vectors_in: Database | None = None,
) -> tuple[Trial, ...]:
    """Try these topics over these articles.

    `others` are the enabled topics with which their matches are compared, by words. `matched`: by stored article, the other topics
    that it matched when it came; these count instead. `across` and `vectors_in` as for a backtest.
    """
    trials = {topic.name: _TopicTally(topic, others, matched) for topic in topics if topic.is_enabled}
    calendar = _Calendar()
    for each in replay(lines, matcher, topics, across=across, vectors_in=vectors_in):
        calendar.include(each.line.article.seen_at)
        for score in each.scores:
            trials[score.topic].add(each, score)
    return tuple(each.finished(calendar) for each in trials.values())


class _Calendar:
    """The number of articles, and the time that they span."""

    def __init__(self) -> None:
        self.articles = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def include(self, at: datetime) -> None:
        self.articles += 1
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)

    @property
    def days(self) -> int:
        """Calendar days from the first article to the last."""
        return (self.last.date() - self.first.date()).days + 1 if self.first and self.last else 0

    def archive(self, near: Iterable[ScoredArrival]) -> ScoredArchive:
        """The archive of these articles."""
        if not (self.first and self.last):
            return ScoredArchive()
        return scored_archive(near, since_at=self.first, until_at=self.last)


class _TopicTally:
    """Collects what a trial reports of one topic."""

    def __init__(
        self, topic: Topic, others: Matcher | None, matched: Mapping[int, frozenset[str]] | None = None
    ) -> None:
        self._topic, self._others, self._matched = topic, others, matched
        self._seeds = [Shingles(each.text or each.title) for each in topic.seeds]
        self._near: list[tuple[Replayed, float]] = []
        self._matches: list[TrialMatch] = []
        self._blocked: Counter[str] = Counter()
        self._alerts = self._left_out = 0
        self._above: list[tuple[float, int, TrialMatch]] = []
        self._below: list[tuple[float, int, TrialMatch]] = []
        self._seen = 0

    def add(self, replayed: Replayed, score: Score) -> None:
        self._seen += 1
        part = share(score.score, score.threshold)
        if part * score.factor >= MIN_FACTOR and self._is_seed(replayed.line.article):
            self._left_out += 1
        elif score.blocked:
            self._blocked[Reason(score.blocked).value] += 1
        else:
            self._add(replayed, score, part)

    def _is_seed(self, article: Article) -> bool:
        """Whether the article is one of the topic's seeds, or a copy of one: that it matches says nothing."""
        own = Shingles(article.text or article.title)
        return any(own.containment(each) >= NEAR_DUPLICATE for each in self._seeds)

    def _add(self, replayed: Replayed, score: Score, part: float) -> None:
        is_copy = replayed.filed.choice.kind is ArticleKind.COPY
        if not is_copy and not replayed.line.held and part * score.factor >= MIN_FACTOR:
            self._near.append((replayed, margin(score.score, score.threshold, score.factor)))
        if score.is_match:
            shown = self._shown(replayed, score, part)
            self._matches.append(shown)
            self._alerts += shown.is_alert
            if not is_copy:
                _keep_nearest(self._above, (-part, -self._seen, shown))
        elif not is_copy and score.score > 0 and (len(self._below) < NEAREST or part > self._below[0][0]):
            _keep_nearest(self._below, (part, -self._seen, self._shown(replayed, score, part)))

    def _arrivals(self) -> Iterator[ScoredArrival]:
        """What came near, each with the story that it was part of in the end."""
        for replayed, where in self._near:
            article = replayed.line.article
            yield ScoredArrival(
                seen_at=article.seen_at,
                published_at=article.published_at if replayed.line.is_archived else article.seen_at,
                story=replayed.names.number(replayed.filed.story_id),
                margin=where,
            )

    def _shown(self, replayed: Replayed, score: Score, part: float) -> TrialMatch:
        article = replayed.line.article
        return TrialMatch(
            id=replayed.line.id,
            title=article.title,
            source=article.source,
            url=article.url,
            published_at=article.published_at,
            language=article.language,
            score=round(score.score, 4),
            threshold=round(score.threshold, 4),
            part=round(part, 3),
            kind=replayed.filed.choice.kind.value,
            story=replayed.story,
            is_alert=any(
                each.topic == score.topic and each.reason is Reason.ALERTED for each in replayed.filed.decision.topics
            ),
            reason=replayed.filed.decision.reason.value,
            also=self._also(replayed) if score.is_match else (),
        )

    def _also(self, replayed: Replayed) -> tuple[str, ...]:
        if self._matched is not None and replayed.line.is_archived:
            return tuple(sorted(self._matched.get(replayed.line.id, ())))
        article = replayed.line.article
        matches = self._others.matches(article.title, article.text, article.language) if self._others else ()
        return tuple(each.topic for each in matches if each.is_match)

    def finished(self, calendar: _Calendar) -> Trial:
        archive = calendar.archive(self._arrivals())
        asked = self._topic.sensitivity
        setting = sensitivity.decide(asked, self._topic.name, archive, Calibration())
        costs = sensitivity_costs(asked, setting, archive)
        in_force = (each.rate for each in costs if each.is_in_force)
        return Trial(
            topic=self._topic.name,
            sensitivity=asked,
            applied_sensitivity=setting,
            costs=costs,
            articles=calendar.articles,
            matches=tuple(self._matches),
            seeds=self._left_out,
            blocked=dict(self._blocked),
            alerts=self._alerts,
            days=calendar.days,
            rate=next(in_force, None) or rate([self._alerts] if calendar.days else []),
            above=tuple(each for _, _, each in sorted(self._above, key=lambda kept: kept[2].part)),
            below=tuple(each for _, _, each in sorted(self._below, key=lambda kept: -kept[2].part)),
            overlap=dict(Counter(name for match in self._matches for name in match.also).most_common()),
        )


def _keep_nearest(heap: list[tuple[float, int, TrialMatch]], item: tuple[float, int, TrialMatch]) -> None:
    """Keep only the nearest few; the second number breaks ties, so that matches are never compared."""
    if len(heap) < NEAREST:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)
