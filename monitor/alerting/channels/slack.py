"""The Slack channel by incoming webhook; works with compatible servers too (Mattermost).

Slack answers 200 to more than it accepts: only the body `ok` means sent (S1). Untrusted text goes into `plain_text`, in which
Slack reads no formatting, mention or link, and is escaped even there (S6). The limits are Slack's:
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from monitor.alerting import render
from monitor.alerting.channels import slack_summary
from monitor.alerting.channels.base import Channel, HttpSettings, HttpTarget, Poster, digest, outcome_of
from monitor.alerting.channels.slack_text import (
    SECTION_LIMIT,
    context,
    escaped,
    link,
    link_section,
    mrkdwn_url,
    plain,
    quoted,
    section,
)
from monitor.net.http import HttpResponse
from monitor.text import urls
from monitor.text.tokens import shorten
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome

HEADER_LIMIT: Final = 150
BODY_SECTIONS: Final = 3
"""Most sections of a long notice: all blocks together must stay below about 13,000 characters (bolt-js#2509)."""
TEXT_LIMIT: Final = 3000

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
_GONE = re.compile(
    "no_service|no_service_id|no_active_hooks|no_team|team_disabled|invalid_token|token_revoked|account_inactive|user_not_found|"
    "action_prohibited|channel_not_found|channel_is_archived|posting_to_general_channel_denied|org_login_required"
)
_MALFORMED = re.compile(
    r"invalid_\w+|no_text|missing_\w+|msg_too_long|msg_blocks_too_long|too_many_attachments|attachment\w*_limit_exceeded"
)


class SlackSettings(HttpSettings):
    """`[channels.<name>]` with `kind = "slack"`."""

    kind: Literal["slack"]

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""
        return SlackChannel(name=name, messages_per_hour=self.messages_per_hour, target=self.target(poster))


@dataclass(frozen=True, kw_only=True)
class SlackChannel:
    """Posts alerts to an incoming webhook."""

    name: str
    target: HttpTarget
    kind: str = "slack"
    messages_per_hour: int = 0

    @property
    def destination(self) -> str:
        """A digest of the URL."""
        return digest(self.kind, self.target.url)

    @property
    def shown(self) -> str:
        """`https://hooks.slack.com/…`."""
        return urls.masked(self.target.url)

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Post once; a message that Slack calls malformed is posted once more as plain text, so that the news arrives (S4)."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.target.limit_for.total_seconds()
        outcome = await self._post(message(alert), self.target, now)
        if outcome.result is not AttemptResult.REJECTED:
            return outcome
        rest = replace(self.target, limit_for=timedelta(seconds=max(1.0, until - clock())))
        again = await self._post(plain_message(alert), rest, now)
        said = f"{shorten(again.detail or again.result, 400)}; as blocks it was refused: {shorten(outcome.detail, 400)}"
        return replace(again, detail=said)

    async def _post(self, payload: dict[str, Any], target: HttpTarget, now: datetime) -> Outcome:
        def interpret(answer: HttpResponse) -> Outcome:
            return _interpret(answer.text.strip(), outcome_of(answer, now=now, secrets=target.secrets))

        return await target.post(json.dumps(payload), _HEADERS, now=now, interpret=interpret)


def _interpret(said: str, outcome: Outcome) -> Outcome:
    """Slack's word overrules the status: 200 `no_service` is a failure, 403 `invalid_token` is final."""
    if outcome.result is AttemptResult.SENT and said == "ok":
        return replace(outcome, detail="")
    if _GONE.fullmatch(said):
        return replace(outcome, result=AttemptResult.GONE, code=said)
    if _MALFORMED.fullmatch(said):
        return replace(outcome, result=AttemptResult.REJECTED, code=said)
    if outcome.result is AttemptResult.SENT:
        return replace(outcome, result=AttemptResult.TRANSIENT, code="not ok")
    return outcome


# --- the message (pure) -----------------------------------------------------------------------------------------------


def message(alert: Alert) -> dict[str, Any]:
    """The payload: blocks for display, `text` for notifications and screen readers, no link previews."""
    blocks = slack_summary.blocks(alert) if alert.kind is AlertKind.SUMMARY else list(_blocks(alert))
    return {**plain_message(alert), "blocks": blocks, **_attached(alert)}


def plain_message(alert: Alert) -> dict[str, Any]:
    """The payload without blocks: one unformatted text."""
    url = render.link(alert.article.url if alert.article else alert.review_url)
    said = escaped(render.headline(alert), TEXT_LIMIT)
    more = slack_summary.lines(alert) if alert.kind is AlertKind.SUMMARY else []
    text = "\n".join(each for each in (said, *more, mrkdwn_url(url)) if each)
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _blocks(alert: Alert) -> Iterator[dict[str, Any]]:
    header = plain(render.headline(alert), HEADER_LIMIT)
    yield {"type": "header", "text": header}
    if header["text"].endswith("…"):  # cut to fit the header; the headline must be readable whole
        yield section(render.title(alert))
    if since := render.news_since(alert):
        yield section(since)
    if alert.article:
        yield context(render.dateline(alert.article))
    for part in _parts(render.summary(alert)):
        yield section(part)
    if alert.article:
        yield context("\n".join(render.why_lines(alert)))
    if carried_by := render.carried_by(alert):
        yield context(render.capital(carried_by))
    yield from map(link_section, _links(alert))


def _links(alert: Alert) -> list[str]:
    """The links, each with the host it leads to, on one line where they fit one section; the only mrkdwn we send."""
    found = [*(link(url, shown) for url, shown in _article_link(alert)), link(*_review_link(alert))]
    links = [each for each in found if each]
    line = " · ".join(links)
    return links if len(line) > SECTION_LIMIT else [line] if line else []


def _article_link(alert: Alert) -> list[tuple[str, str]]:
    url = render.link(alert.article.url) if alert.article else ""
    return [(url, f"Read it at {render.host(url)}")] if url else []


def _review_link(alert: Alert) -> tuple[str, str]:
    shown = "Right or wrong? Confirm or dismiss" if alert.article else "Open the monitor"
    return render.link(alert.review_url), shown


def _attached(alert: Alert) -> dict[str, Any]:
    """A link that is longer than a section may be, as an attachment, whose `title_link` has no such limit."""
    long = [(url, shown) for url, shown in _article_link(alert) if not link(url, shown)]
    attached = [
        {"title": escaped(shown, 100), "title_link": quoted(url), "fallback": quoted(url)} for url, shown in long
    ]
    return {"attachments": attached} if attached else {}


def _parts(text: str) -> list[str]:
    """A long text cut between words into parts that fit a section each; ends with `…` where more was left."""
    parts: list[str] = []
    while text and len(parts) < BODY_SECTIONS:
        part = text if len(text) <= SECTION_LIMIT // 2 else shorten(text, SECTION_LIMIT // 2).removesuffix("…")
        parts.append(part.strip())
        text = text[len(part) :].strip()
    return [*parts[:-1], f"{parts[-1]} …"] if text else parts
