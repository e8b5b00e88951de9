"""Measure what one article costs as the store grows: processor time of look-ups and checks, and bytes on disk, on both databases.

    python -m bench.stories --growth [--sizes 10000,100000,1000000] [--databases sqlite,postgresql]

No data is needed: articles are drawn from the shipped word list. The first thousand go through `intake.file_article`, as in the
daemon; the rest are written as rows in batches sorted by key, which fills the B-trees as random order does. One article in ten
has the keys of an earlier one, one in twenty those of a site's boilerplate. Texts are stored at full length (about 2,400
characters); the search index is left out beyond the first thousand. Processor time is that of this process plus that of
PostgreSQL's process.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlmodel import Session

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext
from monitor.store import articles as store
from monitor.store import migrate
from monitor.store.db import Database
from monitor.store.indexes import fingerprints
from monitor.store.indexes import profiles as profile_rows
from monitor.stories import copies as dedup
from monitor.stories import events, profiles
from monitor.stories.fingerprint import fingerprint
from monitor.stories.profiles import Profile
from monitor.stories.tuning import FINGERPRINT_KEYS, LOOK_UP_TERMS
from monitor.types.matching import Article
from monitor.types.stories import Arrival
from tests.fakes.postgres import server, shown

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SPAN_FOR = timedelta(days=20)
LIVE, WORDS, PROBES, BATCH = 1_000, 400, 300, 50_000
SHORT = 30
"""Words of a short item, its title apart."""
_COPIES, _BOILERPLATE, _SITES = 0.1, 0.05, 200


class Newsroom:
    """Articles drawn from the shipped English list: function words and a few dozen words of their own, as in news."""

    def __init__(self, seed: int = 7) -> None:
        self.dice = random.Random(seed)
        idf = Background.shipped().table("en").idf
        ranked = sorted((word for word in idf if word.isalpha()), key=idf.__getitem__)
        self.common, self.rare = ranked[:3000], ranked[3000:20000]
        self.shares = [1 / (rank + 5) for rank in range(len(self.common))]
        self.boilerplate = [" ".join(self.dice.choices(self.common, k=60)) for _ in range(_SITES)]

    def article(self, number: int, *, site: int | None = None) -> Article:
        own = self.dice.sample(self.rare, 30)
        words = self.dice.choices(self.common, self.shares, k=WORDS - 60) + self.dice.choices(own, k=60)
        self.dice.shuffle(words)
        body = " ".join(word.capitalize() if word in own[:8] else word for word in words)
        if site is not None:
            body += " " + self.boilerplate[site]
        return Article(
            guid=str(number), url=f"https://n{number % _SITES}.example/news/{number}", title=" ".join(own[:7]).capitalize(),
            text=body, language="en", published_at=NOW, seen_at=NOW, source=f"n{number % _SITES}",
        )  # fmt: skip

    def edited(self, article: Article, number: int) -> Article:
        words = [self.dice.choice(self.common) if self.dice.random() < 0.1 else word for word in article.text.split()]
        words = words[: len(words) // self.dice.choice((1, 1, 2, 4))]
        url = f"https://c{number}.example/news/{number}"
        return replace(article, text=" ".join(words), url=url, title=f"Copy: {article.title}", source=f"c{number}")


def growth(sizes: Sequence[int], databases: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield one row for each database and size."""
    for name in databases:
        with _OPENED[name]() as database:
            yield from _grown(name, database, sizes)


