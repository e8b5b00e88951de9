"""An entry in, an article with readable text out. Pure, but meant for a worker process (see `workers`).

Markup becomes paragraphs of plain text in one linear pass (libxml2's event interface: no tree, so depth costs nothing); what
blogs append to every entry is cut off; the grade says how much of the article is there. No link and no image is followed.
Where the caller fetched the article's own page, its main text is used if there is more of it and it is about the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from lxml import etree

from monitor.reading import webpage
from monitor.reading.webpage import ExtractedPage, WebPage
from monitor.stories.fingerprint import Shingles
from monitor.text import language, tokens, urls
from monitor.text.terms import stem
from monitor.text.tokens import word_count
from monitor.text.walls import is_wall
from monitor.types.fetching import Entry
from monitor.types.matching import Article, Grade

MAX_HTML = 64 * 1024
FULL_WORDS = 120
"""From here on a body is a whole article rather than its teaser."""
_TRUNCATED_WORDS = 250
"""Up to here an ellipsis at the end says that the rest was cut off."""
_NEWS_WORDS = 4
"""A body with no more words than this beyond its title says nothing of its own."""
_ABOUT = 0.4
"""The share of an entry's words that a page must hold to be about it. Of 258 pages 255 hold so much of their own title, and 6 %
hold so much of another's."""
_TEASER_HELD = 0.8
"""From here on a teaser's word runs are in the text already."""

FROM_PAGE = "full text fetched from the page"
PAGE_IS_WALL = "the page is a consent, paywall, login or robot check: the feed's text stands"
PAGE_HAS_LESS = "the page was fetched and holds no more text than the feed"
PAGE_IS_OTHER = "the page was fetched and shows something else: the feed's text stands"

# The text of these is no part of the article. `head` holds a title which we have already.
_CODE = frozenset({"head", "title", "script", "style", "noscript", "template", "iframe"})
_UNREAD = _CODE | {
    "object", "embed", "applet", "svg", "math", "canvas", "audio", "video", "map", "select", "option", "button", "textarea",
    "datalist", "dialog", "nav", "footer", "aside", "figcaption", "form",
}  # fmt: skip
_BLOCKS = {
    "address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figure", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "main", "ol", "p", "pre", "section", "summary", "table", "tbody",
    "tfoot", "thead", "ul",
}  # fmt: skip
_LINES = {"br": "\n", "li": "\n", "tr": "\n", "td": " ", "th": " "}
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_ESCAPED_TAG = re.compile(
    r"<(?:/?(?:p|br|div|span|strong|em|ul|ol|li|h[1-6]|table|blockquote|b|i|u|a)\s*/?|(?:a|img|div|span|p|iframe|script|style)\s[^<>]*"
    r"|/?(?:script|style)|(?:svg|body|input|video|audio|object|embed|form|math|link|meta|base|details)\b[^<>]*)>",
    re.IGNORECASE,
)


def extract(
    entry: Entry,
    *,
    source: str,
    seen_at: datetime,
    feed_language: str | None = None,
    page: WebPage | None = None,
) -> Article:
    """The article an entry stands for. `source` is its feed's name, `page` the article's own page where that was fetched.

    Never fails on any markup. A wall's text is dropped: the article then has its title only, and the grade WALL.
    """
    reading = webpage.read(page) if page else None
    body, grade, note = _body(entry, reading)
    title = entry.title or _first_words(body)
    return Article(
        guid=entry.guid,
        url=entry.url,
        title=title,
        text=body,
        language=language.detect(f"{title}\n{body[:1000]}", entry.language or feed_language),
        published_at=min(entry.published_at or seen_at, seen_at),
        seen_at=seen_at,
        source=source,
        author=entry.author,
        grade=grade,
        page=note,
        canonical=_canonical(entry, title, page, reading) if note in (FROM_PAGE, PAGE_HAS_LESS) else "",
    )


def _canonical(entry: Entry, title: str, page: WebPage | None, reading: ExtractedPage | None) -> str:
    if page is None or reading is None or not reading.canonical:
        return ""
    return urls.declared(reading.canonical, page.url or entry.url, entry.url, title)


