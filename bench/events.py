"""Group articles into stories as the product does, with its look-up in memory; the sets of short items (`python -m bench.stories`).

All articles count as matches of one topic. Embeddings come from a file, as `monitor backtest --vectors` keeps it; without one all
is decided by words.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np

from bench import vectors
from monitor.learning.article_embeddings import ArticleEmbedding, nearness
from monitor.learning.multilingual import shipped_space
from monitor.matching.background import Background
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.model import code
from monitor.stories import events
from monitor.stories.profiles import profile
from monitor.stories.tuning import (
    MAX_COMPARED_PROFILES,
    MIN_LOOK_UP_TERMS,
    OTHERS_WITHIN_FOR,
    STORY_WINDOW_FOR,
    THEME_ARTICLES,
)
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.matching import Article

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HERE = Path(__file__).parent / "data"
Vectors = Mapping[int, EmbeddingVector]
NO_VECTORS: Vectors = {}
WITHIN_DAYS = 15
"""Days apart within which pairs of briefs count."""


def article(number: int, title: str, text: str, *, language: str, at: datetime = LONG_AGO, source: str = "") -> Article:
    return Article(
        guid=f"#{number}", url=f"https://n{number}.example/a/{number}", title=title, text=text, language=language,
        published_at=at, seen_at=at, source=source or f"s{number}",
    )  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def stored_vectors() -> Vectors:
    """Embeddings of the headline pairs and of the odd items, as they came from the default embedder."""
    return vectors.read(HERE / "short_items_vectors.npz")


def vectors_of(path: Path | None, articles: Sequence[Article]) -> Vectors:
    return vectors.of_texts(path, (excerpt(each.title, each.text) for each in articles)) if path else NO_VECTORS


# --- stories ------------------------------------------------------------------------------------------------------------


@cache
def _background() -> Background:
    return Background.shipped()


@dataclass
class Archive:
    """What the store would propose, in memory."""

    vectors: Vectors = field(default_factory=dict)
    background: Background = field(default_factory=_background)
    holders: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    known: list[RelatedArticle] = field(default_factory=list)
    placed: list[EmbeddingVector | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        space = shipped_space(vectors.EMBEDDER)
        assert space is not None
        self.space = space

    def add(self, each: Article) -> int:
        """Find the article's story and store it there; returns the story's number."""
        number = len(self.known)
        own = profile(each, self.background.table(each.language).idf)
        embedding = self._embedding(each)
        matches = self._matches(each, embedding)
        near = None if embedding is None else nearness(embedding, matches, published_at=each.published_at)
        by_words, key_counts = self._by_words(own.keys, own.weights)
        semantic = {other.article_id: other for other in matches if self._is_in_window(other, each)}
        related = list(({other.article_id: other for other in by_words} | semantic).values())
        choice = events.choose(each, own, related, key_counts, nearness=near)
        story = choice.story_id if choice and choice.story_id is not None else number
        if choice and choice.merged_stories:
            members = [other for other in self.known if other.story_id in choice.merged_stories]
            same = events.confirm_merges(each, own, choice, related, members, key_counts)
            self.known = [replace(other, story_id=story) if other.story_id in same else other for other in self.known]
        self.known.append(
            RelatedArticle(
                article_id=number, story_id=story, published_at=each.published_at, profile=own,
                language=each.language, title=each.title,
            )
        )  # fmt: skip
        self.placed.append(embedding.placed if embedding else None)
        for term in own.keys:
            self.holders[term].append(number)
        return story

    def repeat(self, of: int) -> None:
        """Store a copy of an article in its story."""
        self.known.append(replace(self.known[of], article_id=len(self.known)))
        self.placed.append(None)

    def _embedding(self, each: Article) -> ArticleEmbedding | None:
        text_key = key(excerpt(each.title, each.text))
        vector = self.vectors.get(text_key)
        return None if vector is None else ArticleEmbedding("", text_key, code(each.language), vector, self.space)

    def _matches(self, each: Article, embedding: ArticleEmbedding | None) -> list[RelatedArticle]:
        since_at = each.published_at - OTHERS_WITHIN_FOR
        if embedding is None:
            return []
        placed = embedding.placed
        return [
            replace(other, likeness=float(row @ placed))
            for other, row in zip(self.known, self.placed, strict=True)
            if row is not None and other.published_at >= since_at
        ]

    @staticmethod
    def _is_in_window(other: RelatedArticle, each: Article) -> bool:
        return abs(other.published_at - each.published_at) <= STORY_WINDOW_FOR

    def _by_words(
        self, keys: Sequence[int], weights: Mapping[int, float]
    ) -> tuple[list[RelatedArticle], dict[int, int]]:
        key_counts = {each: len(self.holders[each]) for each in keys}
        carried = [self.holders[each] for each in keys if key_counts[each] < THEME_ARTICLES]
        shared = Counter(chain.from_iterable(carried))
        sums = {
            at: sum(weights[each] for each in keys if at in self.holders[each])
            for at, count in shared.items()
            if count >= MIN_LOOK_UP_TERMS
        }
        near = sorted(sums, key=lambda at: (-sums[at], -at))[:MAX_COMPARED_PROFILES]
        return [self.known[at] for at in near], key_counts


def grouped(articles: Sequence[Article], known: Vectors = NO_VECTORS) -> list[int]:
    """The story of each article, in the order given."""
    archive = Archive(known)
    for each in articles:
        archive.add(each)
    return [each.story_id for each in archive.known]


def are_one(one: Article, other: Article, known: Vectors) -> bool:
    """Whether two articles end in one story, without any others."""
    return len(set(grouped(sorted((one, other), key=lambda each: each.published_at), known))) == 1


# --- the sets -----------------------------------------------------------------------------------------------------------


def mission(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Pairs of briefs within 15 days: how many on one event end in one story, and how many that do are on different ones."""
    rows = sorted(read(data / "mission/dev.jsonl"), key=lambda row: row["published"])
    articles = [
        article(i, row["title"], row.get("text") or row["summary"], language=row["language"],
                at=datetime.fromisoformat(row["published"]), source=row["source"])
        for i, row in enumerate(rows)
    ]  # fmt: skip
    stories = grouped(articles, vectors_of(file, articles))
    for is_across in (False, True):
        found, wrong, total = 0, 0, 0
        for i, j in combinations(range(len(rows)), 2):
            is_near = abs(articles[i].published_at - articles[j].published_at) <= timedelta(days=WITHIN_DAYS)
            is_counted = is_near and not (rows[i].get("copy_of") or rows[j].get("copy_of"))
            if not is_counted or (rows[i]["language"] != rows[j]["language"]) is not is_across:
                continue
            is_same = bool(rows[i]["event"]) and rows[i]["event"] == rows[j]["event"]
            total += is_same
            found += is_same and stories[i] == stories[j]
            wrong += not is_same and stories[i] == stories[j]
        label = "across languages" if is_across else "one language"
        yield (f"mission, {label}", "ours", f"{found} of {total} found", f"{wrong} of {found + wrong} joined are wrong")


