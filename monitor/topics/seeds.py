"""Loading topics from the seeds folder. Reads files only.

    seeds/<topic>/topic.toml         the topic's title and options; may be missing
    seeds/<topic>/*.txt .md .html    seeds: examples of what is wanted
    seeds/<topic>/not/*              counter-seeds: similar articles that are not wanted

A fault names file, line and mend, and what is faulty is left out: a faulty seed costs only that seed, a faulty topic.toml only
its topic. A warning leaves nothing out.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitor.matching import sensitivity as intent
from monitor.text.language import detect, normalize
from monitor.text.tokens import clean, clean_line, fold, tokens
from monitor.text.walls import is_wall
from monitor.topics.seed_formats import READERS, single_byte_encoding
from monitor.types import digests
from monitor.types.matching import Seed, Topic

SUFFIXES = tuple(READERS)
MAX_BYTES = 1_000_000
"""A larger file is no article but a mistake (a book, a dump) and is left out."""
MIN_WORDS = 20
"""A shorter seed says too little to distinguish its subject: a warning."""
WALL = "a consent or paywall page instead of an article"
"""The fault of a seed that is such a page: as an example it would match other such pages, which every outlet has."""

_TOPIC_KEYS: Mapping[str, type] = {
    "title": str, "description": str, "required": list, "excluded": list, "sensitivity": str, "languages": list,
    "channels": list, "enabled": bool, "seeds": dict,
}  # fmt: skip
_SEED_KEYS: Mapping[str, type] = {"title": str, "language": str, "weight": float, "passages": list}


@dataclass(frozen=True, slots=True)
class LoadedTopics:
    """All usable topics, in order of their names, and what was left out and why."""

    topics: tuple[Topic, ...] = ()
    faults: tuple[str, ...] = ()
    """What was left out: '<file>:<line>: what is wrong: what to do'."""
    warnings: tuple[str, ...] = ()
    """What was not left out but should be checked."""


@dataclass(slots=True)
class _Notes:
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def load(root: Path) -> LoadedTopics:
    """Read every topic under `root`. Never raises for the content of the folder."""
    return TopicFolders(root).load()


class TopicFolders:
    """Reads one root repeatedly; a topic's folder that did not change is not read again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cache: dict[Path, tuple[str, Topic | None, _Notes]] = {}

    def load(self) -> LoadedTopics:
        """See the function `load`."""
        if not self._root.is_dir():
            wrong = "a file, and no folder" if self._root.exists() else "no such folder"
            return LoadedTopics(faults=(f"{self._root}: {wrong}: make it and put one folder a topic in it",))
        notes = _Notes()
        previous, self._cache = self._cache, {}
        found = []
        for folder in _folders(self._root, notes):
            state = folder_digest(folder)
            cached = previous.get(folder)
            if cached is None or cached[0] != state:
                of_topic = _Notes()
                cached = state, _topic(folder, self._root, of_topic), of_topic
            self._cache[folder] = cached
            found.append(cached[1])
            notes.faults += cached[2].faults
            notes.warnings += cached[2].warnings
        return LoadedTopics(tuple(each for each in found if each), tuple(notes.faults), tuple(notes.warnings))


def load_one(folder: Path) -> LoadedTopics:
    """Read one topic's folder, which may be anywhere. Never raises for the content of the folder."""
    notes = _Notes()
    if not folder.is_dir():
        return LoadedTopics(faults=(f"{folder}: no such folder: name one that holds a topic's seeds",))
    folder = folder.resolve() if not folder.name else folder
    topic = _topic(folder, folder.parent, notes)
    return LoadedTopics((topic,) if topic else (), tuple(notes.faults), tuple(notes.warnings))


def read_seeds(folder: Path) -> list[Seed]:
    """All seeds and counter-seeds of a topic's folder as in their files, without the options in topic.toml."""
    notes = _Notes()
    return [*_seeds(folder, folder.parent, {}, notes), *_seeds(folder / "not", folder.parent, {}, notes)]


def folder_digest(root: Path) -> str:
    """A digest that changes when any file under `root` does (name, size, time); cheap enough for every few seconds."""
    found = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            try:
                stat = os.stat(path)  # follows links, as reading does
            except OSError:
                continue  # deleted meanwhile: the next digest will differ
            found.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


# --- folders ----------------------------------------------------------------------------------------------------------


def _folders(root: Path, notes: _Notes) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if _is_hidden(path) or _escapes_root(path, root, notes):
            continue
        if path.is_dir():
            yield path
        elif path.suffix.lower() in SUFFIXES:
            notes.faults.append(
                f"{path}: outside of any topic: move it into a folder of its own, seeds/<topic>/{path.name}"
            )


