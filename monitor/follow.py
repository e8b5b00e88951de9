"""How far a topic follows its story: which articles teach it before anybody has looked at them, and how much. Pure.

A match well above the threshold (CONFIDENT) teaches in full. An article about the threshold, even a little below it, teaches a
part, which is what carries a topic of one or two seeds on to the words that its story goes on in. Such lessons are rationed: one
for each thousand articles that the archive has seen, and only of articles that the owner's own examples alone come near to. So a
young archive, which cannot tell the ordinary yet, gives none, and a flood of look-alikes cannot carry a topic away. Figures in
docs/matching.md.
"""

from __future__ import annotations

CONFIDENT = 1.3
"""A match this many times above its threshold teaches its topic in full."""
BOLD = 0.75
"""From this share of the threshold on an article may teach a part."""
ANCHOR = 0.5
"""The least share of the threshold that such an article must reach by the topic's seeds and verdicts alone."""
WINDOW = 20_000
"""The latest articles whose lessons are counted."""
_ONE_IN = 1_000
"""Articles for each partial lesson."""


def weight(share: float) -> float:
    """How much an article that reaches this share of the threshold teaches: 0 nothing, 1 as much as an example."""
    if share >= CONFIDENT:
        return 1.0
    return max(0.0, (share - BOLD) / (CONFIDENT - BOLD))


def allowance(seen: int, lately: int) -> int:
    """How many partial lessons a topic may still take: `seen` articles are in the archive, `lately` lessons were taken among the
    latest WINDOW of them."""
    return max(0, min(seen, WINDOW) // _ONE_IN - lately)