def read_articles(
    entries: Iterable[Entry],
    source: str,
    seen_at: datetime,
    feed_language: str | None,
    pages: Mapping[str, WebPage] | None = None,
) -> tuple[Article, ...]:
    """`extract` for the entries of one poll, as worker processes are called; `pages` by guid, where they were fetched."""
    found = pages or {}
    return tuple(
        extract(each, source=source, seen_at=seen_at, feed_language=feed_language, page=found.get(each.guid))
        for each in entries
    )


def readable(markup: str) -> str:
    """HTML as plain text: paragraphs parted by an empty line, no tags, no entities, no scripts. Linear in its length."""
    body = _plain(markup)
    if _ESCAPED_TAG.search(body):  # escaped twice by its publisher; once more is as far as anybody goes
        body = _plain(body)
    return _ESCAPED_TAG.sub(" ", body).strip()


# --- which text, and how much of it -----------------------------------------------------------------------------------


def _body(entry: Entry, reading: ExtractedPage | None) -> tuple[str, Grade, str]:
    """The best text there is, its grade, and what came of the page: its text, the content's or the summary's, in this order
    where they say equally much."""
    offers = [readable(markup) for markup in (entry.content_html, entry.summary_html) if markup]
    walls = [offer for offer in offers if is_wall(offer)]
    own, whole = _longest(entry, [offer for offer in offers if offer not in walls])
    if reading is None:
        return own, _grade(own, whole, is_wall=bool(walls)), ""
    fuller, whole_page = _longest(entry, [reading.text])
    if reading.is_wall:
        return own, _grade(own, whole, is_wall=True), PAGE_IS_WALL
    if fuller and not _is_about(entry, own, fuller):
        return own, _grade(own, whole, is_wall=bool(walls)), PAGE_IS_OTHER
    if word_count(fuller) <= word_count(own):
        return own, _grade(own, whole, is_wall=bool(walls)), PAGE_HAS_LESS
    return _with_teaser(own, fuller), _grade(fuller, whole_page, is_wall=False), FROM_PAGE


def _longest(entry: Entry, offers: Iterable[str]) -> tuple[str, str]:
    """The offer that says most, without what is not of the article, and as it came."""
    bodies = [(_without_title(_without_tail(offer), entry.title), offer) for offer in offers]
    return max(bodies, key=lambda pair: word_count(pair[0]), default=("", ""))


def _grade(body: str, whole: str, *, is_wall: bool) -> Grade:
    if not body:
        return Grade.WALL if is_wall else Grade.HEADLINE
    least = _TRUNCATED_WORDS if _is_cut(whole) else FULL_WORDS
    return Grade.FULL if word_count(body) >= least else Grade.PARTIAL


def _is_about(entry: Entry, own: str, fuller: str) -> bool:
    """Whether a page is the entry's: a link may lead to a home page, a search or a notice instead. Words are compared by their
    stems: a Russian title of five words may stand in its article in other cases throughout."""
    said = f"{entry.title} {own[:1000]}"
    code = language.detect(f"{said}\n{fuller[:1000]}")
    wanted, held = ({stem(word, code) for word in tokens.tokens(each)} for each in (said, fuller))
    return not wanted or len(wanted & held) >= _ABOUT * len(wanted)


def _with_teaser(teaser: str, body: str) -> str:
    """The body, before it the feed's teaser where it stands nowhere in it: elsewhere that teaser may be all there is of the
    article, and it must be known again."""
    if not teaser or Shingles(teaser).containment(Shingles(body)) >= _TEASER_HELD:
        return body
    return f"{teaser}\n\n{body}"


def _is_cut(body: str) -> bool:
    return body.endswith(_CUTS) or bool(_MORE.search(body[-200:]))


def _without_title(body: str, title: str) -> str:
    """The body without a first line that repeats the title; '' where nothing is left that the title does not say.

    Aggregators give the title, linked, and the name of the paper as their whole text.
    """
    first, _, rest = body.partition("\n")
    if title and tokens.tokens(first) == tokens.tokens(title):
        body = rest.strip()
    news = Counter(tokens.tokens(body[:2000])) - Counter(tokens.tokens(title))
    return body if news.total() > _NEWS_WORDS or not title else ""


