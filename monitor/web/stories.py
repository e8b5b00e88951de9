"""The pages of stories: the list, one story with its timeline, and the forms to merge, split and move.

Input from the browser is validated here; stories are read by `review.stories` and changed by `review.story_edits`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.review import matches, story_edits
from monitor.review import stories as review
from monitor.review.stories import StoryChangeError, UnknownStoryError
from monitor.review.story_edits import Reviewer, StoryChangeResult
from monitor.store.db import Database, Session
from monitor.stories.sources import StoryState
from monitor.text.tokens import clean_line
from monitor.web import zones
from monitor.web.pages import ID_LIMIT, LAST_PAGE, PAGE_SIZE, PageRequest
from monitor.web.show import page
from monitor.web.story_picture import draw

_PICKED = re.compile("a([0-9]{1,10})")
"""Name of the checkbox before an article."""


class StoryPages:
    """Stories, and the forms that merge, split and move them."""

    def __init__(self, db: Database, clock: Callable[[], datetime], preferred: Sequence[str] = ()) -> None:
        self.db, self.clock, self.preferred = db, clock, tuple(preferred)

    def stories(self, asked: PageRequest) -> Response:
        """The list of stories: latest activity first, by topic and state."""
        query, now = asked.query, self.clock()
        topic = clean_line(query.get("topic", ""), limit=200)
        state = StoryState(query["state"]) if query.get("state") in set(StoryState) else None
        asked_for = query.get("page", "1")
        number = int(asked_for) if re.fullmatch("[0-9]{1,6}", asked_for) and 1 <= int(asked_for) <= LAST_PAGE else 1
        with self.db.reading() as session:
            topics = matches.counts(session)
            found = review.list_stories(
                session, topic=topic, state=state, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE, now=now
            )
        return page(
            "stories.html",
            now=now,
            topics=topics,
            topic=topic,
            state=state.value if state else "",
            states=[each.value for each in StoryState],
            stories=found.stories,
            total=found.total,
            number=number,
            pages=max(1, -(-found.total // PAGE_SIZE)),
        )

    def story(self, asked: PageRequest) -> Response:
        """One story; the number of a merged story redirects to the story that it became part of."""
        return self._show(asked)

    def _show(self, asked: PageRequest, *, status: int = 200, problem: str = "") -> Response:
        """The page; `problem` says why a form on it failed, and then it has what was typed and picked."""
        now = self.clock()
        with self.db.reading() as session:
            try:
                story = review.find(session, _id(asked.number), now=now, preferred=self.preferred)
            except UnknownStoryError:
                raise HTTPException(404, "There is no story with that number.") from None
        if story.summary.id != asked.number:
            return RedirectResponse(f"/stories/{story.summary.id}", 303)
        appearances = [replace(each, at=zones.local(each.at)) for each in story.appearances]
        picture = draw(appearances, [zones.local(each["created_at"]) for each in story.alerts], zones.name())
        return page(
            "story.html",
            status=status,
            asked=asked,
            now=now,
            story=story,
            picture=picture,
            problem=problem,
            typed=asked.form if problem else {},
        )

    def merge(self, asked: PageRequest) -> Response:
        """Merge another story into this one."""

        def merge(session: Session, reviewer: Reviewer) -> StoryChangeResult:
            return story_edits.merge(session, _id(asked.number), _number(asked.form, "other"), reviewer)

        return self._apply(asked, merge)

    def split(self, asked: PageRequest) -> Response:
        """Split the picked articles off into a story of their own."""
        return self._apply(asked, lambda session, reviewer: story_edits.split(session, _picked(asked.form), reviewer))

    def move(self, asked: PageRequest) -> Response:
        """Move the picked articles to another story."""

        def move(session: Session, reviewer: Reviewer) -> StoryChangeResult:
            return story_edits.move(session, _picked(asked.form), _number(asked.form, "to"), reviewer)

        return self._apply(asked, move)

    def _apply(self, asked: PageRequest, verb: Callable[[Session, Reviewer], StoryChangeResult]) -> Response:
        note = clean_line(asked.form.get("note", ""), limit=500)
        reviewer = Reviewer(by=asked.who or "web", now=self.clock(), note=note, preferred=self.preferred)
        try:
            with self.db.writing() as session:
                said = verb(session, reviewer)
        except HTTPException as error:
            return self._show(asked, status=error.status_code, problem=str(error.detail))
        except StoryChangeError as error:
            status = 404 if isinstance(error, UnknownStoryError) else 400
            return self._show(asked, status=status, problem=_sentence(error))
        return RedirectResponse(f"/stories/{said.story_id}#said", 303)


def _sentence(error: StoryChangeError) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}. Nothing was changed."


def _id(number: int) -> int:
    if number >= ID_LIMIT:
        raise HTTPException(404, "There is nothing with that number.")
    return number


def _number(form: Mapping[str, str], name: str) -> int:
    written = form.get(name, "").strip().removeprefix("#")
    if not re.fullmatch("[0-9]{1,10}", written) or not 0 < int(written) < ID_LIMIT:
        raise HTTPException(
            400, "Give the number of a story, as at the end of its page's address. Nothing was changed."
        )
    return int(written)


def _picked(form: Mapping[str, str]) -> list[int]:
    found = [int(each[1]) for name in form if (each := _PICKED.fullmatch(name)) and int(each[1]) < ID_LIMIT]
    if not found:
        raise HTTPException(400, "Pick at least one article first. Nothing was changed.")
    return found
