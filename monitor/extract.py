"""An entry in, an article with readable text out. Pure, but meant for a worker process (see `workers`).

Markup becomes paragraphs of plain text in one linear pass (libxml2's event interface: no tree, so depth costs nothing); what
blogs append to every entry is cut off; the grade says how much of the article is there. No link and no image is followed.
Where the caller fetched the article's own page, its main text is used if there is more of it (`_main_text`, simple on purpose).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from lxml import etree
from lxml import html as lxml_html

from monitor import language, text
from monitor.types import Article, Entry, Grade

MAX_HTML = 64 * 1024
MAX_PAGE = 2 * 1024 * 1024
FULL_WORDS = 120
"""From here on a body is a whole article rather than its teaser."""
_TRUNCATED_WORDS = 250
"""Up to here an ellipsis at the end says that the rest was cut off."""
_NEWS_WORDS = 4
"""A body with no more words than this beyond its title says nothing of its own."""
_WALL_WORDS = 120
"""Longer texts may speak of cookies and subscriptions without being a wall."""

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
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
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
    page: bytes | None = None,
) -> Article:
    """The article an entry stands for. `source` is its feed's name, `page` the article's own page where that was fetched.

    Never fails on any markup. A wall's text is dropped: the article then has its title only, and the grade WALL.
    """
    body, grade = _body(entry, page)
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
    )


def read_articles(
    entries: Iterable[Entry],
    source: str,
    seen_at: datetime,
    feed_language: str | None,
    pages: Mapping[str, bytes] | None = None,
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


def _body(entry: Entry, page: bytes | None) -> tuple[str, Grade]:
    """The best text there is: the page's, the content's or the summary's, in this order where they say equally much."""
    offers = [_main_text(page)] if page else []
    offers += [readable(markup) for markup in (entry.content_html, entry.summary_html) if markup]
    walls = [offer for offer in offers if _is_wall(offer)]
    bodies = [(_without_title(_without_tail(offer), entry.title), offer) for offer in offers if offer not in walls]
    best, whole = max(bodies, key=lambda pair: _words(pair[0]), default=("", ""))
    if not best:
        return "", Grade.WALL if walls else Grade.HEADLINE
    least = _TRUNCATED_WORDS if _is_cut(whole) else FULL_WORDS
    return best, Grade.FULL if _words(best) >= least else Grade.PARTIAL


