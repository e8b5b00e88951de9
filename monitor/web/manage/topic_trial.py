"""What a trial of a topic is on a page: alerts a day at each sensitivity, and examples that each sensitivity adds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.matching.sensitivity import WORDS

_EXAMPLES = 5
"""Of each band."""
_IN_FORCE = " (in force)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCost:
    """Alerts a day to expect of one sensitivity."""

    sensitivity: str
    a_day: float
    low: float
    high: float
    next_low: int
    next_high: int
    """The next day's count, nine days in ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An article to be called right or wrong."""

    id: int
    title: str
    source: str
    language: str
    percent: int
    """Of the balanced threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Examples of what one sensitivity adds to the stricter ones."""

    says: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrial:
    """All that is shown."""

    articles: int
    days: int
    matched: int
    stories: int
    seeds_left_out: int
    costs: tuple[ShownCost, ...]
    bands: tuple[Band, ...]


_BANDS = (
    ("precise", "Found at every sensitivity"),
    ("balanced", "Added by “balanced”"),
    ("broad", "Added by “broad”"),
    ("", "Found by none, but near"),
)


def shown_trial(found: Mapping[str, Any]) -> ShownTrial:
    """The trial, from the JSON of `topics try --json`."""
    return ShownTrial(
        articles=found["articles"],
        days=found["days"],
        matched=found["matched"],
        stories=found["stories"],
        seeds_left_out=found["seeds_left_out"],
        costs=tuple(_cost(each) for each in found["costs"]),
        bands=tuple(_bands([*found["hits"], *found["above"], *found["below"]], _factor_in_force(found["costs"]))),
    )


def _cost(raw: Mapping[str, Any]) -> ShownCost:
    ahead = raw["next_day"]
    return ShownCost(
        sensitivity=raw["sensitivity"].removesuffix(_IN_FORCE),
        a_day=raw["a_day"],
        low=raw["low"],
        high=raw["high"],
        next_low=ahead["low"],
        next_high=ahead["high"],
    )


def _factor_in_force(costs: Sequence[Mapping[str, Any]]) -> float:
    return next((each["factor"] for each in costs if each["sensitivity"].endswith(_IN_FORCE)), WORDS["balanced"])


def _bands(articles: Sequence[Mapping[str, Any]], factor: float) -> list[Band]:
    """Each article once, in the band of the strictest sensitivity that finds it; of each band those nearest to its edge, which say
    most about it."""
    strength = {each["id"]: each["part"] * factor for each in articles}
    by_id = {each["id"]: each for each in articles if each["kind"] != "copy"}
    left = sorted(by_id, key=lambda each: -strength[each])
    found = []
    for sensitivity, says in _BANDS:
        inside = [each for each in left if not sensitivity or strength[each] >= WORDS[sensitivity]]
        left = [each for each in left if each not in inside]
        picked = inside[-_EXAMPLES:] if sensitivity else inside[:_EXAMPLES]
        if picked:
            found.append(Band(says=says, examples=tuple(_example(by_id[each], strength[each]) for each in picked)))
    return found


def _example(raw: Mapping[str, Any], strength: float) -> Example:
    return Example(
        id=raw["id"],
        title=raw["title"],
        source=raw["source"],
        language=raw["language"],
        percent=round(100 * strength),
    )
