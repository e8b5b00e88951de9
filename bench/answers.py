"""What a handful of answers repairs: the quality of topics with and without a reviewer's first verdicts.

    python bench/answers.py DATA --vectors FILE [--sets aspects newsapi] [--seeds 0 2] [--by-topic] [--words] [--no-sentence]

DATA and FILE: see bench/aspects.py; items without an embedding in FILE are left out.

Protocol: a topic is followed as in bench/aspects.py. When the middle one of its wanted items has come, a reviewer answers by the
labels what the product asks about: matches, and the near misses that it keeps, in the order in which it asks, one after the other.
Items labelled "ignore" are never asked about. Ten answers; then, in another run, twenty of which two are wrong (drawn with a fixed
seed). Measured is what comes after the middle item, at the shipped threshold, by two topics of one pass that differ in nothing
but the answers. "Turned wrong" are right decisions that became wrong, minus wrong ones that became right.

--cost: processor time of one verdict until it counts, in a store of 10,000 of the items with their embeddings and all topics: the
new version, the models by words and by meaning, and what the archive holds (`App.load_topics`, `App.load_embeddings`).
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

try:
    from bench import aspects, matching, vectors
except ModuleNotFoundError:  # run as a script from elsewhere
    import aspects
    import matching
    import vectors

from monitor.learning import training
from monitor.learning.multilingual import Multilingual, shipped_space
from monitor.matching import answers, near_misses, semantic
from monitor.matching.answers import Answer, Question
from monitor.matching.embedders import EmbeddingVector, key
from monitor.matching.margins import share
from monitor.matching.matcher import build
from monitor.matching.semantic_topic import texts_of
from monitor.matching.tuning import ARCHIVE_ARTICLES, SENTENCE_THRESHOLD
from monitor.store import migrate, verdicts
from monitor.store import topics as store_topics
from monitor.store import vectors as store_vectors
from monitor.store.db import Database, Session
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow
from monitor.types.matching import Example, Score, Topic, Verdict

PLANS = {"10 answers": (10, 0), "20 answers, 2 wrong": (20, 2)}
"""Number of answers, and how many of them are wrong."""
TURNED_WRONG_AT_MOST = 2
STORED, JUDGED = 10_000, 140
"""Articles in the store, and verdicts, for the figure of --cost."""


@dataclass
class Reviewed:
    """A topic whose owner answers at its middle item, or (without a plan) never does."""

    trial: aspects.Trial
    plan: str
    middle: int
    begins: int
    asked: list[tuple[int, bool]] = field(default_factory=list)
    """Items and the answers that were given."""

    @property
    def topic(self) -> Topic:
        return replace(self.trial.topic, name=f"{self.trial.name} {self.plan}".strip())


class AnsweredPass(aspects.Pass):
    """The product's scoring of topics that are answered about."""

    def follow(self, stream: aspects.Stream, reviewed: Sequence[Reviewed]) -> None:
        self.stream, self.reviewed = stream, reviewed
        self.examples: list[Example] = []
        self.offered: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
        self.counts: dict[tuple[str, int], Counter[int]] = defaultdict(Counter)
        self.per_day = len(stream.items) / (stream.days or 1)

    def offer(self, at: int, scores: Iterable[Score]) -> None:
        """Keep what a person could be asked about: matches and the sampled near misses."""
        for each in scores:
            reached = share(each.score, each.threshold, each.factor)
            if kept := 1.0 if each.score >= each.threshold else self._kept(at, each):
                self.offered[each.topic][at] = reached, 1 / kept

    def _kept(self, at: int, score: Score) -> float:
        """With what probability a near miss was kept; 0 where it was not."""
        if (band := near_misses.band(score.score, score.threshold)) is None:
            return 0.0
        by_day, day = self.counts[score.topic, band], int(at / self.per_day)
        earlier = [count for on, count in by_day.items() if on < day]
        usual = sum(earlier) / len(earlier) if earlier else 0.0
        likely = near_misses.sampling_probability(band, by_day[day], usual)
        by_day[day] += 1
        drawn = near_misses.sampling_hash(score.topic.partition(" ")[0], str(at), self.stream.items[at].title)
        return likely if drawn < likely else 0.0

    def answer(self, at: int) -> None:
        """Answer about the topics whose middle item has come."""
        due = [each for each in self.reviewed if each.plan and each.middle == at]
        for each in due:
            self._answer(each, at)
        if due:
            self._learn()

    def _answer(self, reviewed: Reviewed, now: int) -> None:
        count, wrong = PLANS[reviewed.plan]
        labels = reviewed.trial.labels
        offered = {
            at: offer
            for at, offer in self.offered[reviewed.topic.name].items()
            if at >= reviewed.begins and at not in labels.ignored and self._vector(at) is not None
        }
        given: list[Answer] = []
        lies = set(random.Random(reviewed.trial.name).sample(range(count), wrong))
        while offered and len(given) < count:
            left = list(offered)
            questions = [
                Question(self._vector(at), reached, (now - at) / self.per_day, stands_for, self._is_random(at, reached))
                for at, (reached, stands_for) in offered.items()
            ]
            at = left[answers.order(questions, given, limit=1)[0]]
            is_relevant = (at in labels.wanted) != (len(given) in lies)
            given.append(Answer(self._vector(at), offered[at][0], is_relevant))
            reviewed.asked.append((at, is_relevant))
            item, (reached, _) = self.stream.items[at], offered.pop(at)
            self.examples.append(
                Example(
                    topic=reviewed.topic.name,
                    title=item.title,
                    text=item.text,
                    language=item.language,
                    is_relevant=is_relevant,
                    share=reached,
                )
            )

    @staticmethod
    def _is_random(at: int, reached: float) -> bool:
        return reached < 1 and near_misses.is_asked_at_random(at)

    def _vector(self, at: int) -> EmbeddingVector | None:
        item = self.stream.items[at]
        found = self.known.get(key(item.excerpt))
        return None if found is None else self.model.place(found, item.language)

    def _learn(self) -> None:
        space = shipped_space(vectors.EMBEDDER)
        assert space is not None
        self.model = semantic.build(
            vectors.EMBEDDER,
            self.topics,
            vectors=self.known,
            space=space,
            ordinary=self.model.ordinary,
            examples=self.examples,
        )
        self.matcher = build(
            self.topics, background=self.matcher.background, examples=self.examples, self_trained=self.trained
        )

    def rebuild(self, seen: int, archive: Sequence[aspects.Item]) -> None:
        before = self.taken
        super().rebuild(seen, archive)
        if self.taken != before and self.examples:
            self._learn()


