"""The texts of alerts, for all channels: headline, plain-text and HTML message, the evidence in up to three lines.

Everything that comes from an article is untrusted: it is cleaned here, reduced to one line where one line is expected and, in
HTML, escaped by jinja2. Of scores only a calibrated probability is shown as a percentage; words have shares of 100 %.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from monitor.matching import reliability
from monitor.matching.evidence import shown_parts, shown_words
from monitor.text import urls
from monitor.text.highlight import marked
from monitor.text.tokens import clean, clean_line, shorten
from monitor.types.alerting import Alert, AlertArticle, AlertKind, AlertTopic
from monitor.types.matching import Evidence

HEADLINE_LIMIT: Final = 200
SUMMARY_LIMIT: Final = 600
SENTENCE_LIMIT: Final = 300
NOTICE_LIMIT: Final = 20_000
OUTLETS_SHOWN: Final = 8
TOPICS_SHOWN: Final = 3

# Invisible marks that change the reading direction: headlines do not need them, forged links do (X9).
# The joiners U+200C and U+200D stay: Persian and emoji need them.
_DIRECTION_MARKS = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
# No script stacks more than a few marks on one letter; longer runs of them draw over the lines above and below.
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_MARK_RUNS = re.compile(f"({_MARKS}{{4}}){_MARKS}+")
_ADDED = {AlertKind.UPDATED: ", updated", AlertKind.ESCALATED: ", growing"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def headline(alert: Alert) -> str:
    """The alert in one line of at most 200 characters: `Topic: headline — source`."""
    if alert.kind is AlertKind.TEST:
        return shorten(f"Test: {line(alert.title) or 'article monitor'}", HEADLINE_LIMIT)
    if alert.article is None:
        said = "Summary" if alert.kind is AlertKind.SUMMARY else "Article monitor"
        return shorten(f"{said}: {line(alert.title) or 'notice'}", HEADLINE_LIMIT)
    start = f"{topic(alert)}{_ADDED.get(alert.kind, '')}: "
    end = f" — {line(alert.article.source, 60)}" if line(alert.article.source) else ""
    return start + shorten(title(alert), HEADLINE_LIMIT - len(start) - len(end)) + end


def title(alert: Alert) -> str:
    """The article's own headline, or the alert's where there is no article."""
    found = line(alert.article.title) if alert.article else ""
    return found or line(alert.title) or "(no title)"


def topic(alert: Alert) -> str:
    """The titles of its topics, the strongest first: `Fish canning, Ports and 2 more`."""
    names = [topic_title(each) for each in alert.all_topics]
    if len(names) <= 1:
        return names[0] if names else "Alert"
    limit = HEADLINE_LIMIT // 2 // min(len(names), TOPICS_SHOWN)
    shown = [shorten(each, limit) for each in names[:TOPICS_SHOWN]]
    more = len(names) - len(shown)
    return f"{', '.join(shown)} and {more} more" if more else ", ".join(shown)


def topic_title(topic: AlertTopic) -> str:
    """The topic's title, or its name where it has none."""
    return line(topic.title, 60) or line(topic.name, 60) or "Alert"


def why(alert: Alert) -> str:
    """The evidence in one to three lines for each topic; empty where there is none (a notice, a test)."""
    if alert.article is None:
        return ""
    topics = alert.all_topics
    said = [_why(each, alert.article) for each in topics]
    if len(topics) <= 1:
        return said[0] if said else ""
    return "\n".join(f"{topic_title(each)}: {words}" for each, words in zip(topics, said, strict=True))


def _why(topic: AlertTopic, article: AlertArticle) -> str:
    """Score with its parts; the words that decided; the nearest example and the key sentence: a line each."""
    evidence = topic.evidence
    parts = ", ".join(f"{line(name, 40)} {value:.2f}" for name, value in shown_parts(evidence, topic.score))
    seed = (
        f"closest example {line(evidence.seed, 100)}, likeness {evidence.seed_similarity:.2f}" if evidence.seed else ""
    )
    sentence = f"key sentence: “{line(evidence.sentence, SENTENCE_LIMIT)}”" if evidence.sentence else ""
    lines = (
        _score(topic) + (f": {parts}" if parts else ""),
        "; ".join(each for each in (_words(evidence), _across(evidence, article)) if each),
        "; ".join(each for each in (seed, sentence) if each),
    )
    return "\n".join(each for each in lines if each)


def _words(evidence: Evidence) -> str:
    """The words that decided, with what each weighs beside the others."""
    words = ", ".join(f"{line(word, 40)} {share}%" for word, share in shown_words(evidence))
    return f"words that decided: {words}" if words else ""


def _across(evidence: Evidence, article: AlertArticle) -> str:
    if not evidence.across:
        return ""
    whose = "its example" if evidence.seed else "your sentence"
    spoken = f"article in {line(article.language, 10)}, {whose} in {line(evidence.across, 10)}"
    return f"matched across languages by meaning ({spoken})"


