"""The part of a text in which the words of a search stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.text.highlight import spans

LENGTH = 180
"""Characters of a snippet, without the dots before and after it."""
_BEFORE = 50
_READ = 20_000


def snippet(text: str, words: Iterable[str], language: str = "", prefix: str = "") -> str:
    """The stretch of the text that has most of these words, the first of several; '' where the text has none.

    `prefix`, too, is looked for: at the beginning of words. The result is plain text and one line.
    """
    line = " ".join(text[:_READ].split())
    found = list(spans(line, words, language, prefix))
    if not found:
        return ""
    best = max(range(len(found)), key=lambda at: (_words_from(line, found, at), -at))
    start = _word_start(line, max(0, found[best][0] - _BEFORE))
    end = _word_end(line, min(len(line), start + LENGTH))
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"


def _words_from(line: str, found: list[tuple[int, int]], at: int) -> int:
    """How many different words stand in a snippet that begins with this one."""
    until = found[at][0] + LENGTH - _BEFORE
    return len({line[start:end].casefold() for start, end in found[at:] if end <= until})


def _word_start(line: str, at: int) -> int:
    space = line.find(" ", at, at + _BEFORE // 2) if at else -1
    return space + 1 if space >= 0 else at


def _word_end(line: str, at: int) -> int:
    space = line.rfind(" ", max(at - _BEFORE // 2, 0), at) if at < len(line) else -1
    return space if space >= 0 else at
