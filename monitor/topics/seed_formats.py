"""Seed file formats: title and text of plain text, Markdown and HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lxml import etree
from lxml import html as lxml_html

_MAX_TITLE = 200
"""Characters; a longer first line is the beginning of the text rather than a title."""

_META = re.compile(r"\s*(title|date|published|url|link|source|author|language)\s*:\s*(.*?)\s*(?:\n|$)", re.IGNORECASE)
# Some collections put the date in the text itself: " date 2021-10-15 Noting that ...".
_INLINE_DATE = re.compile(r"\s*(?:date|published)\s+\d{4}-\d{2}-\d{2}\s+", re.IGNORECASE)
_FRONT_MATTER = re.compile(r"\s*---\s*\n(.*?)\n---\s*(?:\n|$)", re.DOTALL)
_MARKDOWN = (
    (re.compile(r"!\[[^\]]{0,500}\]\([^)]{0,2000}\)"), ""),
    (re.compile(r"\[([^\]]{1,500})\]\([^)]{0,2000}\)"), r"\1"),
    (re.compile(r"^\s{0,3}(?:#{1,6}|>|[-*+]|\d+\.)\s+", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__|\*|`)(?=\S)(.{1,500}?)(?<=\S)\1"), r"\2"),
)


def _read_text(body: str) -> tuple[str, str]:
    """Strips header lines ('title: ...'); without a title among them, a short first line without a full stop is the title."""
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    title = ""
    while meta := _META.match(body):
        title = meta.group(2) if meta.group(1).lower() == "title" else title
        body = body[meta.end() :]
    body = _INLINE_DATE.sub("", body, count=1) if _INLINE_DATE.match(body) else body
    if not title:
        first, _, rest = body.strip().partition("\n")
        if (
            len(first) <= _MAX_TITLE
            and rest.strip()
            and not first.rstrip(" \"'”’»").endswith((".", "。", "۔", "।", ","))
        ):
            title, body = first, rest
    return title, body


def _read_markdown(body: str) -> tuple[str, str]:
    front = _FRONT_MATTER.match(body)
    title = ""
    if front:
        title = next((m.group(1).strip("\"' ") for m in re.finditer(r"(?mi)^title\s*:\s*(.+)$", front.group(1))), "")
        body = body[front.end() :]
    for pattern, plain in _MARKDOWN:
        body = pattern.sub(plain, body)
    return (title, body) if title else _read_text(body)


def _read_html(body: str) -> tuple[str, str]:
    """Title and paragraphs; where the page has an <article>, only its paragraphs."""
    try:
        # bytes, not str: lxml refuses a str that declares its encoding
        page = lxml_html.document_fromstring(body.encode(errors="replace"), lxml_html.HTMLParser(encoding="utf-8"))
    except (etree.LxmlError, ValueError):  # an empty document
        return "", ""
    etree.strip_elements(
        page, "script", "style", "noscript", "nav", "aside", "footer", "form", etree.Comment, with_tail=False
    )
    title = next(
        (t for each in (*page.xpath("//h1"), *page.xpath("//title")) if (t := " ".join(each.text_content().split()))),
        "",
    )
    home = next(iter(page.xpath("//article")), page)
    blocks = [" ".join(each.text_content().split()) for each in home.xpath(".//p | .//li | .//blockquote[not(.//p)]")]
    text = "\n\n".join(block for block in blocks if block)
    return title, text or " ".join(page.text_content().split())


def single_byte_encoding(raw: bytes) -> str:
    """The encoding of a text that is not UTF-8: as declared in its <meta>, else guessed.

    Cyrillic text has long runs of bytes above 0xC0, Western accents occur singly.
    """
    charset = re.search(
        rb"""<meta[^>]{0,200}charset=["']?(windows-125[12]|iso-8859-1|koi8-r)""", raw[:4000], re.IGNORECASE
    )
    if charset:
        return charset.group(1).decode().lower()
    return "cp1251" if re.search(rb"[\xc0-\xff]{3}", raw) else "cp1252"


READERS: Mapping[str, Callable[[str], tuple[str, str]]] = {
    ".txt": _read_text, ".md": _read_markdown, ".html": _read_html, ".htm": _read_html,
}  # fmt: skip
"""By the file's suffix."""
