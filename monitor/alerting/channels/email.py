"""The email channel: sends an alert over SMTP through the operator's own mail server.

Without TLS nothing is sent, unless `security = "none"` (E5). The server answers for each recipient: one that accepted the
mail gets no second copy when it is sent again to the others (E4). The message itself is composed in `mail`.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
import ssl
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Annotated, Any, Final, Literal

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
)
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from monitor.alerting.channels.base import Channel, ChannelSettings, Poster, digest, excerpt
from monitor.alerting.channels.email_message import Envelope, compose
from monitor.text import urls
from monitor.text.secrets import MASK, Secrets
from monitor.text.tokens import clean_line, shorten
from monitor.types.alerting import Alert, AttemptResult, Outcome

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
# Greylisting ends after a few minutes; an earlier retry only prolongs it (E4).
_GREYLIST: Final = timedelta(minutes=5)
_QUIT_FOR: Final = timedelta(seconds=2)
_REMEMBERED: Final = 1000


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


def masked_address(address: str) -> str:
    """`a…@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{MASK}@{domain}"


# --- the channel ------------------------------------------------------------------------------------------------------


class _Client(aiosmtplib.SMTP):
    """Remembers whether DATA was begun: a connection that breaks before means "not sent", after it "unknown"."""

    has_begun = False

    async def data(self, *args: Any, **kwargs: Any) -> SMTPResponse:
        self.has_begun = True
        return await super().data(*args, **kwargs)


@dataclass(frozen=True, kw_only=True)
class EmailChannel:
    """Hands alerts to the operator's mail server."""

    name: str
    settings: EmailSettings = field(repr=False)
    kind: str = "email"
    # By alert: recipients that need no second copy when it is sent again to the others. Lost with the process, which costs
    # a second copy under the same Message-ID.
    _settled: OrderedDict[str, dict[str, str]] = field(default_factory=OrderedDict, repr=False)

    @property
    def destination(self) -> str:
        """A digest of the recipients; the mail server may change."""
        return digest(self.kind, " ".join(sorted(each.addr_spec.lower() for each in self._to)))

    @property
    def shown(self) -> str:
        """`mail to a…@example.org and 2 more via smtp.example.org`."""
        more = f" and {len(self._to) - 1} more" if len(self._to) > 1 else ""
        return f"mail to {masked_address(self._to[0].addr_spec)}{more} via {self.settings.host}"

    @property
    def _to(self) -> tuple[Address, ...]:
        return tuple(_address(each) for each in self.settings.to)

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        """Send once to the recipients still missing; a mail that is too large (552) is sent once more without HTML."""
        deadline = asyncio.get_running_loop().time() + self.settings.limit_seconds
        outcome = await self._attempt(alert, compose(alert, self._envelope, now=now), deadline)
        if outcome.result is AttemptResult.REJECTED and outcome.code == "552":
            outcome = await self._attempt(alert, compose(alert, self._envelope, now=now, is_short=True), deadline)
        return outcome

    @property
    def _envelope(self) -> Envelope:
        sender = _address(self.settings.sender)
        return Envelope(channel=self.name, sender=sender, to=self._to, unsubscribe_url=self.settings.unsubscribe_url)

    async def _attempt(self, alert: Alert, mail: EmailMessage, deadline: float) -> Outcome:
        """One SMTP session, ended at the deadline: aiosmtplib's own timeout starts anew with every reply."""
        waiting = [each.addr_spec for each in self._to if each.addr_spec not in self._settled.get(alert.id, {})]
        client = await self._client()
        try:
            async with asyncio.timeout_at(deadline):
                refused = await _converse(client, _address(self.settings.sender).addr_spec, waiting, mail.as_bytes())
            await _quit(client)
        except (SMTPException, OSError) as error:
            return self._failed(error, has_begun=client.has_begun)
        finally:
            _abort(client)
        return self._combined(alert.id, waiting, refused)

    async def _client(self) -> _Client:
        settings = self.settings
        security = settings.security or "starttls"
        context = None if security == "none" else await asyncio.to_thread(_tls, settings.ca)
        return _Client(
            hostname=settings.host,
            port=settings.port or _PORTS[security],
            username=settings.username or None,
            password=settings.password.get_secret_value() if settings.username else None,
            local_hostname=_own_name(),
            timeout=settings.limit_seconds,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            tls_context=context,
        )

    # --- outcomes ---

    def _failed(self, error: Exception, *, has_begun: bool) -> Outcome:
        """The outcome of a session that broke off, by an SMTP error or by none."""
        if isinstance(error, SMTPResponseException):
            result = _result_of(error)
            said = f"{error.code} {error.message}"
            pause = _GREYLIST if result is AttemptResult.TRANSIENT and error.code >= 400 else None
            return Outcome(result=result, code=str(error.code), detail=self._redacted(said), retry_after_for=pause)
        result = AttemptResult.UNKNOWN if has_begun else AttemptResult.TRANSIENT
        return Outcome(result=result, code=_code_of(error), detail=self._redacted(str(error) or "no answer in time"))

    def _combined(self, id: str, waiting: Iterable[str], refused: Mapping[str, SMTPResponse]) -> Outcome:
        """The one outcome of the answers for several recipients (E4); remembers those that are settled."""
        later = {each: reply for each, reply in refused.items() if _is_temporary(reply.code)}
        settled = self._settled.pop(id, {})
        settled |= {each: self._reply(each, refused.get(each)) for each in waiting if each not in later}
        if later:
            self._remember(id, settled)
            detail = _joined(self._reply(each, reply) for each, reply in later.items())
            return Outcome(
                result=AttemptResult.TRANSIENT, code=_code_in(later), detail=detail, retry_after_for=_GREYLIST
            )
        failures = [each for each in settled.values() if each]
        if len(failures) == len(settled):
            return Outcome(result=AttemptResult.GONE, code=_code_in(refused), detail=_joined(failures))
        return Outcome(result=AttemptResult.SENT, code="250", detail=_joined(failures))

    def _remember(self, id: str, settled: dict[str, str]) -> None:
        self._settled[id] = settled
        while len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)

    def _reply(self, recipient: str, reply: SMTPResponse | None) -> str:
        return self._redacted(f"{recipient}: {reply.code} {clean_line(reply.message)}") if reply else ""

    def _redacted(self, said: str) -> str:
        """The answer with our password and the recipients' addresses masked."""
        user, password = self.settings.username, self.settings.password.get_secret_value()
        forms = [base64.b64encode(each.encode()).decode() for each in (password, f"\0{user}\0{password}") if password]
        for each in self._to:
            said = said.replace(each.addr_spec, masked_address(each.addr_spec))
        return excerpt(said, Secrets(password, *forms))


def _tls(ca: str) -> ssl.SSLContext:
    """A verifying TLS context: the machine's authorities, or `ca` alone where it is given."""
    return ssl.create_default_context(cadata=ca or None)


def _own_name() -> str:
    """Our name for EHLO, without a DNS lookup, which may hang."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,250}", name) else "localhost"


async def _converse(client: _Client, sender: str, to: Sequence[str], mail: bytes) -> Mapping[str, SMTPResponse]:
    """Send one mail. Returns the answers for recipients who were refused."""
    try:
        await client.connect()
        refused, _ = await client.sendmail(sender, to, mail)
    except SMTPRecipientsRefused as error:
        return {each.recipient: SMTPResponse(each.code, each.message) for each in error.recipients}
    return refused


async def _quit(client: _Client) -> None:
    """QUIT with a short timeout: the mail is accepted already, and no answer changes that."""
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_QUIT_FOR.total_seconds()):
            await client.quit()


def _abort(client: _Client) -> None:
    """Drop the connection: an orderly close would wait for a server that does not read."""
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


# --- reading SMTP answers ---------------------------------------------------------------------------------------------


def _result_of(error: SMTPResponseException) -> AttemptResult:
    """The result of an answer that ended the session: 4xx is transient; what 5xx refuses depends on the command."""
    if not 500 <= error.code < 600:
        return AttemptResult.TRANSIENT
    if isinstance(error, SMTPDataError) or error.code == 552:
        return AttemptResult.REJECTED
    return (
        AttemptResult.GONE
        if isinstance(error, SMTPAuthenticationError | SMTPSenderRefused)
        else AttemptResult.TRANSIENT
    )


def _is_temporary(code: int) -> bool:
    """4xx, and 552 for a recipient: a full mailbox empties (RFC 5321 section 4.5.3.1.10)."""
    return not 500 <= code < 600 or code == 552


def _code_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError) or "TLS" in str(error):
        return "tls"
    return "connect" if isinstance(error, OSError) else "protocol"


def _code_in(refused: Mapping[str, SMTPResponse]) -> str:
    return str(next(iter(refused.values())).code) if refused else ""


def _joined(replies: Iterable[str]) -> str:
    return shorten("; ".join(replies), 1000)
