"""topic.toml: what a topic's owner says of it beside the seeds. Pure: bytes in, fields of `Topic` or faults out."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.matching import sensitivity as intent
from monitor.text.language import normalize
from monitor.text.tokens import clean_line, tokens

_TOPIC_KEYS: Mapping[str, type] = {
    "title": str, "description": str, "required": list, "excluded": list, "sensitivity": str, "languages": list,
    "channels": list, "enabled": bool, "seeds": dict,
}  # fmt: skip
_LONGEST = {"title": 2_000, "description": 20_000}
"""Characters kept. Of a description the first 60 words are read by meaning; `topics.sentence` tells its owner how many it has."""
_SEED_KEYS: Mapping[str, type] = {"title": str, "language": str, "weight": float, "passages": list}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicToml:
    """A topic.toml as it was read. `fields` are those of Topic, and `seeds`: the settings of single seeds."""

    fields: dict[str, Any] | None = field(default_factory=dict)
    """None where it is faulty."""
    faults: tuple[str, ...] = ()
    file: TextFile | None = None

    def place(self, key: str) -> str:
        """'<file>:<line>' of the first line that sets `key`; '' where there is no such file."""
        return _place(self.file, key) if self.file else ""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file's path and text, to name the line of a fault."""

    path: Path
    text: str


def parse(path: Path, raw: bytes) -> TopicToml:
    """Read the bytes of the topic.toml at `path`."""
    try:
        file = TextFile(path, raw.decode("utf-8-sig"))
        said = tomllib.loads(file.text)
    except UnicodeDecodeError as error:
        return TopicToml(fields=None, faults=(f"{path}: cannot be read ({error}): save it as UTF-8 text",))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{path}:{line.group(1)}" if line else f"{path}"
        fault = f"{place}: not TOML ({error}): mend the line; text values stand in quotes"
        return TopicToml(fields=None, faults=(fault,))
    faults = (*_check(file, said, _TOPIC_KEYS), *_check_values(file, said))
    return TopicToml(fields=None if faults else _topic_fields(said), faults=faults, file=file)


def _topic_fields(raw: dict[str, Any]) -> dict[str, Any]:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    for key in ("title", "description"):
        if key in fields:
            fields[key] = clean_line(raw[key], limit=_LONGEST[key])
            if not any(each.isprintable() and each != " " for each in fields[key]):
                del fields[key]  # blank, or marks of direction alone: as if it were not there
    if "languages" in fields:
        fields["languages"] = tuple(filter(None, map(normalize, raw["languages"])))
    if "sensitivity" in fields:
        fields["sensitivity"] = " ".join(raw["sensitivity"].lower().split())
    if "enabled" in fields:
        fields["is_enabled"] = fields.pop("enabled")
    return fields


def _check(file: TextFile, raw: Mapping[str, Any], keys: Mapping[str, type]) -> Iterator[str]:
    for key, value in raw.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1, 0.5)
            mend = f"did you mean '{near[0]}'?" if near else f"remove it; valid keys are {', '.join(keys)}"
            yield f"{_place(file, key)}: unknown key '{key}': {mend}"
        elif not _has_type(value, keys[key]):
            if keys[key] is list and _holds_blanks(value):
                yield f"{_place(file, key)}: '{key}' holds an empty text: remove it, or write a word"
            else:
                yield f"{_place(file, key)}: '{key}' must be {_EXPECTED[keys[key]]}, not {value!r}"


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


def _check_values(file: TextFile, raw: Mapping[str, Any]) -> Iterator[str]:
    """Faults of values with correct types; wrong types are reported by `_check` and skipped here."""
    sensitivity = raw.get("sensitivity", "balanced")
    if isinstance(sensitivity, str) and intent.parse(sensitivity) is None:
        yield f"{_place(file, 'sensitivity')}: sensitivity is '{sensitivity}': use one of {', '.join(intent.FORMS)}"
    for key in ("required", "excluded"):
        for term in raw.get(key, ()) if _has_type(raw.get(key), list) else ():
            if not tokens(term):
                yield f"{_place(file, key)}: '{term}' in '{key}' holds no word: remove it"
    for code in raw.get("languages", ()) if _has_type(raw.get("languages"), list) else ():
        if not normalize(code):
            yield f"{_place(file, 'languages')}: '{code}' is no language code: use small letters, as 'en' or 'prs'"
    for name, settings in raw.get("seeds", {}).items() if isinstance(raw.get("seeds"), dict) else ():
        if not isinstance(settings, dict):
            yield f'{_place(file, name)}: settings of a seed form a table: write [seeds."{name}"] on a line of its own'
        else:
            yield from _check(file, settings, _SEED_KEYS)


def _place(file: TextFile, key: str) -> str:
    """'<file>:<line>' of the first line that sets `key`; only the file where none does."""
    assignment = re.compile(rf"""\s*(\[seeds\.)?["']?{re.escape(key)}["']?\s*[=\].]""")
    lines = enumerate(file.text.splitlines(), 1)
    return next((f"{file.path}:{number}" for number, line in lines if assignment.match(line)), str(file.path))
