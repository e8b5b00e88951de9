"""The pages of feeds: the list with health, one feed, a look at an address and what it found, lists in and out.

Feeds are found, added and imported by the room `feeds`, as the commands do. A page never opens the private network: that takes a
settings file or `monitor feeds add --allow-private`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.feeds import additions, importing, mends, sample
from monitor.feeds.importing import Verdict
from monitor.feeds.visitor import Discovery
from monitor.store import archive, topics
from monitor.store import settings as store
from monitor.store.db import Database, Session
from monitor.store.feeds import feed_reports
from monitor.store.feeds.feed_reports import FeedReport
from monitor.store.figures import feeds as figures
from monitor.text.tokens import clean_line
from monitor.types.errors import ConfigError
from monitor.types.plans import ADDED, REMOVED
from monitor.web.manage.concurrent_edits import merged
from monitor.web.manage.day_picture import DayPicture, draw, starts_of_days
from monitor.web.manage.example_forms import FieldFault
from monitor.web.manage.feed_forms import as_form, faults_by_field, faults_sentence, read_form
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.status import FeedLine, feed_line
from monitor.web.tools import PageTools

PAGE_SIZE = 50
MOST_FOUND = 12
"""Feeds of one site that the form to add them takes."""
_ENTRIES = 25
_VERDICTS = 500
"""Most outlines that the page of an import names; the counts are of all."""
_LOOKS = 2
"""Looks at sites at one time: each may ask for several addresses."""
_STATES = {
    "all": (),
    "failing": ("failing",),
    "silent": ("quiet", "emptied", "undated", "stuck"),
    "paused": ("paused", "off"),
    "ok": ("ok",),
    "new": ("new",),
}
_DONE = {
    "added": "Added. Its first poll only takes stock: what it holds now raises no alert.",
    "there": "A feed has this address already; nothing was changed.",
    "due": "It is due now: a running daemon polls it within a second or two.",
    "paused": "Paused: it is polled no more until it is resumed.",
    "resumed": "Resumed: it is due now.",
    "removed": "Removed. Its articles stay; “Resume” undoes it.",
    "changed": "The new settings are in force.",
    "off": "It is not polled, so nothing was asked: resume it first.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """A row of the list, and the head of a feed's page."""

    line: FeedLine
    mend: str
    language: str
    last_polled_at: datetime | None
    picture: DayPicture | None


