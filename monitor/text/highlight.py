"""Marks words of a list where they occur in a text, for readers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markupsafe import Markup, escape

from monitor.text.terms import stem
from monitor.text.tokens import fold, tokens

# Scripts without spaces, which `text.tokens` splits into overlapping pairs of characters; and runs of anything else that can be
# part of a word (combining marks and joiners included, apostrophes only within).
_PAIRED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_BREAKS = r"\s!-&(-/:-@\[-`{-~«»‘“”„…–—،؛؟۔।。、！？「」『』"
_RUN = re.compile(rf"(?P<paired>[{_PAIRED}]+)|[^{_BREAKS}{_PAIRED}'’]+(?:['’][^{_BREAKS}{_PAIRED}'’]+)*")


def marked(text: str, terms: Iterable[str], language: str = "", prefix: str = "") -> Markup:
    """The text as HTML, escaped, with every word that is one of the matcher's `terms`, or begins with `prefix`, in <mark>."""
    parts: list[Markup] = []
    at = 0
    for start, end in spans(text, terms, language, prefix):
        parts += (escape(text[at:start]), Markup("<mark>{}</mark>").format(text[start:end]))
        at = end
    return Markup("").join((*parts, escape(text[at:])))


def spans(text: str, terms: Iterable[str], language: str = "", prefix: str = "") -> Iterator[tuple[int, int]]:
    """Start and end of every word of the text that is one of the matcher's `terms`, or has the stem of one in its language, or
    begins with `prefix`."""
    wanted = frozenset(stem(each, language) for each in terms)
    known: dict[str, bool] = {}
    for run in _RUN.finditer(text) if wanted or prefix else ():
        if run["paired"]:
            yield from _pairs(run.group(), run.start(), wanted)
            continue
        word = run.group()
        if word not in known:
            found = tokens(word)
            known[word] = any(stem(each, language) in wanted for each in found) or (
                bool(prefix) and any(each.startswith(prefix) for each in found)
            )
        if known[word]:
            yield run.span()


def _pairs(run: str, offset: int, wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Spans of wanted pairs; overlapping ones are joined."""
    start = end = -1
    for at in range(max(1, len(run) - 1)):
        if fold(run[at : at + 2]) not in wanted:
            continue
        if at > end and end >= 0:
            yield offset + start, offset + end
        start = at if at > end or end < 0 else start
        end = min(at + 2, len(run))
    if end >= 0:
        yield offset + start, offset + end
