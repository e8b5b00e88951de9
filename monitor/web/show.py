"""Formatting for pages: times, scores, links, highlighted words; and the rendering of templates.

Markup is made by hand only here, always through `Markup.format`, which escapes its arguments. Everything else goes through
templates, where Jinja escapes whatever is not `Markup`; `|safe` is used nowhere (a test checks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from unicodedata import bidirectional
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from monitor.matching import reliability
from monitor.matching.evidence import shown_parts, shown_words
from monitor.text import urls
from monitor.text.highlight import marked
from monitor.text.language_names import language_name
from monitor.text.tokens import tokens
from monitor.types.condition import in_brief
from monitor.types.matching import Evidence, MeasuredPrecision, Reason
from monitor.web import static_files, zones

SHOWN_TEXT_LIMIT = 60_000
"""Most characters of a text that a page shows; the store has all."""


# --- words ------------------------------------------------------------------------------------------------------------


def terms_of(*found: Evidence) -> frozenset[str]:
    """The words that made an article match, to be highlighted."""
    return frozenset(word for each in found for word, _ in shown_words(each))


def search_words(words: str) -> frozenset[str]:
    """The words of a search, to be highlighted where they stand whole."""
    return frozenset(tokens(words))


def search_prefix(words: str) -> str:
    """The last word of a search, of which the beginning will do."""
    found = list(tokens(words))
    return found[-1] if found else ""


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, up to the limit of a page."""
    return [part for part in text[:SHOWN_TEXT_LIMIT].split("\n\n") if part.strip()]


def language_attributes(language: str) -> Markup:
    """The lang and dir attributes of untrusted text: '' for an unknown language; direction by its first letter (X9)."""
    code = language if re.fullmatch(r"[a-z]{2,3}", language) and language != "und" else ""
    return Markup(' lang="{}" dir="auto"').format(code)


def names(of: Iterable[str]) -> Markup:
    """Names with commas between, each with a direction of its own: a number after a name from right to left stays where it is."""
    return Markup(", ").join(Markup("<bdi>{}</bdi>").format(each) for each in of)


def isolated(words: str) -> str:
    """The same as part of a sentence that is plain text: set apart where it has letters that run from right to left."""
    return f"\u2068{words}\u2069" if any(bidirectional(each) in ("R", "AL") for each in words) else words


_PAGE_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r": `monitor alerts retry --channel ([\w-]+)`", r": the page Alerts sends them again"),
        (
            r"`monitor alerts list --state held` \(or dead\), then `monitor alerts retry`",
            "the page Alerts sends them again",
        ),
        (r"`monitor alerts retry(?: --channel [\w-]+)?`", "“Send again” on the page Alerts"),
        (r"`monitor alerts (?:list|show)(?: \S+)?`", "the page Alerts"),
        (r"`monitor channels(?: list)?`", "the page Alerts"),
        (r"`monitor channels resume [\w.-]+`", "“Resume” on the page Alerts"),
        (r"`monitor feeds show NAME`", "its page under Feeds"),
        (r"`monitor feeds resume [\w.-]+`", "“Resume” on its page"),
        (r"`monitor feeds add`, or to the page Feeds, which look", "the page Feeds, which looks"),
        (r"`monitor feeds(?: list| add ADDRESS)?`", "the page Feeds"),
        (r"`monitor topics (?:check|list)`", "the page Topics"),
        (r"`monitor (?:doctor|status)`", "the page Status"),
        (r" into topic\.toml: description = \"\.\.\.\"", " as its sentence"),
        (
            r"goes into `excluded` in topic\.toml, or as an article into the folder not/",
            "is added as an example that is not wanted",
        ),
        (r"put an article into a folder of its own in the seeds folder", "make one on the page Topics"),
        (r"save the channel again on the page of that node", "save the channel again on that node's page"),
    )
)


def page_words(text: str) -> str:
    """The same for pages: what can be done on a page is said in its words, and not by a command of the shell."""
    for pattern, words in _PAGE_WORDS:
        text = pattern.sub(words, text)
    return text


