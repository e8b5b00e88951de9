"""The demo's web server of invented outlets: feeds and pages whose content depends on the demo's clock.

An article appears at its minute; a later version replaces the earlier one under the same guid and URL. Feeds and pages have
ETag and Last-Modified, and answer 304 as RFC 9110 section 13 specifies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from monitor.demo.articles import DemoArticle, Outlet, articles, outlets
from monitor.demo.loopback import Handler, Loopback
from monitor.demo.typeset import Printed, article_page, feed, front_page, index_page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The content of a path at one moment."""

    media_type: str
    body: bytes
    changed_at: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:20]}"'

    @property
    def last_modified(self) -> str:
        return format_datetime(self.changed_at, usegmt=True)


class Newspaper(Loopback):
    """Serves all outlets on one port, each at a loopback address of its own where the system has several.

    `clock` returns the demo's time as aware UTC and is called for every request, from several threads. The demo begins at
    `started_at`, by default when the server starts.
    """

    def __init__(self, clock: Callable[[], datetime], *, started_at: datetime | None = None, port: int = 0) -> None:
        super().__init__(port=port, aliases=[outlet.address for outlet in outlets()])
        self._clock = clock
        self.started_at = started_at

    def start(self) -> None:
        """Open the port; the minutes count from here unless a start was given."""
        self.started_at = self.started_at or self._clock()
        super().start()

    @property
    def total_minutes(self) -> int:
        """Minutes of the demo's clock until everything is published."""
        return max(article.minute for article in articles())

    def feeds(self) -> list[tuple[str, str, str]]:
        """Every outlet's (name, feed URL, language). Only while started: the port is part of the URL."""
        return [(outlet.name, self._url(outlet, outlet.feed_path), outlet.language) for outlet in outlets()]

    def published(self) -> list[DemoArticle]:
        """Every version published by now, replaced ones included, oldest first."""
        now = self._clock()
        return [article for article in articles() if self._at(article) <= now]

    def document(self, path: str) -> _Document | None:
        """The document at `path` now; None where there is none (yet)."""
        if path == "/":
            return self._page(index_page(outlets()), ())
        printed = self._printed()
        for outlet in outlets():
            if path.startswith(f"/{outlet.id}/"):
                return self._outlet_document(outlet, path, [each for each in printed if each.article.outlet == outlet])
        return None

    def _outlet_document(self, outlet: Outlet, path: str, printed: Sequence[Printed]) -> _Document | None:
        home = self._url(outlet, f"/{outlet.id}/")
        if path == outlet.feed_path:
            media_type, text = feed(outlet, home, printed)
            return self._document(media_type, text, printed)
        if path == f"/{outlet.id}/":
            return self._page(front_page(outlet, printed), printed)
        for each in printed:
            if each.article.path == path:
                # Other headlines as of its publication, so that the page does not change later.
                earlier = [other for other in printed if other.published_at < each.published_at][:3]
                return self._page(article_page(each, earlier), [each, *earlier])
        return None

    def _printed(self) -> list[Printed]:
        """Every published article in its current version, newest first."""
        latest: dict[str, Printed] = {}
        for article in self.published():
            at, earlier = self._at(article), latest.get(article.guid)
            latest[article.guid] = Printed(
                article=article,
                url=self._url(article.outlet, article.path),
                published_at=earlier.published_at if earlier else at,
                updated_at=at,
            )
        return sorted(latest.values(), key=lambda printed: printed.published_at, reverse=True)

    def _url(self, outlet: Outlet, path: str) -> str:
        return self.url_at(outlet.address) + path

    def _at(self, article: DemoArticle) -> datetime:
        return self._start + article.published_for

    @property
    def _start(self) -> datetime:
        # Whole seconds, as in HTTP dates: Last-Modified must not be earlier than the change.
        return (self.started_at or self._clock()).astimezone(UTC).replace(microsecond=0)

    def _page(self, text: str, printed: Sequence[Printed]) -> _Document:
        return self._document("text/html; charset=utf-8", text, printed)

    def _document(self, media_type: str, text: str, printed: Sequence[Printed]) -> _Document:
        changed_at = max((each.updated_at for each in printed), default=self._start - timedelta(days=1))
        return _Document(media_type=media_type, body=text.encode(), changed_at=changed_at)

    def handler(self) -> type[Handler]:
        """Answers GET and HEAD; anything else is 501."""
        newspaper = self

        class NewspaperHandler(Handler):
            def do_GET(self) -> None:
                document = newspaper.document(self.path.partition("?")[0])
                if document is None:
                    return self.answer(404, b"not here, or not yet\n", {"Content-Type": "text/plain; charset=utf-8"})
                validators = {"ETag": document.etag, "Last-Modified": document.last_modified}
                if _is_unchanged(document, self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")):
                    return self.answer(304, headers=validators)
                return self.answer(200, document.body, {"Content-Type": document.media_type, **validators})

            do_HEAD = do_GET

            def date_time_string(self, timestamp: float | None = None) -> str:
                # The Date header has the demo's time, like everything else here.
                return format_datetime(newspaper._clock().astimezone(UTC), usegmt=True)

        return NewspaperHandler


def _is_unchanged(document: _Document, none_match: str | None, modified_since: str | None) -> bool:
    """Whether the client's copy is current; where it sends an ETag, that alone decides (RFC 9110 13.2.2)."""
    if none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return document.etag in tags or "*" in tags
    try:
        return modified_since is not None and parsedate_to_datetime(modified_since) >= document.changed_at
    except (ValueError, TypeError):  # not a date, or one without a zone: an invalid field is ignored (13.1.3)
        return False
