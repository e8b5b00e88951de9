"""Measure how well copies, updates and stories are told apart, next to rival methods in the same run.

    python -m bench.stories --data DIR [--only allsides,edits] [--ours] [--vectors FILE]

DIR (or the environment variable STORIES_DATA) holds `neardup/`, `replay/` and `tracking/` as described in docs/dedup.md; none of
the data is copied. Articles go in date order through fingerprint, look-up (in memory, by the store's rule) and `copies.classify`.
Rivals run if they are installed (datasketch, scikit-learn; no dependencies of the project) and are reported as absent otherwise.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.events import (
    NO_VECTORS,
    Archive,
    Vectors,
    agency_pairs,
    b_cubed,
    headline_pairs,
    mission,
    odd_items,
    sts,
    ten_outlets,
    vectors_of,
    vietnamese,
)
from bench.growth import growth
from monitor.stories.copies import classify
from monitor.stories.fingerprint import Fingerprint, Shingles, fingerprint, shortlist
from monitor.stories.tuning import (
    COPY_WINDOW_DAYS,
    MAX_CANDIDATES,
    MAX_POSTINGS,
)
from monitor.text.tokens import tokens
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate, StoryChoice

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Linker = Callable[[Sequence[Article]], list[int]]
"""Takes articles, returns for each the number of its group."""


def article(
    number: int, title: str, text: str, *, url: str = "", source: str = "", at: datetime = LONG_AGO, guid: str = ""
) -> Article:
    return Article(
        guid=guid or f"#{number}", url=url or f"https://n{number}.example/a/{number}", title=title, text=text, language="und",
        published_at=at, seen_at=at, source=source,
    )  # fmt: skip


def read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else LONG_AGO


# --- ours ---------------------------------------------------------------------------------------------------------------


@dataclass
class Index:
    """The store's look-up, in memory: exact columns and rows of (key, article)."""

    known: list[StoredCandidate] = field(default_factory=list)
    guids: list[str] = field(default_factory=list)
    exact: dict[object, list[int]] = field(default_factory=lambda: defaultdict(list))
    postings: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    window_for: timedelta = timedelta(days=COPY_WINDOW_DAYS)

    def near(self, new: Article, found: Fingerprint) -> list[StoredCandidate]:
        since = new.published_at - self.window_for
        recent = {key: self._recent(self.postings.get(key, []), since) for key in found.keys}
        ids = dict.fromkeys(self.exact[(new.source, new.guid)] + self.exact[new.url])
        texts = [key for key in (found.text_key, found.title_key) if key]
        for key in texts:
            ids |= dict.fromkeys(self._recent(self.exact[key], since)[:MAX_POSTINGS])
        ids |= dict.fromkeys(shortlist(found.keys, recent))
        return [self._as_candidate(i, new) for i in list(ids)[: 2 * MAX_CANDIDATES]]

    def _as_candidate(self, i: int, new: Article) -> StoredCandidate:
        known = self.known[i]
        is_same_guid = (known.source, self.guids[i]) == (new.source, new.guid)
        return replace(known, same_guid=is_same_guid, same_url=known.url == new.url)

    def _recent(self, ids: list[int], since: datetime) -> list[int]:
        return [i for i in ids[-4 * MAX_POSTINGS :] if self.known[i].published_at >= since]

    def add(self, new: Article, found: Fingerprint, choice: StoryChoice) -> None:
        number = len(self.known)
        story = number if choice.story_id is None else choice.story_id
        self.known.append(
            StoredCandidate(
                article_id=number, story_id=story, title=new.title, text=new.text, url=new.url, source=new.source,
                published_at=new.published_at,
            )
        )  # fmt: skip
        self.guids.append(new.guid)
        for key in ((new.source, new.guid), new.url, found.text_key, found.title_key):
            self.exact[key].append(number)
        for posted in found.keys:
            self.postings[posted].append(number)


def stream(articles: Sequence[Article], *, index: Index | None = None) -> list[StoryChoice]:
    """Classify each article, in the order given."""
    index = index or Index()
    choices = []
    for each in articles:
        found = fingerprint(each.title, each.text)
        choices.append(classify(each, index.near(each, found)))
        index.add(each, found, choices[-1])
    return choices


def ours(articles: Sequence[Article]) -> list[int]:
    index = Index()
    stream(articles, index=index)
    return [known.story_id for known in index.known]


# --- rivals -------------------------------------------------------------------------------------------------------------


def exact_hash(articles: Sequence[Article]) -> list[int]:
    first: dict[str, int] = {}
    return [first.setdefault(" ".join(tokens(each.text)) or each.url, i) for i, each in enumerate(articles)]


