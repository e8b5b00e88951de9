"""Who published an article, whatever feed brought it: sections of one site, mirrors and aggregators count as one publisher.

A publisher is known by its key: the registered domain of the article's address, else a name. What was found for the articles of
one story is then compared (`united`), for an aggregator may give a name only, and a house may have two domains.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from monitor.stories.sources import StoryArticle
from monitor.text import domains
from monitor.text.tokens import tokens

_SHARED_DOMAINS = frozenset(
    {
        *(
            "google.com",
            "feedburner.com",
            "feedsportal.com",
            "bing.com",
            "inoreader.com",
            "apple.news",
            "flipboard.com",
        ),
        *("t.co", "bit.ly", "ift.tt", "dlvr.it", "buff.ly", "ow.ly", "tinyurl.com"),
        *(
            "youtube.com",
            "youtu.be",
            "facebook.com",
            "twitter.com",
            "x.com",
            "reddit.com",
            "t.me",
            "telegram.me",
            "vk.com",
        ),
        *("medium.com", "substack.com", "patreon.com", "soundcloud.com", "spotify.com", "libsyn.com", "archive.org"),
    }
)
"""Where many publish at one domain, or links only pass through: the address does not say who published."""

_SEPARATOR = re.compile(r"\s+(?:-|–|—|\||::|·|•|/|>|»)\s+|\s*:\s+")
_ORNAMENT = re.compile(r"\Athe|(?:news|online)\Z")
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What is known of who published one article."""

    feed: str
    """The name of its feed in the settings."""
    feed_title: str = ""
    publisher: str = ""
    """As the owner set it for the feed; '' where the monitor is to find out."""
    feed_urls: tuple[str, ...] = ()
    """The addresses of the feed and of the site that it says it belongs to."""
    outlet: str = ""
    """As an aggregator names it; '' where the feed is the publisher's own."""
    outlet_host: str = ""
    """The host that an aggregator gives for it, or a mirror's page for its original."""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who published an article: `key` is equal for one publisher, `name` is what readers call it."""

    key: str
    name: str
    is_named_only: bool = False
    """An aggregator's name is all that is known: it may be a publisher that is known by its domain elsewhere."""


UNKNOWN = Publisher(key="", name="")


def publisher_of(said: Attribution) -> Publisher:
    """Who published an article: as the owner set it, else as the aggregator says, else as its address says, else its feed."""
    if said.publisher:
        return Publisher(key=said.publisher.casefold(), name=said.publisher)
    if said.outlet:
        return _named_publisher(said)
    domain = domains.of_host(said.outlet_host) or _domain_of_one(said.url)
    return Publisher(key=domain or said.feed, name=said.feed_title or said.feed)


def _named_publisher(said: Attribution) -> Publisher:
    own = {domains.of_url(each) for each in said.feed_urls}
    linked = _domain_of_one(said.url)
    named = said.outlet if _DOMAIN.fullmatch(said.outlet) else ""
    domain = (
        domains.of_host(said.outlet_host) or (linked if linked not in own else "") or domains.of_host(named.lower())
    )
    return Publisher(key=domain or said.outlet.casefold(), name=said.outlet, is_named_only=not domain)


def _domain_of_one(url: str) -> str:
    domain = domains.of_url(url)
    return "" if domain in _SHARED_DOMAINS else domain


# --- the publishers of one story ----------------------------------------------------------------------------------------


def united(carriers: Sequence[StoryArticle]) -> list[StoryArticle]:
    """The articles of one story with one key and one name for each publisher, however each article came to know it."""
    ordered = sorted(carriers, key=lambda each: each.article_id)
    first: dict[str, StoryArticle] = {}
    for each in ordered:
        first.setdefault(each.publisher, each)
    keys = _united_keys(list(first.values())) if len(first) > 1 else {key: key for key in first}
    titles: dict[str, list[str]] = defaultdict(list)
    for each in ordered:
        titles[keys[each.publisher]].append(each.publisher_name or each.outlet)
    names = {key: _name(key, tuple(dict.fromkeys(of_key))) for key, of_key in titles.items()}
    return [
        replace(each, publisher=keys[each.publisher], publisher_name=names[keys[each.publisher]]) for each in carriers
    ]


def _united_keys(carriers: Iterable[StoryArticle]) -> dict[str, str]:
    """Key -> the key that stands for all of its publisher. A key with a domain stands for those without; two domains are one where
    their labels and names are, and a name alone is one with what is called so."""
    keys: dict[str, str] = {}
    by_domain: dict[tuple[str, str], str] = {}
    by_name: dict[str, str] = {}
    for each in sorted(carriers, key=lambda each: each.is_named_only):
        label, name = _label(each.publisher), _simplified(_name(each.publisher, (each.publisher_name or each.outlet,)))
        known = by_name.get(name) if each.is_named_only else by_domain.get((label, name)) if label else None
        keys[each.publisher] = each.publisher if known is None else known
        if known is None:
            by_domain.setdefault((label, name), each.publisher)
            for called in (name, _simplified(label)):
                by_name.setdefault(called, each.publisher)
    return keys


def _label(key: str) -> str:
    """`bbc` of `bbc.co.uk`; '' where the key is no domain."""
    return key.partition(".")[0] if _DOMAIN.fullmatch(key) else ""


@lru_cache(maxsize=4_096)
def _simplified(name: str) -> str:
    """A name without spaces and what is left out as often as not: `guardian` of The Guardian, `bbc` of BBC News."""
    letters = "".join(tokens(name))
    return _ORNAMENT.sub("", letters) or letters


@lru_cache(maxsize=4_096)
def _name(key: str, titles: tuple[str, ...]) -> str:
    """What readers call a publisher: the title of its first feed without the section: `BBC News` of `BBC News - World`."""
    parts = [_SEPARATOR.split(each.strip()) for each in titles]
    label = _simplified(_label(key))
    named = [part for part in parts[0] if label and _is_abbreviation(_simplified(part), label)]
    shared = [part for part in parts[0] if len(parts) > 1 and all(part in each for each in parts[1:])]
    return next(iter(named or shared), titles[0])


def _is_abbreviation(one: str, other: str) -> bool:
    """Whether two names are one, or the shorter has letters of the longer in their order: nytimes, The New York Times."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < 3:
        return shorter == longer
    letters = iter(longer)
    is_in_order = shorter[0] == longer[0] and all(letter in letters for letter in shorter)
    return is_in_order or (len(shorter) > 3 and shorter in longer)
