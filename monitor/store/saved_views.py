"""Saved views of the inbox: filters, order and search under a name; and the digest by which the address of their feeds is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from monitor.store.tables import SavedViewRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One view. `filters` are as the inbox's address has them."""

    id: int
    name: str
    filters: Mapping[str, str]
    made_at: datetime
    made_by: str
    token_at: datetime | None
    """When the address of its feeds was made; None where it has none."""


def all_views(session: Session) -> list[SavedView]:
    """All views, by name."""
    rows = session.exec(select(SavedViewRow)).all()
    return sorted((_view(row) for row in rows), key=lambda each: each.name.casefold())


def find(session: Session, number: int) -> SavedView | None:
    """The view of that number, or None."""
    row = session.get(SavedViewRow, number)
    return _view(row) if row else None


def find_by_token(session: Session, digest: str) -> SavedView | None:
    """The view whose feeds have the address with that digest, or None."""
    row = session.exec(select(SavedViewRow).where(col(SavedViewRow.token_digest) == digest)).first() if digest else None
    return _view(row) if row else None


def save(session: Session, name: str, filters: Mapping[str, str], *, by: str, now: datetime) -> int:
    """Save a view; one of that name gets these filters, and keeps the address of its feeds. Returns its number."""
    row = session.exec(select(SavedViewRow).where(col(SavedViewRow.name) == name)).first()
    row = row or SavedViewRow(name=name, made_at=now)
    row.filters, row.made_at, row.made_by = dict(filters), now, by
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def set_token(session: Session, number: int, digest: str, *, now: datetime) -> bool:
    """Give a view's feeds an address, in place of the one before; with '' they have none. False where there is no such view."""
    row = session.get(SavedViewRow, number)
    if row is None:
        return False
    row.token_digest, row.token_at = digest, now if digest else None
    return True


def remove(session: Session, number: int) -> bool:
    """Remove a view, and with it the address of its feeds; False where there is none."""
    row = session.get(SavedViewRow, number)
    if row is not None:
        session.delete(row)
    return row is not None


def _view(row: SavedViewRow) -> SavedView:
    assert row.id is not None
    return SavedView(
        id=row.id,
        name=row.name,
        filters=row.filters,
        made_at=row.made_at,
        made_by=row.made_by,
        token_at=row.token_at,
    )
