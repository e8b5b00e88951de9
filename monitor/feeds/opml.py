"""OPML: lists of feeds, as feed readers export and import them. Pure.

Entities are refused, as only bombs and files that reach for others need any. A file with bare ampersands or names of HTML's
entities, as many readers write them, is read all the same.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from monitor.text import charsets, tokens
from monitor.types.errors import ConfigError

MAX_BYTES = 10_000_000
MAX_OUTLINES = 20_000
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})")
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]{0,1000}>", re.I)
_ENTITY = re.compile(r"<!ENTITY", re.I)
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TITLE_LIMIT = 200
_URL_LIMIT = 10_000
"""Longer values are cut: they are no address of a feed in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """An outline that is no folder: a feed or, without an address, something else."""

    line: int
    """In the file, from 1."""
    url: str
    """As it stands there; '' where there is none."""
    title: str = ""
    folder: str = ""
    """The titles of the folders around it: `News / Asia`."""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlFile:
    """What a file holds."""

    outlines: tuple[Outline, ...]
    damage: str = ""
    """Where the file is damaged, so that outlines may be missing; '' where it is whole."""


def read(document: bytes) -> OpmlFile:
    """The outlines of a file, in its order. Raises ConfigError, with the mend, for what is no OPML, too large or with entities."""
    if len(document) > MAX_BYTES:
        raise ConfigError(f"this file has more than {MAX_BYTES // 1_000_000} MB; split it into several")
    if not document.strip():
        raise ConfigError("this file is empty; export the list of feeds again")
    root, damage = _tree(_text(document))
    body = root.find("{*}body")
    found = tuple(itertools.islice(_outlines(root if body is None else body), MAX_OUTLINES + 1))
    if len(found) > MAX_OUTLINES:
        raise ConfigError(f"this file has more than {MAX_OUTLINES:,} feeds; split it into several")
    return OpmlFile(outlines=found, damage=damage)


def _text(document: bytes) -> str:
    declared = _ENCODING.match(document[:1000].lstrip())
    text = charsets.read(document, [declared[1].decode("ascii")] if declared else []).text
    text = _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1)
    if _ENTITY.search(text):
        raise ConfigError("this file declares entities, which no list of feeds needs: it is not read")
    return _CONTROLS.sub("", _DOCTYPE.sub("", text, count=1))


def _tree(text: str) -> tuple[etree._Element, str]:
    """The root, and where the file is damaged."""
    damage = ""
    repaired = _AMPERSAND.sub("&amp;", text)
    root, _ = _parsed(text)
    if root is None:
        root, fault = _parsed(repaired)
    if root is None:
        damage = f"the file is damaged ({fault}); what stands after that may be missing"
        root, _ = _parsed(repaired, recovers=True)
    if root is None:
        raise ConfigError("this is no XML, and so no OPML; export the list of feeds as OPML")
    name = etree.QName(root).localname if isinstance(root.tag, str) else ""
    if name.lower() != "opml":
        is_feed = name.lower() in ("rss", "feed", "rdf")
        mend = "it is a feed itself: `monitor feeds add` takes its address" if is_feed else "export the list as OPML"
        raise ConfigError(f"this is no OPML: it begins with <{tokens.clean_line(name, limit=40)}>; {mend}")
    return root, damage


def _parsed(text: str, *, recovers: bool = False) -> tuple[etree._Element | None, str]:
    """The root, or None and why it cannot be read. Nothing outside of the text is ever read."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recovers,
    )
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser=parser), ""
    except (etree.LxmlError, ValueError) as fault:
        return None, tokens.clean_line(str(fault), limit=200)


def _outlines(body: etree._Element) -> Iterator[Outline]:
    """Depth first, without recursion: files may be nested as deeply as the parser allows."""
    left = [(each, "") for each in reversed(body)]
    while left:
        element, folder = left.pop()
        if not isinstance(element.tag, str):
            continue
        values = {str(name).lower(): str(value) for name, value in element.attrib.items()}
        title = tokens.plain_line(values.get("title") or values.get("text") or "", limit=_TITLE_LIMIT)
        inner = [each for each in element if isinstance(each.tag, str)]
        if "xmlurl" in values or (values and not inner):
            yield Outline(
                line=element.sourceline or 0,
                url=values.get("xmlurl", "")[:_URL_LIMIT].strip(),
                title=title,
                folder=folder,
                language=values.get("language", "")[:40].strip(),
            )
        below = f"{folder} / {title}" if folder and title else folder or title
        left += [(each, below[-_TITLE_LIMIT:]) for each in reversed(inner)]


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A feed to be written."""

    url: str
    title: str
    site_url: str = ""
    language: str = ""


def write(feeds: Iterable[Listed], *, title: str, now: datetime) -> bytes:
    """The feeds as OPML 2.0, in UTF-8."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _plain(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = etree.SubElement(root, "body")
    for each in feeds:
        values = {"type": "rss", "text": each.title, "title": each.title, "xmlUrl": each.url, "htmlUrl": each.site_url}
        kept = {name: _plain(value) for name, value in {**values, "language": each.language}.items() if value}
        etree.SubElement(body, "outline", kept)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _plain(text: str) -> str:
    return _CONTROLS.sub("", tokens.clean_line(text))
