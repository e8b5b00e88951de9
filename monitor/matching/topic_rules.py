"""The rules of topic.toml: languages, required and excluded terms. They can block a match but never change a score. Pure."""

from __future__ import annotations

from functools import lru_cache

from monitor.text.language import UNKNOWN, normalize
from monitor.text.tokens import fold, tokens
from monitor.types.matching import Reason, Topic


def forbidden(topic: Topic, title: str, text: str, language: str) -> Reason | None:
    """The rule that blocks an article above the threshold; None if no rule does."""
    allowed = {normalize(each) or UNKNOWN for each in topic.languages}
    if allowed and (normalize(language) or UNKNOWN) not in {UNKNOWN, *allowed}:
        return Reason.OTHER_LANGUAGE
    if any(has(each, title, text) for each in topic.excluded):
        return Reason.EXCLUDED
    if topic.required and not any(has(each, title, text) for each in topic.required):
        return Reason.NOT_REQUIRED
    return None


def has(term: str, title: str, text: str) -> bool:
    """Whether the words of the term occur in sequence, uninflected, in the title or in the body."""
    wanted = _spaced(term)
    if any(wanted in _spaced(part) for part in (title, text)):
        return True
    # tokens are pairs of Chinese characters, so a single one is looked up in the raw text
    return len(term) == 1 and not term.isascii() and fold(term) in fold(f"{title}\n{text}")


@lru_cache(maxsize=64)
def _spaced(text: str) -> str:
    """The words of a text between single spaces; kept, as all terms of all topics are looked up in one article."""
    return f" {' '.join(tokens(text))} "
