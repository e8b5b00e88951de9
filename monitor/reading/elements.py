"""Single elements that feedparser fails on, so that they cost no more than themselves.

An error in one of feedparser's handlers ends its reading of the whole feed (6.0.14): a `gml:pos` without a `georss:where`,
in one item of a thousand, raises KeyError. So what a handler raises is dropped with its element. Places on maps, which nobody here
reads, have no handlers at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from feedparser.mixin import _FeedParserMixin
from feedparser.namespaces import georss, psc

_HANDLER = re.compile(r"_(?:start|end)_")
_FAULTS = (LookupError, TypeError, ValueError, AttributeError, AssertionError)
"""What handlers raise over values that they did not expect. MemoryError ends the reading as before."""


def contain() -> None:
    """Let feedparser pass over what its handlers fail on from now on, in this process."""
    for room in (georss.Namespace, psc.Namespace):
        for name in [each for each in vars(room) if _HANDLER.match(each)]:
            delattr(room, name)
    _FeedParserMixin.unknown_starttag = _contained(_FeedParserMixin.unknown_starttag)
    _FeedParserMixin.unknown_endtag = _contained(_FeedParserMixin.unknown_endtag)
    _FeedParserMixin.__init__ = _followed(_FeedParserMixin.__init__)


def ended_as_it_began() -> bool:
    """Whether the last document left nothing behind in the parser that would bear on an element after its last. Asked once."""
    if not _last:
        return False
    parser = _last.pop()
    left = (parser.faults, parser.depth, parser.incontent, parser.inentry, parser.insource, parser.svgOK)
    return not (any(left) or parser.basestack or parser.langstack)


_last: list[Any] = []
"""The parser of the document that was read last."""


def _followed(begin: Callable[..., None]) -> Callable[..., None]:
    def followed(parser: Any, *given: Any) -> None:
        begin(parser, *given)
        parser.faults = 0
        _last[:] = [parser]

    return followed


def _contained(handle: Callable[..., Any]) -> Callable[..., Any]:
    def contained(parser: Any, *tag: Any) -> None:
        try:
            handle(parser, *tag)
        except _FAULTS:
            parser.faults += 1

    return contained
