"""Articles, the entries that led to them, and the look-up of stored articles that may be the same.

An article is one text at one address. An entry with a known address leads to the article stored there; a copy at another
address is an article of its own, in the story of the first. The caller decides which it is (`stories.copies`, `stories.events`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    bindparam,
    false,
    func,
    insert,
    null,
    select,
    text,
    union_all,
    update,
)
from sqlmodel import Session, col

from monitor.store.indexes import fingerprints, word_index
from monitor.store.statements import Prepared, as_parameter, chunks
from monitor.store.tables.articles import ArticleRow, EntryRow, RevisionRow
from monitor.stories.fingerprint import Fingerprint, Shingles, shortlist
from monitor.stories.tuning import COPY_WINDOW_DAYS, MAX_CANDIDATES, MAX_POSTINGS
from monitor.text.urls import canonical
from monitor.types.digests import content_key, key_of
from monitor.types.fetching import Entry, KnownEntry
from monitor.types.matching import Article
from monitor.types.stories import StoredCandidate, StoryChoice

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_entries: Table = EntryRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An entry as identified in its feed: guid, and a hash of its content."""

    feed_id: int
    guid: str
    content_key: int


@lru_cache(maxsize=256)  # called when an article is looked up and again when it is stored
def url_key(url: str) -> int:
    """The hash of the URL's canonical form; 0 where the text is no URL."""
    address = canonical(url)
    return key_of(address) if address else 0


def new_or_changed(
    session: Session, feed_id: int, entries: Sequence[Entry], *, known: Sequence[KnownEntry] = ()
) -> list[Entry] | None:
    """The entries that are new in this feed or changed since, in their order; None where one of those that are `known` is not
    stored as it was read."""
    keys = [key_of(entry.guid) for entry in entries]
    stored = dict(_content_keys(session, feed_id, [*keys, *(each.guid_key for each in known)]))
    if any(stored.get(each.guid_key) != each.content_key for each in known):
        return None
    return [entry for entry, key in zip(entries, keys, strict=True) if stored.get(key) != content_key(entry)]


def publication_dates(session: Session, feed_id: int, entries: Sequence[Entry]) -> dict[str, datetime]:
    """Guid -> when an article was published that is stored under this guid of the feed, or at this address; the earliest counts."""
    shown = select(_entries.c.guid_key, _articles.c.published_at).join(
        _articles, _articles.c.id == _entries.c.article_id
    )
    stored = select(_articles.c.url_key, _articles.c.published_at)
    by_guid = {key_of(each.guid): each.guid for each in entries}
    by_address = {key: each.guid for each in entries if (key := url_key(each.url))}
    dates: list[tuple[str, datetime]] = []
    for keys in chunks(sorted(by_guid)):
        rows = session.connection().execute(shown.where(_entries.c.feed_id == feed_id, _entries.c.guid_key.in_(keys)))
        dates += [(by_guid[key], at) for key, at in rows]
    for keys in chunks(sorted(by_address)):
        rows = session.connection().execute(stored.where(_articles.c.url_key.in_(keys)))
        dates += [(by_address[key], at) for key, at in rows]
    return dict(sorted(dates, reverse=True))


class CandidateSet(NamedTuple):
    """The stored articles that a new one must be compared with."""

    known: list[StoredCandidate]
    crowded: frozenset[int]
    """Fingerprint keys of the new article that too many articles share to be useful."""


def find_candidates(
    session: Session, article: Article, fingerprint: Fingerprint, sighting: Sighting | None, *, now: datetime
) -> CandidateSet:
    """Stored articles that may be the same: by guid in this feed, URL, text, title, or enough shared fingerprint keys."""
    address = url_key(article.url)
    since_at = now - timedelta(days=COPY_WINDOW_DAYS)
    same_guid, same_keys, is_unchanged = _with_same_keys(session, fingerprint, address, sighting, since_at)
    # what is stored under this very address as it is, is found: nothing else is looked for
    carriers = {} if is_unchanged else fingerprints.carriers(session, fingerprint.keys)
    crowded = frozenset(key for key, ids in carriers.items() if len(ids) > MAX_POSTINGS)
    ids = {*same_keys, *shortlist(fingerprint.keys, carriers)}
    if not ids:
        return CandidateSet([], crowded)
    rows = (_CandidateRow(*row) for row in _BY_ID.read(session, {"ids": as_parameter(session, ids)}))
    known = [
        _candidate(each, same_guid, address)
        for each in rows
        if each.seen_at >= since_at or each.id == same_guid or (address and each.url_key == address)
    ]
    return CandidateSet(known, crowded)


