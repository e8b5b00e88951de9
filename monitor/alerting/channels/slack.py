"""The Slack channel by incoming webhook; works with compatible servers too (Mattermost).

Slack answers 200 to more than it accepts: only the body `ok` means sent (S1). Untrusted text goes into `plain_text`, in which
Slack reads no formatting, mention or link, and is escaped even there (S6). The limits are Slack's:
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from monitor.alerting import answers, render
from monitor.alerting.channels.base import (
    Channel,
    HttpSettings,
    HttpTarget,
    Poster,
    as_outcome,
    check_digest,
    digest,
    excerpt,
    outcome_of,
)
from monitor.net.http import HttpResponse
from monitor.text import urls
from monitor.text.tokens import shorten
from monitor.types.alerting import Alert, AttemptResult, Concern, Outcome

HEADER_LIMIT: Final = 150
SECTION_LIMIT: Final = 3000
BODY_SECTIONS: Final = 3
"""Most sections of a long notice: all blocks together must stay below about 13,000 characters (bolt-js#2509)."""
LINK_LIMIT: Final = 1300
TEXT_LIMIT: Final = 3000

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}


class SlackSettings(HttpSettings):
    """`[channels.<name>]` with `kind = "slack"`."""

    kind: Literal["slack"]

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""
        return SlackChannel(name=name, target=self.target(poster))


def is_malformed(outcome: Outcome) -> bool:
    """Whether a simpler form of the message may be accepted."""
    return outcome.result is AttemptResult.REJECTED and outcome.concern is Concern.MESSAGE


@dataclass(frozen=True, kw_only=True)
class SlackChannel:
    """Posts alerts to an incoming webhook."""

    name: str
    target: HttpTarget
    kind: str = "slack"

    @property
    def destination(self) -> str:
        """A digest of the URL."""
        return digest(self.kind, self.target.url)

    @property
    def credentials(self) -> str:
        """Of whether private addresses are allowed; all else is in the URL."""
        return check_digest(str(self.target.policy.allowed))

    @property
    def shown(self) -> str:
        """`https://hooks.slack.com/…`."""
        return urls.masked(self.target.url)

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Post once; a message that Slack calls malformed is posted once more as plain text, so that the news arrives (S4)."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.target.limit_for.total_seconds()
        outcome = await self._post(message(alert), self.target, now)
        if not is_malformed(outcome):
            return outcome
        rest = replace(self.target, limit_for=timedelta(seconds=max(1.0, until - clock())))
        again = await self._post(plain_message(alert), rest, now)
        said = f"{shorten(again.detail or again.result, 400)}; as blocks it was refused: {shorten(outcome.detail, 400)}"
        return replace(again, detail=said)

    async def _post(self, payload: dict[str, Any], target: HttpTarget, now: datetime) -> Outcome:
        def interpret(answer: HttpResponse) -> Outcome:
            outcome = outcome_of(answer, now=now, secrets=target.secrets)
            kind, code = answers.of_slack_webhook(answer.status, answer.text, host=urls.host(target.url))
            said = "" if answer.text.strip() == "ok" else outcome.detail
            code = excerpt(code, target.secrets)
            return as_outcome(kind, code=code, detail=said, retry_after_for=outcome.retry_after_for)

        return await target.post(json.dumps(payload), _HEADERS, now=now, interpret=interpret)


# --- the message (pure) -----------------------------------------------------------------------------------------------


def message(alert: Alert) -> dict[str, Any]:
    """The payload: blocks for display, `text` for notifications and screen readers, no link previews."""
    return {**plain_message(alert), "blocks": list(_blocks(alert))}


def plain_message(alert: Alert) -> dict[str, Any]:
    """The payload without blocks: one unformatted text."""
    link = render.link(alert.article.url if alert.article else alert.review_url)
    said = escaped(render.headline(alert), TEXT_LIMIT)
    text = "\n".join(each for each in (said, _url(link)) if each)
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _blocks(alert: Alert) -> Iterator[dict[str, Any]]:
    header = _plain(render.headline(alert), HEADER_LIMIT)
    yield {"type": "header", "text": header}
    if header["text"].endswith("…"):  # cut to fit the header; the headline must be readable whole
        yield _section(render.title(alert))
    if since := render.news_since(alert):
        yield _section(since)
    if alert.article:
        yield _context(render.dateline(alert.article))
    for part in _parts(render.summary(alert)):
        yield _section(part)
    if alert.article:
        yield _context("\n".join(render.why_lines(alert)))
    if carried_by := render.carried_by(alert):
        yield _context(render.capital(carried_by))
    links = _links(alert)
    if links:
        yield {"type": "section", "text": {"type": "mrkdwn", "text": links, "verbatim": True}}


def _links(alert: Alert) -> str:
    """The links, each with the host it leads to; the only mrkdwn we send."""
    article = render.link(alert.article.url) if alert.article else ""
    review = render.link(alert.review_url)
    shown = "Right or wrong? Confirm or dismiss" if alert.article else "Open the monitor"
    links = [_link(article, f"Read it at {render.host(article)}"), _link(review, shown)]
    return " · ".join(each for each in links if each)


def _parts(text: str) -> list[str]:
    """A long text cut between words into parts that fit a section each; ends with `…` where more was left."""
    parts: list[str] = []
    while text and len(parts) < BODY_SECTIONS:
        part = text if len(text) <= SECTION_LIMIT // 2 else shorten(text, SECTION_LIMIT // 2).removesuffix("…")
        parts.append(part.strip())
        text = text[len(part) :].strip()
    return [*parts[:-1], f"{parts[-1]} …"] if text else parts


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, SECTION_LIMIT)}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_plain(text, SECTION_LIMIT)]}


def _plain(text: str, limit: int) -> dict[str, Any]:
    """Text without formatting, mentions or links; `emoji` false leaves `:tada:` as written."""
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}


def _link(url: str, shown: str) -> str:
    """A link, or '' where the URL is so long that two links would not fit a section."""
    link = f"<{_url(url)}|{escaped(shown, 100).replace('|', ' ')}>"
    return link if url and len(link) <= LINK_LIMIT else ""


def _url(url: str) -> str:
    """The URL with the characters escaped that would end the link."""
    return url.replace("&", "&amp;").replace("|", "%7C").replace("<", "%3C").replace(">", "%3E")


def escaped(text: str, limit: int) -> str:
    """The text with Slack's three special characters escaped, cut to `limit` but not within an entity (S5, S6)."""
    room = limit
    while len(done := _escape(shorten(text, room))) > limit:
        room -= max(1, (len(done) - limit) // 5)
    return done


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
