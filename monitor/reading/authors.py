"""Authors of any length, read by feedparser in bounded time.

feedparser looks for a mail address in every author, in steps that grow with the square of the author's length (6.0.14): one of
100 KB takes most of a minute, and its feed would never be read. So an author is cut before that search.
"""

from __future__ import annotations

from typing import Any

from feedparser.mixin import _FeedParserMixin

LONGEST = 500
"""Characters that are searched: beyond what we keep of an author, and a millisecond at worst."""

_search = _FeedParserMixin._sync_author_detail


def limit() -> None:
    """Let feedparser cut authors from now on, in this process."""
    _FeedParserMixin._sync_author_detail = _cut_and_search


def _cut_and_search(parser: Any, key: str = "author") -> None:
    context = parser._get_context()
    if isinstance(author := context.get(key), str):
        context[key] = author[:LONGEST]
    _search(parser, key)