def datasketch_lsh(articles: Sequence[Article], threshold: float = 0.5) -> list[int]:
    from datasketch import MinHash, MinHashLSH

    lsh, groups = MinHashLSH(threshold=threshold, num_perm=128), []
    for i, each in enumerate(articles):
        words = tokens(each.text)
        minhash = MinHash(num_perm=128)
        minhash.update_batch([" ".join(words[k : k + 4]).encode() for k in range(max(len(words) - 3, 1))])
        near = sorted(lsh.query(minhash))
        groups.append(groups[near[0]] if near else i)
        lsh.insert(i, minhash)
    return groups


def simhash(articles: Sequence[Article], distance: int = 8) -> list[int]:
    import numpy as np

    seen, groups = np.zeros(len(articles), np.uint64), []
    for i, each in enumerate(articles):
        runs = Shingles(each.text).runs
        bits = (runs[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
        votes = bits.sum(axis=0) * 2 > len(runs)
        seen[i] = np.bitwise_or.reduce(votes.astype(np.uint64) << np.arange(64, dtype=np.uint64))
        near = np.flatnonzero(np.bitwise_count(seen[:i] ^ seen[i]) <= distance)
        groups.append(groups[near[0]] if len(near) and len(runs) else i)
    return groups


def tfidf(articles: Sequence[Article], threshold: float = 0.8) -> list[int]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(tokenizer=tokens, token_pattern=None, lowercase=False, sublinear_tf=True).fit_transform(
        [each.text for each in articles]
    )
    groups: list[int] = []
    for i in range(len(articles)):
        likeness = (matrix[:i] @ matrix[i].T).toarray().ravel() if i else []
        best = int(likeness.argmax()) if i else 0
        groups.append(groups[best] if i and likeness[best] >= threshold else i)
    return groups


LINKERS: dict[str, Linker] = {
    "ours": ours,
    "exact hash": exact_hash,
    "datasketch LSH .5": datasketch_lsh,
    "SimHash <= 8": simhash,
    "TF-IDF >= .8": tfidf,
}


absent: set[str] = set()


def linked(name: str, articles: Sequence[Article]) -> list[int] | None:
    return grouped(name, LINKERS[name], articles)


def grouped(name: str, linker: Linker, articles: Sequence[Article]) -> list[int] | None:
    try:
        return linker(articles)
    except ImportError as error:
        if name not in absent:
            print(f"  {name}: absent ({error.name} is not installed)", file=sys.stderr)
        absent.add(name)
        return None


# --- the table ----------------------------------------------------------------------------------------------------------


def allsides(data: Path) -> Iterator[tuple[str, ...]]:
    """Count pairs rightly and wrongly linked; then again with all dates equal, so that the window cannot help."""
    rows = sorted(read(data / "neardup/allsides/documents_dev.jsonl.gz"), key=lambda row: row["date"] or "")
    pairs = list(read(data / "neardup/allsides/pairs_dev.jsonl"))
    for dated in (True, False):
        days = [day(row["date"] if dated else "") for row in rows]
        articles = [
            article(i, row["title"] or "", row["text"], url=row["url"], source=row["source"] or "", at=days[i])
            for i, row in enumerate(rows)
        ]
        at = {row["id"]: i for i, row in enumerate(rows)}
        for name in LINKERS:
            if (groups := linked(name, articles)) is not None:
                same = Counter(pair["label"] for pair in pairs if groups[at[pair["a"]]] == groups[at[pair["b"]]])
                all_of = Counter(pair["label"] for pair in pairs)
                counts = [f"{same[label]}/{all_of[label]} {label}" for label in ("near_dup", "not_dup", "partial")]
                yield ("allsides" if dated else "allsides, one day", name, *counts)


def urdu(data: Path) -> Iterator[tuple[str, ...]]:
    rows = list(read(data / "neardup/counter_urdu/documents_dev.jsonl.gz"))
    rows.sort(key=lambda row: row["role"] != "source")
    articles = [article(i, row["headline"] or "", row["body"], source=row["newspaper"]) for i, row in enumerate(rows)]
    articles = [replace(each, language="ur") for each in articles]
    source = {row["pair"]: i for i, row in enumerate(rows) if row["role"] == "source"}
    linkers = {"ours, copy or joins": lambda articles: events(articles, stream(articles))} | LINKERS
    for name, linker in linkers.items():
        if (groups := grouped(name, linker, articles)) is not None:
            found, total, strangers = Counter[str](), Counter[str](), 0
            for i, row in enumerate(rows):
                if row["role"] == "derived":
                    total[row["classification"]] += 1
                    found[row["classification"]] += groups[i] == groups[source[row["pair"]]]
                    strangers += groups[i] != i and groups[i] != groups[source[row["pair"]]]
            shares = [f"{found[label] / total[label]:.3f} {label}" for label in ("WD", "PD", "ND")]
            yield ("counter_urdu", name, *shares, f"{strangers} with another pair's")


BOILERPLATE = (
    "Sign up to our morning briefing for the stories that matter. This article was produced by an agency and has not been "
    "edited by our staff. Follow us for more, send us a tip, or read what others say about it in the comments below."
)


def edited(kind: str, words: list[str], dice: random.Random, pool: list[str]) -> list[str]:
    if kind == "headline + boilerplate":
        return words + BOILERPLATE.split()
    if kind.startswith("cut to"):
        keep = len(words) // (2 if "half" in kind else 4)
        start = dice.choice([0, 0, dice.randrange(len(words) - keep)])
        return words[start : start + keep]
    share = 0.05 if kind.startswith("5 %") else 0.10
    out: list[str] = []
    for word in words:
        what = dice.choice(("replace", "drop", "insert")) if dice.random() < share else ""
        if what != "drop":
            out.append(dice.choice(pool) if what == "replace" else word)
        if what == "insert":
            out.append(dice.choice(pool))
    return out


EDITS = ("headline + boilerplate", "cut to half", "cut to quarter", "5 % edited", "10 % edited")


def edits(data: Path, *, count: int = 1000, same_site: bool = False) -> Iterator[tuple[str, ...]]:
    """Take real articles, then an edited copy of each from another outlet: how many were found (recall), and linked rightly
    (precision)."""
    texts = [row["text"] for row in read(data / "neardup/allsides/documents_dev.jsonl.gz")]
    texts += [row["text"] for row in read(data / "background/whitehouse_2021.jsonl.gz")]
    dice = random.Random(4)
    texts = dice.sample([text for text in texts if 100 <= len(text.split()) <= 3000], count)
    pool = [word for text in texts[:50] for word in text.split()]
    originals = [article(i, f"Headline {i} of the original", text) for i, text in enumerate(texts)]
    for kind in EDITS:
        copies = [
            article(
                count + i,
                f"Other words over copy {i}",
                " ".join(edited(kind, text.split(), dice, pool)),
                at=LONG_AGO + timedelta(hours=5),
                url=f"{originals[i].url}-copy" if same_site else "",
            )
            for i, text in enumerate(texts)
        ]
        for name in ("ours",) if same_site else LINKERS:
            if (groups := linked(name, [*originals, *copies])) is not None:
                yield (
                    f"edits{', same site' if same_site else ''}: {kind}",
                    name,
                    *_recall_and_precision(groups, count, texts),
                )


def _recall_and_precision(groups: list[int], count: int, texts: list[str]) -> tuple[str, str]:
    right = [groups[i] == groups[count + i] for i in range(count)]
    wrong = [i for i in range(count) if not right[i] and groups[count + i] != count + i]
    wrong = [i for i in wrong if Shingles(texts[i]).containment(Shingles(texts[groups[count + i] % count])) < 0.5]
    return f"recall {sum(right) / count:.3f}", f"precision {sum(right) / max(sum(right) + len(wrong), 1):.3f}"


def bbc(data: Path) -> Iterator[tuple[str, ...]]:
    """Items with their edited versions, in order of appearance."""
    rows = list(read(data / "replay/bbc_items_2021-02_to_07.jsonl.gz"))
    seen = sorted((version["seen"], i, n) for i, row in enumerate(rows) for n, version in enumerate(row["versions"]))
    articles = []
    for at, i, n in seen:
        row, version = rows[i], rows[i]["versions"][n]
        moment = datetime.fromisoformat(at)
        articles.append(
            article(
                i, version["title"], version["description"], url=row["link"], source="BBC", at=moment, guid=row["guid"]
            )
        )
    choices = stream(articles)
    kinds = Counter(
        ("first" if n == 0 else "edited", choice.kind.value) for (_, _, n), choice in zip(seen, choices, strict=True)
    )
    second = sum(n > 0 and choice.kind is ArticleKind.NEW for (_, _, n), choice in zip(seen, choices, strict=True))
    material = sum(choice.is_material for choice in choices)
    yield (
        "bbc_items",
        "ours",
        f"{second} second new",
        f"{material} material of {kinds[('edited', 'update')]} updates",
        str(dict(kinds)),
    )


def cost(data: Path) -> Iterator[tuple[str, ...]]:
    """Processor time of one 400-word article against what is known: mean over the set, in milliseconds."""
    rows = list(read(data / "neardup/allsides/documents_dev.jsonl.gz"))
    articles = [article(i, row["title"] or "", " ".join(row["text"].split()[:400])) for i, row in enumerate(rows)]
    started = time.process_time()
    for each in articles:
        fingerprint(each.title, each.text)
    fingerprinted = time.process_time() - started
    started = time.process_time()
    stream(articles)
    both = time.process_time() - started
    yield (
        "cost",
        "ours",
        f"fingerprint {fingerprinted / len(rows) * 1e3:.3f} ms",
        f"fingerprint, look-up and check {both / len(rows) * 1e3:.3f} ms",
    )


# --- stories: differently worded articles on one event ---------------------------------------------------------------------


def events(
    articles: Sequence[Article], copies: Sequence[StoryChoice] | None = None, known: Vectors = NO_VECTORS
) -> list[int]:
    """Group articles into stories by `events.choose`, with the store's look-up in memory; `copies` are not asked."""
    archive = Archive(known)
    for i, each in enumerate(articles):
        if copies and (copy := copies[i]).of_article_id is not None:
            archive.repeat(copy.of_article_id)
        else:
            archive.add(each)
    return [each.story_id for each in archive.known]


CLUSTERERS: dict[str, Linker] = {"ours": events} | {
    f"TF-IDF >= {threshold}": partial(tfidf, threshold=threshold) for threshold in (0.2, 0.25, 0.3, 0.35)
}


def stories(data: Path, file: Path | None = None) -> Iterator[tuple[str, ...]]:
    """B-cubed F1 of online clustering, shuffled, with one setting for all sets."""
    ecb = [
        (article(i, row["sentences"][0], "\n".join(row["sentences"][1:])), row["subtopic"])
        for i, row in enumerate(read(data / "tracking/ecbplus/articles.jsonl.gz"))
    ]
    basil = [
        (article(i, row["title"], row["text"], at=day(row["date"])), row["triple"])
        for i, row in enumerate(read(data / "tracking/basil/articles.jsonl.gz"))
    ]
    undated = [(replace(each, published_at=LONG_AGO), gold) for each, gold in basil]
    for label, rows in (("ecbplus", ecb), ("basil", basil), ("basil without dates", undated)):
        rows = [(replace(each, language="en"), gold) for each, gold in rows]
        clusterers = dict(CLUSTERERS)
        if file:
            clusterers |= {"ours, by meaning": partial(events, known=vectors_of(file, [each for each, _ in rows]))}
        for name, cluster in clusterers.items():
            scores: list[float] = []
            for seed in range(3):
                random.Random(seed).shuffle(rows)
                groups = grouped(name, cluster, [each for each, _ in rows])
                scores += [b_cubed(groups, [gold for _, gold in rows])] if groups else []
            if scores:
                yield (
                    f"stories: {label}",
                    name,
                    f"B-cubed F1 {sum(scores) / len(scores):.3f}",
                    f"lowest {min(scores):.3f}",
                )


TASKS: dict[str, Callable[[Path, Path | None], Iterator[tuple[str, ...]]]] = {
    "allsides": lambda data, _: allsides(data),
    "urdu": lambda data, _: urdu(data),
    "edits": lambda data, _: edits(data),
    "samesite": lambda data, _: edits(data, same_site=True),
    "bbc": lambda data, _: bbc(data),
    "stories": stories,
    "mission": mission,
    "headlines": headline_pairs,
    "agency": agency_pairs,
    "ten": ten_outlets,
    "odd": odd_items,
    "sts": sts,
    "vietnamese": vietnamese,
    "cost": lambda data, _: cost(data),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Copies, updates and stories beside rivals.")
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("STORIES_DATA"), help="folder of the sets (or STORIES_DATA)"
    )
    parser.add_argument("--only", default=",".join(TASKS), help=f"some of {', '.join(TASKS)}")
    parser.add_argument(
        "--vectors", type=Path, help="file that keeps embeddings between runs; without it, by words alone"
    )
    parser.add_argument("--ours", action="store_true", help="leave the rivals out")
    parser.add_argument(
        "--growth", action="store_true", help="only what an article costs as the store grows; needs no data"
    )
    parser.add_argument("--sizes", default="10000,100000,1000000", help="of the store, for --growth")
    parser.add_argument("--databases", default="sqlite,postgresql", help="for --growth")
    options = parser.parse_args()
    if options.growth:
        for row in growth([int(size) for size in options.sizes.split(",")], options.databases.split(",")):
            print(" | ".join(row), flush=True)
        return 0
    if options.data is None:
        parser.error("name the folder of the sets with --data or STORIES_DATA")
    if options.ours:
        for name in tuple(LINKERS)[1:]:
            del LINKERS[name]
    for task in options.only.split(","):
        for row in TASKS[task](options.data, options.vectors):
            print(" | ".join(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
