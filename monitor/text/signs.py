"""Patterns with the words without which they cannot be found: these cost a hundredth, and most texts hold none of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# What `re.IGNORECASE` holds to be the same letter, beyond what `str.lower` makes equal.
_SAME_LETTER = str.maketrans("İıſᲀᲁᲂᲃᲄᲅᲆ", "iisвдосттъ")
_HAS_SAME_LETTER = re.compile("[İıſᲀ-ᲆ]")


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern, with words as `lower` writes them of which each text holds at least one that it is found in."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]
    _ascii_words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ascii_words", tuple(each for each in self.words if each.isascii()))

    def may_be_in(self, lowered: str) -> bool:
        """Whether the pattern is worth looking for in a text, which is given as `lower` writes it."""
        for word in self._ascii_words if lowered.isascii() else self.words:  # noqa: SIM110  a loop is twice as fast
            if word in lowered:
                return True
        return False


def lower(text: str) -> str:
    """The text in lower case, so that every letter that a pattern takes for the same is the same."""
    if not text.isascii() and _HAS_SAME_LETTER.search(text):
        text = text.translate(_SAME_LETTER)
    return text.lower()
