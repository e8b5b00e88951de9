"""Composes the mail of an alert: headers, plain text and HTML.

Headers contain untrusted titles, so these are cleaned before `email` sees them (CVE-2024-6923, E1). The Message-ID is the
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

from monitor.alerting import render
from monitor.types.alerting import Alert

# We make these of letters, digits and hyphens; folded, they would become encoded words, which nobody reads as ids.
_MACHINE_HEADERS: Final = frozenset(
    {"message-id", "in-reply-to", "references", "list-id", "list-unsubscribe", "list-unsubscribe-post"}
)


class _Policy(EmailPolicy):
    """SMTP's policy, 7 bit throughout, except that ids stay whole: `email` encodes a word longer than a line.

    https://github.com/python/cpython/issues/100991 (3.11.7 writes `References: =?utf-8?q?=3Cstory…`).
    """

    def fold(self, name: str, value: Any) -> str:
        return f"{name}: {value}{self.linesep}" if name.lower() in _MACHINE_HEADERS else super().fold(name, value)

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
    mail["From"] = envelope.sender
    mail["To"] = envelope.to
    mail["Subject"] = header_text(render.headline(alert))
    mail["Date"] = format_datetime(now)
    for name, value in _ids(alert, envelope).items():
        mail[name] = value
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(render.text(alert))
    if not is_short:
        mail.add_alternative(render.html(alert), subtype="html")
    return mail


def header_text(text: str) -> str:
    """Text safe for a header: one line, no control characters, no `=?`, which `email` would decode into some (E1)."""
    return render.line(text, render.HEADLINE_LIMIT).replace("=?", "= ?") or "(no title)"


def _ids(alert: Alert, envelope: Envelope) -> dict[str, str]:
    """Message-ID, thread and List headers. The root of a thread is an id that was never sent, so any mail can be its first."""
    domain = envelope.sender.domain
    ids = {"Message-ID": f"<{_word(alert.id)}.{_word(envelope.channel)}@{domain}>"}
    if alert.story_id is not None:
        root = f"<story-{alert.story_id}.{_word(envelope.channel)}@{domain}>"
        ids |= {"In-Reply-To": root, "References": root}
    ids["List-Id"] = f"<{_word(alert.topic) if alert.article else 'notices'}.alerts.{domain}>"
    if envelope.unsubscribe_url:
        ids["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        ids["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return ids


def _word(text: str) -> str:
    return re.sub("[^A-Za-z0-9_-]+", "-", text)[:64] or "-"
