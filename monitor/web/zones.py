"""The reader's time zone: our script puts its name into a cookie; without one, times are those of UTC, and the page says so."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo

COOKIE = "monitor_zone"
_LENGTH = 64

_of_reader: ContextVar[str] = ContextVar("zone", default="")
"""Of the request that is being answered: each has a context of its own, on the event loop as on threads."""


def use(cookie: str) -> None:
    """Show the times of this request in the zone that a cookie names; in UTC, where it names none that we know."""
    name = unquote(cookie)
    _of_reader.set(name if _known(name) else "")


def name() -> str:
    """The name of the reader's zone, such as `Europe/Berlin`; `UTC` where it is not known."""
    return _of_reader.get() or "UTC"


def zone() -> tzinfo:
    """The reader's zone."""
    return _known(_of_reader.get()) or UTC


def local(at: datetime) -> datetime:
    """This moment, as the reader's clock shows it."""
    return at.astimezone(zone())


@lru_cache(maxsize=256)
def _known(written: str) -> tzinfo | None:
    if not written or len(written) > _LENGTH:
        return None
    try:
        return ZoneInfo(written)
    except (OSError, ValueError, KeyError):  # a stranger's words, perhaps no name of a file
        return None
