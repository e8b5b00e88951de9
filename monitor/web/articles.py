"""The pages on articles: what is known of one, verdicts and seeds given there, with their undoing; explain, and the status page.

One method each, from a `PageRequest` to a response. They run on threads. Input from the browser is validated here; headers, cookies
and passwords are handled in `guard` and `app`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.learning.verdict_effects import VerdictEffects
from monitor.matching.background import Background
from monitor.review import articles, inbox, matches, seeds, verdicts
from monitor.review.articles import ArticleRecord
from monitor.review.inbox import InboxQuery, Judged
from monitor.review.kept import KeptValues
from monitor.store import topics as store
from monitor.store.db import Database
from monitor.text import urls
from monitor.topics.seed_writer import SeedFileError
from monitor.types.errors import StoreError
from monitor.types.matching import Evidence
from monitor.types.plans import SettingsEntry
from monitor.web.health import Health
from monitor.web.inbox_query import range_of, seed_file
from monitor.web.inbox_words import told
from monitor.web.pages import PageRequest, checked_id, own_path
from monitor.web.show import page
from monitor.web.status import board
from monitor.web.tools import PageTools


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


@dataclass(frozen=True, slots=True)
class Missed:
    """A topic that an article did not match, with what its words, as they are now, find there."""

    topic: str
    score: float
    threshold: float
    evidence: Evidence


_MISSED = 3


class ArticlePages:
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
        tools: PageTools | None = None,
    ) -> None:
        self.db, self.clock, self.health, self.kept = db, clock, health, kept
        self.seeds, self.entries = seeds, entries
        self._embedder_problem = embedder_problem
        self._evidence_of = tools.evidence_of if tools else None
        self.effects = Effects(db, seeds, background)

    def article(self, asked: PageRequest) -> Response:
        """Everything stored about one article."""
        with self.db.reading() as session:
            record = articles.find_record(session, checked_id(asked.number), self.kept.calibration(session))
            topics = matches.counts(session) if self.seeds else []
            did, titles = told(session, asked.query), store.titles(session)
        if record is None:
            raise HTTPException(404, "There is no article with that number.")
        matched = {match.topic for match in record.hits}
        taking = seeds.taking(self.seeds, (each.topic for each in topics))
        return page(
            "article.html",
            asked=asked,
            now=self.clock(),
            record=record,
            original=_original(record),
            titles=titles,
            missed=self._missed(record, matched),
            seedable=taking,
            others=[each for each in topics if each.topic in taking - matched],
            did=_with_seed(did, asked.query),
        )

    def _missed(self, record: ArticleRecord, matched: Collection[str]) -> list[Missed]:
        """The topics that came nearest and did not match, with what their words find in the article."""
        if self._evidence_of is None:
            return []
        found = []
        nearest = [each for each in record.scores if not each["matched"] and each["topic"] not in matched]
        for each in nearest[:_MISSED]:
            evidence = self._evidence_of(each["topic"], record.title, record.text, record.language)
            if evidence is not None:
                found.append(Missed(each["topic"], each["score"], each["threshold"], evidence))
        return found

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
            record = articles.find_record(session, checked_id(asked.number), calibrated)
            if record is None:
                raise HTTPException(404, "There is no article with that number.")
            if topic not in {each.topic for each in matches.counts(session)}:
                raise HTTPException(404, "There is no such topic.")
            try:
                written = seeds.make_seed(session, record.id, topic, root=self.seeds, is_counter=is_counter)
            except SeedFileError as error:
                raise HTTPException(409, error.public_message) from error
        match = next((match for match in record.hits if match.topic == topic), None)
        did = self._record(asked, match.id, is_relevant=not is_counter) if match else ""
        done = "counter" if is_counter else "seed"
        done = done if written and written.is_new else f"{done}-known"
        file = written.path.name if written and written.is_new else ""
        undoing = urlencode({"done": done, "did": did, "seed": file, "topic": topic})
        return RedirectResponse(f"/articles/{record.id}?{undoing}#told", 303)

    def undo(self, asked: PageRequest) -> Response:
        """Undo the verdict that was given on the article's page, and take back the seed that it became there."""
        given, file = range_of(asked.form.get("did", "")), seed_file(asked.form.get("seed", ""))
        topic, article_id = asked.form.get("topic", ""), checked_id(asked.number)
        count = 0
        if given:
            with self.db.writing() as session:
                count = verdicts.undo(session, *given, by=asked.who or "web", now=self.clock()).count
        if self.seeds and file:
            is_counter = asked.form.get("kind", "").startswith("counter")
            with self.db.reading() as session:
                count += seeds.take_back(session, article_id, topic, file, root=self.seeds, is_counter=is_counter)
        done = "undone" if count else "not-undone"
        return RedirectResponse(f"/articles/{article_id}?done={done}#told", 303)

    def _judge(self, asked: PageRequest, *, is_relevant: bool) -> Response:
        with self.db.reading() as session:
            match = matches.find_match(session, checked_id(asked.number), self.kept.calibration(session))
        if match is None:
            raise HTTPException(404, "There is no match with that number.")
        did = self._record(asked, match.id, is_relevant=is_relevant)
        self.effects.compute(match.article_id, match.topic)
        back = own_path(asked.form.get("back", ""))
        if back.partition("?")[0] == f"/articles/{match.article_id}":
            return RedirectResponse(f"/articles/{match.article_id}?done=judged&did={did}#told", 303)
        return RedirectResponse(f"{back}#match-{match.id}", 303)

    def _record(self, asked: PageRequest, match_id: int, *, is_relevant: bool) -> str:
        """Give a verdict on one match; returns the range by which it can be undone, '' where it was in force already."""
        with self.db.writing() as session:
            ids = inbox.judge(
                session,
                Judged(match_ids=(match_id,)),
                is_relevant=is_relevant,
                query=InboxQuery(),
                by=asked.who or "web",
                now=self.clock(),
            )
        return f"{ids[0]}-{ids[1]}" if ids else ""


_SEED_KINDS = ("seed", "counter")
_DONE = {
    "seed": "Written as a seed of its topic. The topic learns from it within a second.",
    "counter": "Written as a counter-seed of its topic. The topic learns from it within a second.",
    "seed-known": "The topic has this text as a seed already.",
    "counter-known": "The topic has this text as a counter-seed already.",
    "undone": "Undone.",
    "not-undone": "Nothing was undone: it was judged again since, or the seed was changed.",
}


def _with_seed(did: Mapping[str, str] | None, query: Mapping[str, str]) -> Mapping[str, str] | None:
    """What the last form did, with what it takes to undo it; None where the address names no form."""
    done = query.get("done", "")
    says = _DONE.get(done, did["says"] if did else "")
    file = seed_file(query.get("seed", "")) if done in _SEED_KINDS else ""
    if not says:
        return None
    return {
        "says": says,
        "did": did["did"] if did and done not in ("undone", "not-undone") else "",
        "seed": file,
        "topic": query.get("topic", "") if file else "",
        "kind": done,
    }


def _original(record: ArticleRecord) -> str:
    """Title of the article this one is a copy or an update of, where it is still in its story."""
    return next((title for number, _, title, _ in record.carried if number == record.of_article_id), "")