def add(
    session: Session,
    article: Article,
    fingerprint: Fingerprint,
    choice: StoryChoice,
    *,
    crowded: Container[int] = (),
    is_searched: bool = True,
) -> int:
    """Store a new article and return its id. Without a story in `choice` it opens one of its own.

    `crowded` are the fingerprint keys (of `find_candidates`) that are not stored; with `is_searched` the text is indexed.
    """
    values = _columns(article, fingerprint) | {
        "story_id": choice.story_id,
        "of_article_id": choice.of_article_id,
        "kind": choice.kind.value,
        "similarity": choice.similarity,
        "why": choice.why,
    }
    article_id = _ADD.add(session, values)
    fingerprints.add(session, {article_id: fingerprint.keys}, without=crowded)
    if is_searched:
        word_index.index_words(session, article_id, article.title, article.text)
    return article_id


def revise(
    session: Session,
    article_id: int,
    article: Article,
    fingerprint: Fingerprint,
    choice: StoryChoice,
    *,
    crowded: Container[int] = (),
    is_searched: bool = True,
    now: datetime,
) -> None:
    """Replace an article's text by its newer version; the old one is kept as a revision."""
    connection = session.connection()
    old = connection.execute(select(_articles.c.title, _articles.c.text).where(_articles.c.id == article_id)).one()
    connection.execute(
        insert(RevisionRow).values(
            article_id=article_id,
            replaced_at=now,
            title=old.title,
            text=old.text,
            is_material=choice.is_material,
            why=choice.why,
        )
    )
    unchanged = ["seen_at", "source", "published_at", "outlet"]
    if article.outlet or not article.outlet_host:  # what another feed says of it; its own page may say where it is from
        unchanged.append("outlet_host")
    values = {name: value for name, value in _columns(article, fingerprint).items() if name not in unchanged}
    connection.execute(update(_articles).where(_articles.c.id == article_id).values(**values))
    fingerprints.remove(session, article_id, Shingles(old.text).keys)
    fingerprints.add(session, {article_id: fingerprint.keys}, without=crowded)
    if is_searched:
        word_index.reindex_words(session, article_id, (old.title, old.text), (article.title, article.text))


def latest_edit(session: Session) -> int:
    """The number of the latest edit of any article; 0 before the first."""
    return session.connection().execute(select(func.max(col(RevisionRow.id)))).scalar_one() or 0


def edited_since(session: Session, edit: int) -> list[int]:
    """The articles that were edited after this edit."""
    asked = select(col(RevisionRow.article_id)).where(col(RevisionRow.id) > edit).distinct()
    return list(session.connection().execute(asked).scalars())


def record_entry(session: Session, sighting: Sighting, article_id: int, *, now: datetime) -> None:
    """Store the entry: this feed shows this article under this guid, with this content."""
    _RECORD_ENTRY.write(
        session,
        {
            "feed_id": sighting.feed_id,
            "guid_key": key_of(sighting.guid),
            "guid": sighting.guid,
            "content_key": sighting.content_key,
            "article_id": article_id,
            "now": now,
        },
    )


def titles(session: Session, article_ids: Sequence[int]) -> list[str]:
    """The titles of these articles, in the given order; unknown ids are left out."""
    rows = session.connection().execute(
        select(_articles.c.id, _articles.c.title).where(_articles.c.id.in_(article_ids))
    )
    found = {row.id: row.title for row in rows}
    return [found[each] for each in article_ids if each in found]


def texts(session: Session, article_ids: Collection[int]) -> list[StoredCandidate]:
    """These articles with their texts, the latest first."""
    rows = (_CandidateRow(*row) for row in _BY_ID.read(session, {"ids": as_parameter(session, article_ids)}))
    return [_candidate(row) for row in rows]


def _columns(article: Article, fingerprint: Fingerprint) -> dict[str, object]:
    return {
        "url": article.url,
        "url_key": url_key(article.url),
        "text_key": fingerprint.text_key,
        "title_key": fingerprint.title_key,
        "title": article.title,
        "text": article.text,
        "language": article.language,
        "author": article.author,
        "source": article.source,
        "outlet": article.outlet,
        "outlet_host": article.outlet_host,
        "wire": article.agency,
        "grade": article.grade.value,
        "page": article.page,
        "published_at": article.published_at,
        "seen_at": article.seen_at,
    }


def _with_same_keys(
    session: Session, fingerprint: Fingerprint, address: int, sighting: Sighting | None, since_at: datetime
) -> tuple[int | None, set[int], bool]:
    """The article that this very entry led to, all that have one of the keys, that one included, and whether one of them has the
    address, the text and the title."""
    asked = {
        "address": address,
        "text": fingerprint.text_key,
        "title": fingerprint.title_key,
        "since_at": since_at,
        "feed": sighting.feed_id if sighting else None,
        "guid": key_of(sighting.guid) if sighting else None,
    }
    same_guid, found = None, Counter[int]()
    for article_id, guid in _BY_KEY.run(session, asked):
        if guid is None:
            found[article_id] += 1
        elif sighting and guid == sighting.guid:
            same_guid = int(article_id)
    return same_guid, {*found, *([same_guid] if same_guid else [])}, max(found.values(), default=0) == _SAME_KEYS


