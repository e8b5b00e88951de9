"""Hosts that are left alone, and which of their pages were fetched, how many per host and day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, text, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from monitor.store.articles import url_key
from monitor.store.statements import Prepared, as_parameter
from monitor.store.tables.feeds import HostRow, PageRow
from monitor.text import urls
from monitor.types.fetching import HostRest, PageVisit

_DAY = timedelta(days=1)


# --- hosts that are left alone ------------------------------------------------------------------------------------------


def host_rest(session: Session, host: str) -> HostRest | None:
    """Until when a host is or was left alone; None where it never asked for it."""
    for until_at, refusals in _REST.read(session, {"host": host}):
        return HostRest(until_at=until_at, refusals=refusals)
    return None


def rest_host(session: Session, host: str, rest: HostRest) -> None:
    """Leave a host alone: none of its feeds is polled, and none of its pages read."""
    session.merge(HostRow(host=host, paused_until_at=rest.until_at, refusals=rest.refusals))
    session.flush()


def end_refusals(session: Session, hosts: Collection[str]) -> None:
    """These hosts answered: their next refusal is the first one again."""
    session.flush()
    for host in sorted(hosts):
        _END_REFUSALS.write(session, {"of": host})


# --- pages ---------------------------------------------------------------------------------------------------------------


def may_fetch(session: Session, url: str, *, per_day: int, now: datetime, is_again: bool = False) -> bool:
    """Whether this page may be fetched: never before (unless `is_again`), its host not paused, fewer than `per_day` of its host in
    24 hours."""
    if not url_key(url) or (is_visited(session, url) and not is_again):
        return False
    lately = select(func.count()).where(col(PageRow.host) == urls.host(url), col(PageRow.asked_at) > now - _DAY)
    return paused_until(session, url, now=now) is None and session.exec(lately).one() < per_day


def paused_until(session: Session, url: str, *, now: datetime) -> datetime | None:
    """Until when the host of this page is paused; None where it is not."""
    host = urls.host(url)
    is_paused = (
        col(PageRow.host) == host,
        col(PageRow.host_paused_until_at) > now,
        col(PageRow.asked_at) > now - 2 * _DAY,
    )
    pages_at = session.exec(select(func.max(PageRow.host_paused_until_at)).where(*is_paused)).one()
    row = session.get(HostRow, host)
    found = [at for at in (pages_at, row.paused_until_at if row else None) if at is not None and at > now]
    return max(found, default=None)


def is_visited(session: Session, url: str) -> bool:
    """Whether this page was asked for."""
    return session.get(PageRow, url_key(url)) is not None


def record(session: Session, visits: Iterable[PageVisit], *, is_again: bool = False) -> None:
    """Record visits of pages; a page already recorded, by another poller, is left as it is, except where it was visited again."""
    for visit in visits:
        key = url_key(visit.url)
        row = session.get(PageRow, key)
        if row is not None and is_again:
            row.asked_at, row.outcome, row.canonical = visit.at, visit.outcome, visit.canonical
            row.host_paused_until_at = visit.host_paused_until_at
        elif row is None:
            session.add(
                PageRow(
                    url_key=key,
                    url=visit.url,
                    host=urls.host(visit.url),
                    asked_at=visit.at,
                    outcome=visit.outcome,
                    host_paused_until_at=visit.host_paused_until_at,
                    canonical=visit.canonical,
                )
            )
    session.flush()


def canonicals(session: Session, addresses: Collection[str]) -> dict[str, str]:
    """URL -> the canonical URL that its page named when it was read, for those that named one."""
    keys = {url_key(each): each for each in addresses}
    wanted = sorted(keys.keys() - {0})
    if not wanted:
        return {}
    return {keys[key]: address for key, address in _CANONICALS.run(session, {"keys": as_parameter(session, wanted)})}


_hosts: Table = HostRow.__table__  # type: ignore[attr-defined]
_REST = Prepared(select_columns(_hosts.c.paused_until_at, _hosts.c.refusals).where(_hosts.c.host == bindparam("host")))
_pages: Table = PageRow.__table__  # type: ignore[attr-defined]
_NAMED = select_columns(_pages.c.url_key, _pages.c.canonical).where(_pages.c.canonical != "")
_CANONICALS = Prepared(
    _NAMED.where(text("url_key IN (SELECT value FROM json_each(:keys))")),
    postgresql=_NAMED.where(text("url_key = ANY(CAST(:keys AS bigint[]))")),
)
_END_REFUSALS = Prepared(
    update(_hosts).where(_hosts.c.host == bindparam("of"), _hosts.c.refusals > 0).values(refusals=0)
)