def _grown(name: str, database: Database, sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    room, matcher = Newsroom(), Matcher((), Background.shipped())
    lived = [room.article(number, site=number % 20 if number % 20 == 0 else None) for number in range(LIVE)]
    _live(database, lived, matcher)
    whole = sum(_bytes(database).values()) / LIVE
    yield (name, f"{LIVE} by take_in", f"{whole:.0f} B an article on disk, search index included")
    probes = [room.article(10**7 + n, site=n % 20) for n in range(PROBES // 2)]
    probes += [room.edited(room.dice.choice(lived), 10**7 + n) for n in range(PROBES // 2)]
    room.dice.shuffle(probes)
    pool = [room.article(number) for number in range(300)]
    profiled = [profiles.profile(each, matcher.rarity("en")) for each in pool]
    _without_indexes(database)
    count = LIVE
    for size in sizes:
        started = time.perf_counter()
        while count < size:
            step = min(BATCH, size - count)
            _fill(database, range(count + 1, count + step + 1), pool, profiled, seed=count)
            count += step
        with _indexed(database):
            filled = time.perf_counter() - started
            yield (name, f"{size:,} articles", *_measured(database, probes, matcher, size), f"filled in {filled:.0f} s")


def _live(database: Database, lived: Sequence[Article], matcher: Matcher) -> None:
    ordinary = Arrival()
    for start in range(0, len(lived), 50):
        with database.writing() as session:
            for each in lived[start : start + 50]:
                file_article(session, assess(each, matcher, arrival=ordinary), AlertingContext(), now=NOW)


def _measured(database: Database, probes: Sequence[Article], matcher: Matcher, size: int) -> Iterator[str]:
    sizes = _bytes(database)
    started = time.perf_counter()
    database.engine.dispose()
    with database.reading() as session:
        _asked(session, probes[0], matcher)
        yield f"first answer {1e3 * (time.perf_counter() - started):.0f} ms after opening"
    short = [replace(each, text=" ".join(each.text.split()[:SHORT])) for each in probes]
    with database.reading() as session:
        for each in probes[:50]:
            _asked(session, each, matcher)
        fingerprinting, copying, joining, kinds = _costs(session, probes, matcher)
        of_short = sum(_costs(session, short, matcher)[1:3])
    own = f"the fingerprint {1e3 * fingerprinting / len(probes):.2f}"
    yield f"fingerprint, look-up, check {1e3 * copying / len(probes):.2f} ms CPU ({own})"
    yield f"with the event's {1e3 * (copying + joining) / len(probes):.2f} ms, of a short item {1e3 * of_short / len(probes):.2f}"
    yield f"{kinds.count('copy')} of {PROBES // 2} copies found"
    yield f"fingerprints {sizes.get('shingles', sizes.get('sketches', 0)) / size:.0f} B an article"
    yield f"events {(sizes['tellings'] + sizes['profiles']) / size:.0f} B"
    yield f"all {sum(sizes.values()) / size:.0f} B"


def _costs(session: Session, probes: Sequence[Article], matcher: Matcher) -> tuple[float, float, float, list[str]]:
    """Seconds for fingerprints, for these with copies, and for events; and what each article is."""
    fingerprinting, copying, joining, kinds, clock = 0.0, 0.0, 0.0, [], _cpu(session)
    for each in probes:
        before = clock()
        found = fingerprint(each.title, each.text)
        fingerprinting += clock() - before
        near = store.find_candidates(session, each, found, None, now=NOW)
        kinds.append(dedup.classify(each, near.known, read=found.shingles).kind.value)
        copying += clock() - before
    for each in probes:
        before = clock()
        own = profiles.profile(each, matcher.rarity("en"))
        events.choose(each, own, *profile_rows.find_candidates(session, own, now=NOW))
        joining += clock() - before
    return fingerprinting, copying, joining, kinds


def _asked(session: Session, article: Article, matcher: Matcher) -> None:
    dedup.classify(
        article, store.find_candidates(session, article, fingerprint(article.title, article.text), None, now=NOW).known
    )
    own = profiles.profile(article, matcher.rarity("en"))
    events.choose(article, own, *profile_rows.find_candidates(session, own, now=NOW))


def _cpu(session: Session) -> Callable[[], float]:
    """Return a clock of processor time in seconds: of this process and of the server's process for this connection."""
    if session.get_bind().dialect.name == "sqlite":
        return time.process_time
    backend = Path(f"/proc/{session.connection().execute(text('SELECT pg_backend_pid()')).scalar_one()}/schedstat")
    return lambda: time.process_time() + int(backend.read_text().split()[0]) / 1e9


# --- filling ------------------------------------------------------------------------------------------------------------


def _fill(database: Database, ids: range, pool: Sequence[Article], profiled: Sequence[Profile], *, seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = ((number, pool[number % len(pool)]) for number in ids)
    _write(database, "articles", _ARTICLE_COLUMNS, (_article_row(number, each, dice) for number, each in rows))
    _write(database, "decisions", _DECISION_COLUMNS, (_decision_row(number) for number in ids))
    _write_fingerprints(database, _fingerprint_keys(dice, len(ids)), ids)
    term_keys = dice.integers(-(2**31), 2**31, size=(len(ids), LOOK_UP_TERMS))
    crowd = (
        dice.random(term_keys.shape) < 0.6
    )  # most heavy terms are known words: a hundred thousand of them, unevenly used
    term_keys[crowd] = (dice.pareto(0.7, size=int(crowd.sum())) * 50).clip(max=2e5).astype(np.int64) * 7_919
    _write(database, "tellings", ("key", "article_id"), _sorted_pairs(term_keys, ids))
    packed = [each.pack() for each in profiled]
    _write(database, "profiles", ("article_id", "packed"), ((number, packed[number % len(packed)]) for number in ids))


def _write_fingerprints(database: Database, keys: np.ndarray[Any, Any], ids: range) -> None:
    if database.is_sqlite:
        _write(database, "shingles", ("key", "article_id"), _sorted_pairs(keys, ids))
        return
    # In small batches, so that growing rows fill their pages as they are rewritten. The VACUUM frees the space they leave, as the
    # server does by itself at the pace of live work.
    for start in range(0, len(ids), 1000):
        with database.writing() as session:
            fingerprints.add(
                session, dict(zip(ids[start : start + 1000], keys[start : start + 1000].tolist(), strict=True))
            )
    _run(database, "VACUUM sketches")


def _fingerprint_keys(dice: np.random.Generator, count: int) -> np.ndarray[Any, Any]:
    """Random hashes, some of them shared by several articles."""
    keys = dice.integers(-(2**31), 2**31, size=(count, FINGERPRINT_KEYS))
    earlier = dice.integers(0, count, size=int(count * _COPIES))
    keys[dice.integers(0, count, size=len(earlier))] = keys[earlier]
    shared = np.random.default_rng(1).integers(-(2**31), 2**31, size=(_SITES, 6))
    of_site = dice.integers(0, count, size=int(count * _BOILERPLATE))
    keys[of_site, :6] = shared[dice.integers(0, _SITES, size=len(of_site))]
    return keys


def _sorted_pairs(keys: np.ndarray[Any, Any], ids: range) -> Iterator[tuple[int, int]]:
    numbers = np.repeat(np.arange(ids.start, ids.stop), keys.shape[1])
    pairs = np.unique(np.stack([keys.ravel(), numbers], axis=1), axis=0)
    return ((key, number) for key, number in pairs.tolist())


_ARTICLE_COLUMNS = (
    "id", "story_id", "kind", "similarity", "why", "url", "url_key", "text_key", "title_key", "title", "text", "language",
    "author", "source", "grade", "published_at", "seen_at",
)  # fmt: skip


def _article_row(number: int, each: Article, dice: np.random.Generator) -> tuple[object, ...]:
    keys = dice.integers(-(2**63), 2**63 - 1, size=3).tolist()
    at = NOW - SPAN_FOR + SPAN_FOR * min(number / 1e6, 1.0)
    return (
        number, number, "new", 0.0, "nothing like it is stored", f"https://g{number % 997}.example/{number}", *keys, each.title,
        each.text, "en", "", f"g{number % 997}", "full", at, at,
    )  # fmt: skip


_DECISION_COLUMNS = ("article_id", "at", "cause", "feed", "reason", "kind", "story_id", "topics", "scores")


def _decision_row(number: int) -> tuple[object, ...]:
    return number, NOW - SPAN_FOR, "arrival", f"g{number % 997}", "NO_TOPICS", "new", number, "[]", "[]"


def _write(database: Database, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    named = ", ".join(columns)
    with database.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        if database.is_sqlite:
            marks = ", ".join("?" * len(columns))
            raw.execute("BEGIN")
            raw.executemany(f"INSERT OR IGNORE INTO {table} ({named}) VALUES ({marks})", map(_for_sqlite, rows))
        else:
            with raw.cursor().copy(f"COPY {table} ({named}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        raw.commit()


def _for_sqlite(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(each.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(each, datetime) else each for each in row)


def _without_indexes(database: Database) -> None:
    for name, _ in _INDEXES:
        _run(database, f"DROP INDEX {name}")


@contextmanager
def _indexed(database: Database) -> Iterator[None]:
    """The indexes of articles are built after a fill and dropped before the next one, which is quicker than keeping them."""
    for _, statement in _INDEXES:
        _run(database, statement)
    _run(database, "ANALYZE" if database.is_sqlite else "VACUUM ANALYZE")
    yield
    for name, _ in _INDEXES:
        _run(database, f"DROP INDEX {name}")


_INDEXES = tuple(
    (
        f"ix_articles_{'_'.join(columns)}",
        f"CREATE INDEX ix_articles_{'_'.join(columns)} ON articles ({', '.join(columns)})",
    )
    for columns in (("seen_at",), ("source", "seen_at"), ("story_id",), ("text_key",), ("title_key",), ("url_key",))
)


def _run(database: Database, statement: str) -> None:
    with database.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        if not database.is_sqlite:
            raw.autocommit = True
        raw.execute(statement)
        if not database.is_sqlite:
            raw.autocommit = False


def _bytes(database: Database) -> dict[str, int]:
    """Bytes on disk of each table with its indexes."""
    asked = _SIZES_SQLITE if database.is_sqlite else _SIZES_POSTGRES
    with database.engine.connect() as connection:
        return {name: int(size) for name, size in connection.execute(text(asked))}


_SIZES_SQLITE = (
    "SELECT m.tbl_name, sum(d.pageno * (SELECT page_size FROM pragma_page_size)) FROM dbstat d "
    "JOIN sqlite_master m ON m.name = d.name WHERE d.aggregate = TRUE GROUP BY m.tbl_name"
)
_SIZES_POSTGRES = (
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


@contextmanager
def _sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        database = Database(f"sqlite:///{folder}/monitor.db")
        migrate.upgrade(database)
        yield database
        database.close()


@contextmanager
def _postgresql() -> Iterator[Database]:
    """A temporary server, from the development dependencies."""
    with server() as url:
        database = Database(shown(url))
        migrate.upgrade(database)
        yield database
        database.close()


_OPENED = {"sqlite": _sqlite, "postgresql": _postgresql}
