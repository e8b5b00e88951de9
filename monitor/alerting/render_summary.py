"""The texts of a summary, for mail and for channels that send plain text: every story of it, with its evidence in a line.

Untrusted words are cleaned by `render` and, in HTML, escaped by jinja2.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

from monitor.alerting import render
from monitor.text.tokens import shorten, some_of
from monitor.types.alerting import Alert, AlertKind, SummaryEntry

_TITLE_LIMIT: Final = 300
_KINDS = {AlertKind.UPDATED: "updated", AlertKind.ESCALATED: "growing"}


def title(entry: SummaryEntry, limit: int = _TITLE_LIMIT) -> str:
    """An entry's headline, on one line."""
    return shorten(render.line(entry.title) or "(no title)", limit)


def facts(entry: SummaryEntry) -> str:
    """`Herald, Thu 3 Jul 2025, 14:02 UTC; Ports; 87% likely; 3 outlets`."""
    parts = [
        ", ".join(each for each in (render.line(entry.source, 60), render.moment(entry.published_at)) if each),
        _topics(entry),
        _strength(entry),
        f"{entry.outlets} outlets" if entry.outlets > 1 else "",
        f"{entry.independent_sources} independent sources" if 1 < entry.independent_sources < entry.outlets else "",
        _KINDS.get(entry.kind, ""),
    ]
    return "; ".join(each for each in parts if each)


def _topics(entry: SummaryEntry) -> str:
    return some_of([render.line(each, 60) for each in entry.topics], render.TOPICS_SHOWN)


def _strength(entry: SummaryEntry) -> str:
    if entry.probability is not None:
        return f"{entry.probability:.0%} likely"
    return f"score {entry.score:.2f}, threshold {entry.threshold:.2f}"


def how_to_stop() -> str:
    """How the reader gets more, or less, in summaries."""
    return "The channel's messages_per_hour sets how many alerts an hour come one by one; 0 means all."


def text(alert: Alert) -> str:
    """The whole summary as plain text. Ends with one line break."""
    page = render.link(alert.review_url)
    parts = [
        f"{render.title(alert)}\n{render.line(alert.body, 600)}",
        *(_entry_text(number, each) for number, each in enumerate(alert.entries, 1)),
        f"All that nobody has judged yet: {page}" if page else "",
        f"--\n{how_to_stop()}\nSummary {render.line(alert.id, 60)}, {render.moment(alert.created_at)}",
    ]
    return "\n\n".join(each for each in parts if each) + "\n"


def _entry_text(number: int, entry: SummaryEntry) -> str:
    review = render.link(entry.review_url)
    lines = [
        f"{number}. {title(entry)}",
        render.line(entry.news, render.SENTENCE_LIMIT),
        facts(entry),
        render.link(entry.url),
        f"Right or wrong? {review}" if review else "",
    ]
    return "\n   ".join(each for each in lines if each)


def html(alert: Alert) -> str:
    """The summary as HTML: every value escaped, nothing loaded from anywhere (E7)."""
    return _page().render(
        title=render.title(alert),
        body=render.line(alert.body, 600),
        entries=[_values(each) for each in alert.entries],
        page=render.link(alert.review_url),
        page_host=render.host(alert.review_url),
        stop=how_to_stop(),
        id=render.line(alert.id, 60),
        created=render.moment(alert.created_at),
    )


def _values(entry: SummaryEntry) -> dict[str, str]:
    url = render.link(entry.url)
    return {
        "title": title(entry),
        "url": url,
        "host": render.host(url),
        "news": render.line(entry.news, render.SENTENCE_LIMIT),
        "facts": facts(entry),
        "review": render.link(entry.review_url),
    }


@cache
def _page() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_HTML)


_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 Georgia,serif;color:#1a1a1a;background:#ffffff">
<div style="max-width:40em">
<p style="margin:0;font:13px/1.5 sans-serif;color:#666666">Summary</p>
<h1 dir="auto" style="margin:4px 0 8px;font-size:22px;line-height:1.25">{{ title }}</h1>
<p style="margin:0 0 16px;font:13px/1.5 sans-serif;color:#444444">{{ body }}</p>
<ol style="margin:0;padding-left:2.2em">
{% for each in entries %}
<li style="margin:0 0 12px"><div dir="auto" style="font-weight:bold">
{%- if each.url %}<a href="{{ each.url }}" rel="noopener noreferrer nofollow" style="color:#1a1a1a">{{ each.title }}</a>
{%- else %}{{ each.title }}{% endif %}</div>
{% if each.news %}
<div dir="auto" style="font:bold 13px/1.5 sans-serif">{{ each.news }}</div>
{% endif %}
<div dir="auto" style="font:13px/1.5 sans-serif;color:#555555">{{ each.facts }}{% if each.url %} ({{ each.host }}){% endif %}</div>
{% if each.review %}
<div style="font:13px/1.5 sans-serif"><a href="{{ each.review }}" rel="noopener noreferrer nofollow">Right or wrong?</a></div>
{% endif %}
</li>
{% endfor %}
</ol>
{% if page %}
<p style="margin:12px 0;font:13px/1.5 sans-serif"><a href="{{ page }}" rel="noopener noreferrer nofollow">\
All that nobody has judged yet ({{ page_host }})</a></p>
{% endif %}
<p style="margin:24px 0 0;padding-top:8px;border-top:1px solid #dddddd;font:12px/1.5 sans-serif;color:#888888">\
{{ stop }}<br>Summary {{ id }}, {{ created }}</p>
</div>
</body>
</html>
"""