# --- numbers, times, links --------------------------------------------------------------------------------------------


def score_words(
    score: float, threshold: float, probability: float | None, measured: MeasuredPrecision | None = None
) -> str:
    """Score and threshold, with the percentage and the topic's measured precision where it is calibrated."""
    plain = f"score {score:.2f}, threshold {threshold:.2f}"
    return (
        f"{plain}; not calibrated yet"
        if probability is None
        else f"{reliability.describe(probability, measured)}; {plain}"
    )


def reason_words(name: str) -> str:
    """The phrase of a stored reason; its name where this version does not know it."""
    return Reason[name].value if name in Reason.__members__ else name


def moment(at: datetime | None, now: datetime) -> Markup:
    """A relative time, with the exact one as its tooltip; both by the reader's clock."""
    if at is None:
        return Markup("never")
    exact = f"{zones.local(at):%Y-%m-%d %H:%M:%S} {zones.name()}"
    spoken = _spoken(zones.local(at), zones.local(now))
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, spoken)


def _spoken(at: datetime, now: datetime) -> str:
    apart = abs(now - at)
    near = f"{apart.seconds // 60} min" if apart < timedelta(hours=1) else f"{apart.seconds // 3600} h"
    if apart < timedelta(minutes=1):
        return "just now" if at <= now else "in a moment"
    if apart < timedelta(hours=24):
        return f"{near} ago" if at <= now else f"in {near}"
    return f"{at.day} {at:%b %H:%M}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def duration(spent_for: timedelta) -> str:
    """`35 s`, `4 min`, `2.5 h` or `3 days`."""
    seconds = spent_for.total_seconds()
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.2g} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def external_link(url: str) -> Markup:
    """A link to another site, labelled with its host; plain text where the address is not http or https (U2)."""
    try:
        parts = urls.split(url)
    except ValueError:
        return Markup('<span class="faint">no usable address</span>')
    link = '<a class="outside" href="{}" rel="noopener noreferrer nofollow">{}<span aria-hidden="true"> ↗</span></a>'
    return Markup(link).format(str(parts), parts.host)


def query(**fields: object) -> str:
    """The address of the inbox with these filters; empty ones are left out."""
    kept = {
        name: value for name, value in fields.items() if value not in ("", None, 0) and (name, value) != ("page", 1)
    }
    return f"/?{urlencode(kept)}" if kept else "/"


def stories_query(**fields: object) -> str:
    """The address of the list of stories with these filters."""
    kept = {name: value for name, value in fields.items() if value not in ("", None, 0, 1)}
    return f"/stories?{urlencode(kept)}" if kept else "/stories"


# --- pages ------------------------------------------------------------------------------------------------------------

_templates = Environment(
    loader=PackageLoader("monitor.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "highlighted": marked,
    "names": names,
    "external_link": external_link,
    "page_words": page_words,
    "paragraphs": paragraphs,
    "union": frozenset.union,
}
_templates.globals |= {
    "duration": duration,
    "in_brief": in_brief,
    "moment": moment,
    "query": query,
    "reason_words": reason_words,
    "score_words": score_words,
    "search_prefix": search_prefix,
    "search_words": search_words,
    "static": static_files.address,
    "shown_parts": shown_parts,
    "shown_words": shown_words,
    "language_attributes": language_attributes,
    "language_name": language_name,
    "stories_query": stories_query,
    "terms_of": terms_of,
    "zone_name": zones.name,
}

_HEADINGS: Mapping[int, str] = {
    400: "That cannot be read",
    401: "Password needed",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Not written",
    413: "Too long",
    415: "Not a form",
    429: "Please wait",
    500: "Something went wrong",
    503: "The store cannot be reached",
}


def page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A rendered template as a response."""
    return HTMLResponse(_templates.get_template(name).render(values), status_code=status)


def message(status: int, sentence: str) -> HTMLResponse:
    """A page with one sentence, for refusals and errors. Contains no internal details (U16, U21)."""
    return page("message.html", status=status, heading=_HEADINGS.get(status, "Sorry"), sentence=sentence)
