"""What a reviewer is asked about first: articles near a topic's threshold, in the order in which answers teach most.

Matches that nobody judged and near misses alike; the page and `monitor matches near` use this order (`matching.answers.order`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, zip_longest
from typing import Protocol, TypeVar

import numpy as np

from monitor.learning.multilingual import shipped_space
from monitor.matching import answers
from monitor.matching.answers import Answer, Question
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.margins import share
from monitor.matching.model import code
from monitor.matching.near_misses import is_asked_at_random
from monitor.store import vectors, verdicts
from monitor.store.db import Session
from monitor.types.matching import Example


class Offered(Protocol):
    """An article that a reviewer could be asked about, for one topic."""

    @property
    def topic(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def threshold(self) -> float: ...
    @property
    def factor(self) -> float: ...
    @property
    def prior_share(self) -> float | None: ...
    @property
    def article_id(self) -> int: ...
    @property
    def is_match(self) -> bool: ...
    @property
    def found_at(self) -> datetime: ...
    @property
    def stands_for(self) -> float: ...


Offer = TypeVar("Offer", bound=Offered)


def most_instructive(session: Session, offered: Sequence[Offer], *, now: datetime, limit: int) -> list[Offer]:
    """Those of these articles whose answers teach most, at most `limit`; topics take turns."""
    by_topic: dict[str, list[Offer]] = {}
    for each in offered:
        by_topic.setdefault(each.topic, []).append(each)
    given = verdicts.examples(session, list(by_topic))
    known = _Vectors(session, [*offered, *given])
    ordered = [
        _of_topic(of_topic, [each for each in given if each.topic == topic], known, now=now, limit=limit)
        for topic, of_topic in by_topic.items()
    ]
    in_turn = chain.from_iterable(zip_longest(*ordered))
    return [each for each in in_turn if each is not None][:limit]


def _of_topic(
    offered: Sequence[Offer], given: Sequence[Example], known: _Vectors, *, now: datetime, limit: int
) -> list[Offer]:
    questions = [
        Question(
            known.of(each),
            _prior_share(each),
            _days(now - each.found_at),
            each.stands_for,
            is_random=not each.is_match and is_asked_at_random(each.article_id),
        )
        for each in offered
    ]
    told = [Answer(known.of(each), each.share, each.is_relevant) for each in given]
    return [offered[at] for at in answers.order(questions, told, limit=limit)]


def _prior_share(of: Offered) -> float:
    """Without what answers added: the order adds that itself."""
    return share(of.score, of.threshold, of.factor) if of.prior_share is None else of.prior_share


def _days(age: timedelta) -> float:
    return max(age / timedelta(days=1), 0.0)


class _Vectors:
    """The stored embeddings of some articles, placed; zero where there is none, so that the score alone orders it."""

    def __init__(self, session: Session, articles: Sequence[Offered | Example]) -> None:
        embedder = vectors.latest_embedder(session)
        self._space = shipped_space(embedder) if embedder else None
        # each once: an article is offered, and asked for, as one object
        self._keys = {id(each): key(excerpt(each.title, each.text)) for each in articles} if self._space else {}
        keys = list(set(self._keys.values()))
        self._known: Mapping[int, EmbeddingVector] = vectors.known(session, embedder, keys, None) if keys else {}
        self._dim = max((len(each) for each in self._known.values()), default=1)

    def of(self, article: Offered | Example) -> EmbeddingVector:
        found = self._known.get(self._keys[id(article)]) if self._known else None
        if found is None or self._space is None or len(found) != self._dim:
            return np.zeros(self._dim, np.float32)
        return self._space.place(found, code(article.language))