def why_lines(alert: Alert) -> list[str]:
    """The lines of `why`, each with a capital first letter."""
    return [capital(each) for each in why(alert).split("\n") if each]


def _score(topic: AlertTopic) -> str:
    plain = f"score {topic.score:.2f}, threshold {topic.threshold:.2f}"
    return plain if topic.probability is None else f"{reliability.describe(topic.probability, topic.measured)}; {plain}"


def carried_by(alert: Alert) -> str:
    """`Reuters copy; also carried by 3 outlets: Herald, Coast Radio, Tolo News; 2 independent sources`, as far as known."""
    parts = [_agency(alert), _outlets(alert), _independent(alert)]
    return "; ".join(each for each in parts if each)


def _agency(alert: Alert) -> str:
    """`Reuters copy`; '' where no agency is credited or the outlet is the agency itself."""
    agency = line(alert.article.wire, 60) if alert.article else ""
    source = alert.article.source if alert.article else ""
    is_own = re.search(rf"(?<!\w){re.escape(agency)}(?!\w)", source, re.IGNORECASE)
    return f"{agency} copy" if agency and not is_own else ""


def _independent(alert: Alert) -> str:
    """The number of independent sources, where it is less than the number of outlets."""
    count = alert.independent_sources
    if not alert.also_carried_by or not 0 < count <= len(alert.also_carried_by):
        return ""
    return f"{count} independent source{'s' if count != 1 else ''}"


def _outlets(alert: Alert) -> str:
    outlets = [each for each in (line(source, 60) for source in alert.also_carried_by) if each]
    if not outlets:
        return ""
    more = f" and {len(outlets) - OUTLETS_SHOWN} more" if len(outlets) > OUTLETS_SHOWN else ""
    noun = "outlet" if len(outlets) == 1 else "outlets"
    return f"also carried by {len(outlets)} {noun}: {', '.join(outlets[:OUTLETS_SHOWN])}{more}"


def dateline(article: AlertArticle) -> str:
    """`BBC News, Thu 3 Jul 2025, 14:02 UTC`."""
    return ", ".join(each for each in (line(article.source, 60), moment(article.published_at)) if each)


def moment(at: datetime) -> str:
    """A time as people write it, in UTC and in English whatever the machine's locale: `Thu 3 Jul 2025, 14:02 UTC`."""
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def news_since(alert: Alert) -> str:
    """Why an alerted story is alerted again, on one line; '' for its first alert."""
    said = line(alert.body.rpartition(", changed: ")[2], SENTENCE_LIMIT)
    if alert.kind is AlertKind.UPDATED:
        return f"Changed since you were told: {said}" if said else "Changed since you were told"
    if alert.kind is AlertKind.ESCALATED:
        return f"Growing since you were told: {said}" if said else "Growing since you were told"
    return ""


def summary(alert: Alert) -> str:
    """The article's summary in a few lines; the full body of a notice or test."""
    if alert.article is None:
        return _defused(clean(alert.body, limit=NOTICE_LIMIT))
    return line(alert.article.summary, SUMMARY_LIMIT)


def link(url: str) -> str:
    """The URL made safe for a link, of any length we store: http or https, no user name, percent-encoded; else '' (U2)."""
    try:
        return str(urls.split(url))
    except ValueError:
        return ""


def host(url: str) -> str:
    """The host a link leads to, as ASCII, so that `аррlе.com` in Cyrillic shows as the `xn--` name it is; '' if none."""
    return urls.host(url).removeprefix("www.")


def line(text: str, limit: int = 300) -> str:
    """Untrusted text, cleaned, on one line of at most `limit` characters."""
    return clean_line(_defused(text[: limit * 8]), limit=limit)


def _defused(text: str) -> str:
    return _MARK_RUNS.sub(r"\1", _DIRECTION_MARKS.sub("", text))


def how_to_stop(alert: Alert) -> str:
    """How the reader stops these alerts."""
    if alert.kind is AlertKind.TEST:
        return "This is a test: no article matched, and nothing needs to be done."
    if alert.article is None:
        return "You get notices about the monitor itself because this channel is named in its settings."
    names = [line(each.name, 60) for each in alert.all_topics]
    files = " and ".join(f"seeds/{each}/topic.toml" for each in names[:TOPICS_SHOWN])
    files += f" and of {len(names) - TOPICS_SHOWN} more topics" if len(names) > TOPICS_SHOWN else ""
    return f"To stop these alerts here, name the channels that should get them in {files}: channels = [...]"


# --- whole messages ---------------------------------------------------------------------------------------------------


def text(alert: Alert) -> str:
    """The whole message as plain text, for mail. Ends with one line break."""
    return "\n\n".join(each for each in (_text_head(alert), summary(alert), *_text_tail(alert)) if each) + "\n"


