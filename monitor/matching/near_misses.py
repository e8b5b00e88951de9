"""Near misses: a random sample, with known probabilities, of articles just below a topic's threshold. Pure.

Articles near a threshold are divided into bands, and about so many a day are kept of each (NEAR_MISSES_A_DAY). The probability
of being kept follows from the usual number in the band, before the article is looked at. Whether it is kept depends on a hash
of article and topic, so a restart and a backtest choose the same ones. A kept article represents 1 / probability articles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.matching import margins
from monitor.matching.tuning import ASKED_AT_RANDOM, NEAR_MISS_BANDS, NEAR_MISSES_A_DAY
from monitor.types.matching import Score


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An article in a band below one topic's threshold."""

    topic: str
    band: int
    score: float
    threshold: float
    factor: float = 1.0
    model_version: str = ""
    prior_share: float | None = None
    """As `margins.prior_share`."""


def band(score: float, threshold: float) -> int | None:
    """Index of the band that contains the score; None if it is at or above the threshold or below all bands."""
    if not score < threshold:
        return None
    share = margins.share(score, threshold)
    return next((at for at in reversed(range(len(NEAR_MISSES_A_DAY))) if share >= NEAR_MISS_BANDS[at]), None)


def sampling_probability(band: int, earlier_today: int, usual: float) -> float:
    """Probability with which the next article of a band is kept, after `earlier_today` others, where `usual` come on other
    days. It falls when more come than usual, so that a burst adds only logarithmically many."""
    return min(1.0, NEAR_MISSES_A_DAY[band] / max(usual, earlier_today + 1.0))


def sampling_hash(topic: str, url: str, title: str) -> float:
    """A uniform number in [0, 1) from article and topic. The article is kept if it is below its sampling probability."""
    words = "\0".join((topic, url, title)).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.sha256(words).digest()[:8]) / 2**64


def is_asked_at_random(article_id: int) -> bool:
    """Whether a reviewer is asked about the near misses of this article whatever they may teach. From verdicts on these recall is
    estimated: what the others are about decides whether they are asked about."""
    digest = hashlib.sha256(b"asked at random\0%d" % article_id).digest()
    return int.from_bytes(digest[:8]) / 2**64 < ASKED_AT_RANDOM


def band_label(band: int) -> str:
    """For people: '85% to 100% of the threshold'; a match is above it."""
    if band >= len(NEAR_MISSES_A_DAY):
        return "above the threshold"
    return f"{NEAR_MISS_BANDS[band]:.0%} to {NEAR_MISS_BANDS[band + 1]:.0%} of the threshold"


def _near_miss(of: Score, band: int) -> NearMiss:
    prior = margins.prior_share(of)
    return NearMiss(of.topic, band, of.score, of.threshold, of.factor, of.model_version, prior)


def from_scores(scores: Sequence[Score]) -> list[NearMiss]:
    """The near misses among an article's scores."""
    found = []
    for each in scores:
        within = None if each.is_match or each.blocked else band(each.score, each.threshold)
        if within is not None:
            found.append(_near_miss(each, within))
    return found
