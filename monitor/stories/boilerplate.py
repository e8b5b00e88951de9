"""Find boilerplate: word runs that many pages of a site share, learned from the candidates at hand.

Nothing is stored. Whoever asks has just looked candidates up, and wherever boilerplate could mislead the comparison, several
pages that carry it are among them. Many copies of one text share runs too, but these are no boilerplate: pages count only if each
has a passage that the others lack.
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
    """A text and the site that published it."""

    site: str
    shingles: Shingles


def boilerplate_by_site(pages: Iterable[SiteText]) -> dict[str, Runs]:
    """Map each site to the runs that three or more of its pages share, ascending; sites without such runs are left out."""
    of_site: dict[str, list[Shingles]] = {}
    for page in pages:
        if page.site:
            of_site.setdefault(page.site, []).append(page.shingles)
    shared = {
        site: runs_in_at_least(tuning.BOILERPLATE_PAGES, _without_copies(texts))
        for site, texts in of_site.items()
        if len(texts) >= tuning.BOILERPLATE_PAGES
    }
    return {site: runs for site, runs in shared.items() if len(runs)}


def boilerplate_runs(page: SiteText, others: Sequence[SiteText]) -> Runs:
    """Return the runs of `page` that are boilerplate: at least three different articles hold them, two of these from one site.

    With three articles on three sites the shared runs may just as well be an agency's text.
    """
    same_site_first = sorted((each for each in others if each.site), key=lambda each: each.site != page.site)
    different = [page]
    for each in same_site_first[: 2 * tuning.BOILERPLATE_PAGES_COMPARED]:
        is_different = all(_are_different_articles(each, one) for one in different)
        if is_different and len(different) < tuning.BOILERPLATE_PAGES_COMPARED:
            different.append(each)
    if len({each.site for each in different}) == len(different):
        return np.empty(0, np.uint64)
    return runs_in_at_least(tuning.BOILERPLATE_PAGES, [each.shingles for each in different])


def _are_different_articles(one: SiteText, other: SiteText) -> bool:
    return _have_own_passages(one.shingles, other.shingles, tuning.STRANGER_PASSAGE_RUNS)


def _without_copies(texts: Sequence[Shingles]) -> list[Shingles]:
    """Drop pages that are copies of one another, and all beyond the number that is compared."""
    kept: list[Shingles] = []
    for text in texts:
        if len(kept) < tuning.BOILERPLATE_PAGES_COMPARED and all(
            _have_own_passages(text, each, tuning.OWN_PASSAGE_RUNS) for each in kept
        ):
            kept.append(text)
    return kept


def _have_own_passages(one: Shingles, other: Shingles, least: int) -> bool:
    return one.has_own_passage(other, least) and other.has_own_passage(one, least)


def runs_in_at_least(count: int, texts: Sequence[Shingles]) -> Runs:
    """Return the runs that at least `count` of the texts hold, ascending."""
    if len(texts) < count:
        return np.empty(0, np.uint64)
    runs = np.sort(np.concatenate([each.distinct for each in texts]))  # ten times as quick as np.unique
    repeated: Runs = runs[count - 1 :][runs[count - 1 :] == runs[: len(runs) - count + 1]]
    is_first: NDArray[np.bool_] = np.concatenate(([True], repeated[1:] != repeated[:-1]))
    return repeated[is_first] if len(repeated) else repeated


def shares_only_boilerplate(one: Shingles, other: Shingles, *, is_one_site: bool) -> bool:
    """Whether two texts look like one page template around two articles: each has a long passage that the other lacks.

    Across sites the passages must also stand between shared runs, because an agency's text often stands between an outlet's own
    words.
    """
    for text, opposite in ((one, other), (other, one)):
        begin, end = text.longest_own_passage(opposite)
        if end - begin < tuning.OWN_PASSAGE_RUNS_OF_TWO:
            return False
        if not is_one_site and min(begin, len(text.runs) - end) < tuning.AROUND_PASSAGE_RUNS:
            return False
    return True
