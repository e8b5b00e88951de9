"""Markup to plain text, in one linear pass. Pure.

libxml2's event interface builds no tree, so that deep nesting costs nothing. Most of what feeds publish is so simple that its text
can be read off without a parser.
"""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Mapping

from lxml import etree

from monitor.text import tokens
from monitor.types.fetching import MAX_SUMMARY_HTML

# Elements whose text is not part of the article. `head` only repeats the title.
_CODE_TAGS = frozenset({"head", "title", "script", "style", "noscript", "template", "iframe"})
_SKIPPED = _CODE_TAGS | {
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

# Markup in which libxml2 mends nothing: paragraphs one after the other, or none at all, with lines, pictures and letter styles.
_REFERENCE = r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[nm]dash|hellip|#39|#1[6-9]\d|#[2-9]\d\d|#[1-9]\d{3});"
_STYLES = "(?:a|b|i|em|span|strong)"
_ATTRIBUTES = r"(?: [a-z-]+=\"[^\"<>]*\")*+"
_INLINE = rf"(?:[^<&]++|{_REFERENCE}|<br ?/?>|<img{_ATTRIBUTES} ?/?>|<{_STYLES}{_ATTRIBUTES}>|</{_STYLES}>)*+"
_SIMPLE = re.compile(rf"{_INLINE}|\s*(?:<p>{_INLINE}</p>\s*)*+")
_REFERENCES = re.compile(_REFERENCE)
_TAGS = re.compile("<[^>]*>")


def html_to_text(markup: str) -> str:
    """HTML as plain text: paragraphs separated by an empty line, no tags, entities or scripts. Takes linear time."""
    body = _plain(markup)
    if _ESCAPED_TAG.search(body):  # escaped twice by its publisher
        body = _plain(body)
    return _ESCAPED_TAG.sub(" ", body).strip()


class _TextTarget:
    """Parser target that collects text from libxml2's events; `close` returns it."""

    def __init__(self, skipped: frozenset[str]) -> None:
        self._skipped_tags = skipped
        self._parts: list[str] = []
        self._skip_depth = 0
        self._pre_depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._skip_depth += tag in self._skipped_tags
        self._pre_depth += tag == "pre"
        self._parts.append("\n\n" if tag in _BLOCKS else _LINES.get(tag, ""))

    def end(self, tag: str) -> None:
        self._skip_depth -= tag in self._skipped_tags
        self._pre_depth -= tag == "pre"
        self._parts.append("\n\n" if tag in _BLOCKS else "")

    def data(self, data: str) -> None:
        if not self._skip_depth:
            self._parts.append(data if self._pre_depth else _one_spaced(data))

    def close(self) -> str:
        return "".join(self._parts)


# lxml asks for it at each document, and Python would work it out each time.
_TextTarget.start.__signature__ = inspect.signature(_TextTarget.start)  # type: ignore[attr-defined]


def _plain(markup: str) -> str:
    markup = tokens.clean(markup[:MAX_SUMMARY_HTML])
    if "<" not in markup and "&" not in markup:
        return markup
    # An unclosed <form> or <nav> would swallow the article; then its text is better than none.
    return _of_simple(markup) or _extract_text(markup, _SKIPPED) or _extract_text(markup, _CODE_TAGS)


def _of_simple(markup: str) -> str:
    """The text of markup that is so simple that libxml2 would find the same; '' of other markup."""
    if not _SIMPLE.fullmatch(markup):
        return ""
    text = _one_spaced(markup).replace("<p>", "\n\n").replace("</p>", "\n\n")
    for line in ("<br>", "<br/>", "<br />"):
        text = text.replace(line, "\n")
    return _tidy(_REFERENCES.sub(lambda found: _one_spaced(html.unescape(found[0])), _TAGS.sub("", text)))


def _one_spaced(text: str) -> str:
    """With one space for all white space between words, and at the ends if there is any."""
    return " ".join(f"|{text}|".split())[1:-1]


def _extract_text(markup: str, skipped: frozenset[str]) -> str:
    parser = etree.HTMLParser(target=_TextTarget(skipped))
    parser.feed(markup)
    return _tidy(parser.close())


def _tidy(body: str) -> str:
    lines = [line.strip() for line in tokens.clean(_INVISIBLE.sub("", body)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
