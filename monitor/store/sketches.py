"""The keys of stored articles' sketches, and who carries a key. Numbers in, numbers out; what they mean is `monitor.stories.fingerprint`'s.

On SQLite one row a key, (key, article), which is its own index: 14 bytes. A row of PostgreSQL costs 36 bytes and its place in an
index 25, so there pairs of key and article, eight bytes each, stand side by side in 524,288 rows, by the first bits of the key: a
look-up reads 24 of them whole, and a new article lengthens 24.

A key that many carry proposes nobody (`MAX_POSTINGS`). It is not kept for those who come later: it would say nothing more.
"""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, Table, bindparam, delete, select, text, union_all
from sqlmodel import Session

from monitor.store.db import Prepared
from monitor.store.tables import ShingleRow
from monitor.stories.tuning import FINGERPRINT_KEYS, MAX_POSTINGS

Carriers = Mapping[int, set[int]]
"""Key -> the articles that carry it, one more than `MAX_POSTINGS` at least where there are more."""

_shingles: Table = ShingleRow.__table__  # type: ignore[attr-defined]
_PLACE_BITS = 19
_PACKED = np.dtype(">i4")


def carriers(session: Session, keys: Sequence[int]) -> Carriers:
    """Who carries these keys."""
    if not keys:
        return {}
    return _by_rows(session, keys) if _is_sqlite(session) else _by_place(session, keys)


def add(session: Session, sketches: Mapping[int, Sequence[int]], *, without: Container[int] = ()) -> None:
    """Keep the keys of articles, by their ids; not those `without`, which too many carry already."""
    kept = {article_id: [key for key in keys if key not in without] for article_id, keys in sketches.items()}
    if _is_sqlite(session):
        for article_id, keys in kept.items():
            _ADD_ROWS.write(session, {"article_id": article_id, "keys": json.dumps(keys)})
    elif any(kept.values()):
        _ADD_PAIRS.write(session, _by_places((key, article_id) for article_id, keys in kept.items() for key in keys))


def remove(session: Session, article_id: int, keys: Sequence[int]) -> None:
    """Forget the keys of an article. They must be named: rows are ordered by key, and an article's not found otherwise."""
    if not keys:
        return
    if _is_sqlite(session):
        gone = delete(_shingles).where(_shingles.c.key.in_(keys), _shingles.c.article_id == article_id)
        session.connection().execute(gone)
    else:
        _remove_pairs(session, article_id, keys)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


# --- SQLite -------------------------------------------------------------------------------------------------------------


def _by_rows(session: Session, keys: Sequence[int]) -> Carriers:
    # A short text has fewer keys; the last one, asked again, costs nothing and adds nothing.
    padded = (*keys, *[keys[-1]] * (FINGERPRINT_KEYS - len(keys)))
    found: dict[int, set[int]] = defaultdict(set)
    for key, article_id in _BY_KEY.run(session, {f"key{number}": key for number, key in enumerate(padded)}):
        found[key].add(article_id)
    return found


def _newest(name: str) -> Select[Any]:
    """The newest articles with this key; one more than makes it boilerplate."""
    carried = select(_shingles).where(_shingles.c.key == bindparam(name))
    return select(carried.order_by(_shingles.c.article_id.desc()).limit(MAX_POSTINGS + 1).subquery())


# Built once: putting a statement together costs more than running it.
_BY_KEY = Prepared(union_all(*(_newest(f"key{number}") for number in range(FINGERPRINT_KEYS))))
_ADD_ROWS = Prepared(text("INSERT INTO shingles (key, article_id) SELECT value, :article_id FROM json_each(:keys)"))


# --- PostgreSQL ---------------------------------------------------------------------------------------------------------


def _by_place(session: Session, keys: Sequence[int]) -> Carriers:
    ((packed,),) = _BY_PLACE.run(session, {"places": sorted({_place(key) for key in keys})})
    pairs = _unpacked(packed or b"")
    found: dict[int, set[int]] = defaultdict(set)
    for key, article_id in pairs[np.isin(pairs[:, 0], np.array(keys, _PACKED))].tolist():
        found[key].add(article_id)
    return found


def _place(key: int) -> int:
    return (key & 0xFFFFFFFF) >> (32 - _PLACE_BITS)


def _unpacked(packed: bytes) -> np.ndarray[Any, Any]:
    return np.frombuffer(packed, _PACKED).reshape(-1, 2)


def _by_places(pairs: Iterable[tuple[int, int]]) -> dict[str, object]:
    """In the order of places, so that two writers never wait for one another's rows in turn."""
    by_place: dict[int, list[int]] = defaultdict(list)
    for key, article_id in pairs:
        by_place[_place(key)] += (key, article_id)
    places = sorted(by_place)
    return {"places": places, "pairs": [struct.pack(f">{len(by_place[each])}i", *by_place[each]) for each in places]}


def _remove_pairs(session: Session, article_id: int, keys: Sequence[int]) -> None:
    places = sorted({_place(key) for key in keys})
    for place, packed in session.connection().execute(_EACH_PLACE, {"places": places}).all():
        pairs = _unpacked(packed)
        left = pairs[(pairs[:, 1] != article_id) | ~np.isin(pairs[:, 0], np.array(keys, _PACKED))]
        if len(left) < len(pairs):
            session.connection().execute(_KEEP, {"place": place, "pairs": left.tobytes()})


_BY_PLACE = Prepared(text("SELECT string_agg(pairs, '') FROM sketches WHERE place = ANY(CAST(:places AS integer[]))"))
_ADD_PAIRS = Prepared(
    text(
        "INSERT INTO sketches AS kept (place, pairs) SELECT * FROM unnest(CAST(:places AS integer[]), CAST(:pairs AS bytea[])) "
        "ON CONFLICT (place) DO UPDATE SET pairs = kept.pairs || EXCLUDED.pairs"
    )
)
_EACH_PLACE = text(
    "SELECT place, pairs FROM sketches WHERE place = ANY(CAST(:places AS integer[])) ORDER BY place FOR UPDATE"
)
_KEEP = text("UPDATE sketches SET pairs = :pairs WHERE place = :place")
