"""The pages of new topics: a form, a draft with what it would have found and examples to call right or wrong, and following it.

A draft is a folder that nothing reads as a topic (`topics.drafts`), so that nobody is told anything before it is followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.matching import sensitivity as intent
from monitor.review.seeds import make_seed
from monitor.store import archive
from monitor.store import topics as store
from monitor.store.db import Database, Session
from monitor.text.tokens import clean_line
from monitor.topics import drafts, sentence
from monitor.topics.folders import TopicFolderError, check_name
from monitor.topics.seed_writer import SeedFileError
from monitor.types.errors import MonitorError
from monitor.types.matching import Topic
from monitor.web.manage.example_forms import MOST_EXAMPLES, FieldFault, examples_of
from monitor.web.manage.topic_folder import TopicFolderPages, draft_link, dropped_of, link_of
from monitor.web.manage.topic_trial import ShownTrial, shown_trial
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.tools import PageTools

_TRIALS_KEPT = 8
_DONE = {
    "undropped": "It is an example again.",
    "examples": "Written as examples into the draft's folder; this is what it would find now.",
    "made": "The draft is written. Nobody is told anything before you follow it.",
}


class DraftPages(TopicFolderPages):
    """New topics by page."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        root: Path | None,
        tools: PageTools,
        *,
        embedder_problem: str = "",
    ) -> None:
        super().__init__(db, clock, root, tools, embedder_problem=embedder_problem)
        self._trials: dict[tuple[str, str, int], ShownTrial] = {}

    def blank(self, asked: PageRequest) -> Response:
        """The form for a new topic."""
        return self._form(asked, {}, {})

    def _form(self, asked: PageRequest, form: Mapping[str, str], faults: Mapping[str, str]) -> Response:
        """The form with what was typed, and what is wrong with each field."""
        return page(
            "topic_new.html",
            status=400 if faults else 200,
            asked=asked,
            form={name: form.get(name, "") for name in ("title", "name", "description", "addresses", "text")},
            faults=faults,
            most=MOST_EXAMPLES,
            had_files=bool(asked.files),
            draft_there=self._draft_there(form) if faults else "",
        )

    def _draft_there(self, form: Mapping[str, str]) -> str:
        """The address of the draft that has the name already, as after a second click; '' where there is none."""
        try:
            name = _name(form)
            check_name(name)
        except (FieldFault, TopicFolderError):
            return ""
        return draft_link(name) if self._root and (drafts.root_of(self._root) / name).is_dir() else ""

    async def make(self, asked: PageRequest) -> Response:
        """Make a draft of a title, a sentence and examples; addresses are fetched. Where one cannot be read nothing is made."""
        form, root = asked.form, self._folder()
        try:
            name = _name(form)
            await to_thread.run_sync(self._check_free, root, name)
            articles = await examples_of(form, asked.files, self._tools)
            if not articles and not form.get("description", "").strip():
                raise FieldFault("description", "a topic needs a sentence or an example, best both")
            await to_thread.run_sync(
                lambda: drafts.make(
                    root,
                    name,
                    title=form.get("title", ""),
                    description=form.get("description", ""),
                    articles=articles,
                )
            )
        except (FieldFault, TopicFolderError, SeedFileError) as error:
            return await to_thread.run_sync(self._form, asked, form, self._faults(error, form))
        return RedirectResponse(f"{draft_link(name)}?done=made", 303)

    def _check_free(self, root: Path, name: str) -> None:
        check_name(name)
        with self.db.reading() as session:
            is_used = store.is_name_used(session, name)
        if is_used or (root / name).exists():
            raise TopicFolderError(f'there is, or was, a topic "{name}": choose another name')
        if (drafts.root_of(root) / name).exists():
            raise TopicFolderError(f'there is a draft "{name}" already: choose another name, or discard it')

    async def draft(self, asked: PageRequest) -> Response:
        """A draft, and what it would have found in the archive."""
        root = self._folder()
        topic = await to_thread.run_sync(self._draft_topic, root, asked.name)
        trial, problem = await self._tried_or_why(root, topic)
        return await to_thread.run_sync(self._show_draft, asked, topic, trial, problem)

    async def _tried_or_why(self, root: Path, topic: Topic) -> tuple[ShownTrial | None, str]:
        """The draft's trial, or why there is none."""
        try:
            return await self._tried(drafts.root_of(root) / topic.name, topic), ""
        except MonitorError as error:
            return None, self._plain(str(error))

    async def add(self, asked: PageRequest) -> Response:
        """Write examples into the draft's folder: addresses, which are fetched, a text or files."""
        root = self._folder()
        topic = await to_thread.run_sync(self._draft_topic, root, asked.name)
        faults = await self._add_examples(asked, drafts.root_of(root))
        if not faults:
            return RedirectResponse(f"{draft_link(asked.name)}?done=examples#said", 303)
        trial, problem = await self._tried_or_why(root, topic)
        return await to_thread.run_sync(partial(self._show_draft, asked, topic, trial, problem, faults=faults))

    def drop(self, asked: PageRequest) -> Response:
        """Take an example out of the draft's folder."""
        root = self._folder()
        self._draft_topic(root, asked.name)
        return self._drop_example(asked, drafts.root_of(root), draft_link(asked.name))

    def undrop(self, asked: PageRequest) -> Response:
        """Put an example back that was taken out."""
        root = self._folder()
        self._draft_topic(root, asked.name)
        return self._undrop_example(asked, drafts.root_of(root), draft_link(asked.name))

    def _draft_topic(self, root: Path, name: str) -> Topic:
        try:
            topic = drafts.find(root, name)
        except TopicFolderError:
            topic = None
        if topic is None:
            raise HTTPException(404, "There is no draft of that name.")
        return topic

    async def _tried(self, folder: Path, topic: Topic) -> ShownTrial | None:
        """The trial of a folder, kept until the folder changes or articles arrive."""
        if not self._tools.try_topic:
            raise MonitorError("topics cannot be tried from here")
        key = (topic.name, topic.digest, await self.db.read(_latest_article))
        if key not in self._trials:
            found = await self._tools.try_topic(folder)
            if found is None:
                return None
            self._trials[key] = shown_trial(found)
            while len(self._trials) > _TRIALS_KEPT:
                del self._trials[next(iter(self._trials))]
        return self._trials[key]

    def _show_draft(
        self,
        asked: PageRequest,
        topic: Topic,
        trial: ShownTrial | None,
        problem: str,
        *,
        faults: Mapping[str, str] | None = None,
    ) -> Response:
        return page(
            "topic_draft.html",
            status=400 if faults else 200,
            asked=asked,
            typed=asked.form if faults else {},
            faults=faults or {},
            most=MOST_EXAMPLES,
            dropped=dropped_of(asked.query),
            now=self.clock(),
            topic=topic,
            link=draft_link(topic.name),
            advice=sentence.advice(topic.outline),
            fit=self._fit(topic),
            trial=trial,
            problem=problem,
            said=_DONE.get(asked.query.get("done", ""), ""),
        )

    def examples(self, asked: PageRequest) -> Response:
        """Write the articles that were called right or wrong into the draft's folder."""
        root = self._folder()
        self._draft_topic(root, asked.name)
        answers = {
            int(found[1]): value
            for name, value in asked.form.items()
            if (found := re.fullmatch("a([0-9]{1,9})", name)) and value in ("right", "wrong")
        }
        if not answers:
            raise HTTPException(400, "Say of at least one article whether it is right or wrong. Nothing was changed.")
        with self._writing(), self.db.reading() as session:
            for article_id, value in answers.items():
                place = drafts.root_of(root)
                make_seed(session, article_id, asked.name, root=place, is_counter=value == "wrong")
        return RedirectResponse(f"{draft_link(asked.name)}?done=examples#said", 303)

    def follow(self, asked: PageRequest) -> Response:
        """Make a topic of the draft."""
        root, wanted = self._folder(), asked.form.get("sensitivity", "balanced")
        self._draft_topic(root, asked.name)
        if intent.parse(wanted) is None:
            raise HTTPException(400, "There is no such sensitivity. Nothing was changed.")
        with self._writing():
            self._check_name_free(asked.name)
            drafts.follow(root, asked.name, sensitivity=wanted)
        return RedirectResponse(f"{link_of(asked.name)}?done=followed#said", 303)

    def _check_name_free(self, name: str) -> None:
        with self.db.reading() as session:
            if store.is_name_used(session, name):
                raise TopicFolderError(f'there is, or was, a topic "{name}": rename the draft\'s folder')

    def discard(self, asked: PageRequest) -> Response:
        """Set the draft aside."""
        root = self._folder()
        self._draft_topic(root, asked.name)
        with self._writing():
            drafts.discard(root, asked.name, now=self.clock())
        return RedirectResponse("/topics?done=removed#said", 303)


def _latest_article(session: Session) -> int:
    return archive.latest_id(session)


def _name(form: Mapping[str, str]) -> str:
    """The name of the folder: as it was written, else made of the title."""
    written = form.get("name", "").strip()
    if written:
        return written
    words = re.sub(r"[^\w]+", "-", clean_line(form.get("title", ""), limit=60).casefold()).strip("-_")
    if not words:
        raise FieldFault("title", "a topic needs a title, of which its name is made")
    return words
