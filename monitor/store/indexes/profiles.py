"""Stores the profiles of articles and looks up stored articles that may be about the same event (`monitor.stories.same_event`).

Articles are indexed by their twelve heaviest terms (table `tellings`). A look-up has a constant bound, however many articles
there are: of each term the newest carriers within the window, and of these the articles that share most.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, Table, bindparam, delete, insert, select, text, union_all
from sqlmodel import Session

from monitor.store.statements import Prepared
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.indexes import ProfileKeyRow, ProfileRow
from monitor.stories.profiles import Profile, unpack
from monitor.stories.tuning import (
    LOOK_UP_TERMS,
    MAX_COMPARED_PROFILES,
    MAX_MERGED_ARTICLES,
    MIN_LOOK_UP_TERMS,
    STORY_WINDOW_FOR,
    THEME_ARTICLES,
)
from monitor.stories.word_similarity import RelatedArticle

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_profile_keys: Table = ProfileKeyRow.__table__  # type: ignore[attr-defined]
_profiles: Table = ProfileRow.__table__  # type: ignore[attr-defined]


def find_candidates(
    session: Session, profile: Profile, *, now: datetime
) -> tuple[list[RelatedArticle], dict[int, int]]:
    """Candidates for the same event, and how many articles within the window carry each key (counted up to `THEME_ARTICLES`)."""
    keys = profile.keys
    if not keys:
        return [], {}
    articles = _articles_by_key(session, keys, now)
    carriers = {key: len(ids) for key, ids in articles.items()}
    carrying = [(profile.weights[key], ids) for key, ids in articles.items() if carriers[key] < THEME_ARTICLES]
    shared = Counter(chain.from_iterable(ids for _, ids in carrying))
    weights = {
        article_id: sum([weight for weight, ids in carrying if article_id in ids])
        for article_id, count in shared.items()
        if count >= MIN_LOOK_UP_TERMS
    }
    found = sorted(weights, key=lambda article_id: (-weights[article_id], -article_id))[:MAX_COMPARED_PROFILES]
    return _read(session, found), carriers


def _articles_by_key(session: Session, keys: tuple[int, ...], now: datetime) -> Mapping[int, set[int]]:
    # The statement has a fixed number of parameters: for a short article the last key is repeated.
    padded = (*keys, *[keys[-1]] * (LOOK_UP_TERMS - len(keys)))
    asked: dict[str, object] = {f"key{number}": key for number, key in enumerate(padded)}
    asked |= {"since_at": now - STORY_WINDOW_FOR, "keys": list(keys), "most": THEME_ARTICLES}
    found: dict[int, set[int]] = defaultdict(set)
    for key, rows in groupby(_BY_KEYS.run(session, asked), itemgetter(0)):
        found[key].update(map(itemgetter(1), rows))
    return found


def _read(session: Session, ids: list[int]) -> list[RelatedArticle]:
    if not ids:
        return []
    asked = {f"id{number}": ids[min(number, len(ids) - 1)] for number in range(MAX_COMPARED_PROFILES)}
    return [
        RelatedArticle(
            article_id=article_id,
            story_id=story_id,
            published_at=published_at,
            profile=unpack(packed),
            language=language,
            title=title,
        )
        for article_id, story_id, published_at, language, title, packed in _BY_ID.read(session, asked)
    ]


def of_stories(session: Session, story_ids: Iterable[int]) -> list[RelatedArticle]:
    """The articles of these stories; of each at most `MAX_MERGED_ARTICLES` + 1, which shows that it is too large."""
    connection = session.connection()
    rows = (row for story_id in story_ids for row in connection.execute(_OF_STORY, {"story": story_id}))
    return [
        RelatedArticle(
            article_id=row.article_id, story_id=row.story_id, published_at=row.published_at, profile=unpack(row.packed)
        )
        for row in rows
    ]


def add(session: Session, article_id: int, profile: Profile) -> None:
    """Store the profile of a new article; nothing for one without keys."""
    keys = profile.keys
    if not keys:
        return
    _ADD.write(session, {"article_id": article_id, "packed": profile.pack()})
    listed = json.dumps(keys) if session.get_bind().dialect.name == "sqlite" else list(keys)
    _ADD_KEYS.write(session, {"article_id": article_id, "keys": listed})


def replace(session: Session, article_id: int, profile: Profile) -> None:
    """Replace the profile of an article that was changed; nothing where it had none."""
    connection = session.connection()
    old = connection.execute(select(_profiles.c.packed).where(_profiles.c.article_id == article_id)).scalar()
    if old is None:
        return
    # By key: the rows are ordered by it, and there is no index by article.
    keys = unpack(old).keys
    connection.execute(
        delete(_profile_keys).where(_profile_keys.c.key.in_(keys), _profile_keys.c.article_id == article_id)
    )
    connection.execute(delete(_profiles).where(_profiles.c.article_id == article_id))
    add(session, article_id, profile)


# Built once: building a statement costs more than running it. Ids rise with the time of arrival.
_FIRST = (
    select(_articles.c.id)
    .where(_articles.c.seen_at >= bindparam("since_at"))
    .order_by(_articles.c.seen_at)
    .limit(1)
    .cte("first")
)


def _carriers(name: str) -> Select[Any]:
    """The newest `THEME_ARTICLES` articles with this term: as many as make it a theme."""
    first = select(_FIRST.c.id).scalar_subquery()
    carried = select(_profile_keys).where(_profile_keys.c.key == bindparam(name), _profile_keys.c.article_id >= first)
    return select(carried.order_by(_profile_keys.c.article_id.desc()).limit(THEME_ARTICLES).subquery())


_BY_KEYS = Prepared(
    union_all(*(_carriers(f"key{number}") for number in range(LOOK_UP_TERMS))),
    postgresql=text(
        "SELECT found.key, found.article_id FROM unnest(CAST(:keys AS integer[])) AS asked (key) CROSS JOIN LATERAL (SELECT key, "
        "article_id FROM tellings WHERE tellings.key = asked.key AND article_id >= (SELECT id FROM articles WHERE seen_at >= "
        ":since_at ORDER BY seen_at LIMIT 1) ORDER BY article_id DESC LIMIT :most) AS found"
    ),
)
_BY_ID = Prepared(
    select(
        _profiles.c.article_id,
        _articles.c.story_id,
        _articles.c.published_at,
        _articles.c.language,
        _articles.c.title,
        _profiles.c.packed,
    )
    .join(_articles, _articles.c.id == _profiles.c.article_id)
    .where(_profiles.c.article_id.in_([bindparam(f"id{number}") for number in range(MAX_COMPARED_PROFILES)]))
)
_ADD = Prepared(insert(_profiles), columns=("article_id", "packed"))
_ADD_KEYS = Prepared(  # OR FAIL: see fingerprints.py
    text("INSERT OR FAIL INTO tellings (key, article_id) SELECT value, :article_id FROM json_each(:keys)"),
    postgresql=text("INSERT INTO tellings (key, article_id) SELECT unnest(CAST(:keys AS integer[])), :article_id"),
)
_OF_STORY = (
    select(_profiles.c.article_id, _articles.c.story_id, _articles.c.published_at, _profiles.c.packed)
    .join(_articles, _articles.c.id == _profiles.c.article_id)
    .where(_articles.c.story_id == bindparam("story"))
    .limit(MAX_MERGED_ARTICLES + 1)
)