def _first_words(body: str) -> str:
    """A title for entries that come without, as short notes do."""
    return tokens.clean_line(next(iter(tokens.sentences(body[:1000])), ""), limit=150)


# --- what is not the article ------------------------------------------------------------------------------------------

_CUTS = ("…", "...", "[…]", "[...]")
_APPEARED = re.compile(
    r"\s*(?:The post|The article|Der Beitrag|L['’]article|La entrada|O post|El artículo|L['’]articolo|Artykuł|Сообщение|Запись"
    r"|نوشته)\s.{1,400}?\s(?:(?:first )?appeared (?:first )?(?:on|in)|erschien zuerst auf|est apparu en premier sur"
    r"|(?:se publicó|apareció) primero en|apareceu primeiro em|proviene da|è apparso per la prima volta su|pochodzi z serwisu"
    r"|(?:впервые )?появил[аио]сь (?:сначала )?(?:на|в)|اولین بار در)\s.{1,200}$",
    re.IGNORECASE,
)
# Only as a line or a sentence of its own: "there is more to read on" is none.
_MORE = re.compile(
    r"(?:^|(?<=[\n.!?…\])»”\"'۔؟。]))[\s\[(«<→]*(?:"
    r"(?:click here to )?(?:(?:continue|keep) reading(?:[ :]+.{1,150})?|read (?:more|on|full (?:story|article)))"
    r"|read the (?:full|whole|rest of (?:the|this)) (?:story|article|post)|full story|view (?:the )?full article|learn more"
    r"|lire la suite|weiterlesen|mehr lesen|leer más|seguir leyendo|leggi tutto|continua a leggere|leia mais|devamını oku"
    r"|czytaj (?:więcej|dalej)|читать (?:далее|полностью|дальше|ещё|еще)|подробнее|далее|читати далі|ادامه (?:مطلب|خبر)"
    r"|بیشتر بخوانید|مزید پڑھیں|اقرأ المزيد|نور ولولئ|और पढ़ें|阅读全文|続きを読む"
    r")[\s.…:»›>→\])]*$"
    r"|\s*\[\s*(?:…|\.\.\.|\+\d+ chars|link|comments)\s*\]\s*$",
    re.IGNORECASE,
)


def _without_tail(body: str) -> str:
    """The body without "The post … appeared first on …", "Continue reading …" and the like at its end."""
    for _ in range(4):
        head, tail = body[:-700], body[-700:]
        shorter = head + _MORE.sub("", _APPEARED.sub("", tail))
        if shorter == body:
            break
        body = shorter.rstrip()
    return body


# --- markup to text ---------------------------------------------------------------------------------------------------


class _Reader:
    """Receives libxml2's events and keeps the text between them; its answer is what `close` returns."""

    def __init__(self, unread: frozenset[str]) -> None:
        self._unread_tags = unread
        self._parts: list[str] = []
        self._unread = 0
        self._preformatted = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._unread += tag in self._unread_tags
        self._preformatted += tag == "pre"
        self._parts.append("\n\n" if tag in _BLOCKS else _LINES.get(tag, ""))

    def end(self, tag: str) -> None:
        self._unread -= tag in self._unread_tags
        self._preformatted -= tag == "pre"
        self._parts.append("\n\n" if tag in _BLOCKS else "")

    def data(self, data: str) -> None:
        if not self._unread:
            self._parts.append(data if self._preformatted else " ".join(f"|{data}|".split())[1:-1])

    def close(self) -> str:
        return "".join(self._parts)


def _plain(markup: str) -> str:
    markup = tokens.clean(markup[:MAX_HTML])
    if "<" not in markup and "&" not in markup:
        return markup
    # A <form> or <nav> that is never closed would swallow the article; then better all of it than nothing.
    return _read(markup, _UNREAD) or _read(markup, _CODE)


def _read(markup: str, unread: frozenset[str]) -> str:
    parser = etree.HTMLParser(target=_Reader(unread))
    parser.feed(markup)
    return _tidy(parser.close())


def _tidy(body: str) -> str:
    lines = [line.strip() for line in tokens.clean(_INVISIBLE.sub("", body)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
