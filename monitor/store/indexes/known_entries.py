"""What was read of each feed's last document: hashes of its entries, kept with the feed's validators, as many as a document has."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import chain

from sqlalchemy import Table, bindparam, delete, select, text
from sqlmodel import Session

from monitor.store.statements import Prepared
from monitor.store.tables.feeds import KnownEntriesRow
from monitor.types.fetching import KnownEntries, KnownEntry

_FIELDS = len(KnownEntry._fields)


def of_feed(session: Session, feed_id: int) -> KnownEntries | None:
    """What was read of the feed's last document; None where that was not kept."""
    for frame_key, keys, in_full_at in _OF_FEED.read(session, {"feed": feed_id}):
        return KnownEntries(frame_key=frame_key, entries=_unpacked(keys), in_full_at=in_full_at)
    return None


def save(session: Session, feed_id: int, known: KnownEntries | None) -> None:
    """Keep what was read of the feed's document in place of what was kept before; None keeps nothing."""
    if known is None:
        _FORGET.write(session, {"feed": feed_id})
        return
    row = {"feed": feed_id, "frame_key": known.frame_key, "keys": _packed(known.entries), "at": known.in_full_at}
    _SAVE.write(session, row)


def _packed(entries: Iterable[KnownEntry]) -> bytes:
    keys = list(chain.from_iterable(entries))
    return struct.pack(f"<{len(keys)}q", *keys)


def _unpacked(keys: bytes) -> tuple[KnownEntry, ...]:
    return tuple(map(KnownEntry._make, struct.iter_unpack(f"<{_FIELDS}q", keys)))


_known: Table = KnownEntriesRow.__table__  # type: ignore[attr-defined]
_OF_FEED = Prepared(
    select(_known.c.frame_key, _known.c["keys"], _known.c.in_full_at).where(_known.c.feed_id == bindparam("feed"))
)
_FORGET = Prepared(delete(_known).where(_known.c.feed_id == bindparam("feed")))
_SAVE = Prepared(
    text(
        "INSERT INTO known_entries (feed_id, frame_key, keys, in_full_at) VALUES (:feed, :frame_key, :keys, :at) "
        "ON CONFLICT (feed_id) DO UPDATE SET frame_key = excluded.frame_key, keys = excluded.keys, in_full_at = excluded.in_full_at"
    ).bindparams(bindparam("keys", type_=_known.c["keys"].type), bindparam("at", type_=_known.c.in_full_at.type))
)
