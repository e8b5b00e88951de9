"""The form of a feed: its fields as the settings are, what it says when it comes back, and what is wrong with each field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.feeds.additions import NewFeed
from monitor.store.feeds.feed_reports import FeedReport
from monitor.text.language_names import language_code, language_name
from monitor.text.secrets import without_addresses
from monitor.text.tokens import clean_line
from monitor.types.errors import ConfigError
from monitor.web.manage.example_forms import FieldFault


def read_form(form: Mapping[str, str], url: str, *, is_one: bool = True, present: FeedReport | None = None) -> NewFeed:
    """What a form says of a new feed, or of one that there is at `present`. Name and title are of one feed alone.

    What a command set and the form shows stays: not every code has a name, nor every interval so few digits.
    """
    shown = as_form(present) if present else {}
    interval = form.get("interval", "").strip()
    minutes = present.interval_seconds / 60 if present and interval == shown["interval"] else None
    if interval and minutes is None and not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,2})?", interval):
        raise FieldFault("interval", "write the interval in minutes, such as 15")
    language = form.get("language", "").strip()
    is_kept = present is not None and language == shown["language"]
    code = present.language or "" if present and is_kept else language_code(language) if language else ""
    if code is None:
        raise FieldFault(
            "language",
            f"there is no language “{clean_line(language, limit=40)}”: write its English name or code, as Hindi or hi",
        )
    return NewFeed(
        url=url,
        name=form.get("name", "").strip() if is_one else "",
        title=clean_line(form.get("title", ""), limit=200) if is_one else "",
        publisher=clean_line(form.get("publisher", ""), limit=200),
        language=code,
        interval_minutes=minutes or (float(interval) if interval else None),
        is_secret=form.get("secret") == "yes",
    )


def as_form(report: FeedReport) -> Mapping[str, str]:
    """The fields of a feed's form as its settings are."""
    return {
        "title": report.title,
        "publisher": report.publisher,
        "language": language_name(report.language) if report.language else "",
        "interval": f"{report.interval_seconds / 60:g}",
    }


_FIELD_OF = {"--interval": "interval", "--language": "language", "--publisher": "publisher", "--title": "title"}


def faults_by_field(error: ConfigError | FieldFault) -> dict[str, str]:
    """What is wrong, by the field of the form that it is about; without addresses, which may be secret."""
    if isinstance(error, FieldFault):
        said = str(error)
        return {error.field: f"{said[:1].upper()}{said[1:]}."}
    found: dict[str, str] = {}
    for fault in error.faults:
        place, _, said = fault.partition(": ")
        said = without_addresses(said if place in (*_FIELD_OF, "URL") else fault, "")
        found.setdefault(_FIELD_OF.get(place, "picked" if place == "URL" else "name"), f"{said[:1].upper()}{said[1:]}.")
    return found


def faults_sentence(error: ConfigError) -> str:
    """The faults in a sentence, for the page; without addresses, which may be secret."""
    said = "; ".join(without_addresses(each, "") for each in error.faults)
    return f"{said[:1].upper()}{said[1:]}. Nothing was changed."