def headline_pairs(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Pairs of one shape on different events, and of other words on the same, written by somebody who had not seen the code."""
    rows = read(HERE / "headline_pairs.jsonl")
    pairs = [tuple(_short(row[which], row["language"]) for which in "ab") for row in rows]
    known = vectors_of(file, [each for pair in pairs for each in pair])
    joined = [are_one(one, other, known) for one, other in pairs]
    for kind, label in (("other", "kept apart"), ("same", "joined")):
        for name, of in (("all", rows), ("headline alone", [row for row in rows if not row["a"]["summary"]])):
            right = [
                is_one is (kind == "same")
                for row, is_one in zip(rows, joined, strict=True)
                if row["kind"] == kind and row in of
            ]
            yield (f"headline pairs, {kind} event, {name}", "ours", f"{sum(right)} of {len(right)} {label}")


def agency_pairs(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Pairs of headline and line as agencies write them, in one language and across, and those of one language in one archive."""
    rows = read(HERE / "agency_pairs.jsonl")
    pairs = [tuple(_short(row[which], row[which]["language"]) for which in "ab") for row in rows]
    known = vectors_of(file, [each for pair in pairs for each in pair])
    where = [_kind_of_pair(*pair) for pair in pairs]
    for each in dict.fromkeys(where):
        of = [i for i, found in enumerate(where) if found == each]
        for kind, label in (("other", "kept apart"), ("same", "joined")):
            right = [are_one(*pairs[i], known) is (kind == "same") for i in of if rows[i]["kind"] == kind]
            yield (f"agency pairs, {kind} event, {each}", "ours", f"{sum(right)} of {len(right)} {label}")
        if each == "English":
            found, wrong = _in_one_archive([pairs[i] for i in of], [rows[i]["kind"] == "same" for i in of], known)
            yield (
                "agency pairs, all in one archive",
                "ours",
                f"{found} found",
                f"{wrong} of {found + wrong} are wrong",
            )


def _kind_of_pair(one: Article, other: Article) -> str:
    if one.language != other.language:
        return "across languages"
    return "English" if one.language == "en" else "another language"


def ten_outlets(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """One event as ten outlets tell it within hours, in three languages: each story more than one is an alert too many."""
    for row in read(HERE / "ten_outlets.jsonl"):
        articles = [_short(item, item["language"]) for item in row["items"]]
        found = len(set(grouped(articles, vectors_of(file, articles))))
        yield (f"ten outlets: {row['event']}", "ours", f"{found} {'story' if found == 1 else 'stories'}")


def _in_one_archive(pairs: Sequence[tuple[Article, ...]], are_same: Sequence[bool], known: Vectors) -> tuple[int, int]:
    """How many pairs of articles in one story are on one event, and how many are not."""
    placed = [
        (article, at if is_same else (at, which))
        for at, (pair, is_same) in enumerate(zip(pairs, are_same, strict=True))
        for which, article in enumerate(pair)
    ]
    placed.sort(key=lambda each: each[0].published_at)
    stories = grouped([article for article, _ in placed], known)
    joined = [placed[i][1] == placed[j][1] for i, j in combinations(range(len(placed)), 2) if stories[i] == stories[j]]
    return sum(joined), len(joined) - sum(joined)


def _short(row: Mapping[str, Any], language: str) -> Article:
    at = datetime.fromisoformat(row["published"])
    return article(
        hash(row["title"]) % 10**9,
        row["title"],
        row["summary"] or "",
        language=language,
        at=at,
        source=row.get("source", ""),
    )


def odd_items(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Live blogs, weather, markets, obituaries and others: who is swallowed."""
    found, wrong, total, swallowing = 0, 0, 0, []
    for row in read(HERE / "odd_items.jsonl"):
        articles = [_short(item, item.get("language") or row.get("language") or "en") for item in row["items"]]
        order = sorted(range(len(articles)), key=lambda i: articles[i].published_at)
        in_order = grouped([articles[i] for i in order], vectors_of(file, articles))
        story = dict(zip(order, in_order, strict=True))
        same = {frozenset(pair) for pair in row["same"]}
        for i, j in combinations(range(len(articles)), 2):
            is_same = frozenset((i, j)) in same
            total += is_same
            found += is_same and story[i] == story[j]
            if not is_same and story[i] == story[j]:
                wrong += 1
                swallowing.append(row["group"])
    yield ("odd items", "ours", f"{found} of {total} found", f"{wrong} wrong", ", ".join(dict.fromkeys(swallowing)))


def sts(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Headline pairs by their graded likeness, as of one day."""
    rows = [row for row in read(data / "neardup/sts_headlines/pairs.jsonl.gz") if row["file"] == "headlines"]
    pairs = [
        tuple(article(2 * i + k, row[f"s{k + 1}"], "", language="en") for k in (0, 1)) for i, row in enumerate(rows)
    ]
    known = vectors_of(file, [each for pair in pairs for each in pair])
    joined = np.array([are_one(one, other, known) for one, other in pairs])
    graded = np.array([row["score"] for row in rows])
    yield (
        "sts_headlines",
        "ours",
        f"{joined[graded >= 4.5].mean():.3f} of 4.5 and above",
        f"{joined[graded < 2].mean():.3f} below 2",
    )


def vietnamese(data: Path, file: Path | None) -> Iterator[tuple[str, ...]]:
    """Clusters of one event, among news of other languages."""
    rows = read(data / "tracking/vietnamese/articles.jsonl.gz")
    articles = [article(i, "", row["text"], language="vi") for i, row in enumerate(rows)]
    noise = read(data / "background/headlines_2021_jan_jul.jsonl.gz")[:300]
    others = [
        article(1000 + i, row["title"], row.get("description") or "", language="en") for i, row in enumerate(noise)
    ]
    known = vectors_of(file, articles)
    scores = []
    for seed in range(3):
        order = [*articles, *others]
        random.Random(seed).shuffle(order)
        story = {each.guid: found for each, found in zip(order, grouped(order, known), strict=True)}
        scores.append(b_cubed([story[each.guid] for each in articles], [row["cluster"] for row in rows]))
    yield ("vietnamese", "ours", f"B-cubed F1 {sum(scores) / len(scores):.3f}", f"lowest {min(scores):.3f}")


def b_cubed(groups: Sequence[object], gold: Sequence[object]) -> float:
    """F1 of the mean precision and recall over each article's group."""
    both, found, true = Counter(zip(groups, gold, strict=True)), Counter(groups), Counter(gold)
    pairs = list(zip(groups, gold, strict=True))
    precision = sum(both[pair] / found[pair[0]] for pair in pairs) / len(pairs)
    recall = sum(both[pair] / true[pair[1]] for pair in pairs) / len(pairs)
    return 2 * precision * recall / (precision + recall)
