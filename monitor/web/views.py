"""Saved views: the page that manages them, their matches as files, and as feeds at secret addresses.

Of a secret address the store keeps a digest alone: the address is shown once, when it is made. Whoever has it can read what the
view has, and nothing else; making another ends it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

from monitor.review import exports, inbox, matches
from monitor.review.inbox import InboxQuery
from monitor.review.kept import KeptValues
from monitor.store import inbox as store
from monitor.store import matches as stored
from monitor.store.db import Database, Session
from monitor.store.inbox import InboxOrder, SavedView
from monitor.store.statements import chunks
from monitor.text import urls
from monitor.text.tokens import clean_line, shorten
from monitor.web.inbox_query import back_to, fields_of, filters, wanted_by
from monitor.web.pages import PageRequest
from monitor.web.show import page, query
from monitor.web.syndication import SharedStory, SharedView, atom, json_feed

NAME_LIMIT = 80
MAX_VIEWS = 100
_SUMMARY = 500
_FEED_SECONDS = 300
_WORDS = {
    "topic": "topic",
    "state": "state",
    "q": "words",
    "language": "language",
    "publisher": "publisher",
    "from": "found from",
    "to": "found until",
    "told": "told",
    "sort": "order",
}


class ViewPages:
    """Saved views and what is given out of them."""

    def __init__(self, db: Database, clock: Callable[[], datetime], kept: KeptValues, base_url: str) -> None:
        self.db, self.clock, self.kept, self.base_url = db, clock, kept, base_url

    def views(self, asked: PageRequest) -> Response:
        """All views, with what can be done with each."""
        return self._page(asked)

    def save(self, asked: PageRequest) -> Response:
        """Save the filters that the form's page had, under a name. Leads back to them."""
        name, back = clean_line(asked.form.get("name", ""), limit=NAME_LIMIT), back_to(asked.form)
        if not name:
            raise HTTPException(400, "Give the view a name. Nothing was saved.")
        with self.db.writing() as session:
            known = {each.name for each in store.saved_views(session)}
            if len(known) >= MAX_VIEWS and name not in known:
                raise HTTPException(400, f"There are {MAX_VIEWS} views already: remove one first. Nothing was saved.")
            store.save_view(session, name, filters(fields_of(back)), by=asked.who or "web", now=self.clock())
        return RedirectResponse(back, 303)

    def share(self, asked: PageRequest) -> Response:
        """Make a secret address for a view's feeds, in place of the one before, and show it this once."""
        secret = secrets.token_urlsafe(32)
        self._set_token(asked.number, _digest(secret))
        return self._page(asked, shared=asked.number, secret=secret)

    def unshare(self, asked: PageRequest) -> Response:
        """End the address of a view's feeds."""
        self._set_token(asked.number, "")
        return RedirectResponse("/views", 303)

    def remove(self, asked: PageRequest) -> Response:
        """Remove a view, and with it the address of its feeds."""
        with self.db.writing() as session:
            is_removed = store.remove_view(session, asked.number)
        if not is_removed:
            raise HTTPException(404, "There is no view with that number.")
        return RedirectResponse("/views", 303)

    def _set_token(self, number: int, digest: str) -> None:
        with self.db.writing() as session:
            is_known = store.set_view_token(session, number, digest, now=self.clock())
        if not is_known:
            raise HTTPException(404, "There is no view with that number.")

    def _page(self, asked: PageRequest, *, shared: int = 0, secret: str = "") -> Response:
        with self.db.reading() as session:
            found = store.saved_views(session)
        address = f"{self.base_url}/shared/{secret}" if secret else ""
        return page(
            "views.html",
            asked=asked,
            now=self.clock(),
            views=[(each, query(**each.filters), described(each.filters)) for each in found],
            export=export_query,
            shared=shared,
            address=address,
        )

    # --- files ---

    def as_csv(self, asked: PageRequest) -> Response:
        """All matches of these filters as CSV, with a byte order mark, without which spreadsheets take it for another encoding."""
        lines = exports.csv_lines(self._rows(wanted_by(asked.query)[0]))
        return _file("csv", "text/csv", lines, before="\ufeff")

    def as_json_lines(self, asked: PageRequest) -> Response:
        """All matches of these filters as JSON lines."""
        return _file("jsonl", "application/x-ndjson", exports.json_lines(self._rows(wanted_by(asked.query)[0])))

    def _rows(self, wanted: InboxQuery) -> Iterator[dict[str, object]]:
        """In pieces, each in a transaction of its own: a slow reader holds none open."""
        with self.db.reading() as session:
            known = self.kept.known(session)
            ids = inbox.find_match_ids(session, wanted, known)
        for some in chunks(ids):
            with self.db.reading() as session:
                found = matches.find_matches(session, some, known.calibration)
            yield from (matches.flat(each) for each in found)

    # --- feeds ---

    def as_atom(self, asked: PageRequest) -> Response:
        """The newest stories of the view with that secret address, as Atom."""
        return _document(asked, atom(self._shared(asked.secret, ".atom")), "application/atom+xml")

    def as_json_feed(self, asked: PageRequest) -> Response:
        """The newest stories of the view with that secret address, as a JSON Feed."""
        return _document(asked, json_feed(self._shared(asked.secret, ".json")), "application/feed+json")

    def _shared(self, secret: str, ending: str) -> SharedView:
        with self.db.reading() as session:
            view = store.find_saved_view_by_token(session, _digest(secret))
            if view is None:
                raise HTTPException(404, "There is nothing at this address, or no more.")
            return SharedView(
                name=view.name,
                address=f"{self.base_url}/shared/{secret}{ending}",
                page=self.base_url + query(**view.filters),
                stories=tuple(self._stories(session, view)),
                made_at=view.made_at,
            )

    def _stories(self, session: Session, view: SavedView) -> Iterator[SharedStory]:
        wanted, _ = wanted_by({name: each for name, each in view.filters.items() if name != "sort"})
        assert wanted.order is InboxOrder.NEWEST
        for line in inbox.find_more(session, wanted, self.kept.known(session)).stories:
            article = stored.article(session, line.article_id)
            if article is not None:
                yield SharedStory(
                    page=f"{self.base_url}/stories/{line.id}",
                    url=_usable(article.url),
                    title=line.title,
                    summary=shorten(clean_line(article.text[: 8 * _SUMMARY], limit=8 * _SUMMARY), _SUMMARY),
                    outlet=line.outlet,
                    language=line.language if line.language != "und" else "",
                    topics=line.topics,
                    published_at=article.published_at,
                    found_at=line.found_at,
                )


def described(fields: Mapping[str, str]) -> str:
    """Filters in words: `topic: wheat; state: all`."""
    found = [f"{_WORDS[name]}: {value}" for name, value in fields.items() if name in _WORDS]
    return "; ".join(found) or "all that is new"


def export_query(kind: str, fields: Mapping[str, str]) -> str:
    """The address of the file with the matches of these filters."""
    return f"/matches.{kind}{query(**fields)[1:]}"


def _digest(secret: str) -> str:
    """What the store keeps. The secret has 256 bits of chance, so that a plain hash cannot be turned around."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _usable(url: str) -> str:
    with suppress(ValueError):
        return str(urls.split(url))
    return ""


def _file(ending: str, media_type: str, lines: Iterable[str], before: str = "") -> Response:
    def content() -> Iterator[str]:
        yield before
        yield from lines

    name = f'attachment; filename="matches.{ending}"'
    return StreamingResponse(
        content(), media_type=f"{media_type}; charset=utf-8", headers={"Content-Disposition": name}
    )


def _document(asked: PageRequest, body: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={_FEED_SECONDS}", "X-Robots-Tag": "noindex"}
    if asked.known_tag == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=f"{media_type}; charset=utf-8", headers=headers)
