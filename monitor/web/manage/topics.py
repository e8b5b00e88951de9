"""The pages of topics: the list, and one topic with its sentence, examples, figures and versions.

Topics stay files in the folder of seeds; what a page changes in a topic.toml it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.matching import sensitivity as intent
from monitor.review import matches
from monitor.review import topics as review
from monitor.review.kept import KeptValues
from monitor.store import topics as store
from monitor.store import versions
from monitor.store.db import Database, Session
from monitor.text.tokens import clean_line
from monitor.topics import drafts, edit_toml, folders, seeds, sentence
from monitor.topics.folders import TopicFolderError, check_name
from monitor.types.matching import StoredTopic, Topic
from monitor.web.manage.concurrent_edits import merged
from monitor.web.manage.example_forms import MOST_EXAMPLES
from monitor.web.manage.topic_figures import FiguresOfTopics
from monitor.web.manage.topic_folder import TopicFolderPages, draft_link, dropped_of, link_of
from monitor.web.manage.topic_versions import compare_with
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.tools import PageTools

_KEYS = {"title": 300, "description": 5_000, "sensitivity": 100}
"""What of a topic.toml a page changes: the most characters of each."""
_MOST_REMOVED = 30
_NO_TOPIC_FOLDER = (
    "The topic's folder is not here or cannot be read, so that nothing can be written into it. Nothing was changed: put "
    "it back, then send this again."
)
_DONE = {
    "back": "It is followed again, with all that it had found.",
    "removed": "It is set aside; what it found is kept. Below it can be brought back.",
    "followed": "The topic is followed: the files lie in the folder of seeds, and a running daemon takes it up within a second.",
    "examples": "Written as examples. A running daemon takes them up within a second.",
    "undropped": "It is an example again.",
    "paused": "Paused: nothing is matched against it until it is resumed.",
    "resumed": "Resumed: articles are matched against it again.",
    "renamed": "It has its new name, with everything that it found.",
    "restored": "Put back: the folder is written as that version had it, and the folder of before is kept under .removed/.",
    "same": "Its files are those of that version already.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLine:
    """A row of the list."""

    name: str
    title: str
    state: str
    """`on`, `paused`, `off`, `broken` or `away`."""
    note: str
    by_state: Mapping[str, int]
    advice: Sequence[sentence.Advice] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedTopic:
    """A topic or draft that was set aside."""

    folder: str
    title: str
    day: date
    is_draft: bool


class TopicPages(TopicFolderPages):
    """Topics by page."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        root: Path | None,
        kept: KeptValues,
        tools: PageTools,
        *,
        embedder_problem: str = "",
    ) -> None:
        super().__init__(db, clock, root, tools, embedder_problem=embedder_problem)
        self._figures = FiguresOfTopics(kept, clock)
        self._folders = seeds.TopicFolders(root or Path())

    # --- the list -----------------------------------------------------------------------------------------------------

    def topics(self, asked: PageRequest) -> Response:
        """All topics, and the drafts."""
        read = self._folders.load() if self._root and self._root.is_dir() else seeds.LoadedTopics()
        with self.db.reading() as session:
            known = {name: each for name, each in store.stored(session).items() if not each.has_ended}
            counts = {each.topic: each for each in matches.counts(session)}
            outlines = {each.name: each for each in versions.outlines(session)}
            removed = self._removed(session)
        by_folder = {each.name: each for each in read.topics}
        lines = [
            TopicLine(
                name=name,
                title=_title(name, by_folder, counts),
                state=_state(known.get(name), by_folder.get(name)),
                note="" if name in known else "a running daemon takes it up within a second",
                by_state=counts[name].by_state if name in counts else {},
                advice=sentence.advice(outlines[name]) if name in outlines else (),
            )
            for name in sorted({*known, *by_folder})
        ]
        return page(
            "topics.html",
            asked=asked,
            lines=lines,
            faults=[self._plain(each) for each in read.faults],
            drafts=drafts.titles(self._root) if self._root else [],
            can_write=self._root is not None,
            removed=removed,
            said=_done_message(asked),
        )

    def _removed(self, session: Session) -> list[RemovedTopic]:
        """Topics and drafts that were set aside and can be brought back: of each the latest folder. What a renamed topic left under
        its old name when a version was put back is none of them: the topic is followed."""
        ended, titles, renamed = review.ended(session), store.titles(session), store.renamed(session)
        found: dict[str, RemovedTopic] = {}
        for each in folders.set_aside_folders(self._root) if self._root else ():
            is_there = (self._folder() / each.name).exists() or (drafts.root_of(self._folder()) / each.name).exists()
            if each.name not in found and each.name not in renamed and not is_there:
                found[each.name] = RemovedTopic(
                    folder=each.folder,
                    title=titles.get(each.name, each.name),
                    day=each.day,
                    is_draft=each.name not in ended,
                )
        return list(found.values())[:_MOST_REMOVED]

    def bring_back(self, asked: PageRequest) -> Response:
        """Follow a topic again that was removed, or take a draft up again that was discarded."""
        root, folder = self._folder(), asked.form.get("folder", "")
        with self.db.reading() as session:
            removed = self._removed(session)
        picked = next((each for each in removed if each.folder == folder), None)
        if picked is None:
            raise HTTPException(404, "That topic is not among the removed ones. Nothing was changed.")
        with self._writing():
            if picked.is_draft:
                return RedirectResponse(draft_link(drafts.bring_back(root, folder)), 303)
            now = self.clock()
            since_at = now - self._tools.reassess_for
            name = review.bring_back(self.db, root, folder, reassess_since_at=since_at, now=now)
        return _redirect(name, "back")

    # --- one topic ----------------------------------------------------------------------------------------------------

    def topic(self, asked: PageRequest) -> Response:
        """One topic: sentence, examples, figures, what to expect, versions."""
        now_named = self.named_now(asked)
        return self._show(asked) if now_named == asked else RedirectResponse(link_of(now_named.name), 303)

    def named_now(self, asked: PageRequest) -> PageRequest:
        """The request for the topic's name of now, where it was renamed since the page was loaded."""
        with self.db.reading() as session:
            return replace(asked, name=store.renamed(session).get(asked.name, asked.name))

    def _show(self, asked: PageRequest, *, failed: str = "", faults: Mapping[str, str] | None = None) -> Response:
        """The page; of a form that `failed` with what was typed, and what is wrong with each field."""
        name = asked.name
        with self.db.reading() as session:
            known = store.stored(session).get(name)
            in_folder = self._read(name)
            if (known is None or known.has_ended) and in_folder is None:
                raise HTTPException(404, "There is no topic of that name. The page “Topics” lists them.")
            topic = in_folder or store.as_stored(session, name)
            kept = self._figures.of(session, name, topic.sensitivity if topic else "balanced")
            history = versions.history(session, name)
            compared = compare_with(session, name, asked.query.get("compare", ""), topic)
            counts = next((each for each in matches.counts(session) if each.topic == name), None)
        return page(
            "topic.html",
            status=400 if faults else 200,
            asked=asked,
            failed=failed,
            typed=asked.form if faults else {},
            faults=faults or {},
            most=MOST_EXAMPLES,
            dropped=dropped_of(asked.query),
            now=self.clock(),
            topic_name=name,
            link=link_of(name),
            topic=topic,
            state=_state(known, in_folder),
            counts=counts.by_state if counts else {},
            advice=sentence.advice(topic.outline) if topic else (),
            fit=self._fit(topic) if topic else (),
            figures=kept.figures,
            expected=kept.expected,
            history=history,
            version=known.version if known else None,
            compared=compared,
            forms=intent.FORMS,
            can_write=self._root is not None and in_folder is not None,
            said=_done_message(asked),
            changed=[key for key in _KEYS if key in asked.query.get("changed", "").split(",")],
            is_unchanged=asked.query.get("changed") == "",
        )

    def settings(self, asked: PageRequest) -> Response:
        """Change title, sentence and sensitivity in the topic's topic.toml."""
        asked = self.named_now(asked)
        root = self._folder()
        topic = self._read(asked.name)
        if topic is None:
            raise HTTPException(404, _NO_TOPIC_FOLDER)
        form, conflicts = merged(asked.form, {key: getattr(topic, key) for key in _KEYS})
        asked = replace(asked, form=form)
        if conflicts:
            return self._show(asked, failed="settings", faults=conflicts)
        wanted = {key: clean_line(form.get(key, ""), limit=limit) for key, limit in _KEYS.items()}
        changes = {key: value or None for key, value in wanted.items() if value != getattr(topic, key)}
        try:
            changed = edit_toml.edit(root / asked.name / seeds.TOPIC_TOML, changes)
        except TopicFolderError as error:
            return self._show(asked, failed="settings", faults=self._setting_faults(error, wanted))
        return RedirectResponse(f"{link_of(asked.name)}?changed={','.join(changed)}#said", 303)

    def pause(self, asked: PageRequest) -> Response:
        """Match nothing against the topic."""
        asked = self.named_now(asked)
        self._known(asked.name)
        review.pause(self.db, asked.name, now=self.clock())
        return _redirect(asked.name, "paused")

    def resume(self, asked: PageRequest) -> Response:
        """Go on with the topic."""
        asked = self.named_now(asked)
        self._known(asked.name)
        review.resume(self.db, asked.name)
        return _redirect(asked.name, "resumed")

    def rename(self, asked: PageRequest) -> Response:
        """Give the topic another name."""
        asked = self.named_now(asked)
        new = asked.form.get("new", "").strip()
        self._known(asked.name)
        try:
            review.rename(self.db, self._folder(), asked.name, new, now=self.clock())
        except TopicFolderError as error:
            said = self._plain(str(error))
            return self._show(asked, failed="rename", faults={"new": f"{said[:1].upper()}{said[1:]}."})
        return _redirect(new, "renamed")

    async def add(self, asked: PageRequest) -> Response:
        """Write examples into the topic's folder: addresses, which are fetched, a text or files."""
        asked = await to_thread.run_sync(self.named_now, asked)
        root = self._folder()
        if await to_thread.run_sync(self._read, asked.name) is None:
            raise HTTPException(404, _NO_TOPIC_FOLDER)
        faults = await self._add_examples(asked, root)
        if faults:
            return await to_thread.run_sync(partial(self._show, asked, failed="examples", faults=faults))
        return _redirect(asked.name, "examples")

    def drop(self, asked: PageRequest) -> Response:
        """Take an example out of the topic's folder."""
        asked = self.named_now(asked)
        return self._drop_example(asked, self._of_topic(asked.name), link_of(asked.name))

    def undrop(self, asked: PageRequest) -> Response:
        """Put an example back that was taken out."""
        asked = self.named_now(asked)
        return self._undrop_example(asked, self._of_topic(asked.name), link_of(asked.name))

    def _of_topic(self, name: str) -> Path:
        root = self._folder()
        if self._read(name) is None:
            raise HTTPException(404, _NO_TOPIC_FOLDER)
        return root

    def _setting_faults(self, error: TopicFolderError, wanted: Mapping[str, str]) -> Mapping[str, str]:
        """What is wrong with the settings, by field as far as it names one."""
        if wanted["sensitivity"] and intent.parse(wanted["sensitivity"]) is None:
            return {"sensitivity": f"Sensitivity is one of {', '.join(intent.FORMS)}."}
        said = self._plain(str(error))
        return {"description": f"{said[:1].upper()}{said[1:]}."}

    def remove(self, asked: PageRequest) -> Response:
        """End the topic; what it found is kept, and so is its folder, under `.removed/`."""
        asked = self.named_now(asked)
        self._known(asked.name)
        if asked.form.get("sure") != "yes":
            raise HTTPException(400, "Tick the box to remove the topic. Nothing was changed.")
        with self._writing():
            review.remove(self.db, self._folder(), asked.name, now=self.clock())
        return RedirectResponse("/topics?done=removed#said", 303)

    def restore(self, asked: PageRequest) -> Response:
        """Put the topic back to a version."""
        asked = self.named_now(asked)
        self._known(asked.name)
        number = asked.form.get("version", "")
        if not re.fullmatch("[0-9]{1,9}", number):
            raise HTTPException(400, "There is no such version. Nothing was changed.")
        with self._writing():
            done = review.restore(self.db, self._folder(), asked.name, int(number), now=self.clock())
        if done is None:
            raise HTTPException(404, "That version is not kept. Nothing was changed.")
        return _redirect(asked.name, "restored" if done.is_written else "same")

    def _read(self, name: str) -> Topic | None:
        """The topic as its folder says it; None where it has none that can be read."""
        try:
            check_name(name)
        except TopicFolderError:
            return None
        if self._root is None or not (self._root / name).is_dir():
            return None
        return next(iter(seeds.load_one(self._root / name).topics), None)

    def _known(self, name: str) -> None:
        with self.db.reading() as session:
            if name not in review.names(session):
                raise HTTPException(
                    404, "There is no topic of that name, or no daemon has read it yet. Nothing was changed."
                )


def _title(name: str, by_folder: Mapping[str, Topic], counts: Mapping[str, matches.MatchCounts]) -> str:
    return by_folder[name].title if name in by_folder else counts[name].title if name in counts else name


def _state(known: StoredTopic | None, in_folder: Topic | None) -> str:
    if known and known.is_paused:
        return "paused"
    if in_folder is None:
        return "away"
    return "on" if in_folder.is_enabled else "off"


def _done_message(asked: PageRequest) -> str:
    return _DONE.get(asked.query.get("done", ""), "")


def _redirect(name: str, done: str) -> Response:
    return RedirectResponse(f"{link_of(name)}?done={done}#said", 303)
