"""The threshold of scores by words: how high one must be, by the topic and by the article (docs/matching.md, Model 6).

Where an embedder scores, a topic with a sentence has one fixed threshold instead (`matching.semantic`).

The topic's part grows with the number of its examples and with how alike they are, times the factor of its sensitivity; the
article's part grows with how ordinary the article is. Numbers are in `matching.tuning`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.matching.model import LanguageSide
from monitor.matching.tuning import (
    COHERENCE_FLOOR,
    EXAMPLES_CAP,
    LIKENESS_OFFSET,
    SENTENCE_STRICTNESS,
    SHARE_OFFSET,
    THRESHOLD_CEILING,
    THRESHOLD_COHERENCE_EXPONENT,
    THRESHOLD_EXAMPLES_EXPONENT,
    THRESHOLD_LEVEL,
    THRESHOLD_LIKENESS_EXPONENT,
    THRESHOLD_RARITY_EXPONENT,
)

Floats = npt.NDArray[np.float64]


def threshold_of(of_topic: Floats | float, of_article: float, ceiling: Floats | float) -> Any:
    """The threshold rule, for one topic or an array of them: topic part times article part, at most the topic's ceiling."""
    return np.minimum(of_topic * of_article - SHARE_OFFSET, ceiling)


def topic_strictness(side: LanguageSide, factor: float) -> float:
    """The topic's part of the threshold. The mean of several examples is closer to every article than one example is, and the
    less similar the examples, the farther it is from the topic's own articles. The owner's sentence is no article: articles are
    farther from it than from one another."""
    examples = max(1, min(side.examples, EXAMPLES_CAP))
    coherence = min(max(side.coherence, COHERENCE_FLOOR), 1.0)
    return float(
        examples**THRESHOLD_EXAMPLES_EXPONENT * coherence**THRESHOLD_COHERENCE_EXPONENT * factor * of_sentence(side)
    )


def article_strictness(likeness: float, rarity: float) -> float:
    """The article's part of the threshold: `likeness` to the ordinary article of its language and mean `rarity` of its terms."""
    ordinary = (likeness + LIKENESS_OFFSET) ** THRESHOLD_LIKENESS_EXPONENT
    return float(math.exp(THRESHOLD_LEVEL) * ordinary * rarity**THRESHOLD_RARITY_EXPONENT)


def ceiling(side: LanguageSide, factor: float) -> float:
    """The topic's highest threshold; infinite without examples in the language."""
    return THRESHOLD_CEILING * side.coherence * factor * of_sentence(side) if side.coherence > 0 else math.inf


def of_sentence(side: LanguageSide) -> float:
    """What the threshold of a topic with a sentence is multiplied by."""
    return SENTENCE_STRICTNESS if side.has_sentence else 1.0
