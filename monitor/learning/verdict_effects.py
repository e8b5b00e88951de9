"""The effect of a verdict: how scores by meaning changed, and which terms became heavier and lighter in its topic's model. Computed
once and stored with it.

The topic is learned with and without the verdict, and the two are compared, so that reviewers see what their verdict did. The
daemon's own model is rebuilt independently (monitor.service.app).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from monitor.learning import training
from monitor.learning.multilingual import shipped_space
from monitor.matching import compare
from monitor.matching.background import Background
from monitor.matching.compare import TermShift, TopicDefinition
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.model import code
from monitor.matching.semantic_topic import SemanticTopic, build_topic, text_key, texts_of
from monitor.matching.tuning import SENTENCE_THRESHOLD, SHARE_OFFSET
from monitor.store import matches, vectors, verdicts
from monitor.store.db import Database, Session
from monitor.store.matches import StoredArticle
from monitor.store.verdicts import StoredVerdict
from monitor.topics import seeds
from monitor.types.matching import Example, Topic

LEAST_SAID_CHANGE = 0.005


class VerdictEffects:
    """Computes the effects of verdicts on the topics under `root`. `background` returns that of the matcher in force; if there
    is none, the archive's is used, cached by its mark."""

    def __init__(self, root: Path, background: Callable[[], Background | None] = lambda: None) -> None:
        self._root, self._in_force = root, background
        self._cached: tuple[int, Background] | None = None

    def compute(self, db: Database, article_id: int, topic: str) -> TermShift:
        """Effect of the latest verdict on this article; computed and stored on the first call. Empty if there is no verdict in
        force, or the topic no longer exists."""
        with db.reading() as session:
            last_two = verdicts.latest(session, article_id, topic, limit=2)
            if not last_two or last_two[0].is_withdrawn or last_two[0].taught is not None:
                return _stored_shift(last_two[0].taught) if last_two else TermShift()
            before = [each for each in last_two[1:] if not each.is_withdrawn]
            found = self._term_shift(session, article_id, before, topic)
        with db.writing() as session:
            verdicts.set_term_shifts(
                session, last_two[0].id, heavier=found.heavier, lighter=found.lighter, scores=found.scores
            )
        return found

    def _term_shift(self, session: Session, article_id: int, before: Sequence[StoredVerdict], name: str) -> TermShift:
        topic, article = self._topic(name), matches.article(session, article_id)
        if topic is None or article is None:
            return TermShift()
        after = verdicts.examples(session, [name])
        others = [each for each in after if (each.title, each.text) != (article.title, article.text)]
        own = next((each for each in after if (each.title, each.text) == (article.title, article.text)), None)
        earlier = [replace(own, is_relevant=each.is_relevant) for each in before] if own else []
        found = compare.term_shifts(
            TopicDefinition(_without_seed(topic, article), [*others, *earlier]),
            TopicDefinition(topic, after),
            self._background(session),
            limit=4,
        )
        shift = found.get(code(article.language)) or next(iter(found.values()), TermShift())
        return replace(shift, scores=_score_shift(session, topic, article, [*others, *earlier], after))

    def _topic(self, name: str) -> Topic | None:
        if name != Path(name).name:
            return None
        return next(iter(seeds.load_one(self._root / name).topics), None)

    def _background(self, session: Session) -> Background:
        if in_force := self._in_force():
            return in_force
        mark = training.last_mark(session)
        if self._cached is None or self._cached[0] != mark:
            self._cached = mark, training.background(session)
        return self._cached[1]


def _without_seed(topic: Topic, article: StoredArticle) -> Topic:
    """The topic as it was before the verdict, where that made the article a seed: it would else be a seed already, and its words
    would seem to lose by being said twice."""
    own = key(excerpt(article.title, article.text))
    return replace(topic, seeds=tuple(each for each in topic.seeds if text_key(each) != own))


def _score_shift(
    session: Session, topic: Topic, article: StoredArticle, before: Sequence[Example], after: Sequence[Example]
) -> tuple[str, ...]:
    """How much more or less an article like this one scores by meaning; nothing where it has no embedding."""
    embedder = vectors.latest_embedder(session)
    space = shipped_space(embedder) if embedder else None
    if space is None:
        return ()
    own = key(excerpt(article.title, article.text))
    texts = texts_of(topic, (*before, *after)).keys() | {own}
    known = vectors.known(session, embedder, list(texts), None)
    if own not in known:
        return ()
    placed = space.place(known[own], code(article.language))
    old, new = (_of_answers(build_topic(embedder, topic, each, known, space), placed) for each in (before, after))
    if topic.description.strip():
        return _said(
            "articles like it now score {:.2f} {}", (new - old) * (SENTENCE_THRESHOLD + SHARE_OFFSET), "higher", "lower"
        )
    # without a sentence, each article has a threshold of its own
    return _said("articles like it now reach {:.0%} of their threshold {}", new - old, "more", "less")


def _said(sentence: str, change: float, more: str, less: str) -> tuple[str, ...]:
    """The sentence on a change; none where it would read as zero."""
    return (sentence.format(abs(change), more if change > 0 else less),) if abs(change) >= LEAST_SAID_CHANGE else ()


def _of_answers(model: SemanticTopic | None, placed: EmbeddingVector) -> float:
    """What the answers add to a score by meaning, as a share of the balanced threshold."""
    return 0.0 if model is None or model.answers is None else model.answers.correction(placed)


def _stored_shift(taught: dict[str, list[str]] | None) -> TermShift:
    """The effect as stored with the verdict."""
    taught = taught or {}
    return TermShift(
        tuple(taught.get("heavier", ())), tuple(taught.get("lighter", ())), tuple(taught.get("scores", ()))
    )