def _same(column: ColumnElement[int], name: str, limit: int, *, is_recent: bool) -> Select[Any]:
    """The ids of the newest articles with this key; 0 stands for "has no key" and matches none."""
    equal = select(_articles.c.id).where(column == bindparam(name), column != 0)
    if is_recent:
        equal = equal.where(_articles.c.seen_at >= bindparam("since_at"))
    return select(equal.order_by(_articles.c.id.desc()).limit(limit).subquery().c.id, null().label("guid"))


# Built once: building a statement costs more than running it.
_SAME_KEYS = 3
"""Of address, text and title: how often `_BY_KEY` names an article that has all of them."""
_BY_KEY = Prepared(
    union_all(
        select(_entries.c.article_id, _entries.c.guid).where(
            _entries.c.feed_id == bindparam("feed"), _entries.c.guid_key == bindparam("guid")
        ),
        _same(_articles.c.url_key, "address", MAX_CANDIDATES, is_recent=False),
        _same(_articles.c.text_key, "text", MAX_CANDIDATES // 2, is_recent=True),
        _same(_articles.c.title_key, "title", MAX_CANDIDATES // 2, is_recent=True),
    )
)
_CANDIDATE_COLUMNS = (
    _articles.c.id, _articles.c.story_id, _articles.c.title, _articles.c.text, _articles.c.url, _articles.c.url_key,
    _articles.c.source, _articles.c.published_at, _articles.c.seen_at, _articles.c.is_pinned,
)  # fmt: skip
_BY_ID = Prepared(
    select(*_CANDIDATE_COLUMNS)
    .where(text("id IN (SELECT value FROM json_each(:ids))"))
    .order_by(_articles.c.id.desc()),
    postgresql=select(*_CANDIDATE_COLUMNS)
    .where(text("id = ANY(CAST(:ids AS integer[]))"))
    .order_by(_articles.c.id.desc()),
)
_ENTRY_KEYS = select(_entries.c.guid_key, _entries.c.content_key).where(_entries.c.feed_id == bindparam("feed"))
_CONTENT_KEYS = Prepared(
    _ENTRY_KEYS.where(text("guid_key IN (SELECT value FROM json_each(:keys))")),
    postgresql=_ENTRY_KEYS.where(text("guid_key = ANY(CAST(:keys AS bigint[]))")),
)
# An article without a story gets its own id as its story's number. Whoever writes is alone: on SQLite there is one writing
# transaction, on PostgreSQL the number is taken before the row is made.
_GIVEN = [column.name for column in _articles.c if column.name not in ("id", "story_id", "is_pinned")]
_NEXT_ID = select(func.coalesce(func.max(_articles.c.id), 0) + 1).scalar_subquery()
_TAKEN = select(func.nextval(func.pg_get_serial_sequence("articles", "id")).label("id")).cte("taken")
_ADD = Prepared(
    insert(_articles).values(
        {name: bindparam(name, type_=_articles.c[name].type) for name in _GIVEN}
        | {"story_id": func.coalesce(bindparam("story_id", type_=Integer), _NEXT_ID)}
    ),
    postgresql=insert(_articles)
    .from_select(
        ["id", "story_id", "is_pinned", *_GIVEN],
        select(
            _TAKEN.c.id,
            func.coalesce(bindparam("story_id", type_=Integer), _TAKEN.c.id),
            false(),
            *(bindparam(name, type_=_articles.c[name].type) for name in _GIVEN),
        ),
    )
    .returning(_articles.c.id),
)
_RECORD_ENTRY = Prepared(
    text(
        "INSERT INTO entries (feed_id, guid_key, guid, content_key, article_id, first_seen_at) "
        "VALUES (:feed_id, :guid_key, :guid, :content_key, :article_id, :now) ON CONFLICT (feed_id, guid_key) "
        "DO UPDATE SET content_key = excluded.content_key, article_id = excluded.article_id, changed_at = excluded.first_seen_at"
    ).bindparams(bindparam("now", type_=_entries.c.first_seen_at.type))
)


class _CandidateRow(NamedTuple):
    """The columns of `_CANDIDATE_COLUMNS`."""

    id: int
    story_id: int
    title: str
    text: str
    url: str
    url_key: int
    source: str
    published_at: datetime
    seen_at: datetime
    is_pinned: bool


def _candidate(row: _CandidateRow, same_guid: int | None = None, address: int = 0) -> StoredCandidate:
    return StoredCandidate(
        article_id=row.id,
        story_id=row.story_id,
        title=row.title,
        text=row.text,
        url=row.url,
        source=row.source,
        published_at=row.published_at,
        same_guid=row.id == same_guid,
        same_url=bool(address) and row.url_key == address,
        is_pinned=row.is_pinned,
    )


def _content_keys(session: Session, feed_id: int, keys: Sequence[int]) -> Iterable[Any]:
    if keys:
        yield from _CONTENT_KEYS.run(session, {"feed": feed_id, "keys": as_parameter(session, keys)})
