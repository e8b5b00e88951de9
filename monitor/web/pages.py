"""The pages on articles, with their forms: one method each, from a `PageRequest` to a response.

They run on threads. Input from the browser is validated here; headers, cookies and passwords are handled in `guard` and `app`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.learning.verdict_effects import VerdictEffects
from monitor.matching.background import Background
from monitor.review import articles, matches
from monitor.review.articles import ArticleRecord
from monitor.review.kept import KeptValues
from monitor.review.seeds import make_seed
from monitor.store.db import Database
from monitor.text import urls
from monitor.topics.seed_writer import SeedFileError
from monitor.types.errors import StoreError
from monitor.types.plans import SettingsEntry
from monitor.web.health import Health
from monitor.web.show import page
from monitor.web.status import board
from monitor.web.uploads import Upload

PAGE_SIZE = 50
LAST_PAGE = 100_000
WORDS_LIMIT = 300
ID_LIMIT = 2**31
"""Ids are below this: the databases' INTEGER."""
_OWN_PATH = re.compile(r"/(?:(?:articles|stories)/[0-9]{1,10}|near|views)?(?:\?[!-\[\]-~]{0,2000})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """The parts of a request that pages use."""

    here: str
    """Path and query."""
    who: str = ""
    token: str = ""
    """The CSRF token for every form."""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    """The id in the path."""
    name: str = ""
    """The name in the path: of a feed, a topic or a channel."""
    files: Sequence[Upload] = ()
    """What was sent with a form that takes files."""
    secret: str = ""
    """The secret in the path."""
    known_tag: str = ""
    """The ETag that the client has."""
    is_script: bool = False
    """Our own script asks, for JSON: it keeps the page as it is."""


class Effects:
    """What verdicts did to their topics, worked out one after the other: it takes longer than the verdict itself."""

    def __init__(self, db: Database, seeds: Path | None, background: Callable[[], Background | None]) -> None:
        self._db, self._lock = db, Lock()
        self._effects = VerdictEffects(seeds, background) if seeds else None

    def compute(self, article_id: int, topic: str) -> None:
        """Work out and store the effect of the latest verdict on an article. The verdict stands where that cannot be done."""
        if self._effects:
            with self._lock, suppress(StoreError):
                self._effects.compute(self._db, article_id, topic)


class Pages:
    """Articles, explain, status; verdicts and seeds."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        health: Callable[[], Health],
        kept: KeptValues,
        seeds: Path | None = None,
        background: Callable[[], Background | None] = lambda: None,
        entries: Sequence[SettingsEntry] | None = None,
        embedder_problem: str = "",
    ) -> None:
        self.db, self.clock, self.health, self.kept = db, clock, health, kept
        self.seeds, self.entries = seeds, entries
        self._embedder_problem = embedder_problem
        self.effects = Effects(db, seeds, background)

    def article(self, asked: PageRequest) -> Response:
        """Everything stored about one article."""
        with self.db.reading() as session:
            record = articles.find_record(session, _id(asked.number), self.kept.calibration(session))
            topics = matches.counts(session) if self.seeds else []
        if record is None:
            raise HTTPException(404, "There is no article with that number.")
        matched = {match.topic for match in record.hits}
        return page(
            "article.html",
            asked=asked,
            now=self.clock(),
            record=record,
            original=_original(record),
            takes_seeds=self.seeds is not None,
            others=[each for each in topics if each.topic not in matched],
            told=_done_message(asked.query),
        )

    def explain(self, asked: PageRequest) -> Response:
        """Find the article at an address and redirect to its page."""
        url = asked.query.get("url", "").strip()
        if not url:
            return page("explain.html", url="", answer="")
        if re.fullmatch("[0-9]{1,10}", url):
            return RedirectResponse(f"/articles/{int(url)}", 303)
        if not urls.canonical(url):
            answer = "That is not a web address. Paste it whole, with https:// in front."
            return page("explain.html", status=400, url=url, answer=answer)
        with self.db.reading() as session:
            article_id = articles.find_article(session, url)
        if article_id is None:
            answer = "Never seen: no feed has shown an article at this address."
            return page("explain.html", status=404, url=url, answer=answer)
        return RedirectResponse(f"/articles/{article_id}", 303)

    def status(self, asked: PageRequest) -> Response:
        """The state of service, feeds, channels and topics."""
        now = self.clock()
        with self.db.reading() as session:
            shown = board(session, self.entries, now=now, embedder_problem=self._embedder_problem)
        return page("status.html", now=now, board=shown, health=self.health())

    def confirm(self, asked: PageRequest) -> Response:
        """Confirm a match."""
        return self._judge(asked, is_relevant=True)

    def dismiss(self, asked: PageRequest) -> Response:
        """Dismiss a match."""
        return self._judge(asked, is_relevant=False)

    def seed(self, asked: PageRequest) -> Response:
        """Write the article into a topic's folder as seed or counter-seed, and confirm or dismiss its match on that topic."""
        topic, kind = asked.form.get("topic", ""), asked.form.get("kind", "")
        if self.seeds is None or kind not in _SEED_KINDS:
            raise HTTPException(400, "This is not a form of this page.")
        is_counter = kind == "counter"
        with self.db.reading() as session:
            calibrated = self.kept.calibration(session)
            record = articles.find_record(session, _id(asked.number), calibrated)
            if record is None:
                raise HTTPException(404, "There is no article with that number.")
            if topic not in {each.topic for each in matches.counts(session)}:
                raise HTTPException(404, "There is no such topic.")
            try:
                written = make_seed(session, record.id, topic, root=self.seeds, is_counter=is_counter)
            except SeedFileError as error:
                raise HTTPException(409, error.public_message) from error
        match = next((match for match in record.hits if match.topic == topic), None)
        if match:
            with self.db.writing() as session:
                matches.judge(
                    session,
                    match.id,
                    is_relevant=not is_counter,
                    by=asked.who or "web",
                    calibrated=calibrated,
                    now=self.clock(),
                )
        done = "counter" if is_counter else "seed"
        done = done if written and written.is_new else f"{done}-known"
        return RedirectResponse(f"/articles/{record.id}?done={done}#told", 303)

    def _judge(self, asked: PageRequest, *, is_relevant: bool) -> Response:
        with self.db.reading() as session:  # what may take long is not worked out while the store is held for writing
            calibrated = self.kept.calibration(session)
        with self.db.writing() as session:
            match = matches.judge(
                session,
                _id(asked.number),
                is_relevant=is_relevant,
                by=asked.who or "web",
                calibrated=calibrated,
                now=self.clock(),
            )
        if match is None:
            raise HTTPException(404, "There is no match with that number.")
        self.effects.compute(match.article_id, match.topic)
        return RedirectResponse(f"{own_path(asked.form.get('back', ''))}#match-{match.id}", 303)


_DONE_PARAMETER = re.compile(r"[?&]done=[a-z-]*$")
"""Removed from addresses, so that a page shows its message once."""
_SEED_KINDS = ("seed", "counter")
_DONE = {
    "seed": "Written as a seed of its topic. The topic learns from it within a second.",
    "counter": "Written as a counter-seed of its topic. The topic learns from it within a second.",
    "seed-known": "The topic has this text as a seed already.",
    "counter-known": "The topic has this text as a counter-seed already.",
}


def _done_message(query: Mapping[str, str]) -> str:
    """The message on what the last form did; '' for none."""
    return _DONE.get(query.get("done", ""), "")


def own_path(path: str) -> str:
    """The path a form came from, if it is one of our pages; else the list (U7: no open redirect)."""
    return _DONE_PARAMETER.sub("", path) if _OWN_PATH.fullmatch(path) else "/"


def _id(number: int) -> int:
    if number >= ID_LIMIT:
        raise HTTPException(404, "There is nothing with that number.")
    return number


def _original(record: ArticleRecord) -> str:
    """Title of the article this one is a copy or an update of, where it is still in its story."""
    return next((title for number, _, title, _ in record.carried if number == record.of_article_id), "")
