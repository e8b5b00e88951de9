"""What all channels share: their protocol, their settings, masking of secrets, and how an answer becomes an `Outcome`.

A channel builds a payload and sends it once; claiming, retrying and pausing are done for all channels in `alerting.deliver`.
Contract: `send` raises for nothing that the network or the receiver does, and its outcome contains none of our secrets.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from monitor.alerting import answers
from monitor.alerting.answers import AnswerKind
from monitor.net import rate_limits
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpResponse, NoAnswerError
from monitor.text import urls
from monitor.text.secrets import MASK, Secrets
from monitor.text.tokens import clean, plain_line
from monitor.types.alerting import Alert, AttemptResult, Concern, Outcome
from monitor.types.errors import FetchError

DETAIL_BYTES: Final = 2048
# Shorter parts of a URL are ordinary words ("api", "hook"), which must stay readable in an answer.


class Poster(Protocol):
    """Sends one POST and follows no redirect; implemented by `monitor.net.http.HttpClient`.

    Raises FetchError where the request was not accepted, NoAnswerError where it was sent whole and no answer came.
    """

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        limit_for: timedelta,
        policy: AddressPolicy | None = None,
    ) -> HttpResponse: ...


class Channel(Protocol):
    """A way to send alerts to people."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def destination(self) -> str:
        """A digest of the destination: changes with it and reveals nothing."""

    @property
    def credentials(self) -> str:
        """A check digest of its secrets (`check_digest`): changes with them and reveals nothing."""

    @property
    def shown(self) -> str:
        """The destination for pages and logs, masked."""

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Send once. Whatever the network or the receiver does becomes an Outcome, never an exception."""


@runtime_checkable
class Editor(Channel, Protocol):
    """A channel whose outcomes carry a receipt, with which a message can be replied to and edited."""

    async def reply(self, alert: Alert, thread: str, *, now: datetime) -> Outcome:
        """Send once, in the thread of this receipt; '' sends outside any thread."""

    async def edit(self, alert: Alert, receipt: str, *, now: datetime) -> Outcome:
        """Replace the text of the message of this receipt. Never sends a new message, never raises."""


@runtime_checkable
class Addressed(Channel, Protocol):
    """A channel to several recipients, whose receiver answers for each of them."""

    async def send_to(self, alert: Alert, settled: Mapping[str, AttemptResult], *, now: datetime) -> Outcome:
        """Send once, to those who are not `settled` (recipient -> `SENT` or `REJECTED`): its outcome names the recipients."""


@runtime_checkable
class Limited(Protocol):
    """A channel with a budget: what goes beyond it is told in one summary an hour."""

    @property
    def messages_per_hour(self) -> int:
        """How many alerts within an hour are sent one by one; 0 for all."""


MESSAGES_PER_HOUR: Final = 12
"""The default for people: more than a message every five minutes is read by nobody."""


class ChannelSettings(BaseModel, ABC):
    """One `[channels.<name>]` table, validated. Each kind adds fields; a field's description is the advice that a fault shows.

    Dependencies between fields are checked in field validators, never in a model validator: pydantic skips model validators
    when a field is wrong, and `monitor check` must name every fault at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    kind: str
    messages_per_hour: int = Field(
        default=MESSAGES_PER_HOUR,
        ge=0,
        le=10_000,
        description="how many alerts an hour are sent one by one before the rest comes as one summary; 0 for no limit",
    )

    @abstractmethod
    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe."""


# --- texts -----------------------------------------------------------------------------------------------------------


def excerpt(text: str, secrets: Secrets, *, is_html: bool = False) -> str:
    """An answer on one line, at most 2 KB of UTF-8, secrets masked (before it is cut: half a key is a leak too)."""
    plain = (
        plain_line(text, limit=8 * DETAIL_BYTES) if is_html else " ".join(clean(text, limit=8 * DETAIL_BYTES).split())
    )
    said = secrets.out_of(plain).encode()
    return said.decode() if len(said) <= DETAIL_BYTES else said[: DETAIL_BYTES - 3].decode(errors="ignore") + MASK


def digest(kind: str, where: str) -> str:
    """A short one-way digest of a destination; equal for equal destinations."""
    return hashlib.blake2b(f"{kind} {where}".encode(), digest_size=8, person=b"destination").hexdigest()


def check_digest(*secrets: str) -> str:
    """Four digits by which changed secrets are told apart. So short that nobody can guess a password by it: of any list of
    passwords, one in 65,536 has the same. As rarely a change goes unnoticed, and `monitor alerts retry` does what it would do.
    """
    return hashlib.blake2b("\0".join(secrets).encode(), digest_size=2, person=b"credentials").hexdigest()


# --- from an answer to an Outcome -------------------------------------------------------------------------------------


def outcome_of(answer: HttpResponse, *, now: datetime, secrets: Secrets) -> Outcome:
    """What an HTTP answer means for a delivery (`alerting.answers`)."""
    is_html = "html" in answer.headers.get("content-type", "").lower()
    said = _redirect(answer, secrets) or excerpt(answer.text, secrets, is_html=is_html)
    wait_for = None if answer.status < 300 else answer.retry_after_for(now)
    if wait_for is None and answer.status in (429, 503):
        wait_for = rate_limits.reset_after(answer.headers, now=now)
    return as_outcome(answers.of_http(answer.status), code=str(answer.status), detail=said, retry_after_for=wait_for)


def as_outcome(kind: AnswerKind, *, code: str, detail: str = "", retry_after_for: timedelta | None = None) -> Outcome:
    """The outcome of an answer of this kind. A receiver in trouble that names a time says nothing of this message (W7)."""
    is_named = retry_after_for is not None and kind.result is AttemptResult.TRANSIENT
    return Outcome(
        result=kind.result,
        code=code,
        detail=detail,
        retry_after_for=retry_after_for,
        concern=Concern.DESTINATION if is_named else kind.concern,
        reason=kind.reason,
    )


def _redirect(answer: HttpResponse, secrets: Secrets) -> str:
    """Advice for a redirect, which is a failure and not followed: a 302 would turn the POST into an empty GET (W4)."""
    if not 300 <= answer.status < 400:
        return ""
    to = urls.host(answer.headers.get("location", ""))
    return f"answers with a redirect{f' to {to}' if to else ''}: update the URL"


def outcome_of_failure(error: FetchError, *, secrets: Secrets) -> Outcome:
    """What a failed POST means: sent whole and not answered, an address that our policy refuses, or not reached."""
    said = excerpt(str(error), secrets)
    if isinstance(error, NoAnswerError):
        return as_outcome(answers.NO_ANSWER, code="no answer", detail=said)
    kind = answers.REFUSED_ADDRESS if error.code == "refused" else answers.NOT_REACHED
    return as_outcome(kind, code=error.code, detail=said, retry_after_for=error.retry_after_for)


# --- channels that post -----------------------------------------------------------------------------------------------


class HttpSettings(ChannelSettings):
    """Settings of channels that send HTTP POSTs."""

    allow_private: bool = Field(
        default=False, description="true lets this channel post to loopback, private networks and http://"
    )
    url: SecretStr = Field(description='give the address that takes the posts: url = "https://…"')
    limit_seconds: float = Field(default=20, ge=1, le=30, description="the whole attempt takes 1 to 30 seconds at most")

    @field_validator("url")
    @classmethod
    def _is_postable(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        """Parsed as the HTTP client parses it. Plain http would expose the key in the URL, so it needs `allow_private`."""
        checked = urls.check(url.get_secret_value())
        if checked.startswith("http:") and not info.data.get("allow_private"):
            raise ValueError(
                "must begin with https://, as its key and all alerts can be read on the way otherwise; write https://, or "
                "allow_private = true for a receiver inside"
            )
        return SecretStr(checked)

    def target(self, poster: Poster, *hidden: str) -> HttpTarget:
        """Where to post. `hidden`: further secrets to mask in answers, beside the URL."""
        url = self.url.get_secret_value()
        return HttpTarget(
            poster=poster,
            url=url,
            limit_for=timedelta(seconds=self.limit_seconds),
            secrets=Secrets.of_url(url, *hidden),
            policy=AddressPolicy(allowed=PRIVATE_NETWORKS if self.allow_private else ()),
        )


@dataclass(frozen=True, kw_only=True)
class HttpTarget:
    """Where and how an HTTP channel posts."""

    poster: Poster = field(repr=False)
    url: str = field(repr=False)
    limit_for: timedelta
    secrets: Secrets = field(repr=False)
    policy: AddressPolicy
    """The channel's own, independent of the feeds' (R10): what it allows beyond what the settings allow to every channel."""

    async def post(
        self,
        body: str,
        headers: Mapping[str, str],
        *,
        now: datetime,
        interpret: Callable[[HttpResponse], Outcome] | None = None,
    ) -> Outcome:
        """Post once. `interpret` maps the answer to an Outcome where the status alone is not enough."""
        try:
            answer = await self.poster.post(
                self.url, body=body.encode(), headers=headers, limit_for=self.limit_for, policy=self._policy
            )
        except FetchError as error:
            return outcome_of_failure(error, secrets=self.secrets)
        return interpret(answer) if interpret else outcome_of(answer, now=now, secrets=self.secrets)

    @property
    def _policy(self) -> AddressPolicy | None:
        """None where the channel allows nothing of its own: then the poster's holds, with `delivery.allow_networks`."""
        return self.policy if self.policy.allowed else None
