"""Outlets and independent sources of a story, its state, lead article and pace.

Ten outlets that print one agency's text are ten outlets and one source. Every publisher is an outlet, however many feeds it has
(`publishers`); two with the same name are told apart by their domains, or by the names of their feeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.stories import tuning
from monitor.stories.agencies import credited_agency


class StoryState(StrEnum):
    """Whether a story is new, growing or over."""

    EMERGING = "emerging"
    ACTIVE = "active"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryArticle:
    """One article of a story, with what is needed to count its sources."""

    article_id: int
    publisher: str
    """The key of who published it (`publishers`)."""
    outlet: str
    """What readers call where it stood: its feed's title, or the outlet that an aggregator names."""
    publisher_name: str = ""
    """What readers call its publisher; '' where that is the outlet's name."""
    is_named_only: bool = False
    """An aggregator's name is all that is known of its publisher."""
    feed: str = ""
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
    """Return the names of all its publishers, first seen first; `without` leaves one out, by its key."""
    ordered = sorted(carriers, key=lambda each: each.article_id)
    names = publisher_names(ordered)
    kept = dict.fromkeys(each.publisher for each in ordered if each.publisher and each.publisher != without)
    return tuple(names[publisher] for publisher in kept)


def publisher_of_article(article_id: int, feed: str, carriers: Sequence[StoryArticle]) -> str:
    """Return the key of who published one of these articles; its feed's name where it is not among them."""
    return next((each.publisher for each in carriers if each.article_id == article_id), feed)


def publisher_names(carriers: Sequence[StoryArticle]) -> dict[str, str]:
    """Map each publisher's key to its display name; equal names are told apart by the key: a domain, or a feed's name."""
    names = {each.publisher: each.publisher_name or each.outlet for each in carriers}
    counts = Counter(names.values())
    return {key: name if counts[name] == 1 else f"{name} ({key})" for key, name in names.items()}


def independent_sources(carriers: Sequence[StoryArticle]) -> tuple[IndependentSource, ...]:
    """Return its independent sources, first seen first: each agency once and each text once, whoever prints it."""
    by_id = {each.article_id: each for each in carriers}
    roots = {each.article_id: _root(each, by_id) for each in carriers}
    ordered = sorted(carriers, key=lambda each: each.article_id)
    agencies: dict[int, str] = {}
    for each in ordered:  # a credit in one copy counts for all copies of the text
        if each.agency:
            agencies.setdefault(roots[each.article_id], each.agency)
    names = publisher_names(ordered)
    groups: dict[tuple[bool, str], list[StoryArticle]] = {}
    for each in ordered:
        root = roots[each.article_id]
        agency = agencies.get(root, "")
        groups.setdefault((bool(agency), agency or names[by_id[root].publisher]), []).append(each)
    return tuple(
        IndependentSource(
            name=name,
            is_agency=is_wire,
            outlets=tuple(dict.fromkeys(names[each.publisher] for each in members)),
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


# --- lead ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The article that leads a story, and why it does."""

    article_id: int
    why: str


def lead(carriers: Sequence[StoryArticle], preferred: Sequence[str] = ()) -> Lead:
    """Return the story's lead article: of a preferred source (feed names, best first), else the original of what came first,
    which is the agency's own article before those who print it, else what came first. By time of publication, so that late
    arrivals find their place."""
    chosen = [each for each in carriers if each.feed in preferred]
    if chosen:
        best = min(chosen, key=lambda each: (preferred.index(each.feed), _when(each)))
        return Lead(article_id=best.article_id, why=f"a preferred source ({best.feed})")
    earliest = min(carriers, key=_when)
    group = next(each for each in independent_sources(carriers) if earliest.article_id in each.article_ids)
    original = _original(group, earliest, carriers)
    if original is not earliest:
        return Lead(article_id=original.article_id, why=f"the original, by {group.name} itself, which others printed")
    if len(group.outlets) > 1:
        return Lead(article_id=earliest.article_id, why="the earliest, and the first to print its text")
    return Lead(article_id=earliest.article_id, why="the earliest")


def _original(group: IndependentSource, earliest: StoryArticle, carriers: Sequence[StoryArticle]) -> StoryArticle:
    """An agency's own article where the earliest one is its text in another's print."""
    if not group.is_agency or credited_agency(earliest.outlet, "") == group.name:
        return earliest
    members = (each for each in carriers if each.article_id in group.article_ids)
    own = [each for each in members if credited_agency(each.outlet, "") == group.name]
    return min(own, key=_when, default=earliest)


def _when(carrier: StoryArticle) -> tuple[datetime, int]:
    return carrier.published_at, carrier.article_id


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
