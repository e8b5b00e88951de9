"""What the browser sends of the inbox: filters in addresses, verdicts in forms. Everything is checked here; what makes no sense is
ignored, or refused where it would change something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException

from monitor.review.inbox import InboxQuery, Judged
from monitor.review.matches import VERDICT_STATES
from monitor.store.inbox import InboxOrder
from monitor.text.tokens import clean_line
from monitor.web import zones
from monitor.web.pages import ID_LIMIT, LAST_PAGE, PAGE_SIZE, WORDS_LIMIT, own_path

_ON = re.compile("([ms])([0-9]{1,10})")
"""Name of a field that says on what a verdict is: m7 on match 7, s7 on all of story 7."""
_VERDICT = re.compile(r"(confirmed|dismissed|seed|counter)(?::(m[0-9]{1,10}|s[0-9]{1,10}\.[0-9]{1,10}))?")
"""A verdict, and on what, where one button has one meaning: `dismissed:m7`, `confirmed:s7.99` (up to match 99). `seed:m7` also
makes the article a seed of the topic, `counter:m7` a counter-seed."""
_SEED_FILE = re.compile(r"[^/\\\x00]{1,200}\.txt")

_RANGE = re.compile("([0-9]{1,10})-([0-9]{1,10})")
KNOWN_SEED = "known"
"""In place of the file's name, where the topic had the text already."""


_FILTERS = ("topic", "state", "q", "language", "publisher", "from", "to", "told", "sort")


def filters(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of the address that filter and sort, as they were written; empty ones left out."""
    return {name: fields[name] for name in _FILTERS if fields.get(name)}


def wanted_by(fields: Mapping[str, str]) -> tuple[InboxQuery, int]:
    """The filters and the number of the page. Invalid values are ignored; raises HTTPException 400 for too many words (U10)."""
    words, number = fields.get("q", ""), number_of(fields.get("page", ""))
    if len(words) > WORDS_LIMIT:
        raise HTTPException(400, f"Search for at most {WORDS_LIMIT} characters.")
    at = number if 1 <= number <= LAST_PAGE else 1
    until_at = _day(fields.get("to", ""))
    return InboxQuery(
        topic=clean_line(fields.get("topic", ""), limit=200),
        state={"all": "", **{each: each for each in VERDICT_STATES}}.get(fields.get("state", ""), "new"),
        words=clean_line(words, limit=WORDS_LIMIT),
        language=clean_line(fields.get("language", ""), limit=20),
        publisher=clean_line(fields.get("publisher", ""), limit=200),
        since_at=_day(fields.get("from", "")),
        until_at=until_at + timedelta(days=1) if until_at else None,
        is_told={"yes": True, "no": False}.get(fields.get("told", "")),
        order=InboxOrder(fields["sort"]) if fields.get("sort") in set(InboxOrder) else InboxOrder.NEWEST,
        limit=PAGE_SIZE,
        offset=(at - 1) * PAGE_SIZE,
    ), at


def _day(written: str) -> datetime | None:
    """When that day begins, by the reader's clock."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written) and "1000" < written < "9999-12-31":
        with suppress(ValueError):
            return datetime.fromisoformat(written).replace(tzinfo=zones.zone()).astimezone(UTC)
    return None


def number_of(written: str) -> int:
    """A number from the browser; 0 where it cannot be one of ours."""
    return int(written) if re.fullmatch("[0-9]{1,10}", written) and int(written) < ID_LIMIT else 0


def range_of(written: str) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(written)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    return (first, last) if 0 < first <= last < ID_LIMIT else None


def back_to(form: Mapping[str, str]) -> str:
    """The address of the list that a form stood on."""
    path = own_path(form.get("back", ""))
    return path if path.startswith("/?") else "/"


def fields_of(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query)[:50])


def seed_file(written: str) -> str:
    return written if written == KNOWN_SEED or _SEED_FILE.fullmatch(written) else ""


def judged(form: Mapping[str, str]) -> tuple[str, Judged]:
    """What a form says, and on what it is. Raises HTTPException 400 where it has none, or nothing was picked."""
    said = _VERDICT.fullmatch(form.get("verdict", ""))
    if said is None:
        raise HTTPException(400, "This is not a form of this page.")
    on = _on({said[2].partition(".")[0]: said[2].partition(".")[2]} if said[2] else form)
    if not on.match_ids and not on.stories:
        raise HTTPException(400, "Pick at least one story first. Nothing was changed.")
    return said[1], on


def _on(fields: Mapping[str, str]) -> Judged:
    found = [(each[1], number_of(each[2]), fields[name]) for name in fields if (each := _ON.fullmatch(name))]
    return Judged(
        match_ids=tuple(number for kind, number, _ in found if kind == "m" and number),
        stories={number: number_of(seen) for kind, number, seen in found if kind == "s" and number and number_of(seen)},
    )
