"""An inverted index from fingerprint keys (`monitor.stories.fingerprint`) to the articles that carry them.

On SQLite one row per posting, (key, article), in a table without rowid: 14 bytes. On PostgreSQL a row costs 36 bytes and its
index entry 25, so there the postings, 8 bytes each, are packed into 524,288 rows of the table `sketches`, chosen by the first
bits of the key (column `place`): a look-up reads 24 of them whole, and a new article appends to 24.

A key that more than `MAX_POSTINGS` articles carry proposes no candidates, and so is not stored for later articles.
"""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Table, delete, text
from sqlmodel import Session

from monitor.store.statements import Prepared
from monitor.store.tables.indexes import FingerprintKeyRow
from monitor.stories.tuning import FINGERPRINT_KEYS, MAX_POSTINGS

Carriers = Mapping[int, set[int]]
"""Key -> ids of the articles that carry it; of a key with more than `MAX_POSTINGS`, at least one more than that."""

_shingles: Table = FingerprintKeyRow.__table__  # type: ignore[attr-defined]
_PLACE_BITS = 19
_PACKED = np.dtype(">i4")


def carriers(session: Session, keys: Sequence[int]) -> Carriers:
    """The stored articles that carry these keys."""
    if not keys:
        return {}
    return _by_rows(session, keys) if _is_sqlite(session) else _by_place(session, keys)


def add(session: Session, keys_of: Mapping[int, Sequence[int]], *, without: Container[int] = ()) -> None:
    """Store the keys of articles (id -> keys), except those in `without`, which too many carry already."""
    kept = {article_id: [key for key in keys if key not in without] for article_id, keys in keys_of.items()}
    if _is_sqlite(session):
        for article_id, keys in kept.items():
            _ADD_ROWS.write(session, {"article_id": article_id, "keys": json.dumps(keys)})
    elif any(kept.values()):
        _ADD_PAIRS.write(session, _by_places((key, article_id) for article_id, keys in kept.items() for key in keys))


def remove(session: Session, article_id: int, keys: Sequence[int]) -> None:
    """Delete these keys of an article. The caller names them because rows are ordered by key, with no index by article."""
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
    # The statement has a fixed number of parameters: for a short text the last key is repeated, at no cost.
    padded = (*keys, *[keys[-1]] * (FINGERPRINT_KEYS - len(keys)))
    found: dict[int, set[int]] = defaultdict(set)
    for key, article_id in _BY_KEY.run_in_order(session, padded):
        found[key].add(article_id)
    return found


# Built once: building a statement costs more than running it. Of each key the newest articles, one more than `MAX_POSTINGS`: enough
# to know that there are too many. The keys are its only parameters.
_BY_KEY = Prepared(
    text(
        " UNION ALL ".join(
            f"SELECT * FROM (SELECT key, article_id FROM shingles WHERE key = :key{number} ORDER BY article_id DESC "
            f"LIMIT {MAX_POSTINGS + 1})"
            for number in range(FINGERPRINT_KEYS)
        )
    )
)
# OR FAIL: a failure ends the whole transaction anyway, and SQLite need not keep the pages as they were before this statement, in a
# file of its own.
_ADD_ROWS = Prepared(
    text("INSERT OR FAIL INTO shingles (key, article_id) SELECT value, :article_id FROM json_each(:keys)")
)


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
    """The parameters of `_ADD_PAIRS`, ordered by place, so that two writers lock rows in the same order and cannot deadlock."""
    by_place: dict[int, list[int]] = defaultdict(list)
    for key, article_id in pairs:
        by_place[_place(key)] += (key, article_id)
    places = sorted(by_place)
    return {"places": places, "pairs": [struct.pack(f">{len(by_place[each])}i", *by_place[each]) for each in places]}


def _remove_pairs(session: Session, article_id: int, keys: Sequence[int]) -> None:
    places = sorted({_place(key) for key in keys})
    for place, packed in session.connection().execute(_LOCK_PLACES, {"places": places}).all():
        pairs = _unpacked(packed)
        remaining = pairs[(pairs[:, 1] != article_id) | ~np.isin(pairs[:, 0], np.array(keys, _PACKED))]
        if len(remaining) < len(pairs):
            session.connection().execute(_REPLACE_PAIRS, {"place": place, "pairs": remaining.tobytes()})


_BY_PLACE = Prepared(text("SELECT string_agg(pairs, '') FROM sketches WHERE place = ANY(CAST(:places AS integer[]))"))
_ADD_PAIRS = Prepared(
    text(
        "INSERT INTO sketches AS kept (place, pairs) SELECT * FROM unnest(CAST(:places AS integer[]), CAST(:pairs AS bytea[])) "
        "ON CONFLICT (place) DO UPDATE SET pairs = kept.pairs || EXCLUDED.pairs"
    )
)
_LOCK_PLACES = text(
    "SELECT place, pairs FROM sketches WHERE place = ANY(CAST(:places AS integer[])) ORDER BY place FOR UPDATE"
)
_REPLACE_PAIRS = text("UPDATE sketches SET pairs = :pairs WHERE place = :place")
