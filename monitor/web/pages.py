"""The pages: a question in, an answer out, one method each. They run on threads; what a browser may send is checked here.

Reads through `review` and `status`, writes through `review.judge`. Knows no headers, cookies or passwords.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.learning.verdict_effects import VerdictEffects
from monitor.matching.background import Background
from monitor.review import matches
from monitor.review.matches import ArticleRecord, MatchCounts, MatchQuery
from monitor.store.db import Database
from monitor.text import urls
from monitor.text.tokens import clean_line
from monitor.topics.seed_writer import SeedFileError
from monitor.types.errors import StoreError
from monitor.web.health import Health
from monitor.web.show import page
from monitor.web.status import board

PAGE_SIZE = 50
LAST_PAGE = 100_000
WORDS_LIMIT = 300
ID_LIMIT = 2**31
"""The databases' integers end here."""
_OWN_PATH = re.compile(r"/(?:(?:articles|stories)/[0-9]{1,10}|near)?(?:\?[!-\[\]-~]{0,2000})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What a page needs to know of a request."""

    here: str
    """Path and query."""
    who: str = ""
    token: str = ""
    """To be put into every form."""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    """The id in the path."""


class Pages:
    """Everything a reviewer can look at or do."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        health: Callable[[], Health],
        seeds: Path | None = None,
        background: Callable[[], Background | None] = lambda: None,
    ) -> None:
        self.db, self.clock, self.health, self.seeds = db, clock, health, seeds
        self._effects = VerdictEffects(seeds, background) if seeds else None

    def matches(self, asked: PageRequest) -> Response:
        """The list: newest first, by topic, state and words."""
        wanted, number = _wanted(asked.query)
        with self.db.reading() as session:
            found, topics = matches.list_matches(session, wanted), matches.counts(session)
        return page(
            "matches.html",
            asked=asked,
            now=self.clock(),
            wanted=wanted,
            topics=topics,
            totals=_totals(topics, wanted.topic),
            matches=found.hits,
            total=found.total,
            number=number,
            pages=max(1, -(-found.total // PAGE_SIZE)),
        )

    def article(self, asked: PageRequest) -> Response:
        """All we know of one article."""
        with self.db.reading() as session:
            record = matches.record(session, _id(asked.number))
            topics = matches.counts(session) if self.seeds else []
        if record is None:
            raise HTTPException(404, "There is no article of that number.")
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
        """From an address to what became of the article there."""
        url = asked.query.get("url", "").strip()
        if not url:
            return page("explain.html", url="", answer="")
        if re.fullmatch("[0-9]{1,10}", url):
            return RedirectResponse(f"/articles/{int(url)}", 303)
        if not urls.canonical(url):
            answer = "That is not a web address. Paste it whole, with https:// in front."
            return page("explain.html", status=400, url=url, answer=answer)
        with self.db.reading() as session:
            article_id = matches.find_article(session, url)
        if article_id is None:
            answer = "Never seen: no feed has shown an article at this address."
            return page("explain.html", status=404, url=url, answer=answer)
        return RedirectResponse(f"/articles/{article_id}", 303)

    def status(self, asked: PageRequest) -> Response:
        """Whether it works: feeds, channels, topics, faults."""
        now = self.clock()
        with self.db.reading() as session:
            shown = board(session, now=now)
        return page("status.html", now=now, board=shown, health=self.health())

    def confirm(self, asked: PageRequest) -> Response:
        """Yes, this is what we look for."""
        return self._judge(asked, is_relevant=True)

    def dismiss(self, asked: PageRequest) -> Response:
        """No, it is not."""
        return self._judge(asked, is_relevant=False)

    def seed(self, asked: PageRequest) -> Response:
        """Put the article into a topic's folder as a seed or counter-seed; a match of it is confirmed or dismissed by that."""
        topic, kind = asked.form.get("topic", ""), asked.form.get("kind", "")
        if self.seeds is None or kind not in _SEED_KINDS:
            raise HTTPException(400, "That is no form of this page.")
        is_counter = kind == "counter"
        with self.db.reading() as session:
            record = matches.record(session, _id(asked.number))
            if record is None:
                raise HTTPException(404, "There is no article of that number.")
            if topic not in {each.topic for each in matches.counts(session)}:
                raise HTTPException(404, "There is no such topic.")
            try:
                written = matches.make_seed(session, record.id, topic, root=self.seeds, is_counter=is_counter)
            except SeedFileError as error:
                raise HTTPException(409, error.said) from error
        match = next((match for match in record.hits if match.topic == topic), None)
        if match:
            with self.db.writing() as session:
                matches.judge(session, match.id, is_relevant=not is_counter, by=asked.who or "web", now=self.clock())
        done = "counter" if is_counter else "seed"
        done = done if written and written.is_new else f"{done}-known"
        return RedirectResponse(f"/articles/{record.id}?done={done}#told", 303)

    def _judge(self, asked: PageRequest, *, is_relevant: bool) -> Response:
        with self.db.writing() as session:
            match = matches.judge(
                session, _id(asked.number), is_relevant=is_relevant, by=asked.who or "web", now=self.clock()
            )
        if match is None:
            raise HTTPException(404, "There is no match of that number.")
        if self._effects:
            with suppress(StoreError):  # the verdict stands, whether or not it can be told what it taught
                self._effects.teach(self.db, match.article_id, match.topic)
        return RedirectResponse(f"{own_path(asked.form.get('back', ''))}#match-{match.id}", 303)


_DONE_PARAMETER = re.compile(r"[?&]done=[a-z-]*$")
"""What a page told once is not told again."""
_SEED_KINDS = ("seed", "counter")
_DONE = {
    "seed": "Written as a seed of its topic. The model learns from it within a second.",
    "counter": "Written as a counter-seed of its topic. The model learns from it within a second.",
    "seed-known": "The topic has this text as a seed already.",
    "counter-known": "The topic has this text as a counter-seed already.",
}


def _done_message(query: Mapping[str, str]) -> str:
    """What the last form did, where the page is shown after it."""
    return _DONE.get(query.get("done", ""), "")


def own_path(path: str) -> str:
    """Where a form came from, as long as it is the list or an article of ours; else the list (U7)."""
    return _DONE_PARAMETER.sub("", path) if _OWN_PATH.fullmatch(path) else "/"


def _id(number: int) -> int:
    if number >= ID_LIMIT:
        raise HTTPException(404, "There is nothing of that number.")
    return number


def _wanted(query: Mapping[str, str]) -> tuple[MatchQuery, int]:
    """The filters and the number of the page. What cannot be meant is left out; what is too long is said (U10)."""
    words, number = query.get("q", ""), query.get("page", "1")
    if len(words) > WORDS_LIMIT:
        raise HTTPException(400, f"Search for at most {WORDS_LIMIT} characters.")
    at = int(number) if re.fullmatch("[0-9]{1,6}", number) and 1 <= int(number) <= LAST_PAGE else 1
    wanted = MatchQuery(
        topic=clean_line(query.get("topic", ""), limit=200),
        state=query.get("state", "") if query.get("state") in matches.STATES else "",
        words=clean_line(words, limit=WORDS_LIMIT),
        limit=PAGE_SIZE,
    )
    return replace(wanted, offset=(at - 1) * PAGE_SIZE), at


def _totals(topics: list[MatchCounts], topic: str) -> dict[str, int]:
    """Matches by state, of one topic or of all."""
    shown = [each for each in topics if topic in ("", each.topic)]
    return {state: sum(each.by_state.get(state, 0) for each in shown) for state in matches.STATES}


def _original(record: ArticleRecord) -> str:
    """Title of the article this one is a copy or an update of, where it is still in its story."""
    return next((title for number, _, title, _ in record.carried if number == record.of_article_id), "")