def _is_hidden(path: Path) -> bool:
    """Whether it is an editor's backup or a note for people: '.git', '_drafts', 'a.txt~', 'README.md'."""
    return path.name.startswith((".", "_", "#")) or path.name.endswith("~") or path.stem.upper() == "README"


def _escapes_root(path: Path, root: Path, notes: _Notes) -> bool:
    """Links may only lead to files under `root`: the content of /etc/passwd must not end up in an alert."""
    if path.resolve().is_relative_to(root.resolve()):
        return False
    notes.faults.append(f"{path}: a link that leads out of {root}: put a copy of the file there instead")
    return True


def _topic(folder: Path, root: Path, notes: _Notes) -> Topic | None:
    fields = _read_topic_toml(folder / "topic.toml", root, notes)
    if fields is None:
        return None
    settings = fields.pop("seeds", {})
    seeds = [*_seeds(folder, root, settings, notes), *_seeds(folder / "not", root, settings, notes)]
    for name in settings.keys() - {each.file for each in seeds}:
        place = _place(folder / "topic.toml", name)
        notes.warnings.append(
            f"{place}: settings for '{name}', but there is no such seed: mend the name or remove them"
        )
    if not any(not each.is_counter for each in seeds):
        only = "only counter-seeds" if seeds else "no seed that can be read"
        notes.faults.append(
            f"{folder}: {only}, so nothing to look for: put in at least one article (.txt, .md or .html)"
        )
        return None
    topic = Topic(name=folder.name, seeds=tuple(seeds), **{"title": _title_from(folder.name), **fields})
    return replace(topic, digest=digests.of_topic(topic))


def _title_from(name: str) -> str:
    return clean_line(re.sub(r"[-_]+", " ", name)).capitalize()


# --- topic.toml -------------------------------------------------------------------------------------------------------


def _read_topic_toml(path: Path, root: Path, notes: _Notes) -> dict[str, Any] | None:
    """topic.toml as fields of Topic (and 'seeds'); {} without one, None where it is faulty."""
    if not path.exists():
        return {}
    if _escapes_root(path, root, notes):
        return None
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        notes.faults.append(f"{path}: cannot be read ({error}): save it as UTF-8 text")
        return None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line.group(1)}" if line else f"{path}"
        notes.faults.append(f"{place}: not TOML ({error}): mend the line; text values stand in quotes")
        return None
    faults = [*_check(path, raw, _TOPIC_KEYS), *_check_values(path, raw)]
    notes.faults += faults
    return None if faults else _topic_fields(raw)


def _topic_fields(raw: dict[str, Any]) -> dict[str, Any]:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    for key in ("title", "description"):
        if key in fields:
            fields[key] = clean_line(raw[key], limit=2_000)
    if "languages" in fields:
        fields["languages"] = tuple(filter(None, map(normalize, raw["languages"])))
    if "sensitivity" in fields:
        fields["sensitivity"] = " ".join(raw["sensitivity"].lower().split())
    if "enabled" in fields:
        fields["is_enabled"] = fields.pop("enabled")
    return fields


def _check(path: Path, raw: Mapping[str, Any], keys: Mapping[str, type]) -> Iterator[str]:
    for key, value in raw.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1, 0.5)
            mend = f"did you mean '{near[0]}'?" if near else f"remove it; valid keys are {', '.join(keys)}"
            yield f"{_place(path, key)}: unknown key '{key}': {mend}"
        elif not _has_type(value, keys[key]):
            if _holds_blanks(value):
                yield f"{_place(path, key)}: '{key}' holds an empty text: remove it, or write a word"
            else:
                yield f"{_place(path, key)}: '{key}' must be {_EXPECTED[keys[key]]}, not {value!r}"


_EXPECTED = {
    str: 'a text in quotes, as "words"', list: 'a list of texts, as ["one", "two"]', bool: "true or false",
    float: "a number above 0, at most 100", dict: 'a table, as [seeds."file.txt"]',
}  # fmt: skip


def _has_type(value: object, expected: type) -> bool:
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100
    if expected is list:
        return isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value)
    return isinstance(value, expected) and (value != "" or expected is not str)


