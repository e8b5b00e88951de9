"""Loading topics from the seeds folder. Reads files only.

    seeds/<topic>/topic.toml         the topic's title, sentence and options; may be missing where there are seeds
    seeds/<topic>/*.txt .md .html    seeds: examples of what is wanted; may be missing where there is a sentence
    seeds/<topic>/not/*              counter-seeds: similar articles that are not wanted

A fault names file, line and mend, and what is faulty is left out: a faulty seed costs only that seed, a faulty topic.toml only
its topic. A warning leaves nothing out. Which topics are in force while a folder is away or broken: `topics.in_force`.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from monitor.text.language import detect, normalize
from monitor.text.tokens import clean, clean_line, fold, tokens
from monitor.text.walls import is_wall
from monitor.topics import topic_toml
from monitor.topics.seed_formats import READERS, single_byte_encoding
from monitor.topics.topic_toml import TopicToml
from monitor.types import digests
from monitor.types.matching import Seed, Topic

SUFFIXES = tuple(READERS)
TOPIC_TOML = "topic.toml"
MAX_SEED_BYTES = 1_000_000
"""A larger file is no article but a mistake (a book, a dump) and is left out."""
MIN_WORDS = 20
"""A shorter seed says too little to distinguish its subject: a warning."""
WALL = "a consent or paywall page instead of an article"
"""The fault of a seed that is such a page: as an example it would match other such pages, which every outlet has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFolder:
    """One topic's folder as it was read."""

    name: str
    topic: Topic | None
    """None where nothing in it can be used."""
    files: Mapping[str, bytes]
    """What the topic was made of: topic.toml and its seeds, by their names within the folder."""
    broken: Mapping[str, str]
    """Name of a file that could not be used -> why."""
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedTopics:
    """All usable topics, in order of their names, and what was left out and why."""

    topics: tuple[Topic, ...] = ()
    faults: tuple[str, ...] = ()
    """What was left out: '<file>:<line>: what is wrong: what to do'."""
    warnings: tuple[str, ...] = ()
    """What was not left out but should be checked."""
    folders: tuple[TopicFolder, ...] = ()
    """The folders that the topics were read from, and those in which nothing can be used."""


@dataclass(slots=True)
class _Notes:
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def load(root: Path) -> LoadedTopics:
    """Read every topic under `root`. Never raises for the content of the folder."""
    return TopicFolders(root).load()


class TopicFolders:
    """Reads one root repeatedly; a topic's folder that did not change is not read again. Safe for several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cache: dict[Path, tuple[str, TopicFolder]] = {}

    def load(self) -> LoadedTopics:
        """See the function `load`."""
        try:
            return self._load()
        except OSError as error:  # it went away or was locked meanwhile
            return LoadedTopics(faults=(f"{self._root}: cannot be read ({error.strerror}): mend its permissions",))

    def _load(self) -> LoadedTopics:
        if not os.path.isdir(self._root):
            wrong = "no such folder: put it back, or make it with a topic in it by `monitor topics new NAME`"
            if os.path.exists(self._root):
                wrong = "a file, and no folder: move it away; the folder has one folder a topic in it"
            return LoadedTopics(faults=(f"{self._root}: {wrong}",))
        notes = _Notes()
        previous, found = self._cache, dict[Path, tuple[str, TopicFolder]]()
        for path in _folders(self._root, notes):
            state = folder_digest(path)
            known = previous.get(path)
            # what could not be read may be readable now: permissions are not in the digest
            is_unchanged = known is not None and known[0] == state and not known[1].faults
            found[path] = known if known and is_unchanged else (state, _read_folder(path, self._root))
        self._cache = found
        folders = tuple(folder for _, folder in found.values())
        return LoadedTopics(
            topics=tuple(each.topic for each in folders if each.topic),
            faults=(*notes.faults, *(fault for each in folders for fault in each.faults)),
            warnings=(*notes.warnings, *(warning for each in folders for warning in each.warnings)),
            folders=folders,
        )


def load_one(folder: Path) -> LoadedTopics:
    """Read one topic's folder, which may be anywhere. Never raises for the content of the folder."""
    if not folder.is_dir():
        return LoadedTopics(faults=(f"{folder}: no such folder: name one that holds a topic's seeds",))
    folder = folder.resolve() if not folder.name else folder
    read = _read_folder(folder, folder.parent)
    return LoadedTopics((read.topic,) if read.topic else (), read.faults, read.warnings, (read,))


def from_files(name: str, files: Mapping[str, bytes]) -> Topic | None:
    """The topic that a folder with these files gives; None where nothing in them can be used."""
    with tempfile.TemporaryDirectory(prefix="monitor-topic-") as root:
        folder = Path(root) / name
        (folder / "not").mkdir(parents=True)
        for file, content in files.items():
            path = PurePosixPath(file)
            (folder / ("not" if path.parent.name == "not" else "") / path.name).write_bytes(content)
        return _read_folder(folder, folder.parent).topic


def read_seeds(folder: Path) -> list[Seed]:
    """All seeds and counter-seeds of a topic's folder as in their files, without the options in topic.toml."""
    notes = _Notes()
    return [*_seeds(folder, folder.parent, {}, notes), *_seeds(folder / "not", folder.parent, {}, notes)]


def folder_digest(root: Path) -> str:
    """A digest that changes when any file under `root` does (name, size, time); cheap enough for every few seconds."""
    found = hashlib.sha256()
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        found.update(f"{folder}\n".encode(errors="surrogateescape"))  # an empty folder is not the same as none
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
        if is_hidden(path) or _escapes_root(path, root, notes):
            continue
        if path.is_dir():
            yield path
        elif path.suffix.lower() in SUFFIXES:
            notes.faults.append(
                f"{path}: outside of any topic: move it into a folder of its own, seeds/<topic>/{path.name}"
            )


