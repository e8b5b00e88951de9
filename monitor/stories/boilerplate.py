"""What the pages of one site share and no article says: learned from the stored articles that are looked at, and left out.

Texts as word runs in, runs to leave out. Nothing is remembered: whoever asks has the candidates of a look-up in hand, and where
a template could mislead, several pages that carry it are among them. What many copies of one text share is not boilerplate: of
boilerplate's carriers each has a passage of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.stories import tuning
from monitor.stories.fingerprint import Runs, Shingles


@dataclass(frozen=True, slots=True)
class SiteText:
    """A text and the site it stands on."""

    site: str
    shingles: Shingles


def learned(pages: Iterable[SiteText]) -> dict[str, Runs]:
    """Site -> the runs that three or more of its pages share, ascending; sites without such runs are left out."""
    of_site: dict[str, list[Shingles]] = {}
    for page in pages:
        if page.site:
            of_site.setdefault(page.site, []).append(page.shingles)
    found = {
        site: held_by(tuning.TEMPLATE_PAGES, _strangers(texts))
        for site, texts in of_site.items()
        if len(texts) >= tuning.TEMPLATE_PAGES
    }
    return {site: runs for site, runs in found.items() if len(runs)}


def boilerplate_runs(page: SiteText, others: Sequence[SiteText]) -> Runs:
    """The runs of `page` that are a template's: three strangers hold them, and one site put out two of these.

    On three sites it may as well be the wire's text in three outlets.
    """
    near = sorted((each for each in others if each.site), key=lambda each: each.site != page.site)
    apart = [page]
    for each in near[: 2 * tuning.TEMPLATE_PAGES_COMPARED]:
        is_stranger = all(_are_strangers(each, one) for one in apart)
        if is_stranger and len(apart) < tuning.TEMPLATE_PAGES_COMPARED:
            apart.append(each)
    if len({each.site for each in apart}) == len(apart):
        return np.empty(0, np.uint64)
    return held_by(tuning.TEMPLATE_PAGES, [each.shingles for each in apart])


def _are_strangers(one: SiteText, other: SiteText) -> bool:
    least = tuning.STRANGER_PASSAGE_RUNS
    return _has_passage_beside(one.shingles, other.shingles, least) and _has_passage_beside(
        other.shingles, one.shingles, least
    )


def _strangers(texts: Sequence[Shingles]) -> list[Shingles]:
    """Those that are no copies of one another."""
    apart: list[Shingles] = []
    for text in texts:
        if len(apart) < tuning.TEMPLATE_PAGES_COMPARED and all(
            _has_passage_beside(text, each) and _has_passage_beside(each, text) for each in apart
        ):
            apart.append(text)
    return apart


def _has_passage_beside(text: Shingles, other: Shingles, least: int = tuning.OWN_PASSAGE_RUNS) -> bool:
    begin, end = text.passage_beside(other)
    return end - begin >= least


def held_by(count: int, texts: Sequence[Shingles]) -> Runs:
    """The runs that so many of the texts hold, or more, ascending."""
    if len(texts) < count:
        return np.empty(0, np.uint64)
    runs = np.sort(np.concatenate([each.distinct for each in texts]))  # ten times as quick as np.unique
    held: Runs = runs[count - 1 :][runs[count - 1 :] == runs[: len(runs) - count + 1]]
    is_first: NDArray[np.bool_] = np.concatenate(([True], held[1:] != held[:-1]))
    return held[is_first] if len(held) else held


def is_all_they_share(one: Shingles, other: Shingles, *, is_one_site: bool) -> bool:
    """Whether two texts look like one template around two tales: each has a long passage that the other lacks.

    On two sites, where the wire's text stands between an outlet's own words as often, it must stand between shared ones.
    """
    for text, beside in ((one, other), (other, one)):
        begin, end = text.passage_beside(beside)
        if end - begin < tuning.OWN_PASSAGE_RUNS_OF_TWO:
            return False
        if not is_one_site and min(begin, len(text.runs) - end) < tuning.AROUND_PASSAGE_RUNS:
            return False
    return True
