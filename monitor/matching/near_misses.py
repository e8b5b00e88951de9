"""Near misses: which articles just below a topic's threshold are kept to be looked at, and with what probability. Pure.

A sample is worth something only if it is known how it was drawn. Every new article that comes near a topic's threshold belongs to a
band; of each band about so many a day are kept, so the share that is kept follows from how many there usually are, known before
the article is looked at. Whether this one is kept is then a matter of a number made of its own words and the topic's name: the same
after a restart, and the same in a backtest. One divided by the share is how many such articles a kept one stands for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from monitor.matching import margins
from monitor.matching.tuning import NEAR_MISS_BANDS, NEAR_MISSES_A_DAY


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An article of one topic in one band."""

    topic: str
    band: int
    score: float
    threshold: float
    factor: float = 1.0
    model_version: str = ""


def band(score: float, threshold: float) -> int | None:
    """Where below its threshold a score lies; None where it is above, or too far below."""
    if not score < threshold:
        return None
    part = margins.share(score, threshold)
    return next((at for at in reversed(range(len(NEAR_MISSES_A_DAY))) if part >= NEAR_MISS_BANDS[at]), None)


def share(band: int, earlier_today: int, usual: float) -> float:
    """The probability with which the next one of a band is kept: `earlier_today` came before it today, `usual` come on other
    days. Where more come than usual the share falls, so that a flood adds a few (logarithmically many) and no more."""
    return min(1.0, NEAR_MISSES_A_DAY[band] / max(usual, earlier_today + 1.0))


def sampling_hash(topic: str, url: str, title: str) -> float:
    """A number from 0 to 1 that only depends on article and topic; the article is kept where it is below its share."""
    words = "\0".join((topic, url, title)).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.sha256(words).digest()[:8]) / 2**64


def name(band: int) -> str:
    """For people: '85-100 % of the threshold'."""
    return f"{NEAR_MISS_BANDS[band]:.0%} to {NEAR_MISS_BANDS[band + 1]:.0%} of the threshold"