class FeedPages:
    """Feeds by page."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        tools: PageTools,
    ) -> None:
        self.db, self.clock = db, clock
        self._visitor, self._usual_seconds, self._policy = tools.visitor, tools.usual_seconds, tools.policy
        self._looks = asyncio.Semaphore(_LOOKS)

    # --- the list -----------------------------------------------------------------------------------------------------

    def feeds(self, asked: PageRequest) -> Response:
        """All feeds that were not removed, by state and words, with their health."""
        state = asked.query.get("state", "all") if asked.query.get("state") in _STATES else "all"
        words, now = clean_line(asked.query.get("q", ""), limit=200), self.clock()
        with self.db.reading() as session:
            reports = [each for each in feed_reports.of_all(session) if each.by_hand != REMOVED]
            lines = [(each, feed_line(each)) for each in reports]
            found = [each for each in lines if _fits(each[1], state, words)]
            found.sort(key=lambda each: (each[1].state != "failing", each[1].state in ("paused", "off"), each[0].name))
            pages = max(1, -(-len(found) // PAGE_SIZE))
            number = min(_number(asked.query), pages)
            shown = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
            rows = _rows(session, shown, now)
        counts = {name: sum(_fits(line, name, "") for _, line in lines) for name in _STATES}
        return page(
            "feeds.html",
            asked=asked,
            now=now,
            rows=rows,
            counts=counts,
            state=state,
            words=words,
            number=number,
            pages=pages,
            total=len(found),
            secrets=sum(map(importing.holds_secret, reports)),
            said=_said(asked.query),
        )

    # --- one feed -----------------------------------------------------------------------------------------------------

    def feed(self, asked: PageRequest) -> Response:
        """One feed: health, settings, its latest entries."""
        return self._show(asked)

    def _show(self, asked: PageRequest, faults: Mapping[str, str] | None = None) -> Response:
        """The page; with `faults`, by field, of the settings that were typed."""
        now = self.clock()
        with self.db.reading() as session:
            report = _found(session, asked.name)
            (row,) = _rows(session, [(report, feed_line(report))], now)
            entries = figures.latest_entries(session, report.name, limit=_ENTRIES)
            titles = topics.titles(session)
        if report.by_hand == REMOVED:
            row = replace(row, line=replace(row.line, state="off", note="removed"))
        return page(
            "feed.html",
            status=400 if faults else 200,
            asked=asked,
            typed=asked.form if faults else as_form(report),
            as_is=as_form(report),
            faults=faults or {},
            now=now,
            row=row,
            report=report,
            is_added=report.origin == ADDED,
            is_on=report.is_enabled and not report.paused_reason,
            entries=entries,
            titles=titles,
            said=_said(asked.query),
        )

    def poll(self, asked: PageRequest) -> Response:
        """Make the feed due."""
        with self._changing(asked) as session:
            is_polled = store.poll_now(session, asked.name, now=self.clock())
        return _done(asked, "due" if is_polled else "off")

    def pause(self, asked: PageRequest) -> Response:
        """Poll the feed no more."""
        with self._changing(asked) as session:
            store.pause_feed(session, asked.name)
        return _done(asked, "paused")

    def resume(self, asked: PageRequest) -> Response:
        """Poll the feed again."""
        with self._changing(asked) as session:
            store.resume_feed(session, asked.name, now=self.clock())
        return _done(asked, "resumed")

    def remove(self, asked: PageRequest) -> Response:
        """Poll the feed no more and list it no longer."""
        with self._changing(asked) as session:
            store.remove_feed(session, asked.name)
        return _done(asked, "removed")

    def settings(self, asked: PageRequest) -> Response:
        """Change title, publisher, language and interval of a feed that was added by command or page."""
        with self.db.reading() as session:
            form, conflicts = merged(asked.form, as_form(_found(session, asked.name)))
        asked = replace(asked, form=form)
        if conflicts:
            return self._show(asked, conflicts)
        try:
            with self.db.writing() as session:
                report = _found(session, asked.name)
                if report.origin != ADDED:
                    said = "This feed stands in a settings file: change it there. Nothing was changed."
                    raise HTTPException(409, said)
                wanted = read_form(form, report.url, present=report)
                additions.change(session, asked.name, wanted, usual_seconds=self._usual_seconds, now=self.clock())
        except (ConfigError, FieldFault) as error:
            return self._show(asked, faults_by_field(error))
        return _done(asked, "changed")

    @contextmanager
    def _changing(self, asked: PageRequest) -> Iterator[Session]:
        with self.db.writing() as session:
            _found(session, asked.name)
            yield session

    # --- new feeds ----------------------------------------------------------------------------------------------------

    async def look(self, asked: PageRequest) -> Response:
        """Look at an address, and show what is there; nothing is stored."""
        address = asked.form.get("address", "").strip()
        discovery, is_bad = Discovery(problem="The monitor cannot look at sites from here."), False
        if self._visitor:
            try:
                async with self._looks:
                    discovery = await self._visitor.discover(address, now=self.clock())
            except ValueError as fault:
                discovery, is_bad = Discovery(problem=str(fault)), True
        return await to_thread.run_sync(self._show_found, asked, address, discovery, is_bad)

    def _show_found(self, asked: PageRequest, address: str, discovery: Discovery, is_bad: bool) -> Response:
        with self.db.reading() as session:
            known = additions.KnownFeeds(store.rows(session))
        found = [
            (each, known.same(each.sample.url), sample.doubts(each.sample, now=self.clock()))
            for each in discovery.feeds[:MOST_FOUND]
        ]
        return page(
            "feed_found.html",
            status=400 if is_bad else 200,
            asked=asked,
            now=self.clock(),
            address=address,
            found=found,
            problem=discovery.problem,
            elsewhere=_elsewhere(discovery),
            seen=[],
            typed={},
            faults={},
            may_add_unseen=not found and not is_bad,
        )

    def _again(self, asked: PageRequest, faults: Mapping[str, str]) -> Response:
        """The form to add feeds, with what was picked and typed, and what is wrong with each field."""
        numbers = sorted(int(name[4:]) for name in asked.form if re.fullmatch("seen[0-9]{1,2}", name)) or sorted(
            int(name[3:]) for name in asked.form if re.fullmatch("url[0-9]{1,2}", name)
        )
        seen = [
            (
                number,
                asked.form.get(f"seen{number}") or asked.form.get(f"url{number}", ""),
                asked.form.get(f"label{number}", ""),
                f"url{number}" in asked.form,
            )
            for number in numbers
        ]
        return page(
            "feed_found.html",
            status=400,
            asked=asked,
            now=self.clock(),
            address="",
            found=[],
            seen=seen,
            typed=asked.form,
            faults=faults,
            problem="" if seen else "; ".join(faults.values()).rstrip("."),
            elsewhere="",
            may_add_unseen=False,
        )

    def add(self, asked: PageRequest) -> Response:
        """Add the picked addresses, which were looked at before."""
        picked = [asked.form[name] for name in sorted(asked.form) if re.fullmatch("url[0-9]{1,2}", name)]
        if not picked:
            return self._again(asked, {"picked": "Pick at least one feed."})
        try:
            wanted = [read_form(asked.form, url, is_one=len(picked) == 1) for url in picked]
            with self.db.writing() as session:
                placed = [
                    additions.add(session, each, usual_seconds=self._usual_seconds, now=self.clock()) for each in wanted
                ]
        except (ConfigError, FieldFault) as error:
            return self._again(asked, faults_by_field(error))
        done = "there" if all(each.same for each in placed) else "added"
        where = f"/feed/{placed[0].name}" if len(placed) == 1 else "/feeds"
        return RedirectResponse(f"{where}?done={done}#said", 303)

    # --- lists --------------------------------------------------------------------------------------------------------

    def import_(self, asked: PageRequest) -> Response:
        """Import an OPML file; shows the verdict on each outline."""
        if not asked.files:
            raise HTTPException(400, "Choose an OPML file first. Nothing was changed.")
        is_dry = asked.form.get("dry") == "yes"
        try:
            with self.db.reading() if is_dry else self.db.writing() as session:
                found = importing.import_feeds(
                    session,
                    asked.files[0].body,
                    usual_seconds=self._usual_seconds,
                    policy=self._policy,
                    is_dry=is_dry,
                    now=self.clock(),
                )
        except ConfigError as error:
            raise HTTPException(400, faults_sentence(error)) from error
        others = [each for each in found.judged if each.verdict is not Verdict.ADDED]
        added = [each for each in found.judged if each.verdict is Verdict.ADDED]
        shown = [*others, *added][:_VERDICTS]
        return page(
            "feed_import.html",
            asked=asked,
            file=clean_line(asked.files[0].name, limit=100),
            is_dry=is_dry,
            counts=importing.counted(found.judged),
            damage=found.damage,
            shown=shown,
            left=len(found.judged) - len(shown),
        )

    def export(self, asked: PageRequest) -> Response:
        """The feeds as an OPML file."""
        with self.db.reading() as session:
            found = importing.export_feeds(session, now=self.clock())
        attached = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
        return Response(found.document, media_type="text/x-opml; charset=utf-8", headers=attached)


def _rows(session: Session, shown: list[tuple[FeedReport, FeedLine]], now: datetime) -> list[FeedRow]:
    names, starts = [report.name for report, _ in shown], starts_of_days(now)
    came, matched = (read(session, names, starts) for read in (figures.entries_a_day, figures.matches_a_day))
    languages, none = archive.languages(session), [0] * len(starts)
    return [
        FeedRow(
            line=line,
            mend=_mend(report, line),
            language=languages.get(report.name) or report.language or "",
            last_polled_at=report.last_polled_at,
            picture=draw(came.get(report.name, none), matched.get(report.name, none), starts),
        )
        for report, line in shown
    ]


def _mend(report: FeedReport, line: FeedLine) -> str:
    if line.state == "failing":
        return mends.mend(report.outcome)
    return mends.mend(line.state) if line.state in _STATES["silent"] else ""


def _fits(line: FeedLine, state: str, words: str) -> bool:
    named = f"{line.name} {line.title} {line.host}".casefold()
    is_state = state == "all" or line.state in _STATES[state]
    return is_state and all(word in named for word in words.casefold().split())


def _number(query: Mapping[str, str]) -> int:
    asked_for = query.get("page", "1")
    return max(1, int(asked_for)) if re.fullmatch("[0-9]{1,6}", asked_for) else 1


def _found(session: Session, name: str) -> FeedReport:
    report = feed_reports.find(session, name)
    if report is None:
        raise HTTPException(404, "There is no feed of that name.")
    return report


def _done(asked: PageRequest, done: str) -> Response:
    return RedirectResponse(f"/feed/{asked.name}?done={done}#said", 303)


def _said(query: Mapping[str, str]) -> str:
    return _DONE.get(query.get("done", ""), "")


def _elsewhere(discovery: Discovery) -> str:
    """Where the feeds were found, if the address that was looked at is a page and no feed; else ''."""
    ways = {each.named_by for each in discovery.feeds}
    if not ways or "this address" in ways:
        return ""
    if "usual place" in ways:
        return "It names no feed; this one is at a usual place of the site, and may be of something else there: look at its titles."
    return "It names " + ("this feed:" if len(discovery.feeds) == 1 else "these feeds:")
