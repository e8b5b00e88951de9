"""Puts a topic's folder back to an earlier version. The folder of before is kept under `.removed/`.

A version has what affects matching: title, sentence, terms, languages, sensitivity and the texts of the seeds. What else topic.toml
says (channels, whether it is enabled) stays as it is now.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.topics import folders, seeds
from monitor.topics.folders import TopicFolderError
from monitor.types.matching import Seed, Topic

_OF_VERSION = ("title", "description", "required", "excluded", "sensitivity", "languages", "seeds")


def put_back(root: Path, topic: Topic, *, now: datetime) -> Path | None:
    """Write the topic as its folder; returns where the folder of before is now. Raises TopicFolderError where it cannot be."""
    folders.check_name(topic.name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".back-", dir=root, ignore_cleanup_errors=True) as place:
            draft = Path(place) / topic.name
            _write(draft, topic, _rest_of(root / topic.name / seeds.TOPIC_TOML))
            read = seeds.load_one(draft)
            if read.faults or not read.topics:
                raise TopicFolderError("\n".join(["the topic was not put back:", *read.faults]))
            aside = folders.set_aside(root, topic.name, now=now)
            draft.rename(root / topic.name)
            return aside
    except OSError as error:
        mend = "let this user write the folder of the seeds"
        raise TopicFolderError(f"{root / topic.name} cannot be written ({error.strerror}): {mend}") from error


def _rest_of(path: Path) -> dict[str, Any]:
    """What topic.toml says besides; nothing where it cannot be read."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {key: value for key, value in said.items() if key not in _OF_VERSION}


def _write(draft: Path, topic: Topic, rest: Mapping[str, Any]) -> None:
    draft.mkdir(mode=0o755)
    names = _file_names(topic)
    if any(seed.is_counter for seed in topic.seeds):
        (draft / "not").mkdir()
    for seed, name in zip(topic.seeds, names, strict=True):
        title = f"title: {seed.title}\n\n" if seed.title else ""
        (draft / name).write_text(f"{title}{seed.text}\n", encoding="utf-8")
    (draft / seeds.TOPIC_TOML).write_text("".join(_lines(topic, names, rest)), encoding="utf-8")


def _file_names(topic: Topic) -> list[str]:
    """Texts as they were read, so each is a text file, whatever it was."""
    found: list[str] = []
    for seed in topic.seeds:
        stem = str(Path(seed.file).with_suffix(""))
        name, number = f"{stem}.txt", 2
        while name in found:
            name, number = f"{stem}-{number}.txt", number + 1
        found.append(name)
    return found


def _lines(topic: Topic, names: list[str], rest: Mapping[str, Any]) -> Iterator[str]:
    said = {
        "title": topic.title,
        "description": topic.description,
        "required": list(topic.required),
        "excluded": list(topic.excluded),
        "sensitivity": topic.sensitivity,
        "languages": list(topic.languages),
        **rest,
    }
    for key, value in said.items():
        if value not in ("", []):
            yield f"{key} = {_plain(value)}\n"
    for seed, name in zip(topic.seeds, names, strict=True):
        yield f"\n[seeds.{_plain(name)}]\n{_seed_lines(seed)}"


def _seed_lines(seed: Seed) -> str:
    weight = f"weight = {float(seed.weight)}\n" if seed.weight != 1 else ""
    return f"language = {_plain(seed.language)}\n{weight}" if seed.language and seed.language != "und" else weight


def _plain(value: Any) -> str:
    """A text, list or truth value in JSON is one in TOML."""
    return json.dumps(value, ensure_ascii=False)
