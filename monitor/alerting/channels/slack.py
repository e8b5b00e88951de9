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
from monitor.alerting.channels import slack_summary
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
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Concern, Outcome

HEADER_LIMIT: Final = 150
BODY_SECTIONS: Final = 3
"""Most sections of a long notice: all blocks together must stay below about 13,000 characters (bolt-js#2509)."""
TEXT_LIMIT: Final = 3000

_HEADERS: Final = {"content-type": "application/json; charset=utf-8"}


class SlackSettings(HttpSettings):
    """`[channels.<name>]` with `kind = "slack"`."""

    kind: Literal["slack"]

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""
        return SlackChannel(name=name, messages_per_hour=self.messages_per_hour, target=self.target(poster))


def is_malformed(outcome: Outcome) -> bool:
    """Whether a simpler form of the message may be accepted."""
    return outcome.result is AttemptResult.REJECTED and outcome.concern is Concern.MESSAGE


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