def _words(body: str) -> int:
    """Roughly: Chinese and Japanese write about two characters a word and no spaces."""
    return max(len(body.split()), len(_UNSPACED.findall(body)) // 2)


def _is_cut(body: str) -> bool:
    return body.endswith(_CUTS) or bool(_MORE.search(body[-200:]))


def _without_title(body: str, title: str) -> str:
    """The body without a first line that repeats the title; '' where nothing is left that the title does not say.

    Aggregators give the title, linked, and the name of the paper as their whole text.
    """
    first, _, rest = body.partition("\n")
    if title and text.tokens(first) == text.tokens(title):
        body = rest.strip()
    news = Counter(text.tokens(body[:2000])) - Counter(text.tokens(title))
    return body if news.total() > _NEWS_WORDS or not title else ""


def _first_words(body: str) -> str:
    """A title for entries that come without, as short notes do."""
    return text.clean_line(next(iter(text.sentences(body[:1000])), ""), limit=150)


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
_WALL = re.compile(
    r"enable javascript and cookies to continue|(?:enable|turn on) (?:js|javascript) and (?:disable any ad ?blocker|cookies)"
    r"|checking (?:if the site connection is secure|your browser before accessing)|verify(?:ing)? (?:that )?you are (?:a )?human"
    r"|performance (?:&|and) security by cloudflare|attention required! \| cloudflare|^just a moment\b|are you a robot\?"
    r"|you don['’]t have permission to access .{0,200} on this server|unusual (?:activity|traffic) from your (?:computer|network)"
    r"|subscribe (?:now )?to (?:continue|keep) reading|to continue reading,? (?:please )?(?:subscribe|log in|sign in|register)"
    r"|(?:this|the full) (?:article|content|story) is (?:for|available to|reserved for|exclusive to) (?:our )?(?:paying )?"
    r"(?:subscribers|members)|before you continue to (?:google|youtube|yahoo)"
    r"|we (?:and our|,? our) (?:\d+ )?partners (?:store|use|process)"
    r"|(?:accept|reject) all\b.{0,300}\bcookies|we use cookies .{0,300}(?:accept|agree|consent)"
    r"|réservé aux abonnés|weiterlesen mit .{0,40}abo|exclusivo para suscriptores"
    r"|доступ(?:ен|но) только (?:для )?подписчик(?:ам|ов)",
    re.IGNORECASE | re.DOTALL,
)


def is_wall(text: str) -> bool:
    """Whether a text is a consent, paywall or robot page instead of an article."""
    return _is_wall(text)


def _is_wall(body: str) -> bool:
    return bool(_WALL.search(body[:4000])) and _words(body) <= _WALL_WORDS


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
    markup = text.clean(markup[:MAX_HTML])
    if "<" not in markup and "&" not in markup:
        return markup
    # A <form> or <nav> that is never closed would swallow the article; then better all of it than nothing.
    return _read(markup, _UNREAD) or _read(markup, _CODE)


def _read(markup: str, unread: frozenset[str]) -> str:
    parser = etree.HTMLParser(target=_Reader(unread))
    parser.feed(markup)
    return _tidy(parser.close())


def _tidy(body: str) -> str:
    lines = [line.strip() for line in text.clean(_INVISIBLE.sub("", body)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


# --- a whole page -----------------------------------------------------------------------------------------------------

_NO_CONTENT = re.compile(
    r"comment|sidebar|related|share|social|promo|newsletter|cookie|consent|breadcrumb|advert|teaser|recommend", re.I
)


def _main_text(page: bytes) -> str:
    """The article on a web page: what the page itself declares (schema.org `articleBody`), else the element with most prose.

    Simple on purpose: every paragraph gives its length, without its links, to its parent and half of it to its grandparent;
    the richest element's paragraphs are the text.
    """
    try:
        tree = lxml_html.document_fromstring(_decoded(page[:MAX_PAGE]))
    except (etree.LxmlError, ValueError):
        return ""
    return _declared_body(tree) or _densest(tree)


def _decoded(page: bytes) -> str | bytes:
    try:
        return text.clean(page.decode("utf-8"))
    except UnicodeDecodeError:
        return page  # libxml2 follows the page's own <meta charset>


def _declared_body(tree: lxml_html.HtmlElement) -> str:
    for script in tree.xpath("//script[@type='application/ld+json']")[:20]:
        try:
            found = _article_body(json.loads(script.text or ""), 4)
        except (ValueError, RecursionError):
            continue
        if len(found) > 400:
            return readable(found)
    return ""


def _article_body(value: object, depth: int) -> str:
    if depth and isinstance(value, dict):
        body = value.get("articleBody")
        return body if isinstance(body, str) else _article_body(list(value.values())[:50], depth - 1)
    if depth and isinstance(value, list):
        return max((_article_body(each, depth - 1) for each in value[:50]), key=len, default="")
    return ""


def _densest(tree: lxml_html.HtmlElement) -> str:
    etree.strip_elements(tree, *(_UNREAD - {"form", "head", "title"}), with_tail=False)
    scores: dict[lxml_html.HtmlElement, float] = {}
    for paragraph in tree.iter("p"):
        prose = _length(paragraph) - sum(map(_length, paragraph.iter("a")))
        for element, share in zip(paragraph.iterancestors(), (1.0, 0.5), strict=False):
            if prose > 25:
                scores[element] = scores.get(element, 0.0) + prose * share
    best = max(scores, key=lambda element: scores[element], default=None)
    return _paragraphs(best) if best is not None else ""


def _length(element: lxml_html.HtmlElement) -> int:
    return len("".join(element.itertext()).strip())


def _paragraphs(element: lxml_html.HtmlElement) -> str:
    """The prose below an element, without the boxes set into it: related articles, share buttons, comments."""
    for box in [each for each in element.iterdescendants("div", "section", "ul") if _NO_CONTENT.search(_names(each))]:
        box.drop_tree()
    found = [
        " ".join("".join(each.itertext()).split())
        for each in element.iter("p", "h2", "h3", "blockquote", "li")
        if each.find(".//p") is None
    ]
    return _tidy("\n\n".join(found))


def _names(element: lxml_html.HtmlElement) -> str:
    return f"{element.get('class', '')} {element.get('id', '')}"