def reviewed_topics(stream: aspects.Stream, trials: Iterable[aspects.Trial]) -> list[Reviewed]:
    found = []
    for trial in trials:
        judged = trial.judged(stream)
        wanted = judged.ranked[judged.is_wanted]
        if len(wanted) >= matching.LEAST_ARTICLES:
            found += [
                Reviewed(trial, plan, int(wanted[len(wanted) // 2]), int(judged.ranked[0])) for plan in ("", *PLANS)
            ]
    return found


def measure(stream: aspects.Stream, known: dict[int, EmbeddingVector], asked: argparse.Namespace) -> None:
    chosen = [
        each for each in aspects.trials(stream) if each.count in asked.seeds and each.has_sentence != asked.no_sentence
    ]
    reviewed = reviewed_topics(stream, chosen)
    run = AnsweredPass([each.topic for each in reviewed], known, asked.words)
    run.follow(stream, reviewed)
    began = time.process_time()
    matches = np.zeros((len(stream.items), len(reviewed)), bool)
    for at, item in enumerate(stream.items):
        start = max(0, aspects.mark(at) - ARCHIVE_ARTICLES)
        run.rebuild(at, stream.items[start : aspects.mark(at)])
        scores = run.score(at, item)
        matches[at] = [each.score >= each.threshold for each in scores]
        run.offer(at, scores)
        run.answer(at)
    print(f"\n{stream.name}: {len(stream.items)} items, {len(chosen)} topics ({time.process_time() - began:.0f} s CPU)")
    results = [_f1(stream, each, matches[:, place]) for place, each in enumerate(reviewed)]
    rights = [_right(stream, each, matches[:, place]) for place, each in enumerate(reviewed)]
    width = 1 + len(PLANS)
    for count in asked.seeds:
        places = [at for at in range(0, len(reviewed), width) if reviewed[at].trial.count == count]
        if not places:
            continue
        plain = float(np.mean([results[at] for at in places]))
        for step, plan in enumerate(PLANS, 1):
            after = float(np.mean([results[at + step] for at in places]))
            turned = [rights[at] - rights[at + step] for at in places]
            print(
                f"{count} seeds, {plan:20}: F1 {plain:.3f} -> {after:.3f} ({after - plain:+.3f}); most turned wrong {max(turned)}, "
                f"{sum(each > TURNED_WRONG_AT_MOST for each in turned)} topics more than {TURNED_WRONG_AT_MOST}"
            )
        for at in places if asked.by_topic else ():
            told = "  ".join(
                _told(reviewed[at + step], results[at + step], rights[at] - rights[at + step])
                for step in range(1, width)
            )
            print(f"    {reviewed[at].trial.name:32} {results[at]:.3f}  {told}")


def _told(each: Reviewed, f1: float, turned: int) -> str:
    yes = sum(is_relevant for _, is_relevant in each.asked)
    return f"{yes}/{len(each.asked)} yes: {f1:.3f} ({turned:+d} wrong)"


def _later(stream: aspects.Stream, each: Reviewed) -> tuple[np.ndarray, np.ndarray]:
    judged = each.trial.judged(stream)
    is_later = judged.ranked > each.middle
    return judged.ranked[is_later], judged.is_wanted[is_later]


def _f1(stream: aspects.Stream, each: Reviewed, matches: np.ndarray) -> float:
    ranked, wanted = _later(stream, each)
    found = matches[ranked]
    return 2 * float((found & wanted).sum()) / max(int(found.sum() + wanted.sum()), 1)


def _right(stream: aspects.Stream, each: Reviewed, matches: np.ndarray) -> int:
    ranked, wanted = _later(stream, each)
    return int((matches[ranked] == wanted).sum())


def measure_cost(stream: aspects.Stream, known: dict[int, EmbeddingVector]) -> None:
    wanted = {
        each.name: each
        for each in (trial.topic for trial in aspects.trials(stream) if trial.count == max(aspects.WITH_SENTENCE))
    }
    topics = list(wanted.values())
    db, across, now = Database("sqlite://"), Multilingual(vectors.KnownVectors(known)), datetime.now(UTC)
    migrate.upgrade(db)
    with db.writing() as session:
        for at, item in enumerate(stream.items[:STORED]):
            _store(session, at, item, known, topics[at % len(topics)].name if at < JUDGED else "", now)
    with db.writing() as session:
        store_topics.sync(session, topics, now=now)
    with db.reading() as session:
        matcher = training.build_matcher(session, topics)
    across.renew(db, topics)
    took = []
    for at in range(JUDGED):
        name = topics[at % len(topics)].name
        verdict = Verdict(article_id=at + 1, topic=name, is_relevant=at % 3 != 0, by="bench", at=now)
        with db.writing() as session:
            verdicts.record(session, verdict)
        began = time.process_time()
        with db.writing() as session:
            store_topics.sync(session, topics, now=now)
        with db.reading() as session:
            matcher = training.rebuild_matcher(session, topics, matcher, {name})
        across.learn_verdicts(db, topics, since=at)
        took.append(time.process_time() - began)
    print(
        f"{stream.name}: {STORED} articles, {len(topics)} topics, {JUDGED} verdicts: processor time of one until it counts "
        f"{1e3 * float(np.median(took)):.0f} ms (at most {1e3 * max(took):.0f})"
    )


def _store(
    session: Session, at: int, item: aspects.Item, known: dict[int, EmbeddingVector], topic: str, now: datetime
) -> None:
    row = ArticleRow(
        id=at + 1, story_id=at + 1, url=f"https://n.example/{at}", url_key=at, text_key=at, title_key=at, title=item.title,
        text=item.text, language=item.language, source="n", grade="partial", published_at=now, seen_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    vector = known.get(key(item.excerpt))
    if vector is not None:
        store_vectors.upsert(session, vectors.EMBEDDER, key(item.excerpt), vector, language="en", article_id=at + 1)
    if topic:
        session.add(
            MatchRow(
                article_id=at + 1,
                story_id=at + 1,
                topic=topic,
                score=0.3,
                threshold=SENTENCE_THRESHOLD,
                reason="ALERTED",
                created_at=now,
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, required=True, help="file that keeps embeddings between runs")
    parser.add_argument("--sets", nargs="+", choices=("aspects", "newsapi"), default=["aspects", "newsapi"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 2])
    parser.add_argument("--by-topic", action="store_true", help="a line for each topic too")
    parser.add_argument("--words", action="store_true", help="score by words alone, as without an embedder")
    parser.add_argument("--cost", action="store_true", help="the processor time of a verdict instead")
    parser.add_argument("--no-sentence", action="store_true", help="topics of seeds alone")
    asked = parser.parse_args()
    for name in asked.sets:
        stream = aspects.SETS[name](asked.data)
        known = vectors.of_texts(asked.vectors, (each.excerpt for each in stream.items), known_only=True)
        stream = aspects.known_part(stream, known)
        own = (text for each in aspects.trials(stream) for text, _ in texts_of(each.topic).values())
        known |= vectors.of_texts(asked.vectors, dict.fromkeys(own))
        measure_cost(stream, known) if asked.cost else measure(stream, known, asked)


if __name__ == "__main__":
    main()
