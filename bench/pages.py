"""Measures how well the article text is extracted from web pages, compared with other extractors in the same run.

    python -m bench.pages --data DIR [--tracking DIR] [--json FILE]

DIR (or the environment variable PAGES_DATA) holds `scrapinghub_aeb/` and `fundus/`: pages with their exact main texts, as
published by these two projects; they are not part of this one. Printed are the means over pages of token precision, recall and
F1 (bags of our own tokens), the number of pages with less than half of their text found, and CPU time. Other extractors are used
where they are installed (they are no dependencies of the project, except the one that won).

With `--tracking` (ecbplus/ and basil/ as described in docs/matching.md): how the whole text changes the match, by the share of the
threshold that a teaser of 40 words reached. This shows for which band of shares fetching the page is worth it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from monitor.matching.background import Background
from monitor.matching.margins import share
from monitor.matching.matcher import build
from monitor.reading.webpage import main_text, parse_html
from monitor.text.tokens import tokens
from monitor.types.matching import Seed, Topic

Extractor = Callable[[bytes], str]


@dataclass(frozen=True)
class Page:
    """A page and the article text on it, as annotated by people."""

    name: str
    html: bytes
    text: str


def scrapinghub(folder: Path) -> Iterator[Page]:
    truth = json.loads((folder / "ground-truth.json").read_text())
    for name, known in truth.items():
        yield Page(name, gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), known["articleBody"])


def fundus(folder: Path) -> Iterator[Page]:
    """Pages with summary, headings and paragraphs as text; a publisher's pages and texts are both in the order of dates."""
    for path in sorted((folder / "tests/resources/parser/test_data").glob("*/*.json")):
        pages = sorted(path.parent.glob(f"{path.stem}_20*.html.gz"))
        for page, known in zip(pages, json.loads(path.read_text()).values(), strict=True):
            if body := known.get("body"):
                yield Page(page.name, gzip.decompress(page.read_bytes()), _body_text(body))


def _body_text(body: dict[str, Any]) -> str:
    parts = [*body["summary"]]
    for section in body["sections"]:
        parts += [*section["headline"], *section["paragraphs"]]
    return "\n\n".join(parts)


# --- extractors -------------------------------------------------------------------------------------------------------


def extractors() -> Iterator[tuple[str, Extractor]]:
    yield "as shipped", _ours
    for name, make in (
        ("trafilatura", _trafilatura),
        ("readability-lxml", _readability),
        ("resiliparse", _resiliparse),
        ("newspaper4k", _newspaper),
    ):
        try:
            yield name, make()
        except ImportError as missing:
            print(f"{name}: not installed ({missing.name})", file=sys.stderr)


def _ours(page: bytes) -> str:
    tree = parse_html(page)
    return "" if tree is None else main_text(tree)


def _trafilatura() -> Extractor:
    from trafilatura import extract

    return lambda page: extract(page, include_comments=False) or ""


def _readability() -> Extractor:
    from lxml import html
    from readability import Document

    def text(page: bytes) -> str:
        return str(html.fromstring(Document(page.decode("utf-8", "replace")).summary()).text_content())

    return text


def _resiliparse() -> Extractor:
    from resiliparse.extract.html2text import extract_plain_text

    return lambda page: str(extract_plain_text(page.decode("utf-8", "replace"), main_content=True, alt_texts=False))


def _newspaper() -> Extractor:
    from newspaper import Article

    def text(page: bytes) -> str:
        article = Article("https://news.example/a", fetch_images=False)
        article.download(input_html=page.decode("utf-8", "replace"))
        article.parse()
        return str(article.text)

    return text


# --- figures ----------------------------------------------------------------------------------------------------------


def overlap(found: str, known: str) -> tuple[float, float, float]:
    """Token precision, recall and F1 of two texts as bags of words."""
    extracted, expected = Counter(tokens(found)), Counter(tokens(known))
    if not extracted or not expected:
        return (float(not extracted and not expected),) * 3
    shared = (extracted & expected).total()
    precision, recall = shared / extracted.total(), shared / expected.total()
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


def measure(extract: Extractor, pages: list[Page]) -> dict[str, float]:
    began = time.process_time()
    found = [_extract_safely(extract, page) for page in pages]
    took = time.process_time() - began
    figures = [overlap(text, page.text) for text, page in zip(found, pages, strict=True)]
    return {
        "pages": len(pages),
        "precision": mean(each[0] for each in figures),
        "recall": mean(each[1] for each in figures),
        "f1": mean(each[2] for each in figures),
        "below_half": sum(each[1] < 0.5 for each in figures),
        "ms": 1000 * took / len(pages),
    }


