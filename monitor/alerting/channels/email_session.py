"""One SMTP session: connect, greet, ask for each recipient, hand the mail over. Raises what ends it, and knows how far it got."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Final

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPException, SMTPHeloError, SMTPRecipientRefused, SMTPResponse, SMTPStatus

from monitor.alerting import answers
from monitor.alerting.answers import Step
from monitor.types.alerting import AttemptResult, Concern

_QUIT_SECONDS: Final = 2.0
_MAX_ADDRESSES: Final = 4


class SmtpClient(aiosmtplib.SMTP):
    """Remembers how far the session got, on which the meaning of a code, or of silence, depends."""

    step = Step.CONNECT
    asked = ""
    """The recipient asked for last."""


def tls_context(ca: str) -> ssl.SSLContext:
    """A verifying TLS context: the machine's authorities, or `ca` alone where it is given."""
    return ssl.create_default_context(cadata=ca or None)


def own_name() -> str:
    """Our name for EHLO, without a DNS lookup, which may hang."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,250}", name) else "localhost"


async def connected(host: str, port: int, names: Executor) -> socket.socket:
    """A connection to the mail server, its name looked up on a thread of the channel's own: a name service that hangs would take
    those that all channels share. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(names, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
    fault = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found[:_MAX_ADDRESSES]:
        line = socket.socket(family, kind, protocol)
        line.setblocking(False)
        try:
            await loop.sock_connect(line, address)
        except OSError as error:
            line.close()
            fault = error
        except BaseException:
            line.close()
            raise
        else:
            return line
    raise fault


async def converse(
    client: SmtpClient,
    line: socket.socket,
    sender: str,
    to: Sequence[str],
    mail: bytes,
    recipient_seconds: float,
) -> Mapping[str, SMTPResponse]:
    """One session: the answer for each recipient. Returns once the mail is accepted for those who are, or where nobody is."""
    client.step = Step.CONNECT
    await client.connect(sock=line)
    await _greet(client)
    client.step = Step.SENDER
    size = [f"size={len(mail)}"] if client.supports_extension("size") else []
    await client.mail(sender, options=size)
    client.step = Step.RECIPIENT
    replies = {each: await _ask(client, each, recipient_seconds) for each in to}
    if any(answers.of_smtp(Step.RECIPIENT, each.code).result is AttemptResult.SENT for each in replies.values()):
        client.step = Step.TEXT
        await _hand_over(client, mail)
    return replies


async def _greet(client: SmtpClient) -> None:
    """EHLO, where neither TLS nor login has said it; HELO for a server that does not know it."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            if not client.is_connected:
                raise
            await client.helo()


async def _ask(client: SmtpClient, recipient: str, seconds: float) -> SMTPResponse:
    """The answer for one recipient. Raises what ends the session: silence, 421, and what is no answer to RCPT."""
    client.asked = recipient
    try:
        return await client.rcpt(recipient, timeout=seconds)
    except SMTPRecipientRefused as refused:
        if answers.of_smtp(Step.RECIPIENT, refused.code).concern is not Concern.RECIPIENT:
            raise
        return SMTPResponse(refused.code, refused.message)


async def _hand_over(client: SmtpClient, mail: bytes) -> None:
    """DATA and the text. Raises unless it was accepted, with 250 or another 2xx."""
    try:
        await client.data(mail)
    except SMTPDataError as error:
        if error.code == SMTPStatus.completed:  # the answer to the text is no error: this one came before it
            client.step = Step.SENDER
            raise SMTPException("answers 250 to DATA before it has the text") from None
        if answers.of_smtp(Step.TEXT, error.code).result is not AttemptResult.SENT:
            raise


async def close_politely(client: SmtpClient) -> None:
    """QUIT with a short timeout: the mail is accepted already, and no answer changes that."""
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_QUIT_SECONDS):
            await client.quit()


def abort(client: SmtpClient) -> None:
    """Drop the connection: an orderly close would wait for a server that does not read."""
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def code_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError) or "TLS" in str(error):
        return "tls"
    return "connect" if isinstance(error, OSError) else "protocol"
