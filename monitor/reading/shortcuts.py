"""What feedparser does for nobody here, or in a roundabout way: left out, without a change in what we read of its results.

It takes dates apart, which we read from their text (`text.publication_dates`); copies each text's attributes by the means for any
object; joins addresses with none; and looks in the whole path for an XML parser that Python does not bring.
"""

from __future__ import annotations

import copy
from typing import Any

import feedparser.api
import feedparser.mixin
import feedparser.namespaces._base
import feedparser.namespaces.dc
import feedparser.urls
from feedparser.util import FeedParserDict

_join = feedparser.urls._urljoin


def take() -> None:
    """Let feedparser take these from now on, in this process."""
    feedparser.api.PREFERRED_XML_PARSERS = []
    for module in (feedparser.namespaces._base, feedparser.namespaces.dc):
        module._parse_date = _no_date
    feedparser.mixin._urljoin = _joined
    FeedParserDict.__deepcopy__ = _copied


def _no_date(_written: str) -> None:
    return None


def _joined(base: str, uri: str) -> str:
    """As feedparser's: a base that is empty changes nothing, and it mends only addresses with three slashes or more."""
    return uri if not base and ":///" not in uri else str(_join(base, uri))


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    copied = memo[id(value)] = FeedParserDict()
    for key, each in value.items():
        copied[key] = each if each is None or isinstance(each, str) else copy.deepcopy(each, memo)
    return copied
