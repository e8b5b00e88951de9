"""A big store for measuring pages: 100,000 articles and 40,000 matches, written in bulk, of words drawn from the shipped list.

What a store holds after some months of 300 feeds, a tenth of them those of an aggregator: stories of several outlets, copies,
decisions, alerts with their deliveries and tries; a third of the matches are judged.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import Session, SQLModel

from monitor.matching.background import Background
from monitor.store import migrate
from monitor.store.db import Database
from monitor.store.indexes import word_index
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.deliveries import AttemptRow, ChannelRow, DeliveryRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow, VerdictRow
from monitor.store.tables.stories import StoryRow
from monitor.store.tables.topics import TopicRow, TopicVersionRow

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ARTICLES, MATCHES, FEEDS, TOPICS = 100_000, 40_000, 300, 12
DAYS = 90
_LANGUAGES = ("en", "en", "en", "de", "fr", "ru", "fa")
_BATCH = 5_000

Values = dict[str, Any]


def build(path: Path, *, count: int = ARTICLES, matches: int = MATCHES) -> None:
    """Make the store of that many articles and matches in a new file."""
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    made = _Maker(count, matches)
    for table, rows in made.tables():
        while some := list(islice(rows, _BATCH)):
            with database.writing() as session:
                session.connection().execute(insert(table), some)
                if table is ArticleRow:
                    _index(session, some)
    with database.writing() as session:
        session.connection().execute(text("ANALYZE"))
    database.close()


def _index(session: Session, rows: Sequence[Values]) -> None:
    for each in rows:
        word_index.index_words(session, each["id"], each["title"], each["text"])


class _Maker:
    """The rows of every table, by dice that always fall the same way."""

    def __init__(self, count: int, matches: int) -> None:
        self.count, self.dice = count, random.Random(5)
        idf = Background.shipped().table("en").idf
        ranked = sorted((word for word in idf if word.isalpha()), key=idf.__getitem__)
        self.common, self.rare = ranked[:3000], ranked[3000:20000]
        self.shares = [1 / (rank + 5) for rank in range(len(self.common))]
        self.stories = self._stories()
        self.topics = [f"topic-{number}" for number in range(TOPICS)]
        self.matched = sorted(self.dice.sample(range(1, count + 1), min(matches, count)))
        self.judged = {each: self.dice.random() < 0.8 for each in self.matched if self.dice.random() < 0.35}

    def _stories(self) -> list[int]:
        """The story of every article: one in three goes to a story of the last day or so."""
        stories = [0]
        for number in range(1, self.count + 1):
            is_new = number < 10 or self.dice.random() < 0.66
            stories.append(number if is_new else stories[max(1, number - self.dice.randint(1, 1000))])
        return stories

    def at(self, number: int) -> datetime:
        return NOW - timedelta(days=DAYS) * (1 - number / self.count)

    def tables(self) -> Iterator[tuple[type[SQLModel], Iterator[Values]]]:
        yield FeedRow, self.feeds()
        yield TopicRow, self.topic_rows()
        yield TopicVersionRow, self.versions()
        yield (
            ChannelRow,
            iter([{"name": "desk", "kind": "webhook", "destination": "x", "shown": "https://desk.example/…"}]),
        )
        yield ArticleRow, self.articles()
        yield StoryRow, self.story_rows()
        yield DecisionRow, self.decisions()
        yield MatchRow, self.matches()
        yield VerdictRow, self.verdicts()
        yield NearMissRow, self.near_misses()
        yield NearMissCountRow, self.near_counts()
        yield AlertRow, self.alerts()
        yield AlertTopicRow, self.alert_topics()
        yield DeliveryRow, self.deliveries()
        yield AttemptRow, self.attempts()

    def feeds(self) -> Iterator[Values]:
        for number in range(FEEDS):
            host = f"site{number // 2}.example"
            yield {
                "id": number + 1,
                "name": f"feed-{number}",
                "url": f"https://{host}/feed/{number}",
                "host": host,
                "interval_seconds": 900,
                "next_poll_at": NOW + timedelta(minutes=number % 15),
                "own_title": f"Site {number // 2} - {'World' if number % 2 else 'Home'}",
                "last_success_at": NOW - timedelta(minutes=number % 15),
                "failures": 3 if number % 50 == 0 else 0,
                "error": "HTTP 503" if number % 50 == 0 else None,
                "failing_since_at": NOW - timedelta(days=1) if number % 50 == 0 else None,
            }

    def topic_rows(self) -> Iterator[Values]:
        for name in self.topics:
            title = name.replace("-", " ").capitalize()
            yield {"name": name, "title": title, "digest": "d", "changed_at": self.at(0), "added_at": self.at(0)}

    def versions(self) -> Iterator[Values]:
        for name in self.topics:
            about = {
                "title": name,
                "description": "Talks on the price of wheat between states.",
                "sensitivity": "balanced",
            }
            yield {"topic": name, "number": 1, "digest": "d", "why": "first", "made_at": self.at(0), "about": about}

    def sentence(self, length: int) -> str:
        return " ".join(self.dice.choices(self.common, self.shares, k=length)).capitalize() + "."

    def paragraph(self, own: Sequence[str]) -> str:
        return f"{' '.join(self.dice.sample(own, 4))} {self.sentence(20)} {self.sentence(14)}"

    def articles(self) -> Iterator[Values]:
        for number in range(1, self.count + 1):
            feed = self.dice.randrange(FEEDS)
            is_aggregated = feed % 10 == 0
            outlet = self.dice.randrange(400)
            own = self.dice.sample(self.rare, 12)
            is_copy = self.stories[number] != number and self.dice.random() < 0.4
            yield {
                "id": number,
                "story_id": self.stories[number],
                "of_article_id": self.stories[number] if is_copy else None,
                "kind": "copy" if is_copy else "new" if self.stories[number] == number else "joins",
                "url": f"https://outlet{outlet}.example/{number}" if is_aggregated else f"https://site{feed // 2}.example/{number}",
                "outlet": f"Outlet {outlet}" if is_aggregated else "",
                "url_key": number,
                "text_key": number,
                "title_key": number,
                "title": " ".join(own[:7]).capitalize(),
                "text": "\n\n".join(self.paragraph(own) for _ in range(5)),
                "language": self.dice.choice(_LANGUAGES),
                "source": f"feed-{feed}",
                "grade": "full",
                "published_at": self.at(number) - timedelta(minutes=7),
                "seen_at": self.at(number),
            }  # fmt: skip

    def story_rows(self) -> Iterator[Values]:
        members: dict[int, list[int]] = {}
        for number in range(1, self.count + 1):
            members.setdefault(self.stories[number], []).append(number)
        for story, found in members.items():
            yield {
                "id": story, "lead_article_id": story, "first_seen_at": self.at(found[0]), "last_seen_at": self.at(found[-1]),
                "articles": len(found), "outlets": min(len(found), 6),
            }  # fmt: skip

    def topics_of(self, article: int) -> list[str]:
        return [self.topics[article * 7 % TOPICS]]

    def decisions(self) -> Iterator[Values]:
        matched = set(self.matched)
        for number in range(1, self.count + 1):
            is_match = number in matched
            reason = ("ALERTED" if number % 3 else "JOINS_STORY") if is_match else "NO_MATCH"
            yield {
                "id": number, "article_id": number, "at": self.at(number), "cause": "arrival", "feed": "feed-1",
                "reason": reason, "kind": "new", "story_id": self.stories[number], "topics": [], "scores": [],
                "held": "TOO_OLD" if number % 500 == 0 else "",
            }  # fmt: skip

    def evidence(self) -> Values:
        words = [{"term": self.dice.choice(self.rare), "weight": 0.3 / (n + 2)} for n in range(12)]
        return {"terms": words, "sentence": self.sentence(18), "seed": "one.txt", "seed_similarity": 0.4, "parts": []}

    def matches(self) -> Iterator[Values]:
        for at, number in enumerate(self.matched, 1):
            verdict = self.judged.get(number)
            margin = self.dice.random() ** 2 * 0.25
            yield {
                "id": at, "article_id": number, "story_id": self.stories[number], "topic": self.topics_of(number)[0],
                "score": 0.2 + margin + (0.05 if verdict else 0), "threshold": 0.2, "evidence": self.evidence(),
                "model_version": "m", "topic_version": 1, "decision_id": number,
                "reason": "ALERTED" if number % 3 else "JOINS_STORY", "created_at": self.at(number), "is_relevant": verdict,
                "reviewed_at": None if verdict is None else self.at(number) + timedelta(hours=3),
                "reviewed_by": None if verdict is None else "ada",
            }  # fmt: skip

    def verdicts(self) -> Iterator[Values]:
        for number, verdict in self.judged.items():
            yield {
                "article_id": number, "topic": self.topics_of(number)[0], "is_relevant": verdict, "by": "ada",
                "note": "", "at": self.at(number) + timedelta(hours=3),
            }  # fmt: skip

    def near_misses(self) -> Iterator[Values]:
        for number in range(1, self.count + 1, 40):
            yield {
                "article_id": number, "story_id": self.stories[number], "topic": self.topics[number % TOPICS], "band": 1,
                "share": 0.2, "score": 0.17, "threshold": 0.2, "created_at": self.at(number),
                "is_relevant": False if number % 3 == 0 else None,
                "reviewed_at": self.at(number) if number % 3 == 0 else None,
            }  # fmt: skip

    def near_counts(self) -> Iterator[Values]:
        for name in self.topics:
            for day in range(DAYS):
                yield {"topic": name, "day": f"{NOW - timedelta(days=day):%Y-%m-%d}", "band": 1, "seen": 30}

    def told(self) -> Iterator[int]:
        return (number for number in self.matched if number % 3 and self.stories[number] == number and number % 5 == 0)

    def alerts(self) -> Iterator[Values]:
        for number in self.told():
            yield {
                "id": f"a{number}", "key": f"a{number}", "kind": "new", "topic": self.topics_of(number)[0],
                "story_id": number, "article_id": number, "title": f"Alert {number}", "created_at": self.at(number),
                "payload": {"body": "x" * 400},
            }  # fmt: skip

    def alert_topics(self) -> Iterator[Values]:
        for number in self.told():
            topic = self.topics_of(number)[0]
            yield {"alert_id": f"a{number}", "topic": topic, "key": f"{topic} {number} new", "decision_id": number}

    def deliveries(self) -> Iterator[Values]:
        for at, number in enumerate(self.told(), 1):
            sent = self.at(number) + timedelta(seconds=self.dice.lognormvariate(1.5, 0.8))
            yield {
                "id": at, "alert_id": f"a{number}", "channel": "desk", "state": "sent", "attempts": 1,
                "created_at": self.at(number), "next_at": self.at(number), "sent_at": sent, "last_result": "sent",
            }  # fmt: skip

    def attempts(self) -> Iterator[Values]:
        for at, number in enumerate(self.told(), 1):
            times = {"started_at": self.at(number), "ended_at": self.at(number)}
            yield {"delivery_id": at, "result": "sent", "code": "200", **times}
