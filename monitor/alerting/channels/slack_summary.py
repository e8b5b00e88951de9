"""A summary as a Slack message that names every story and stays within Slack's limits. Pure.

Slack takes 50 blocks, 3,000 characters in each, and refuses a message whose blocks are longer than about 13,000 in all, which is
documented nowhere (https://github.com/slackapi/bolt-js/issues/2509). So every story is named first, with as much of its headline as
all have room for; what room is left goes to links and facts of the first ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from monitor.alerting import render, render_summary
from monitor.alerting.channels.slack_text import SECTION_LIMIT, context, escaped, link_section, mrkdwn_url, plain
from monitor.types.alerting import Alert, SummaryEntry

_BLOCK_COST: Final = 125
"""Characters that a block costs beside its text (bolt-js#2509)."""
_ROOM: Final = 11_000
"""For the lines of all stories, so that header, text, links and the cost of the blocks fit beside them."""
_FOR_LINKS: Final = 1_500
"""Of it, kept for the links and facts of the first stories."""
_HEADLINES: Final = range(200, 20, -5)
_PART: Final = 2_900
_LINK_LIMIT: Final = 1_500
TEXT_ROOM: Final = 38_000
"""Slack cuts a message's `text` after 40,000 characters."""


def blocks(alert: Alert) -> list[dict[str, Any]]:
    """The blocks: headline, what this is, the stories in their order, and where all of them are."""
    return [
        {"type": "header", "text": plain(render.headline(alert), 150)},
        context(render.line(alert.body, 600)),
        *_stories(alert.entries),
        *_page(alert),
        context(render_summary.how_to_stop()),
    ]


def lines(alert: Alert) -> list[str]:
    """The stories for a message without blocks, a line each: whole headlines, unless all of them are longer than Slack takes."""
    numbered = list(enumerate(alert.entries, 1))
    room = TEXT_ROOM // max(1, len(numbered)) - 1
    return [escaped(f"{number}. {_label(each)}", room) for number, each in numbered]


def _stories(entries: Sequence[SummaryEntry]) -> Iterator[dict[str, Any]]:
    limit = next((each for each in _HEADLINES if _size(_named(entries, each)) <= _ROOM - _FOR_LINKS), _HEADLINES[-1])
    named = _named(entries, limit)
    left = _ROOM - _size(named) - _BLOCK_COST * 2
    linked: list[str] = []
    for number, (entry, short) in enumerate(zip(entries, named, strict=True), 1):
        line = _linked(number, entry)
        left -= len(line) - len(short)
        if left < 0:
            break
        linked.append(line)
    yield from (link_section(part) for part in _parts(linked))
    yield from ({"type": "section", "text": _as_is(part)} for part in _parts(named[len(linked) :]))


def _named(entries: Sequence[SummaryEntry], limit: int) -> list[str]:
    return [
        escaped(f"{number}. {render_summary.title(each, limit)}", limit + 20) for number, each in enumerate(entries, 1)
    ]


def _linked(number: int, entry: SummaryEntry) -> str:
    """`1. <address|headline — Herald> (facts)`: untrusted words stand in the link's label, where nothing is formatted."""
    url = render.link(entry.url) or render.link(entry.review_url)
    said = "; ".join(each for each in (_label(entry), render.line(entry.news, 200), *_facts(entry)) if each)
    shown = escaped(said, 700).replace("|", "¦")
    return (
        f"{number}. <{mrkdwn_url(url)}|{shown}>" if 0 < len(url) <= _LINK_LIMIT else f"{number}. {_unformatted(shown)}"
    )


def _unformatted(text: str) -> str:
    """Text in which Slack finds nothing to format: the marks are written as their lookalikes."""
    for mark, lookalike in (("*", "∗"), ("_", "＿"), ("~", "∼"), ("`", "‘")):
        text = text.replace(mark, lookalike)
    return text


def _label(entry: SummaryEntry) -> str:
    source = render.line(entry.source, 60)
    return f"{render_summary.title(entry)} — {source}" if source else render_summary.title(entry)


def _facts(entry: SummaryEntry) -> list[str]:
    """What `render_summary.facts` says beside outlet and time."""
    return render_summary.facts(entry).split("; ")[1:]


def _parts(said: Sequence[str]) -> Iterator[str]:
    """The lines joined into texts that fit a section each."""
    part: list[str] = []
    for line in said:
        if part and _size([*part, line]) > _PART:
            yield "\n".join(part)
            part = []
        part.append(line)
    if part:
        yield "\n".join(part)


def _size(said: Sequence[str]) -> int:
    return sum(len(each) + 1 for each in said)


def _as_is(text: str) -> dict[str, Any]:
    """Text that is escaped already."""
    return {"type": "plain_text", "text": text[:SECTION_LIMIT], "emoji": False}


def _page(alert: Alert) -> list[dict[str, Any]]:
    url = render.link(alert.review_url)
    if not url or len(url) > _LINK_LIMIT:
        return []
    return [link_section(f"<{mrkdwn_url(url)}|All that nobody has judged yet>")]
