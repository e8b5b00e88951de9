"""The start page: the inbox of stories with its reading pane, and the verdicts that are given there.

Everything works by links and forms. Our script asks for the same with `Accept: application/json`, so that the page stays as it is:
POST answers then say what was done instead of leading on. Input from the browser is validated here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from monitor.review import inbox, verdicts
from monitor.review.inbox import InboxQuery, InboxStory, Judged
from monitor.review.kept import KeptValues
from monitor.review.matches import VERDICT_STATES
from monitor.review.verdicts import Undone, VerdictsGiven
from monitor.store import versions
from monitor.store.db import Database, Session
from monitor.store.inbox import InboxOrder
from monitor.text.tokens import clean_line
from monitor.topics import sentence
from monitor.web.health import Health
from monitor.web.pages import ID_LIMIT, LAST_PAGE, PAGE_SIZE, WORDS_LIMIT, Effects, PageRequest, own_path
from monitor.web.show import page, query

NOTE_LIMIT = 2_000
MAX_OFFSET = 1_000_000
_ON = re.compile("([ms])([0-9]{1,10})")
"""Name of a field that says on what a verdict is: m7 on match 7, s7 on all of story 7."""
_VERDICT = re.compile(r"(confirmed|dismissed)(?::(m[0-9]{1,10}|s[0-9]{1,10}\.[0-9]{1,10}))?")
"""A verdict, and on what, where one button has one meaning: `dismissed:m7`, `confirmed:s7.99` (up to match 99)."""
_RANGE = re.compile("([0-9]{1,10})-([0-9]{1,10})")


class InboxPages:
    """The inbox, its lines and its reading pane as fragments, verdicts and their undoing."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        health: Callable[[], Health],
        effects: Effects,
        kept: KeptValues,
    ) -> None:
        self.db, self.clock, self.health, self.effects, self.kept = db, clock, health, effects, kept

    def inbox(self, asked: PageRequest) -> Response:
        """The stories, and one of them to read: that of the address, else the first."""
        wanted, number = _wanted(asked.query)
        chosen = _number(asked.query.get("story", ""))
        with self.db.reading() as session:
            known = self.kept.known(session)
            found = inbox.find_page(session, wanted, known)
            story_id = chosen or next((each.id for each in found.stories), 0)
            reading = inbox.find_reading(session, story_id, wanted, known) if story_id else None
            outline = next(iter(versions.outlines(session, wanted.topic)), None) if wanted.topic else None
            did = _told(session, asked.query)
        return self._page(
            "inbox.html",
            asked=asked,
            now=self.clock(),
            wanted=wanted,
            filters=_filters(asked.query),
            found=found,
            reading=reading,
            is_open=bool(chosen),
            picked=_below(found.stories, _number(asked.query.get("below", ""))),
            next_id=_next(found.stories, story_id),
            did=did,
            publishers=_with(tuple(known.choices.publishers), wanted.publisher),
            languages=_with(known.choices.languages, wanted.language),
            outline=outline,
            advice=sentence.advice(outline) if outline else (),
            number=number,
            pages=max(1, -(-found.total // PAGE_SIZE)),
            problems=[each for each in self.health().problems if each.about in ("channels", "recipients")],
        )

    def lines(self, asked: PageRequest) -> Response:
        """More lines of the list, for our script: as many as a page has, from the line `offset` on."""
        wanted, _ = _wanted(asked.query)
        offset = min(_number(asked.query.get("offset", "")), MAX_OFFSET)
        with self.db.reading() as session:
            found = inbox.find_more(session, replace(wanted, offset=offset), self.kept.known(session))
        return self._page(
            "lines.html",
            now=self.clock(),
            wanted=wanted,
            filters=_filters(asked.query),
            found=found,
            reading=None,
            picked=(),
            number=1,
        )

    def reading(self, asked: PageRequest) -> Response:
        """The reading pane of one story, for our script."""
        wanted, _ = _wanted(asked.query)
        with self.db.reading() as session:
            number = asked.number if asked.number < ID_LIMIT else 0
            reading = inbox.find_reading(session, number, wanted, self.kept.known(session))
        if reading is None:
            raise HTTPException(404, "There is no story with that number on any topic.")
        return page(
            "reading.html", asked=asked, now=self.clock(), wanted=wanted, filters=_filters(asked.query), reading=reading
        )

    def judge(self, asked: PageRequest) -> Response:
        """A verdict on matches, or on all of some stories. Leads on to the next story, or says what was done."""
        is_relevant, on = _judged(asked.form)
        back = _back(asked.form)
        wanted, _ = _wanted(_fields_of(back))
        note = clean_line(asked.form.get("note", ""), limit=NOTE_LIMIT)
        with self.db.writing() as session:
            ids = inbox.judge(
                session,
                on,
                is_relevant=is_relevant,
                query=wanted,
                by=asked.who or "web",
                note=note,
                known=self.kept.known(session),
                now=self.clock(),
            )
            done = verdicts.given(session, *ids) if ids else None
        if asked.is_script:
            return self._said(wanted, done, _touched(on, done))
        self._compute_effects(done)
        return RedirectResponse(self._onward(asked.form, back, wanted, done), 303)

    def undo(self, asked: PageRequest) -> Response:
        """Undo verdicts that were given in one go. Leads back to the first story of them, or says what was done."""
        given = _range(asked.form.get("did", ""))
        if given is None:
            raise HTTPException(400, "This is not a form of this page.")
        back = _back(asked.form)
        with self.db.writing() as session:
            undone = verdicts.undo(session, *given, by=asked.who or "web", now=self.clock())
            done = verdicts.given(session, *given)
        if done is None:
            raise HTTPException(404, "There is no such verdict.")
        if asked.is_script:
            wanted, _ = _wanted(_fields_of(back))
            return self._said(wanted, done, undone.story_ids, undone)
        fields = _filters(_fields_of(back))
        story = next(iter(undone.story_ids), None)
        return RedirectResponse(query(**fields, story=story, undone=f"{given[0]}-{given[1]}") + "#did", 303)

    def _page(self, name: str, **values: Any) -> Response:
        """A page; what it is made of is worked out again afterwards, where that is due."""
        answer = page(name, **values)
        answer.background = BackgroundTask(self.kept.renew)
        return answer

    # --- what follows a verdict ---

    def _onward(self, form: Mapping[str, str], back: str, wanted: InboxQuery, done: VerdictsGiven | None) -> str:
        """The address of what is to be judged next: the same article for another topic, else the next story."""
        here, following = _number(form.get("story", "")), _number(form.get("next", ""))
        with self.db.reading() as session:
            known = self.kept.known(session)
            line = next(iter(inbox.find_lines(session, [here], wanted, known)), None) if here else None
        is_more = line is not None and line.state == "new" and str(line.article_id) == form.get("article", "")
        fields = _filters(_fields_of(back))
        did = f"{done.first_id}-{done.last_id}" if done else None
        return query(**fields, story=(here if is_more else following), did=did) + "#did"

    def _said(
        self, wanted: InboxQuery, done: VerdictsGiven | None, story_ids: tuple[int, ...], undone: Undone | None = None
    ) -> Response:
        """What was done, and how the stories and the counts stand now."""
        with self.db.reading() as session:
            known = self.kept.known(session)
            lines = inbox.find_lines(session, story_ids, wanted, known)
            counts = inbox.find_counts(session, wanted, known)
        told: dict[str, Any] = {
            "says": _words(done, undone) if done else "Nothing was to be changed: this verdict is in force already.",
            "did": f"{done.first_id}-{done.last_id}" if done and not undone else "",
            "stories": [_state(each) for each in lines],
            "counts": counts,
        }
        afterwards = BackgroundTasks([] if undone else [BackgroundTask(self._compute_effects, done)])
        afterwards.add_task(self.kept.renew)
        return JSONResponse(told, background=afterwards)

    def _compute_effects(self, done: VerdictsGiven | None) -> None:
        """What a verdict on one match did to its topic; of many at once nobody asks which did what."""
        if done and done.matches == 1:
            self.effects.compute(done.article_id, done.topic)


def _state(line: InboxStory) -> dict[str, Any]:
    """What a line of the list knows of its story."""
    return {
        "id": line.id,
        "article": line.article_id,
        "state": line.state,
        "left": list(line.left),
        "others": line.others_left,
    }


# --- words --------------------------------------------------------------------------------------------------------------


def _told(session: Session, fields: Mapping[str, str]) -> dict[str, str] | None:
    """What the last form did, with the range to undo it by; None where the address does not say."""
    for name in ("did", "undone"):
        given = _range(fields.get(name, ""))
        done = verdicts.given(session, *given) if given else None
        if done and given:
            undone = Undone(count=done.undone, of=done.matches, story_ids=()) if name == "undone" else None
            return {"says": _words(done, undone), "did": "" if undone else f"{given[0]}-{given[1]}"}
    return None


def _words(done: VerdictsGiven, undone: Undone | None = None) -> str:
    """`Dismissed: TITLE`; `Confirmed 12 matches of 5 stories`; `Undone: TITLE is new again`."""
    if undone is None:
        return f"{'Confirmed' if done.is_relevant else 'Dismissed'}{_on_what(done)}"
    if not undone.count:
        return "Nothing was undone: it was judged again since."
    left = f" ({undone.of - undone.count} were judged again since)" if undone.count < undone.of else ""
    return f"Undone{_on_what(done)}{left}; now {done.state_now} again"


def _on_what(done: VerdictsGiven) -> str:
    if done.title:
        return f" for {', '.join(done.topics)}: {done.title}" if done.has_other_topics else f": {done.title}"
    count = len(done.story_ids)
    of = f" of {count} stories" if count > 1 else " of one story"
    return f" {done.matches} matches{of}"


# --- what the browser sends ---------------------------------------------------------------------------------------------

_FILTERS = ("topic", "state", "q", "language", "publisher", "from", "to", "told", "sort")


def _filters(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of the address that filter and sort, as they were written; empty ones left out."""
    return {name: fields[name] for name in _FILTERS if fields.get(name)}


def _wanted(fields: Mapping[str, str]) -> tuple[InboxQuery, int]:
    """The filters and the number of the page. Invalid values are ignored; raises HTTPException 400 for too many words (U10)."""
    words, number = fields.get("q", ""), _number(fields.get("page", ""))
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
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written) and written < "9999-12-31":
        with suppress(ValueError):
            return datetime.fromisoformat(written).replace(tzinfo=UTC)
    return None


def _number(written: str) -> int:
    """A number from the browser; 0 where it cannot be one of ours."""
    return int(written) if re.fullmatch("[0-9]{1,10}", written) and int(written) < ID_LIMIT else 0


def _range(written: str) -> tuple[int, int] | None:
    found = _RANGE.fullmatch(written)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    return (first, last) if 0 < first <= last < ID_LIMIT else None


def _back(form: Mapping[str, str]) -> str:
    """The address of the list that a form stood on."""
    path = own_path(form.get("back", ""))
    return path if path.startswith("/?") else "/"


def _fields_of(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query)[:50])


def _judged(form: Mapping[str, str]) -> tuple[bool, Judged]:
    """The verdict of a form, and on what it is. Raises HTTPException 400 where it has none, or nothing was picked."""
    said = _VERDICT.fullmatch(form.get("verdict", ""))
    if said is None:
        raise HTTPException(400, "This is not a form of this page.")
    on = _on({said[2].partition(".")[0]: said[2].partition(".")[2]} if said[2] else form)
    if not on.match_ids and not on.stories:
        raise HTTPException(400, "Pick at least one story first. Nothing was changed.")
    return said[1] == "confirmed", on


def _on(fields: Mapping[str, str]) -> Judged:
    found = [(each[1], _number(each[2]), fields[name]) for name in fields if (each := _ON.fullmatch(name))]
    return Judged(
        match_ids=tuple(number for kind, number, _ in found if kind == "m" and number),
        stories={number: _number(seen) for kind, number, seen in found if kind == "s" and number and _number(seen)},
    )


# --- places in the list -------------------------------------------------------------------------------------------------


def _next(lines: tuple[InboxStory, ...], story_id: int) -> int:
    """The story after this one on the page, else the one before; 0 where there is no other."""
    ids = [each.id for each in lines]
    at = ids.index(story_id) if story_id in ids else -1
    return next(iter(ids[at + 1 :] or ids[max(at - 1, 0) : max(at, 0)]), 0)


def _below(lines: tuple[InboxStory, ...], story_id: int) -> tuple[int, ...]:
    """The stories of the page from this one on."""
    ids = [each.id for each in lines]
    return tuple(ids[ids.index(story_id) :]) if story_id in ids else ()


def _with(choices: tuple[str, ...], asked: str) -> tuple[str, ...]:
    """The choices, with what was asked for where it is none of them."""
    return choices if not asked or asked in choices else (asked, *choices)


def _touched(on: Judged, done: VerdictsGiven | None) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*(done.story_ids if done else ()), *on.stories)))
