"""Turn feed entries into articles with plain text. Pure, but run it in a worker process (see `workers`).

Endings that blogs append to every entry are cut off; the grade says how much of the article there is. Where the caller fetched
the article's page, its main text is used if it is longer and on the same subject. Links and images are never fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from monitor.reading import endings, webpage
from monitor.reading.markup import html_to_text
from monitor.reading.webpage import ExtractedPage, WebPage
from monitor.stories.fingerprint import Shingles
from monitor.text import domains, language, tokens, urls
from monitor.text.terms import stem
from monitor.text.tokens import word_count
from monitor.text.walls import is_wall
from monitor.types.fetching import Entry
from monitor.types.matching import Article, Grade

FULL_WORDS = 120
"""From this length a text counts as a whole article rather than a teaser."""
_TRUNCATED_WORDS = 250
"""Below this length an ellipsis at the end means that the text is truncated."""
_TITLE_ONLY_WORDS = 4
"""A text with at most so many words that are not in its title adds nothing to the title."""
_MIN_OVERLAP = 0.4
"""The share of an entry's words that a page must contain to count as the entry's. Of 258 pages, 255 contain that much of their
own title, and 6 % that much of another's."""
_TEASER_CONTAINED = 0.8
"""From this share of its word runs a teaser counts as part of the text."""

FROM_PAGE = "full text fetched from the page"
PAGE_IS_WALL = "the page is a consent, paywall, login or robot check: the feed's text stands"
PAGE_HAS_LESS = "the page was fetched and holds no more text than the feed"
PAGE_IS_OTHER = "the page was fetched and shows something else: the feed's text stands"
_READ = (FROM_PAGE, PAGE_HAS_LESS)
"""Outcomes of a page that was the article's."""


def extract(
    entry: Entry,
    *,
    source: str,
    seen_at: datetime,
    feed_language: str | None = None,
    page: WebPage | None = None,
) -> Article:
    """The entry as an article. `source` is its feed's name, `page` the article's own page where it was fetched.

    Never raises on any markup. The text of a wall is dropped: the article then has only a title, and the grade WALL.
    """
    read = _read(entry, page, feed_language)
    return _article(read, language.detect(*read.sample), source, seen_at)


def read_articles(
    entries: Iterable[Entry],
    source: str,
    seen_at: datetime,
    feed_language: str | None,
    pages: Mapping[str, WebPage] | None = None,
) -> tuple[Article, ...]:
    """`extract` for the entries of one poll, for calls in worker processes; `pages` are the fetched ones, by guid."""
    page_of_guid = pages or {}
    found = [_read(each, page_of_guid.get(each.guid), feed_language) for each in entries]
    languages = language.detect_all(each.sample for each in found)
    return tuple(_article(each, code, source, seen_at) for each, code in zip(found, languages, strict=True))


class _Text(NamedTuple):
    """What an entry says, in words."""

    entry: Entry
    title: str
    body: str
    grade: Grade
    note: str
    page: WebPage | None
    extracted: ExtractedPage | None
    sample: tuple[str, str | None]
    """What its language is told by, and the language that its feed names."""


def _read(entry: Entry, page: WebPage | None, feed_language: str | None) -> _Text:
    extracted = webpage.read(page) if page else None
    body, grade, note = _choose_body(entry, extracted)
    title = entry.title or _first_words(body)
    sample = f"{title}\n{body[:1000]}", entry.language or feed_language
    return _Text(entry, title, body, grade, note, page, extracted, sample)


def _article(read: _Text, code: str, source: str, seen_at: datetime) -> Article:
    entry, is_page = read.entry, read.note in _READ
    return Article(
        guid=entry.guid,
        url=entry.url,
        title=read.title,
        text=read.body,
        language=code,
        published_at=min(entry.published_at or seen_at, seen_at),
        seen_at=seen_at,
        source=source,
        outlet=entry.outlet,
        outlet_host=entry.outlet_host or (_origin_host(entry, read.page, read.extracted) if is_page else ""),
        author=entry.author,
        grade=read.grade,
        page=read.note,
        canonical=_canonical(entry, read.title, read.page, read.extracted) if is_page else "",
    )


