"""The email channel: sends an alert over SMTP through the operator's own mail server.

Without TLS nothing is sent, unless `security = "none"` (E5). The server answers for each recipient: one that accepted the
mail gets no second copy when it is sent again to the others (E4). What its answers mean is decided in `alerting.answers`; the
message itself is composed in `email_message`.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cached_property
from typing import Annotated, Final, Literal, NamedTuple

from aiosmtplib import SMTPException, SMTPHeloError, SMTPResponse, SMTPResponseException
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from monitor.alerting import answers
from monitor.alerting.answers import Step
from monitor.alerting.channels.base import (
    Channel,
    ChannelSettings,
    Poster,
    as_outcome,
    check_digest,
    digest,
    excerpt,
)
from monitor.alerting.channels.email_message import Envelope, compose
from monitor.alerting.channels.email_session import (
    SmtpClient,
    abort,
    close_politely,
    code_of,
    connected,
    converse,
    own_name,
    tls_context,
)
from monitor.text import urls
from monitor.text.secrets import MASK, Secrets
from monitor.text.tokens import clean_line
from monitor.types.alerting import Alert, AttemptResult, Concern, Outcome, RecipientOutcome

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


# --- settings ---------------------------------------------------------------------------------------------------------

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?:(?P<name>[^\x00-\x1f\x7f-\x9f\u2028\u2029\"<>@,;:\\()\[\]]+?) *<)?(?P<address>(?P<local>{_LOCAL})@(?P<domain>{_DOMAIN}))(?(name)>)")  # fmt: skip  # noqa: E501


def _mailbox(text: str) -> str:
    """`a@b.org` or `Name <a@b.org>`, with nothing that could be injected into a header or an SMTP command (E2)."""
    found = _MAILBOX.fullmatch(text)
    if found is None or len(found["local"]) > 64 or len(found["domain"]) > 190:
        raise ValueError('must be plain addresses such as "desk@example.org" or "News desk <desk@example.org>"')
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class EmailSettings(ChannelSettings):
    """`[channels.<name>]` with `kind = "email"`."""

    kind: Literal["email"]
    host: str = Field(description='name the mail server that takes your mail: host = "smtp.example.org"')
    security: Literal["starttls", "tls", "none"] | None = Field(
        default=None,
        validate_default=True,
        description='security = "starttls", "tls" (port 465), or "none" without a password',
    )
    port: int | None = Field(default=None, ge=1, le=65535, description="a port from 1 to 65535; usually 587, 465 or 25")
    sender: Mailbox = Field(alias="from", description='the address mails come from: from = "monitor@example.org"')
    to: tuple[Mailbox, ...] = Field(max_length=50, description='who reads it: to = ["desk@example.org"]')
    username: str = Field(default="", max_length=255, description="the account at the mail server")
    password: SecretStr = Field(
        default=SecretStr(""), description="its password, best as password_file or from the environment"
    )
    ca: str = Field(default="", description='ca_file = "/path/ca.pem" for a server with a certificate of your own')
    unsubscribe_url: str = Field(default="", description="a https:// address that takes the POST of RFC 8058")
    limit_seconds: float = Field(default=30, ge=1, le=60, description="the whole attempt takes 1 to 60 seconds at most")

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("must be a host name or an IP address, without port or scheme")
        return host.lower()

    @field_validator("security")
    @classmethod
    def _is_secure(cls, security: str | None, info: ValidationInfo) -> str:
        """STARTTLS by default; no TLS to a mail server on this machine."""
        return security or ("none" if _is_loopback(str(info.data.get("host", ""))) else "starttls")

    @field_validator("to", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """An environment variable is one string: addresses are separated by commas."""
        return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value

    @field_validator("to")
    @classmethod
    def _is_somebody(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        if not to:
            raise ValueError("names nobody")
        return to

    @field_validator("username")
    @classmethod
    def _is_not_given_away(cls, username: str, info: ValidationInfo) -> str:
        if username and info.data.get("security") == "none":
            raise ValueError('would send the password in plain text; write security = "starttls" or "tls"')
        if not username.isprintable():
            raise ValueError("must be one line without control characters")
        return username

    @field_validator("password")
    @classmethod
    def _has_a_user(cls, password: SecretStr, info: ValidationInfo) -> SecretStr:
        if password.get_secret_value() and info.data.get("username") == "":
            raise ValueError('needs a user name beside it: username = "…"')
        return password

    @field_validator("ca")
    @classmethod
    def _is_certificate(cls, ca: str) -> str:
        try:
            ssl.create_default_context(cadata=ca) if ca else None
        except (ssl.SSLError, ValueError):
            raise ValueError("is no certificate in PEM form") from None
        return ca

    @field_validator("unsubscribe_url")
    @classmethod
    def _is_link(cls, url: str) -> str:
        if url and (not urls.check(url).startswith("https:") or len(url) > 900):
            raise ValueError("must be a https:// address")
        return urls.check(url) if url else ""

    def open(self, name: str, poster: Poster) -> Channel:
        """The channel these settings describe; mail needs no poster."""
        return EmailChannel(name=name, settings=self)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(mailbox: str) -> Address:
    found = _MAILBOX.fullmatch(mailbox)
    assert found, "checked by the settings"
    return Address(display_name=(found["name"] or "").strip(), username=found["local"], domain=found["domain"])


def masked_address(address: str, *, shown: int = 1) -> str:
    """`a…@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:shown]}{MASK if len(local) > shown or shown == 1 else ''}@{domain}"


def masked_addresses(addresses: Sequence[str]) -> dict[str, str]:
    """The addresses masked, each with as many letters as tell it from the others: `an…@example.org`, `al…@example.org`."""
    return {each: _masked_apart(each, [other for other in addresses if other != each]) for each in addresses}


def _masked_apart(address: str, others: Sequence[str]) -> str:
    length = len(address.rpartition("@")[0])
    for shown in range(1, length):
        masked = masked_address(address, shown=shown)
        if all(masked.lower() != masked_address(each, shown=shown).lower() for each in others):
            return masked
    return masked_address(address, shown=max(1, length))


def recipient_key(address: str) -> str:
    """A digest of an address, by which the store knows who has a message."""
    return digest("recipient", address.lower())


class _Recipient(NamedTuple):
    address: str
    key: str
    name: str
    """Masked, for people."""


# --- the channel ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class EmailChannel:
    """Hands alerts to the operator's mail server."""

    name: str
    settings: EmailSettings = field(repr=False)
    kind: str = "email"

    @property
    def destination(self) -> str:
        """A digest of the recipients; the mail server may change."""
        return digest(self.kind, " ".join(sorted(each.addr_spec.lower() for each in self._to)))

    @property
    def messages_per_hour(self) -> int:
        """The budget of its settings."""
        return self.settings.messages_per_hour

    @property
    def credentials(self) -> str:
        """A check digest of the account, the mail server and its certificate."""
        each = self.settings
        server = f"{each.host} {each.port} {each.security} {each.sender}"
        return check_digest(server, each.ca, each.username, each.password.get_secret_value())

    @property
    def shown(self) -> str:
        """`mail to a…@example.org and 2 more via smtp.example.org`."""
        more = f" and {len(self._to) - 1} more" if len(self._to) > 1 else ""
        return f"mail to {masked_address(self._to[0].addr_spec)}{more} via {self.settings.host}"

    @property
    def _to(self) -> tuple[Address, ...]:
        return tuple(_address(each) for each in self.settings.to)

    @property
    def _port(self) -> int:
        return self.settings.port or _PORTS[self.settings.security or "starttls"]

    @cached_property
    def _names(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix=f"mail-names-{self.name}")

    @cached_property
    def _recipients(self) -> tuple[_Recipient, ...]:
        addresses = list(dict.fromkeys(each.addr_spec for each in self._to))
        return tuple(_Recipient(each, recipient_key(each), name) for each, name in masked_addresses(addresses).items())

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Send once to all recipients."""
        return await self.send_to(alert, {}, now=now)

    async def send_to(self, alert: Alert, settled: Mapping[str, AttemptResult], *, now: datetime) -> Outcome:
        """Send once to the recipients still missing; a mail that is too large (552) is sent once more without HTML."""
        deadline = asyncio.get_running_loop().time() + self.settings.limit_seconds
        outcome = await self._attempt(compose(alert, self._envelope, now=now), settled, deadline)
        if outcome.concern is Concern.MESSAGE and outcome.code == "552":
            mail = compose(alert, self._envelope, now=now, is_short=True)
            outcome = await self._attempt(mail, settled, deadline)
        return outcome

    @property
    def _envelope(self) -> Envelope:
        sender = _address(self.settings.sender)
        return Envelope(channel=self.name, sender=sender, to=self._to, unsubscribe_url=self.settings.unsubscribe_url)

    async def _attempt(self, mail: EmailMessage, settled: Mapping[str, AttemptResult], deadline: float) -> Outcome:
        """Send to those who are not settled. Where the session breaks off over one recipient, once more without that one: a
        mailbox that the server is slow to ask for must not keep the mail from the others."""
        waiting = [each for each in self._recipients if each.key not in settled]
        if not waiting:
            return answers.of_recipients(settled, ())
        outcome, broken_at = await self._session(mail, waiting, settled, deadline)
        others = [each for each in waiting if each.address != broken_at]
        if not broken_at or not others:
            return outcome
        puts_off = self._answer(next(each for each in waiting if each not in others), outcome)
        return (await self._session(mail, others, settled, deadline, puts_off))[0]

    async def _session(
        self,
        mail: EmailMessage,
        waiting: Sequence[_Recipient],
        settled: Mapping[str, AttemptResult],
        deadline: float,
        *before: RecipientOutcome,
    ) -> tuple[Outcome, str]:
        """The outcome of one SMTP session, and the recipient over whom it broke off; '' for none. It ends at the deadline:
        aiosmtplib's own timeout starts anew with every reply."""
        seconds = self.settings.limit_seconds / (3 if len(waiting) > 1 else 1)
        client = await self._client()
        sender, to = _address(self.settings.sender).addr_spec, [each.address for each in waiting]
        try:
            async with asyncio.timeout_at(deadline):
                line = await connected(self.settings.host, self._port, self._names)
                replies = await converse(client, line, sender, to, mail.as_bytes(), seconds)
            await close_politely(client)
        except (SMTPException, OSError) as error:
            return self._failed(error, client.step), client.asked if client.step is Step.RECIPIENT else ""
        finally:
            abort(client)
        told = (self._answer_to(each, replies[each.address]) for each in waiting)
        return answers.of_recipients(settled, (*told, *before)), ""

    async def _client(self) -> SmtpClient:
        settings = self.settings
        security = settings.security or "starttls"
        context = None if security == "none" else await asyncio.to_thread(tls_context, settings.ca)
        return SmtpClient(
            hostname=settings.host,
            username=settings.username or None,
            password=settings.password.get_secret_value() if settings.username else None,
            local_hostname=own_name(),
            timeout=settings.limit_seconds,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            tls_context=context,
        )

    # --- outcomes ---

    def _failed(self, error: Exception, step: Step) -> Outcome:
        """The outcome of a session that broke off, by an SMTP answer or by none."""
        if isinstance(error, SMTPResponseException) and error.code > 0:
            step = Step.CONNECT if isinstance(error, SMTPHeloError) else step
            kind = answers.of_smtp(step, error.code, error.message)
            is_final = kind.concern is Concern.MESSAGE and kind.result is not AttemptResult.TRANSIENT
            outcome = as_outcome(kind, code=str(error.code), detail=self._redacted(f"{error.code} {error.message}"))
            return replace(outcome, retry_after_for=None if is_final else answers.ASK_AGAIN_AFTER)
        kind = answers.NO_ANSWER if step is Step.TEXT else answers.NOT_REACHED
        return as_outcome(kind, code=code_of(error), detail=self._redacted(str(error) or "no answer in time"))

    def _answer_to(self, recipient: _Recipient, reply: SMTPResponse) -> RecipientOutcome:
        result = answers.of_smtp(Step.RECIPIENT, reply.code, reply.message).result
        said = "" if result is AttemptResult.SENT else self._redacted(clean_line(reply.message))
        return RecipientOutcome(
            key=recipient.key, name=recipient.name, result=result, code=str(reply.code), detail=said
        )

    def _answer(self, recipient: _Recipient, broken: Outcome) -> RecipientOutcome:
        """The session broke off over this recipient: it waits, and the others are sent to without it."""
        return RecipientOutcome(
            key=recipient.key,
            name=recipient.name,
            result=AttemptResult.TRANSIENT,
            code=broken.code,
            detail=broken.detail,
        )

    def _redacted(self, said: str) -> str:
        """The answer with our password and the recipients' addresses masked."""
        user, password = self.settings.username, self.settings.password.get_secret_value()
        forms = [base64.b64encode(each.encode()).decode() for each in (password, f"\0{user}\0{password}") if password]
        for each in self._recipients:
            said = re.sub(re.escape(each.address), each.name.replace("\\", r"\\"), said, flags=re.IGNORECASE)
        return excerpt(said, Secrets(password, *forms))
