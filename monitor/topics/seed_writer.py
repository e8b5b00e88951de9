"""Save an article as a seed file, atomically and without ever replacing a file.

The file's name is made of the article's date and title; header lines, which the reader strips, say where it came from. A text
that the topic already has is not written again.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from monitor.text.tokens import clean, clean_line
from monitor.topics import seeds
from monitor.topics.folders import REMOVED
from monitor.types.errors import MonitorError

MAX_TEXT = 100_000
"""Characters kept: many more than the matcher reads of an article."""
_NAME_BYTES = 80
"""Bytes of the title in a file's name; file systems allow 255 in all."""


class SeedFileError(MonitorError):
    """The article cannot be saved as a seed; says why and what to do. `said` is a text without paths, for the web page."""

    def __init__(self, message: str, *, said: str) -> None:
        super().__init__(message)
        self.public_message = said


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedText:
    """The parts of an article that are written."""

    title: str
    text: str
    url: str = ""
    source: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WrittenSeed:
    """The seed's path; `is_new` is False where the topic already had this text."""

    path: Path
    is_new: bool


def write_seed(folder: Path, article: SeedText, *, is_counter: bool) -> WrittenSeed:
    """Write an article to a topic's folder as a seed, or to its `not/` as a counter-seed. Raises SeedFileError."""
    _check(folder, article)
    known = {_normalized(each.title, each.text): each for each in seeds.read_seeds(folder)}
    if duplicate := known.get(_normalized(clean_line(article.title), clean(article.text, limit=MAX_TEXT))):
        if duplicate.is_counter == is_counter:
            return WrittenSeed(folder / duplicate.file, is_new=False)
        what = "counter-seed" if duplicate.is_counter else "seed"
        raise SeedFileError(
            f"{folder / duplicate.file}: this text is a {what} of the topic already: delete that file first",
            said=f"This text is a {what} of the topic already ({duplicate.file}). Delete that file first.",
        )
    target = folder / "not" if is_counter else folder
    try:
        target.mkdir(exist_ok=True)
        return WrittenSeed(_write_new_file(target, _file_stem(article), _file_content(article)), is_new=True)
    except OSError as error:
        raise SeedFileError(
            f"{target}: no seed can be written there ({error.strerror}): "
            "let this user write the folder, or copy the article there by hand",
            said="The monitor may not write the topic's folder of seeds. Whoever runs it can change that.",
        ) from error


def remove_seed(folder: Path, file: str, article: SeedText, *, is_counter: bool) -> bool:
    """Take back a seed that `write_seed` wrote; False where the file does not hold this article any more, or is gone."""
    target = folder / "not" if is_counter else folder
    if file != Path(file).name or not file.endswith(".txt") or not (target / file).is_file():
        return False
    if (target / file).read_bytes() != _file_content(article):
        return False
    (target / file).unlink()
    return True


def set_aside(root: Path, topic: str, file: str) -> str:
    """Move a seed or counter-seed of a topic to `.removed/TOPIC-examples/`; returns its name there. Raises SeedFileError where the
    topic has no such file, or cannot do without it."""
    folder = root / topic
    if file not in {each.file for each in seeds.read_seeds(folder)}:
        raise SeedFileError(f"{folder / file}: no seed of the topic", said="The topic has no such example any more.")
    place = root / REMOVED / f"{topic}-examples"
    stem = file.replace("/", "~")
    names = (stem if number == 1 else f"{number}~{stem}" for number in range(1, 1000))
    try:
        place.mkdir(parents=True, exist_ok=True)
        name = next(each for each in names if not (place / each).exists())
        (folder / file).rename(place / name)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not seeds.load_one(folder).topics:
        (place / name).rename(folder / file)
        said = "It is the topic's only example, and the topic has no sentence: write one, or add another example first."
        raise SeedFileError(f"{folder / file}: {said}", said=said)
    return name


def bring_back(root: Path, topic: str, name: str, file: str) -> None:
    """Move a seed that `set_aside` moved to `name` back to its `file`. Raises SeedFileError where it is gone or its place taken."""
    source, target = root / REMOVED / f"{topic}-examples" / name, root / topic / file
    *folders, own = PurePosixPath(file).parts or ("",)
    is_place = name == Path(name).name and folders in ([], ["not"]) and own != ".."
    if not is_place or not source.is_file() or target.exists() or target.suffix.lower() not in seeds.SUFFIXES:
        raise SeedFileError(f"{source}: cannot be brought back", said="That example cannot be brought back any more.")
    try:
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    except OSError as error:
        raise _unwritable(root / topic, error) from error


def _unwritable(folder: Path, error: OSError) -> SeedFileError:
    return SeedFileError(
        f"{folder}: cannot be changed ({error.strerror}): let this user write the folder",
        said="The monitor may not write the topic's folder of seeds. Whoever runs it can change that.",
    )


def _check(folder: Path, article: SeedText) -> None:
    if not folder.is_dir():
        raise SeedFileError(
            f"{folder}: no such folder: the topic is gone from the seeds; make the folder to take it up again",
            said="The topic has no folder of seeds any more.",
        )
    if not clean(article.title + article.text).strip():
        what = "the article has neither title nor text"
        raise SeedFileError(f"{what}: nothing can be learned from it", said=f"{what.capitalize()}.")


def _normalized(title: str, text: str) -> str:
    return " ".join(f"{title} {text}".split())


def _file_content(article: SeedText) -> bytes:
    head = {
        "title": clean_line(article.title),
        "date": f"{article.published_at:%Y-%m-%d}" if article.published_at else "",
        "source": clean_line(article.source),
        "url": clean_line(article.url, limit=2_000),
    }
    lines = "".join(f"{name}: {value}\n" for name, value in head.items() if value)
    return f"{lines}\n{clean(article.text, limit=MAX_TEXT)}\n".encode("utf-8", "replace")


def _file_stem(article: SeedText) -> str:
    """`2026-11-22-old-bridge-closed`: letters of any script, digits and hyphens, never hidden, never a reserved name."""
    characters = (
        each if unicodedata.category(each)[0] in "LMN" else "-"
        for each in unicodedata.normalize("NFC", clean_line(article.title)).casefold()
    )
    words = "-".join(part for part in "".join(characters).split("-") if part)
    while len(words.encode()) > _NAME_BYTES:
        words = words[: words.rfind("-")] if "-" in words[1:] else words[:-1]
    day = f"{article.published_at:%Y-%m-%d}" if article.published_at else "article"
    return f"{day}-{words}" if words else day


def _write_new_file(folder: Path, name: str, content: bytes) -> Path:
    """Write a temporary file, then hard-link it to the first free name: a link never replaces an existing file."""
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".seed-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        for number in range(1, 1000):
            path = folder / (f"{name}.txt" if number == 1 else f"{name}-{number}.txt")
            with suppress(FileExistsError):
                _link_or_replace(Path(temporary), path)
                return path
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    raise FileExistsError(17, "a thousand seeds of this name are there")


def _link_or_replace(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: not atomic here
        if path.exists():
            raise FileExistsError from None
        os.replace(temporary, path)