def _origin_host(entry: Entry, page: WebPage | None, extracted: ExtractedPage | None) -> str:
    """The host of the article that a page says it mirrors: its canonical address on another site; '' where it has none."""
    if page is None or extracted is None or not extracted.canonical:
        return ""
    target = urls.resolve(page.url or entry.url, extracted.canonical)
    is_elsewhere = urls.site(target) != urls.site(entry.url) and domains.of_url(target) != domains.of_url(entry.url)
    return urls.host(target) if is_elsewhere and urls.looks_like_article(target) else ""


def _canonical(entry: Entry, title: str, page: WebPage | None, extracted: ExtractedPage | None) -> str:
    if page is None or extracted is None or not extracted.canonical:
        return ""
    return urls.trusted_canonical(extracted.canonical, page.url or entry.url, entry.url, title)


# --- which text, and how much of it -----------------------------------------------------------------------------------


def _choose_body(entry: Entry, extracted: ExtractedPage | None) -> tuple[str, Grade, str]:
    """The text to use, its grade, and a note on the page ('' without one): the longest of the feed's texts, or the page's."""
    candidates = [html_to_text(markup) for markup in (entry.content_html, entry.summary_html) if markup]
    walls = [candidate for candidate in candidates if is_wall(candidate)]
    feed_text, feed_raw = _longest_cleaned(entry, [candidate for candidate in candidates if candidate not in walls])
    if extracted is None:
        return feed_text, _grade(feed_text, feed_raw, is_wall=bool(walls)), ""
    page_text, page_raw = _longest_cleaned(entry, [extracted.text])
    if extracted.is_wall:
        return feed_text, _grade(feed_text, feed_raw, is_wall=True), PAGE_IS_WALL
    if page_text and not _is_about(entry, feed_text, page_text):
        return feed_text, _grade(feed_text, feed_raw, is_wall=bool(walls)), PAGE_IS_OTHER
    if word_count(page_text) <= word_count(feed_text):
        return feed_text, _grade(feed_text, feed_raw, is_wall=bool(walls)), PAGE_HAS_LESS
    return _with_teaser(feed_text, page_text), _grade(page_text, page_raw, is_wall=False), FROM_PAGE


def _longest_cleaned(entry: Entry, candidates: Iterable[str]) -> tuple[str, str]:
    """The longest candidate after cleaning, cleaned and as it came."""
    bodies = [(_without_title(endings.without(candidate), entry.title), candidate) for candidate in candidates]
    return max(bodies, key=lambda pair: word_count(pair[0]), default=("", ""))


def _grade(body: str, raw: str, *, is_wall: bool) -> Grade:
    if not body:
        return Grade.WALL if is_wall else Grade.HEADLINE
    min_words = _TRUNCATED_WORDS if endings.is_truncated(raw) else FULL_WORDS
    return Grade.FULL if word_count(body) >= min_words else Grade.PARTIAL


def _is_about(entry: Entry, feed_text: str, page_text: str) -> bool:
    """Whether a page is the entry's article: a link may lead to a home page, a search or a notice instead. Compares stems, since
    a Russian title of five words may occur in its article in other grammatical cases only."""
    entry_text = f"{entry.title} {feed_text[:1000]}"
    code = language.detect(f"{entry_text}\n{page_text[:1000]}")
    expected, present = ({stem(word, code) for word in tokens.tokens(each)} for each in (entry_text, page_text))
    return not expected or len(expected & present) >= _MIN_OVERLAP * len(expected)


def _with_teaser(teaser: str, body: str) -> str:
    """The body, preceded by the feed's teaser unless it contains it: elsewhere the teaser may be the whole article, and this
    article must still be recognised as its copy."""
    if not teaser or Shingles(teaser).containment(Shingles(body)) >= _TEASER_CONTAINED:
        return body
    return f"{teaser}\n\n{body}"


def _without_title(body: str, title: str) -> str:
    """The body without a first line that repeats the title; '' where it adds nothing to the title.

    Aggregators publish the linked title and the newspaper's name as the whole text.
    """
    first, _, rest = body.partition("\n")
    of_title = tokens.tokens(title)
    if title and tokens.tokens(first) == of_title:
        body = rest.strip()
    if not title:
        return body
    of_body = tokens.tokens(body[:2000])
    if len(of_body) - len(of_title) > _TITLE_ONLY_WORDS:
        return body
    return body if (Counter(of_body) - Counter(of_title)).total() > _TITLE_ONLY_WORDS else ""


def _first_words(body: str) -> str:
    """A title for entries without one, such as short notes."""
    return tokens.clean_line(next(iter(tokens.sentences(body[:1000])), ""), limit=150)
