"""The pages of new topics: a form, a draft with what it would have found and examples to call right or wrong, and following it.

A draft is a folder that nothing reads as a topic (`topics.drafts`), so that nobody is told anything before it is followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.matching import sensitivity as intent
from monitor.review.seeds import make_seed
from monitor.store import archive
from monitor.store import topics as store
from monitor.store.db import Database, Session
from monitor.text import charsets
from monitor.text.tokens import clean_line
from monitor.topics import drafts, seed_formats, seeds, sentence
from monitor.topics.folders import TopicFolderError, check_name
from monitor.topics.seed_writer import SeedFileError, SeedText
from monitor.types.errors import FetchError, MonitorError, ParseError
from monitor.types.matching import Article, Grade, Topic
from monitor.web.manage.topic_folder import TopicFolderPages, draft_link, link_of
from monitor.web.manage.topic_trial import ShownTrial, shown_trial
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.tools import PageTools
from monitor.web.uploads import Upload

MOST_EXAMPLES = 20
"""Addresses and files that one form takes."""
_TRIALS_KEPT = 8
_DONE = {
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
        super().__init__(db, clock, root, embedder_problem=embedder_problem)
        self._tools = tools
        self._trials: dict[tuple[str, str, int], ShownTrial] = {}

    def blank(self, asked: PageRequest) -> Response:
        """The form for a new topic."""
        return self._form(asked, {}, "")

    def _form(self, asked: PageRequest, form: Mapping[str, str], problem: str) -> Response:
        return page(
            "topic_new.html",
            status=400 if problem else 200,
            asked=asked,
            form={name: form.get(name, "") for name in ("title", "name", "description", "addresses", "text")},
            problem=problem,
            most=MOST_EXAMPLES,
        )

    async def make(self, asked: PageRequest) -> Response:
        """Make a draft of a title, a sentence and examples; addresses are fetched. Where one cannot be read nothing is made."""
        form, root = asked.form, self._folder()
        try:
            name = _name(form)
            await to_thread.run_sync(self._check_free, root, name)
            articles = await self._articles(form, asked.files)
            if not articles and not form.get("description", "").strip():
                raise TopicFolderError("a topic needs a sentence or an example, best both")
            await to_thread.run_sync(
                lambda: drafts.make(
                    root,
                    name,
                    title=form.get("title", ""),
                    description=form.get("description", ""),
                    articles=articles,
                )
            )
        except (TopicFolderError, SeedFileError) as error:
            return await to_thread.run_sync(self._form, asked, form, self._plain(_said(error)))
        return RedirectResponse(f"{draft_link(name)}?done=made", 303)

    def _check_free(self, root: Path, name: str) -> None:
        check_name(name)
        with self.db.reading() as session:
            is_used = store.is_name_used(session, name)
        if is_used or (root / name).exists():
            raise TopicFolderError(f'there is, or was, a topic "{name}": choose another name')
        if (drafts.root_of(root) / name).exists():
            raise TopicFolderError(f'there is a draft "{name}" already: choose another name, or discard it')

    async def _articles(self, form: Mapping[str, str], files: Sequence[Upload]) -> list[SeedText]:
        addresses = list(dict.fromkeys(form.get("addresses", "").split()))
        if len(addresses) + len(files) > MOST_EXAMPLES:
            raise TopicFolderError(f"at most {MOST_EXAMPLES} examples at once; add the others afterwards")
        found = [await self._fetched(each) for each in addresses]
        found += [_of_file(each) for each in files]
        if text := form.get("text", "").strip():
            title, _, rest = text.partition("\n")
            found.append(SeedText(title=clean_line(title, limit=300), text=rest.strip() or title))
        return found

    async def _fetched(self, address: str) -> SeedText:
        mend = "leave it out, or paste the article's text"
        if not self._tools.article_at or not address.lower().startswith(("https://", "http://")):
            raise TopicFolderError(f"{clean_line(address, limit=200)}: this is no web address; {mend}")
        try:
            return _of_article(await self._tools.article_at(address))
        except (FetchError, ParseError, ValueError) as error:
            raise TopicFolderError(f"{clean_line(address, limit=200)}: {error}; nothing was made: {mend}") from error

    async def draft(self, asked: PageRequest) -> Response:
        """A draft, and what it would have found in the archive."""
        root = self._folder()
        topic = await to_thread.run_sync(self._draft_topic, root, asked.name)
        trial, problem = None, ""
        try:
            trial = await self._tried(drafts.root_of(root) / asked.name, topic)
        except MonitorError as error:
            problem = self._plain(str(error))
        return await to_thread.run_sync(self._show_draft, asked, topic, trial, problem)

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
            raise MonitorError("topics cannot be tried from here; `monitor topics try` does it")
        key = (topic.name, topic.digest, await self.db.read(_latest_article))
        if key not in self._trials:
            found = await self._tools.try_topic(folder)
            if found is None:
                return None
            self._trials[key] = shown_trial(found)
            while len(self._trials) > _TRIALS_KEPT:
                del self._trials[next(iter(self._trials))]
        return self._trials[key]

    def _show_draft(self, asked: PageRequest, topic: Topic, trial: ShownTrial | None, problem: str) -> Response:
        return page(
            "topic_draft.html",
            asked=asked,
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
        raise TopicFolderError("a topic needs a title, of which its name is made")
    return words


def _of_article(article: Article) -> SeedText:
    if article.grade is Grade.WALL:
        raise ValueError("a consent or paywall page, and no article")
    if not article.text.strip():
        raise ValueError("no article's text was found on its page")
    return SeedText(title=article.title, text=article.text, url=article.url, source=article.source)


def _of_file(file: Upload) -> SeedText:
    """A text or page that was sent along."""
    name = clean_line(file.name, limit=100)
    suffix = Path(file.name).suffix.lower()
    if suffix not in seeds.SUFFIXES:
        raise TopicFolderError(f"{name}: an example is a file that ends in {', '.join(seeds.SUFFIXES)}")
    if len(file.body) > seeds.MAX_SEED_BYTES:
        raise TopicFolderError(f"{name} is too large for an article")
    title, text = seed_formats.READERS[suffix](charsets.read(file.body).text)
    return SeedText(title=title or Path(name).stem, text=text)


def _said(error: MonitorError) -> str:
    return error.public_message if isinstance(error, SeedFileError) else str(error)