def _holds_blanks(value: object) -> bool:
    """Whether a faulty list of texts is faulty only because some are empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _check_values(path: Path, raw: Mapping[str, Any]) -> Iterator[str]:
    """Faults of values with correct types; wrong types are reported by `_check` and skipped here."""
    sensitivity = raw.get("sensitivity", "balanced")
    if isinstance(sensitivity, str) and intent.parse(sensitivity) is None:
        yield f"{_place(path, 'sensitivity')}: sensitivity is '{sensitivity}': use one of {', '.join(intent.FORMS)}"
    for key in ("required", "excluded"):
        for term in raw.get(key, ()) if _has_type(raw.get(key), list) else ():
            if not tokens(term):
                yield f"{_place(path, key)}: '{term}' in '{key}' holds no word: remove it"
    for code in raw.get("languages", ()) if _has_type(raw.get("languages"), list) else ():
        if not normalize(code):
            yield f"{_place(path, 'languages')}: '{code}' is no language code: use small letters, as 'en' or 'prs'"
    for name, settings in raw.get("seeds", {}).items() if isinstance(raw.get("seeds"), dict) else ():
        if not isinstance(settings, dict):
            yield f'{_place(path, name)}: settings of a seed form a table: write [seeds."{name}"] on a line of its own'
        else:
            yield from _check(path, settings, _SEED_KEYS)


def _place(path: Path, key: str) -> str:
    """'<file>:<line>' of the first line that sets `key`; only the file where none does."""
    assignment = re.compile(rf"""\s*(\[seeds\.)?["']?{re.escape(key)}["']?\s*[=\].]""")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return str(path)
    return next((f"{path}:{number}" for number, line in enumerate(lines, 1) if assignment.match(line)), str(path))


# --- seed files -------------------------------------------------------------------------------------------------------


def _seeds(folder: Path, root: Path, settings: Mapping[str, Any], notes: _Notes) -> Iterator[Seed]:
    is_counter = folder.name == "not"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = f"not/{path.name}" if is_counter else path.name
        if _is_hidden(path) or path.name in ("topic.toml", "not") or _escapes_root(path, root, notes):
            continue
        if path.is_dir() or path.suffix.lower() not in SUFFIXES:
            notes.warnings.append(f"{path}: not read: seeds are files that end in {', '.join(SUFFIXES)}")
        elif seed := _seed(path, name, settings.get(name, {}), notes):
            yield replace(seed, is_counter=is_counter)


def _seed(path: Path, name: str, settings: Mapping[str, Any], notes: _Notes) -> Seed | None:
    body = _read_file(path, notes)
    if body is None:
        return None
    title, text = READERS[path.suffix.lower()](body)
    title, text = clean_line(settings.get("title", title)), clean(text)
    if is_wall(text):
        notes.faults.append(f"{path}: {WALL}: save the article's own text in its place")
        return None
    if passages := settings.get("passages", ()):
        text = _select_passages(path, text, passages, notes)
    words = len(tokens(f"{title} {text}"))
    if not words:
        notes.faults.append(f"{path}: holds no text: put the article's text in it or delete it")
        return None
    if words < MIN_WORDS:
        notes.warnings.append(f"{path}: only {words} words: a seed of a paragraph or more tells the subject better")
    language = normalize(settings.get("language")) or detect(f"{title}\n{text}")
    return Seed(file=name, title=title, text=text, language=language, weight=float(settings.get("weight", 1)))


def _select_passages(path: Path, text: str, passages: list[str], notes: _Notes) -> str:
    """The paragraphs that contain one of the passages: an article on two subjects may define a topic by one part of it."""
    paragraphs = [(each, fold(each)) for each in text.split("\n\n")]
    for phrase in passages:
        if not any(fold(phrase) in folded for _, folded in paragraphs):
            notes.warnings.append(f"{path}: no paragraph holds the passage '{phrase}': mend it in topic.toml")
    return "\n\n".join(each for each, folded in paragraphs if any(fold(phrase) in folded for phrase in passages))


def _read_file(path: Path, notes: _Notes) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        notes.faults.append(f"{path}: cannot be read ({error.strerror}): mend its permissions or delete it")
        return None
    if len(raw) > MAX_BYTES:
        notes.faults.append(f"{path}: larger than {MAX_BYTES // 1_000_000} MB: a seed is one article; cut it")
        return None
    for bom, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(bom):
            return raw.decode(encoding, errors="replace")
    if b"\0" in raw:
        notes.faults.append(f"{path}: not text: save the article as plain text in UTF-8")
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        encoding = single_byte_encoding(raw)
        notes.warnings.append(f"{path}: not UTF-8, read as {encoding}: check its letters, better save it as UTF-8")
        return raw.decode(encoding, errors="replace")
