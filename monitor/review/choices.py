"""What there is to filter matches by: the publishers and the languages of the articles that match."""

from __future__ import annotations

from collections import defaultdict

from monitor.store import inbox
from monitor.store.db import Session
from monitor.store.inbox import Attributed
from monitor.stories.publishers import Attribution, publisher_of


def publishers(session: Session) -> dict[str, tuple[Attributed, ...]]:
    """Who published the articles that match: name -> by what they are known. Sections of one site are one publisher."""
    names: dict[str, str] = {}
    known: dict[str, list[Attributed]] = defaultdict(list)
    for each in inbox.attributions(session):
        publisher = publisher_of(
            Attribution(
                feed=each.article.source,
                feed_title=each.feed_title,
                publisher=each.publisher,
                feed_urls=(each.feed_url, each.site_url),
                outlet=each.article.outlet,
                outlet_host=each.article.outlet_host,
                url=f"https://{each.article.host}/",
            )
        )
        name = names.setdefault(publisher.key, publisher.name)
        known[name].append(each.article)
    return {name: tuple(known[name]) for name in sorted(known, key=str.casefold)}


def languages(session: Session) -> list[str]:
    """The languages of the articles that match."""
    return inbox.languages(session)
