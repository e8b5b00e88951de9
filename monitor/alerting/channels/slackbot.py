"""The Slack channel by a bot's token: one thread for each story, and the only channel that can edit what it sent.

`chat.postMessage` returns the message's `ts`, which identifies it for `chat.update` and for replies in its thread. Slack
answers 200 to everything; the outcome is in `ok` and `error` of the body.
https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/methods/chat.update
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, field_validator

from monitor.alerting import answers
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
from monitor.alerting.channels.slack import is_malformed, message, plain_message
from monitor.net.http import HttpResponse
from monitor.text import urls
from monitor.types.alerting import Alert, AttemptResult, Outcome

_TOKEN = re.compile(r"xox[a-z]-[A-Za-z0-9-]{8,250}")
_CHANNEL = re.compile("[CGD][A-Z0-9]{4,20}")
_TS = re.compile(r"\d{1,20}\.\d{1,20}")
_NO_THREAD: Final = frozenset({"thread_not_found", "message_not_found", "cannot_reply_to_message"})
"""The message was deleted: the alert is posted outside its thread."""


class SlackBotSettings(HttpSettings):
    """`[channels.<name>]` with `kind = "slackbot"`."""

    kind: Literal["slackbot"]
    url: SecretStr = Field(
        default=SecretStr("https://slack.com/api/"),
        description='leave it out, or give the base of the API: "https://slack.com/api/"',
    )
    token: SecretStr = Field(description='give the bot\'s token, with the right chat:write: token = "xoxb-…"')
    channel: str = Field(description='give the id of the channel, at the end of its link: channel = "C0123456789"')

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: SecretStr) -> SecretStr:
        if not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError('is no token of Slack\'s; it begins with "xoxb-"')
        return token

    @field_validator("channel")
    @classmethod
    def _is_id(cls, channel: str) -> str:
        if not _CHANNEL.fullmatch(channel):
            raise ValueError('is no id of a channel; names change, an id such as "C0123456789" does not')
        return channel

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""
        token = self.token.get_secret_value()
        return SlackBotChannel(
            name=name,
            messages_per_hour=self.messages_per_hour,
            target=self.target(poster, token),
            token=token,
            channel=self.channel,
        )


@dataclass(frozen=True, kw_only=True)
class SlackBotChannel:
    """Posts alerts as a bot, those on one story in one thread, and edits them."""

    name: str
    target: HttpTarget
    token: str = field(repr=False)
    channel: str
    kind: str = "slackbot"
    messages_per_hour: int = 0

    @property
    def destination(self) -> str:
        """A digest of API and channel; a new token for the bot does not change it."""
        return digest(self.kind, f"{self.target.url} {self.channel}")

    @property
    def credentials(self) -> str:
        """A check digest of the token."""
        return check_digest(self.token)

    @property
    def shown(self) -> str:
        """`https://slack.com/… C0123456789`."""
        return f"{urls.masked(self.target.url)} {self.channel}"

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Post once, outside any thread."""
        return await self.reply(alert, "", now=now)

    async def reply(self, alert: Alert, thread: str, *, now: datetime) -> Outcome:
        """Post once, in the thread of this receipt; what Slack calls malformed is posted once more as plain text."""
        place = {"channel": self.channel} | ({"thread_ts": thread, "reply_broadcast": True} if thread else {})
        outcome = await self._call("chat.postMessage", message(alert) | place, now)
        if thread and outcome.code in _NO_THREAD:
            return await self.send(alert, now=now)
        if not is_malformed(outcome):
            return outcome
        return await self._call("chat.postMessage", plain_message(alert) | place, now)

    async def edit(self, alert: Alert, receipt: str, *, now: datetime) -> Outcome:
        """Replace the message of this receipt; never sends a new one."""
        said = {key: value for key, value in message(alert).items() if not key.startswith("unfurl")}
        return await self._call("chat.update", said | {"channel": self.channel, "ts": receipt}, now)

    async def _call(self, method: str, payload: dict[str, Any], now: datetime) -> Outcome:
        def interpret(answer: HttpResponse) -> Outcome:
            outcome = outcome_of(answer, now=now, secrets=self.target.secrets)
            kind, code = answers.of_slack_api(answer.status, answer.text)
            if kind.result is AttemptResult.SENT:
                return replace(as_outcome(kind, code=code), receipt=_receipt(answer.text))
            code = excerpt(code, self.target.secrets)
            return as_outcome(kind, code=code, detail=outcome.detail, retry_after_for=outcome.retry_after_for)

        headers = {"content-type": "application/json; charset=utf-8", "authorization": f"Bearer {self.token}"}
        target = replace(self.target, url=f"{self.target.url.rstrip('/')}/{method}")
        return await target.post(json.dumps(payload), headers, now=now, interpret=interpret)


def _receipt(text: str) -> str:
    """The `ts` of the message that was posted; '' where there is none."""
    try:
        ts = json.loads(text).get("ts")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return ts if isinstance(ts, str) and _TS.fullmatch(ts) else ""
