"""How far a topic follows its story: which articles teach it before anybody has looked at them, and how much. Pure.

A match well above the threshold teaches in full. An article about the threshold, even a little below it, teaches a
part, which is what carries a topic of one or two seeds on to the words that its story goes on in. Such lessons are rationed: one
for each thousand articles that the archive has seen, and only of articles that the owner's own examples alone come near to. So a
young archive, which cannot tell the ordinary yet, gives none, and a flood of look-alikes cannot carry a topic away. Figures in
docs/matching.md.
"""

from __future__ import annotations

from monitor.matching.tuning import ARTICLES_PER_LESSON, FULL_LESSON_FROM, LESSON_WINDOW, PART_LESSON_FROM


def weight(share: float) -> float:
    """How much an article that reaches this share of the threshold teaches: 0 nothing, 1 as much as an example."""
    if share >= FULL_LESSON_FROM:
        return 1.0
    return max(0.0, (share - PART_LESSON_FROM) / (FULL_LESSON_FROM - PART_LESSON_FROM))


def allowance(seen: int, lately: int) -> int:
    """How many partial lessons a topic may still take: `seen` articles are in the archive, `lately` lessons were taken among the
    latest LESSON_WINDOW of them."""
    return max(0, min(seen, LESSON_WINDOW) // ARTICLES_PER_LESSON - lately)
