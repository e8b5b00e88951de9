"""Text and blocks as Slack takes them, for all messages to Slack. Pure.

Untrusted text goes into `plain_text`, in which Slack reads no formatting, mention or link, and is escaped even there (S6); in
`mrkdwn` only links are sent. The limits are Slack's: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from typing import Any, Final

from monitor.text.tokens import shorten

SECTION_LIMIT: Final = 3000


def section(text: str) -> dict[str, Any]:
    """A paragraph of plain text."""
    return {"type": "section", "text": plain(text, SECTION_LIMIT)}


def context(text: str) -> dict[str, Any]:
    """Small print."""
    return {"type": "context", "elements": [plain(text, SECTION_LIMIT)]}


def plain(text: str, limit: int) -> dict[str, Any]:
    """Text without formatting, mentions or links; `emoji` false leaves `:tada:` as written."""
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}


def link_section(links: str) -> dict[str, Any]:
    """A paragraph of links."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": links, "verbatim": True}}


def link(url: str, shown: str) -> str:
    """A link, or '' where there is none or its URL is so long that it does not fit a section."""
    written = f"<{mrkdwn_url(url)}|{escaped(shown, 100).replace('|', ' ')}>"
    return written if url and len(written) <= SECTION_LIMIT else ""


def mrkdwn_url(url: str) -> str:
    """The URL as mrkdwn takes it."""
    return quoted(url).replace("&", "&amp;")


def quoted(url: str) -> str:
    """The URL with the characters percent-encoded that would end a link."""
    return url.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E")


def escaped(text: str, limit: int) -> str:
    """The text with Slack's three special characters escaped, cut to `limit` but not within an entity (S5, S6)."""
    room = limit
    while len(done := _escape(shorten(text, room))) > limit:
        room -= max(1, (len(done) - limit) // 5)
    return done


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
