"""Composes the mail of an alert: headers, plain text and HTML.

Headers contain untrusted titles, so these are cleaned before they are encoded (CVE-2024-6923, E1). The Message-ID is the
same on every attempt, so that servers and mail programs recognise a second copy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final

from monitor.alerting import render, render_summary
from monitor.alerting.channels import mail_headers
from monitor.types import digests
from monitor.types.alerting import Alert, AlertKind

# Ids are made of letters, digits and hyphens and stay whole; names and subjects are encoded and folded by `mail_headers`.
_OUR_HEADERS: Final = frozenset(
    {
        *("from", "to", "subject"),
        *("message-id", "in-reply-to", "references", "list-id", "list-unsubscribe", "list-unsubscribe-post"),
    }
)


class _Policy(EmailPolicy):
    """SMTP's policy, 7 bit throughout, except that our headers are written as we give them: `email` encodes an id that is longer
    than a line, and loses spaces of a subject.

    https://github.com/python/cpython/issues/100991 (3.11.7 writes `References: =?utf-8?q?=3Cstory…`),
    https://github.com/python/cpython/issues/144156
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, value) if name.lower() in _OUR_HEADERS else super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in _OUR_HEADERS else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii")


_POLICY: Final = _Policy(linesep="\r\n", cte_type="7bit", raise_on_defect=False)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Sender, recipients and channel of a mail."""

    channel: str
    sender: Address
    to: tuple[Address, ...]
    unsubscribe_url: str = ""


def compose(alert: Alert, envelope: Envelope, *, now: datetime, is_short: bool = False) -> EmailMessage:
    """The mail of an alert, without HTML where `is_short`. One Message-ID for an alert, one thread for a story (E6)."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = mail_headers.addresses("From", (envelope.sender,))
    mail["To"] = mail_headers.addresses("To", envelope.to)
    mail["Subject"] = mail_headers.text("Subject", subject(alert))
    mail["Date"] = format_datetime(now)
    for name, value in _ids(alert, envelope).items():
        mail[name] = value
    mail["Auto-Submitted"] = "auto-generated"
    texts = render_summary if alert.kind is AlertKind.SUMMARY else render
    mail.set_content(texts.text(alert))
    if not is_short:
        mail.add_alternative(texts.html(alert), subtype="html")
    return mail


def subject(alert: Alert) -> str:
    """The headline: one line, without control characters (E1)."""
    return render.line(render.headline(alert), render.HEADLINE_LIMIT) or "(no title)"


def _ids(alert: Alert, envelope: Envelope) -> dict[str, str]:
    """Message-ID, thread and List headers. The root of a thread is an id that was never sent, so any mail can be its first."""
    domain = envelope.sender.domain
    ids = {"Message-ID": f"<{_word(alert.id)}.{_word(envelope.channel)}@{domain}>"}
    if alert.story_id is not None:
        root = f"<story-{alert.story_id}.{_word(envelope.channel)}@{domain}>"
        ids |= {"In-Reply-To": root, "References": root}
    ids["List-Id"] = f"<{_list(alert)}.alerts.{domain}>"
    if envelope.unsubscribe_url:
        ids["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        ids["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return ids


def _list(alert: Alert) -> str:
    if alert.kind is AlertKind.SUMMARY:
        return "summaries"
    return _word(alert.topic) if alert.article else "notices"


def _word(text: str) -> str:
    """The text as a part of an id; with a digest where letters had to give way, so that two topics in Cyrillic are two lists."""
    word = re.sub("[^A-Za-z0-9_-]+", "-", text)[:64] or "-"
    return word if word == text else f"{word[:51]}-{digests.of_text(text)}"
