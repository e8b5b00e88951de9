"""Outlets and independent sources of a story, its state, lead article and pace.

Ten outlets that print one agency's text are ten outlets and one source. Every feed is an outlet; two with the same title are told
apart by their names in the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.stories import tuning


class StoryState(StrEnum):
    """Whether a story is new, growing or over."""

    EMERGING = "emerging"
    ACTIVE = "active"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryArticle:
    """One article of a story, with what is needed to count its sources."""

    article_id: int
    source: str
    """The feed's name, or the outlet's where an aggregator names one."""
    outlet: str
    """Its display name."""
    published_at: datetime
    seen_at: datetime
    agency: str = ""
    copy_of: int | None = None
    """The article whose text it prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndependentSource:
    """One independent source of a story, and the outlets that print its text."""

    name: str
    is_agency: bool
    outlets: tuple[str, ...]
    article_ids: tuple[int, ...]

    @property
    def description(self) -> str:
        """`Reuters copy, carried by 9 outlets`; `Herald, copied by 2 outlets`; `Herald`."""
        others = [outlet for outlet in self.outlets if outlet != self.name]
        if self.is_agency:
            return f"{self.name} copy, carried by {_counted(len(self.outlets))}"
        return f"{self.name}, copied by {_counted(len(others))}" if others else self.name


def _counted(number: int) -> str:
    return f"{number} outlet" + "s" * (number != 1)


def state(first_seen_at: datetime, last_seen_at: datetime, outlets: int, *, now: datetime) -> StoryState:
    """Emerging while it is young or has one outlet only, quiet if nothing came for two days, else active."""
    if now - last_seen_at >= tuning.QUIET_AFTER_FOR:
        return StoryState.QUIET
    is_young = now - first_seen_at < tuning.EMERGING_FOR
    return StoryState.EMERGING if is_young or outlets < tuning.ACTIVE_OUTLETS else StoryState.ACTIVE


def outlets(carriers: Sequence[StoryArticle], *, without: str = "") -> tuple[str, ...]:
    """Return the display names of all its outlets, first seen first; `without` leaves one out, by its feed's name."""
    ordered = sorted(carriers, key=lambda each: each.article_id)
    names = _display_names(ordered)
    kept = dict.fromkeys(each.source for each in ordered if each.source and each.source != without)
    return tuple(names[source] for source in kept)


def source_of(article_id: int, feed: str, carriers: Sequence[StoryArticle]) -> str:
    """Return what counts as the outlet of one of these articles; its feed's name where it is not among them."""
    return next((each.source for each in carriers if each.article_id == article_id), feed)


def _display_names(carriers: Sequence[StoryArticle]) -> dict[str, str]:
    """Map each source to its display name; equal names are told apart by the feed's name."""
    titles = {each.source: each.outlet for each in carriers}
    counts = Counter(titles.values())
    return {source: name if counts[name] == 1 else f"{name} ({source})" for source, name in titles.items()}


def independent_sources(carriers: Sequence[StoryArticle]) -> tuple[IndependentSource, ...]:
    """Return its independent sources, first seen first: each agency once and each text once, whoever prints it."""
    by_id = {each.article_id: each for each in carriers}
    roots = {each.article_id: _root(each, by_id) for each in carriers}
    ordered = sorted(carriers, key=lambda each: each.article_id)
    agencies: dict[int, str] = {}
    for each in ordered:  # a credit in one copy counts for all copies of the text
        if each.agency:
            agencies.setdefault(roots[each.article_id], each.agency)
    names = _display_names(ordered)
    groups: dict[tuple[bool, str], list[StoryArticle]] = {}
    for each in ordered:
        root = roots[each.article_id]
        agency = agencies.get(root, "")
        groups.setdefault((bool(agency), agency or names[by_id[root].source]), []).append(each)
    return tuple(
        IndependentSource(
            name=name,
            is_agency=is_wire,
            outlets=tuple(dict.fromkeys(names[each.source] for each in members)),
            article_ids=tuple(each.article_id for each in members),
        )
        for (is_wire, name), members in groups.items()
    )


def _root(carrier: StoryArticle, by_id: Mapping[int, StoryArticle]) -> int:
    """Return the first article of its text that is still in the story."""
    seen = {carrier.article_id}
    while carrier.copy_of is not None and carrier.copy_of in by_id and carrier.copy_of not in seen:
        carrier = by_id[carrier.copy_of]
        seen.add(carrier.article_id)
    return carrier.article_id


def lead_article(carriers: Sequence[StoryArticle], preferred: Sequence[str] = ()) -> StoryArticle:
    """Return the story's lead article: of a preferred source (feed names, best first), else the earliest."""
    return min(carriers, key=lambda each: lead_rank(each, preferred))


def lead_rank(carrier: StoryArticle, preferred: Sequence[str] = ()) -> tuple[int, datetime, int]:
    """Sort key of `lead_article`, smallest first; by time of publication, so that late arrivals find their place."""
    place = preferred.index(carrier.source) if carrier.source in preferred else len(preferred)
    return place, carrier.published_at, carrier.article_id


# --- pace ---------------------------------------------------------------------------------------------------------------


def pace(seen_at: Sequence[datetime], *, now: datetime) -> int:
    """Count the articles of the last hours (`PACE_FOR`)."""
    return sum(timedelta() <= now - at <= tuning.PACE_FOR for at in seen_at)


def usual_pace(stories: Sequence[Sequence[datetime]]) -> float:
    """Return how many articles a story of the topic gathers in its busiest hours: the mean over its stories, at least 1."""
    busiest = [_busiest(sorted(each)) for each in stories if each]
    return max(1.0, sum(busiest) / len(busiest)) if busiest else 1.0


def _busiest(seen_at: Sequence[datetime]) -> int:
    """Return the highest pace at any time; `seen_at` must ascend."""
    most = first = 0
    for last, seen in enumerate(seen_at):
        while seen - seen_at[first] > tuning.PACE_FOR:
            first += 1
        most = max(most, last - first + 1)
    return most
