"""The start page: the inbox of stories with its reading pane, and the verdicts that are given there.

Everything works by links and forms. Our script asks for the same with `Accept: application/json`, so that the page stays as it is:
POST answers then say what was done instead of leading on. Input from the browser is validated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from monitor.review import inbox, matches, seeds, verdicts
from monitor.review.inbox import InboxQuery, InboxStory, Judged, Reading
from monitor.review.kept import KeptValues
from monitor.review.verdicts import Undone, VerdictsGiven
from monitor.store import inbox as store
from monitor.store import topics, versions
from monitor.store.db import Database
from monitor.text.tokens import clean_line
from monitor.topics import sentence
from monitor.topics.seed_writer import SeedFileError
from monitor.web.articles import Effects
from monitor.web.health import Health
from monitor.web.inbox_query import (
    KNOWN_SEED,
    back_to,
    fields_of,
    filters,
    judged,
    number_of,
    range_of,
    seed_file,
    wanted_by,
)
from monitor.web.inbox_words import told, words
from monitor.web.pages import ID_LIMIT, PAGE_SIZE, PageRequest
from monitor.web.show import page, query
from monitor.web.views import export_query

NOTE_LIMIT = 2_000
MAX_OFFSET = 1_000_000


class InboxPages:
    """The inbox, its lines and its reading pane as fragments, verdicts and their undoing."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        health: Callable[[], Health],
        effects: Effects,
        kept: KeptValues,
        seeds: Path | None = None,
    ) -> None:
        self.db, self.clock, self.health, self.effects, self.kept = db, clock, health, effects, kept
        self.seeds = seeds

    def inbox(self, asked: PageRequest) -> Response:
        """The stories, and one of them to read: that of the address, else the first."""
        if (topic := asked.query.get("topic")) and (new := self._new_name(topic)):
            return RedirectResponse(query(**{**filters(asked.query), "topic": new}), 303)
        return self._inbox(asked)

    def _new_name(self, topic: str) -> str | None:
        """What became of a renamed topic: its name stands in bookmarks, and in links of messages."""
        with self.db.reading() as session:
            return topics.renamed(session).get(topic)

    def _inbox(self, asked: PageRequest, *, problem: str = "", note: str = "") -> Response:
        """`problem`: why the last form failed; `note`: what was typed there."""
        wanted, number = wanted_by(asked.query)
        chosen = number_of(asked.query.get("story", ""))
        with self.db.reading() as session:
            known = self.kept.known(session)
            found = inbox.find_page(session, wanted, known)
            story_id = chosen or next((each.id for each in found.stories), 0)
            reading = inbox.find_reading(session, story_id, wanted, known) if story_id else None
            outline = next(iter(versions.outlines(session, wanted.topic)), None) if wanted.topic else None
            hint = inbox.find_hint(session, wanted, known) if wanted.words and not found.total else None
            did, views = told(session, asked.query), store.saved_views(session)
        return self._page(
            "inbox.html",
            asked=asked,
            now=self.clock(),
            wanted=wanted,
            filters=filters(asked.query),
            found=found,
            hint=hint,
            reading=reading,
            note=note,
            problem=problem,
            is_open=bool(chosen),
            picked=_below(found.stories, number_of(asked.query.get("below", ""))),
            next_id=_next(found.stories, story_id),
            did=did,
            views=[(each.name, query(**each.filters), dict(each.filters) == filters(asked.query)) for each in views],
            export=export_query,
            publishers=_with(tuple(known.choices.publishers), wanted.publisher),
            languages=_with(known.choices.languages, wanted.language),
            takes_seeds=self.seeds is not None,
            seedable=self._seedable(reading),
            outline=outline,
            advice=sentence.advice(outline) if outline else (),
            number=number,
            pages=max(1, -(-found.total // PAGE_SIZE)),
            problems=[each for each in self.health().problems if each.about in ("channels", "recipients")],
        )

    def lines(self, asked: PageRequest) -> Response:
        """More lines of the list, for our script: as many as a page has, from the line `offset` on."""
        wanted, _ = wanted_by(asked.query)
        offset = min(number_of(asked.query.get("offset", "")), MAX_OFFSET)
        with self.db.reading() as session:
            found = inbox.find_more(session, replace(wanted, offset=offset), self.kept.known(session))
        return self._page(
            "lines.html",
            now=self.clock(),
            wanted=wanted,
            filters=filters(asked.query),
            found=found,
            reading=None,
            picked=(),
            number=1,
        )

    def fresh(self, asked: PageRequest) -> Response:
        """How many stories the filters have got since the match `after`, for our script. It asks every quarter of a minute:
        where no match came, or none since it asked, the answer is 204 or 304 and costs one look at the end of an index."""
        wanted, _ = wanted_by(asked.query)
        after = number_of(asked.query.get("after", ""))
        with self.db.reading() as session:
            latest = store.latest_id(session)
            tag = f'"{latest}"'
            if asked.known_tag == tag:
                return Response(status_code=304, headers={"ETag": tag})
            if latest <= after:
                return Response(status_code=204, headers={"ETag": tag})
            stories = inbox.count_since(session, wanted, after, self.kept.known(session))
        return JSONResponse({"stories": stories}, headers={"ETag": tag})

    def reading(self, asked: PageRequest) -> Response:
        """The reading pane of one story, for our script."""
        wanted, _ = wanted_by(asked.query)
        with self.db.reading() as session:
            number = asked.number if asked.number < ID_LIMIT else 0
            reading = inbox.find_reading(session, number, wanted, self.kept.known(session))
        if reading is None:
            raise HTTPException(404, "There is no story with that number on any topic.")
        return page(
            "reading.html",
            asked=asked,
            now=self.clock(),
            wanted=wanted,
            filters=filters(asked.query),
            reading=reading,
            note="",
            seedable=self._seedable(reading),
        )

    def _seedable(self, reading: Reading | None) -> frozenset[str]:
        """The topics of which the article that is open can become a seed."""
        return seeds.taking(self.seeds, (each.topic for each in reading.matches) if reading else ())

    def judge(self, asked: PageRequest) -> Response:
        """A verdict on matches, or on all of some stories. Leads on to the next story, or says what was done."""
        said, on = judged(asked.form)
        back = back_to(asked.form)
        wanted, _ = wanted_by(fields_of(back))
        note = clean_line(asked.form.get("note", ""), limit=NOTE_LIMIT)
        try:
            seed = self._make_seed(on, is_counter=said == "counter") if said in ("seed", "counter") else ""
        except SeedFileError as error:
            return self._refused(asked, back, error.public_message, note)
        with self.db.reading() as session:  # what may take long is not worked out while the store is held for writing
            known = self.kept.known(session)
        with self.db.writing() as session:
            ids = inbox.judge(
                session,
                on,
                is_relevant=said in ("confirmed", "seed"),
                query=wanted,
                by=asked.who or "web",
                note=note,
                known=known,
                now=self.clock(),
            )
            done = verdicts.given(session, *ids) if ids else None
        if asked.is_script:
            return self._said(wanted, done, _touched(on, done), seed=seed)
        self._compute_effects(done)
        return RedirectResponse(self._onward(asked.form, back, wanted, done, seed), 303)

    def _refused(self, asked: PageRequest, back: str, sentence: str, note: str) -> Response:
        """409, as our script reads it, or as the page that the form stood on, with what was typed there."""
        if asked.is_script:
            return JSONResponse({"says": sentence}, 409)
        story = asked.form.get("story", "")
        again = replace(asked, query={**fields_of(back), "story": story}, here=query(**fields_of(back), story=story))
        answer = self._inbox(again, problem=sentence, note=note)
        answer.status_code = 409
        return answer

    def undo(self, asked: PageRequest) -> Response:
        """Undo verdicts that were given in one go. Leads back to the first story of them, or says what was done."""
        given, seed = range_of(asked.form.get("did", "")), seed_file(asked.form.get("seed", ""))
        if given is None:
            raise HTTPException(400, "This is not a form of this page.")
        back = back_to(asked.form)
        with self.db.writing() as session:
            undone = verdicts.undo(session, *given, by=asked.who or "web", now=self.clock())
            done = verdicts.given(session, *given)
        if done is None:
            raise HTTPException(404, "There is no such verdict.")
        seed = seed if undone.count and self._take_seed_back(done, seed) else ""
        if asked.is_script:
            wanted, _ = wanted_by(fields_of(back))
            return self._said(wanted, done, undone.story_ids, undone, seed=seed)
        fields = filters(fields_of(back))
        story = next(iter(undone.story_ids), None)
        at = query(**fields, story=story, undone=f"{given[0]}-{given[1]}", seed=seed)
        return RedirectResponse(at + "#did", 303)

    def _make_seed(self, on: Judged, *, is_counter: bool) -> str:
        """The name of the file that was written, or that the topic has the text already. Raises SeedFileError."""
        if self.seeds is None or len(on.match_ids) != 1 or on.stories:
            raise HTTPException(400, "This is not a form of this page.")
        with self.db.reading() as session:
            match = matches.find_match(session, on.match_ids[0], self.kept.calibration(session))
            if match is None:
                raise HTTPException(404, "There is no match with that number.")
            written = seeds.make_seed(session, match.article_id, match.topic, root=self.seeds, is_counter=is_counter)
        return written.path.name if written and written.is_new else KNOWN_SEED

    def _take_seed_back(self, done: VerdictsGiven, file: str) -> bool:
        if not self.seeds or not file or file == KNOWN_SEED or done.matches != 1:
            return False
        with self.db.reading() as session:
            return seeds.take_back(
                session, done.article_id, done.topic, file, root=self.seeds, is_counter=not done.is_relevant
            )

    def _page(self, name: str, **values: Any) -> Response:
        """A page; what it is made of is worked out again afterwards, where that is due."""
        answer = page(name, **values)
        answer.background = BackgroundTask(self.kept.renew)
        return answer

    # --- what follows a verdict ---

    def _onward(
        self, form: Mapping[str, str], back: str, wanted: InboxQuery, done: VerdictsGiven | None, seed: str
    ) -> str:
        """The address of what is to be judged next: the same article for another topic, else the next story."""
        here, following = number_of(form.get("story", "")), number_of(form.get("next", ""))
        with self.db.reading() as session:
            known = self.kept.known(session)
            line = next(iter(inbox.find_lines(session, [here], wanted, known)), None) if here else None
        is_more = line is not None and line.state == "new" and str(line.article_id) == form.get("article", "")
        fields = filters(fields_of(back))
        did = f"{done.first_id}-{done.last_id}" if done else None
        return query(**fields, story=(here if is_more else following), did=did, seed=seed) + "#did"

    def _said(
        self,
        wanted: InboxQuery,
        done: VerdictsGiven | None,
        story_ids: tuple[int, ...],
        undone: Undone | None = None,
        *,
        seed: str = "",
    ) -> Response:
        """What was done, and how the stories and the counts stand now."""
        with self.db.reading() as session:
            known = self.kept.known(session)
            lines = inbox.find_lines(session, story_ids, wanted, known)
            counts = inbox.find_counts(session, wanted, known)
        said: dict[str, Any] = {
            "says": words(done, undone, seed),
            "did": f"{done.first_id}-{done.last_id}" if done and not undone else "",
            "seed": seed,
            "stories": [_state(each) for each in lines],
            "counts": counts,
        }
        afterwards = BackgroundTasks([] if undone else [BackgroundTask(self._compute_effects, done)])
        afterwards.add_task(self.kept.renew)
        return JSONResponse(said, background=afterwards)

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