def is_hidden(path: Path) -> bool:
    """Whether it is an editor's backup or a note for people: '.git', '_drafts', 'a.txt~', 'README.md'."""
    return path.name.startswith((".", "_", "#")) or path.name.endswith("~") or path.stem.upper() == "README"


def _escapes_root(path: Path, root: Path, notes: _Notes) -> bool:
    """Links may only lead to files under `root`: the content of /etc/passwd must not end up in an alert."""
    if path.resolve().is_relative_to(root.resolve()):
        return False
    notes.faults.append(f"{path}: a link that leads out of {root}: put a copy of the file there instead")
    return True


def _read_folder(folder: Path, root: Path) -> TopicFolder:
    notes = _Notes()
    try:
        topic = _topic(folder, root, notes)
    except OSError as error:
        topic = None
        notes.faults.append(f"{folder}: cannot be read ({error.strerror}): mend its permissions")
    return TopicFolder(
        name=folder.name,
        topic=topic,
        files=notes.files,
        broken=notes.broken,
        faults=tuple(notes.faults),
        warnings=tuple(notes.warnings),
    )


def _topic(folder: Path, root: Path, notes: _Notes) -> Topic | None:
    said = _read_topic_toml(folder / TOPIC_TOML, root, notes)
    if said.fields is None:
        return None
    settings = said.fields.pop("seeds", {})
    seeds = [*_seeds(folder, root, settings, notes), *_seeds(folder / "not", root, settings, notes)]
    for name in settings.keys() - {each.file for each in seeds}:
        notes.warnings.append(
            f"{said.place(name)}: settings for '{name}', but there is no such seed: mend the name or remove them"
        )
    if not any(not each.is_counter for each in seeds) and not said.fields.get("description", "").strip():
        only = "only counter-seeds" if seeds else "no seed that can be read"
        notes.faults.append(
            f"{folder}: {only}, and no sentence, so nothing to look for: put in at least one article (.txt, .md or .html), "
            'or say in topic.toml what you want to be told: description = "..."'
        )
        return None
    topic = Topic(name=folder.name, seeds=tuple(seeds), **{"title": _title_from(folder.name), **said.fields})
    return replace(topic, digest=digests.of_topic(topic))


def _read_topic_toml(path: Path, root: Path, notes: _Notes) -> TopicToml:
    """The topic.toml at `path`, its faults noted. An empty one is no fault, but broken where the topic had a full one."""
    if not path.exists():
        return TopicToml()
    if _escapes_root(path, root, notes):
        return TopicToml(fields=None)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raw, said = b"", TopicToml(fields=None, faults=(f"{path}: cannot be read ({error}): mend its permissions",))
    else:
        said = topic_toml.parse(path, raw)
    notes.faults += said.faults
    if said.fields is None or not raw.strip():
        notes.broken[path.name] = said.faults[0] if said.faults else f"{path}: is empty: write it again or delete it"
    else:
        notes.files[path.name] = raw
    return said


def _title_from(name: str) -> str:
    return clean_line(re.sub(r"[-_]+", " ", name)).capitalize()


# --- seed files -------------------------------------------------------------------------------------------------------


def _seeds(folder: Path, root: Path, settings: Mapping[str, Any], notes: _Notes) -> Iterator[Seed]:
    is_counter = folder.name == "not"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = f"not/{path.name}" if is_counter else path.name
        if is_hidden(path) or path.name in (TOPIC_TOML, "not") or _escapes_root(path, root, notes):
            continue
        if path.is_dir() or path.suffix.lower() not in SUFFIXES:
            notes.warnings.append(f"{path}: not read: seeds are files that end in {', '.join(SUFFIXES)}")
        elif seed := _seed(path, name, settings.get(name, {}), notes):
            yield replace(seed, is_counter=is_counter)
        else:
            notes.broken[name] = notes.faults[-1]
            notes.files.pop(name, None)


def _seed(path: Path, name: str, settings: Mapping[str, Any], notes: _Notes) -> Seed | None:
    raw = _read_bytes(path, notes)
    body = None if raw is None else _decode(path, raw, notes)
    if raw is None or body is None:
        return None
    notes.files[name] = raw
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
        notes.warnings.append(
            f"{path}: only {words} {'word' if words == 1 else 'words'}: a seed of a paragraph or more tells the subject better"
        )
    language = normalize(settings.get("language")) or detect(f"{title}\n{text}")
    return Seed(file=name, title=title, text=text, language=language, weight=float(settings.get("weight", 1)))


def _select_passages(path: Path, text: str, passages: list[str], notes: _Notes) -> str:
    """The paragraphs that contain one of the passages: an article on two subjects may define a topic by one part of it."""
    paragraphs = [(each, fold(each)) for each in text.split("\n\n")]
    for phrase in passages:
        if not any(fold(phrase) in folded for _, folded in paragraphs):
            notes.warnings.append(f"{path}: no paragraph holds the passage '{phrase}': mend it in topic.toml")
    return "\n\n".join(each for each, folded in paragraphs if any(fold(phrase) in folded for phrase in passages))


def _read_bytes(path: Path, notes: _Notes) -> bytes | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SEED_BYTES + 1)
    except OSError as error:
        notes.faults.append(f"{path}: cannot be read ({error.strerror}): mend its permissions or delete it")
        return None
    if len(raw) > MAX_SEED_BYTES:
        notes.faults.append(f"{path}: larger than {MAX_SEED_BYTES // 1_000_000} MB: a seed is one article; cut it")
        return None
    return raw


def _decode(path: Path, raw: bytes, notes: _Notes) -> str | None:
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
