"""The rules of topic.toml: languages, required and excluded terms. Pure; they forbid a match and never change a score."""

from __future__ import annotations

from monitor.text.language import UNKNOWN, normalize
from monitor.text.tokens import fold, tokens
from monitor.types.matching import Reason, Topic


def forbidden(topic: Topic, title: str, text: str, language: str) -> Reason | None:
    """Why an article above the threshold is no match of this topic all the same; None where nothing forbids it."""
    spoken = {normalize(each) or UNKNOWN for each in topic.languages}
    if spoken and (normalize(language) or UNKNOWN) not in {UNKNOWN, *spoken}:
        return Reason.OTHER_LANGUAGE
    if any(has(each, title, text) for each in topic.excluded):
        return Reason.EXCLUDED
    if topic.required and not any(has(each, title, text) for each in topic.required):
        return Reason.NOT_REQUIRED
    return None


def has(term: str, title: str, text: str) -> bool:
    """Whether the term's words occur one after the other, as they are written, in the title or in the body."""
    wanted = f" {' '.join(tokens(term))} "
    if any(wanted in f" {' '.join(tokens(part))} " for part in (title, text)):
        return True
    # one Chinese character is no pair of characters: look for it as it is
    return len(term) == 1 and not term.isascii() and fold(term) in fold(f"{title}\n{text}")
