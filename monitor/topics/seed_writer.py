"""An article becomes a seed file: written whole or not at all, never over another file. What seeds say is monitor.topics.seeds' to read.

The name is made of the article's day and title; the head of the file tells where it came from, in the lines that monitor.topics.seeds
reads past. A text that the topic has already is not written again.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.text.tokens import clean, clean_line
from monitor.topics import seeds
from monitor.types.errors import MonitorError

MAX_TEXT = 100_000
"""Characters kept: far more than the matcher reads of an article."""
_NAME_BYTES = 80
"""Of the title in a file's name; file systems take 255 in all."""


class SeedFileError(MonitorError):
    """The article cannot become a seed; says why and what to do. `said` is the same without any path of ours."""

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedText:
    """What is written of an article."""

    title: str
    text: str
    url: str = ""
    source: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WrittenSeed:
    """Where it stands; `is_new` is False where the topic had this text already."""

    path: Path
    is_new: bool


def write(folder: Path, sheet: SeedText, *, is_counter: bool) -> WrittenSeed:
    """Put an article into a topic's folder as a seed, or into its `not/`. Raises SeedFileError."""
    _check(folder, sheet)
    known = {_content(each.title, each.text): each for each in seeds.texts(folder)}
    if twin := known.get(_content(clean_line(sheet.title), clean(sheet.text, limit=MAX_TEXT))):
        if twin.is_counter == is_counter:
            return WrittenSeed(folder / twin.file, is_new=False)
        what = "counter-seed" if twin.is_counter else "seed"
        raise SeedFileError(
            f"{folder / twin.file}: this text is a {what} of the topic already: delete that file first",
            said=f"This text is a {what} of the topic already ({twin.file}). Delete that file first.",
        )
    target = folder / "not" if is_counter else folder
    try:
        target.mkdir(exist_ok=True)
        return WrittenSeed(_put(target, _name(sheet), _content_of_file(sheet)), is_new=True)
    except OSError as error:
        raise SeedFileError(
            f"{target}: no seed can be written there ({error.strerror}): "
            "let this user write the folder, or copy the article there by hand",
            said="The monitor may not write the topic's folder of seeds. Whoever runs it can change that.",
        ) from error


def _check(folder: Path, sheet: SeedText) -> None:
    if not folder.is_dir():
        raise SeedFileError(
            f"{folder}: no such folder: the topic is gone from the seeds; make the folder to take it up again",
            said="The topic has no folder of seeds any more.",
        )
    if not clean(sheet.title + sheet.text).strip():
        what = "the article has neither title nor text"
        raise SeedFileError(f"{what}: nothing can be learned from it", said=f"{what.capitalize()}.")


def _content(title: str, text: str) -> str:
    return " ".join(f"{title} {text}".split())


def _content_of_file(sheet: SeedText) -> bytes:
    head = {
        "title": clean_line(sheet.title),
        "date": f"{sheet.published_at:%Y-%m-%d}" if sheet.published_at else "",
        "source": clean_line(sheet.source),
        "url": clean_line(sheet.url, limit=2_000),
    }
    lines = "".join(f"{name}: {value}\n" for name, value in head.items() if value)
    return f"{lines}\n{clean(sheet.text, limit=MAX_TEXT)}\n".encode("utf-8", "replace")


def _name(sheet: SeedText) -> str:
    """`2026-11-22-old-bridge-closed`: letters of any script, digits and hyphens, never hidden, never a reserved name."""
    kept = (
        each if unicodedata.category(each)[0] in "LMN" else "-"
        for each in unicodedata.normalize("NFC", clean_line(sheet.title)).casefold()
    )
    words = "-".join(part for part in "".join(kept).split("-") if part)
    while len(words.encode()) > _NAME_BYTES:
        words = words[: words.rfind("-")] if "-" in words[1:] else words[:-1]
    day = f"{sheet.published_at:%Y-%m-%d}" if sheet.published_at else "article"
    return f"{day}-{words}" if words else day


def _put(folder: Path, name: str, content: bytes) -> Path:
    """Written beside its place under a hidden name, then given its own, the next free one: a link never replaces a file."""
    descriptor, unfinished = tempfile.mkstemp(dir=folder, prefix=".seed-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        for number in range(1, 1000):
            path = folder / (f"{name}.txt" if number == 1 else f"{name}-{number}.txt")
            with suppress(FileExistsError):
                _give_name(Path(unfinished), path)
                return path
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
    raise FileExistsError(17, "a thousand seeds of this name are there")


def _give_name(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: a moment in which another could take the name is left
        if path.exists():
            raise FileExistsError from None
        os.replace(unfinished, path)