def _extract_safely(extract: Extractor, page: Page) -> str:
    try:
        return extract(page.html)
    except Exception as fault:  # an extractor that fails has found nothing; the others go on
        print(f"{page.name}: {type(fault).__name__}: {fault}"[:150], file=sys.stderr)
        return ""


# --- the band ---------------------------------------------------------------------------------------------------------


def band(folder: Path) -> Iterator[tuple[float, list[int]]]:
    """For each tenth of the share: pairs of article and topic that are all, on the topic, matches of the whole text, both."""
    sets = [list(_articles(folder / name / "articles.jsonl.gz")) for name in ("ecbplus", "basil")]
    found: dict[int, list[int]] = {}
    for articles, noise, group in ((*sets, "subtopic"), (*reversed(sets), "triple")):
        for seeds in (1, 2):
            for reached, is_own, is_match in _outcomes(articles, noise, group, seeds):
                row = found.setdefault(min(int(reached * 10), 20), [0, 0, 0, 0])
                for place, counts in enumerate((True, is_own, is_match, is_own and is_match)):
                    row[place] += counts
    yield from ((tenth / 10, found[tenth]) for tenth in sorted(found))


def _articles(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (each for each in map(json.loads, lines) if len(each["text"].split()) > 150)


def _outcomes(
    articles: list[dict[str, Any]], noise: list[dict[str, Any]], group: str, seeds: int
) -> Iterator[tuple[float, bool, bool]]:
    groups: dict[str, list[int]] = {}
    for number, each in enumerate(articles):
        groups.setdefault(str(each[group]), []).append(number)
    groups = {name: own for name, own in groups.items() if len(own) > seeds}
    matcher = build(
        [_topic(name, articles, own[:seeds]) for name, own in groups.items()], background=Background.shipped()
    )
    for number, each in [*enumerate(articles), *((-1, other) for other in noise)]:
        words = each["text"].split()
        title = each.get("title") or " ".join(words[:10])
        teasers, wholes = matcher.score(title, " ".join(words[:40]), "en"), matcher.score(title, each["text"], "en")
        for teaser, whole in zip(teasers, wholes, strict=True):
            own = groups[teaser.topic]
            if number not in own[:seeds]:
                yield share(teaser.score, teaser.threshold), number in own[seeds:], whole.is_match


def _topic(name: str, articles: list[dict[str, Any]], seeds: list[int]) -> Topic:
    texts = [(articles[n].get("title") or "", articles[n]["text"]) for n in seeds]
    made = tuple(Seed(file=str(n), title=title, text=text, language="en") for n, (title, text) in enumerate(texts))
    return Topic(name=name, title=name, seeds=made)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=os.environ.get("PAGES_DATA"))
    asked.add_argument("--tracking", type=Path, help="the folder with ecbplus/ and basil/")
    asked.add_argument("--json", type=Path, help="write the figures here as well")
    given = asked.parse_args()
    if given.data is None or not Path(given.data).is_dir():
        sys.exit("name the folder with the pages: --data DIR or PAGES_DATA")
    table: dict[str, dict[str, dict[str, float]]] = {}
    print(
        f"{'set':16} {'extractor':22} {'pages':>5} {'precision':>9} {'recall':>6} {'F1':>6} {'recall < .5':>11} {'ms':>6}"
    )
    for name, read in (("scrapinghub_aeb", scrapinghub), ("fundus", fundus)):
        pages = list(read(Path(given.data) / name))
        for shown, extract in extractors():
            got = table.setdefault(name, {})[shown] = measure(extract, pages)
            print(
                f"{name:16} {shown:22} {got['pages']:5} {got['precision']:9.3f} {got['recall']:6.3f} {got['f1']:6.3f}"
                f" {got['below_half']:11} {got['ms']:6.1f}",
                flush=True,
            )
    if given.tracking:
        print(f"\n{'share':>5} {'pairs':>7} {'of the topic':>12} {'whole text matches':>18} {'of the topic':>12}")
        for share, row in band(given.tracking):
            print(f"{share:5.1f} {row[0]:7} {row[1]:12} {row[2]:18} {row[3]:12}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