def _text_head(alert: Alert) -> str:
    lines = [f"TEST — {title(alert)}" if alert.kind is AlertKind.TEST else title(alert)]
    if alert.article is not None:
        lines += [news_since(alert), dateline(alert.article), link(alert.article.url)]
    return "\n".join(each for each in lines if each)


def _text_tail(alert: Alert) -> list[str]:
    """The parts below the article: evidence, outlets, review link, footer."""
    review = link(alert.review_url)
    return [
        "\n".join([f"Why you got this ({topic(alert)}):", *why_lines(alert)]) if alert.article else "",
        capital(carried_by(alert)),
        f"Right or wrong? {review}" if alert.article and review else review,
        f"--\n{how_to_stop(alert)}\nAlert {line(alert.id, 60)}, {moment(alert.created_at)}",
    ]


def capital(words: str) -> str:
    """The first letter as a capital, the rest unchanged: names keep theirs."""
    return words[:1].upper() + words[1:]


def html(alert: Alert) -> str:
    """The message as HTML: every value escaped, no image, no script, nothing loaded from anywhere (E7)."""
    return _page().render(
        alert=alert,
        is_test=alert.kind is AlertKind.TEST,
        added=_ADDED.get(alert.kind, ""),
        since=news_since(alert),
        title=title(alert),
        heading=_marked(title(alert), alert),
        topic=topic(alert),
        dateline=dateline(alert.article) if alert.article else "",
        url=link(alert.article.url) if alert.article else "",
        host=host(alert.article.url) if alert.article else "",
        paragraphs=summary(alert).split("\n\n"),
        why=[_marked_sentence(each, alert) for each in why_lines(alert)],
        carried_by=capital(carried_by(alert)),
        review=link(alert.review_url),
        review_host=host(alert.review_url),
        stop=how_to_stop(alert),
        id=line(alert.id, 60),
        created=moment(alert.created_at),
    )


def _marked(text: str, alert: Alert) -> Markup:
    """The text, escaped, with the words that decided marked."""
    if alert.article is None:
        return escape(text)
    words = [word for each in alert.all_topics for word, _ in shown_words(each.evidence)]
    return marked(text, words, alert.article.language)


def _marked_sentence(why_line: str, alert: Alert) -> Markup:
    """A line of `why`, with the words marked in its key sentence."""
    before, said, sentence = why_line.rpartition("key sentence: ")
    return escape(before + said) + _marked(sentence, alert) if said else escape(why_line)


@cache
def _page() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
        _HTML
    )


_HTML = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title></head>
<body style="margin:0;padding:16px;font:16px/1.5 Georgia,serif;color:#1a1a1a;background:#ffffff">
<div style="max-width:40em">
<p style="margin:0;font:13px/1.5 sans-serif;color:#666666">
{%- if is_test %}Test{% elif alert.article %}{{ topic }}{{ added }}{% else %}Article monitor{% endif -%}
</p>
<h1 dir="auto" style="margin:4px 0 8px;font-size:22px;line-height:1.25">{{ heading }}</h1>
{% if since %}
<p dir="auto" style="margin:0 0 8px;font:bold 14px/1.5 sans-serif">{{ since }}</p>
{% endif %}
{% if dateline %}
<p style="margin:0 0 12px;font:13px/1.5 sans-serif;color:#666666">{{ dateline }}</p>
{% endif %}
{% for paragraph in paragraphs if paragraph %}
<p dir="auto" style="margin:0 0 12px;white-space:pre-line">{{ paragraph }}</p>
{% endfor %}
{% if url %}
<p style="margin:0 0 16px"><a href="{{ url }}" rel="noopener noreferrer nofollow">Read it at {{ host }}</a></p>
{% endif %}
{% if why %}
<p style="margin:0 0 4px;font:13px/1.5 sans-serif;color:#444444"><b>Why you got this</b></p>
{% for each in why %}
<p dir="auto" style="margin:0 0 4px;font:13px/1.5 sans-serif;color:#444444">{{ each }}</p>
{% endfor %}
{% endif %}
{% if carried_by %}
<p style="margin:0 0 4px;font:13px/1.5 sans-serif;color:#444444">{{ carried_by }}</p>
{% endif %}
{% if review %}
<p style="margin:12px 0;font:13px/1.5 sans-serif"><a href="{{ review }}" rel="noopener noreferrer nofollow">\
{{ "Right or wrong? Confirm or dismiss" if alert.article else "Open" }} ({{ review_host }})</a></p>
{% endif %}
<p style="margin:24px 0 0;padding-top:8px;border-top:1px solid #dddddd;font:12px/1.5 sans-serif;color:#888888">\
{{ stop }}<br>Alert {{ id }}, {{ created }}</p>
</div>
</body>
</html>
"""
