"""Changes single keys of a topic.toml; comments and all other lines stay as they are. The file is replaced whole or not at all."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.topics import topic_toml
from monitor.topics.folders import TopicFolderError

Value = str | bool | None
"""None takes the key out."""


def edit(path: Path, changes: Mapping[str, Value]) -> list[str]:
    """Set these keys of the file, which is made where it is missing. Returns those that changed. Raises
    TopicFolderError where the file is faulty, would be, or cannot be written; then nothing changed."""
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        after = edited(before, changes)
        faults = topic_toml.parse(path, after.encode()).faults
        if faults:
            raise TopicFolderError("\n".join(["nothing was changed:", *faults]))
        if after != before:
            _replace(path, after)
        return _differences(tomllib.loads(before), tomllib.loads(after))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TopicFolderError(f"{path} cannot be read ({error}): mend it by hand first") from error
    except OSError as error:
        mend = "let this user write the folder of the seeds"
        raise TopicFolderError(f"{path} cannot be written ({error.strerror}): {mend}") from error


def edited(text: str, changes: Mapping[str, Value]) -> str:
    """The text with these keys set. Raises TOMLDecodeError for a text that is no TOML. Pure."""
    wanted = {**tomllib.loads(text), **changes}
    wanted = {key: value for key, value in wanted.items() if value is not None}
    for key, value in changes.items():
        text = _with_line(text, key, value)
    if _loads(text) == wanted:
        return text
    return _anew(wanted)  # a value over several lines, or a key in quotes


def _with_line(text: str, key: str, value: Value) -> str:
    """The key's line replaced or, before the first table, added."""
    head, table, rest = _split(text)
    line = "" if value is None else f"{key} = {_plain(value)}\n"
    assignment = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
    if assignment.search(head):
        head = assignment.sub(lambda _: line, head, count=1)
    elif line:
        head = f"{head.rstrip()}\n{line}" if head.strip() else line
        head += "\n" if table else ""
    return head + table + rest


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the first table, that table's line, the rest."""
    found = re.search(r"^[ \t]*\[[^\n]*", text, re.MULTILINE)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _loads(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _anew(said: Mapping[str, Any]) -> str:
    """All keys, then the tables of the seeds: what a topic.toml can hold."""
    plain = "".join(f"{key} = {_plain(value)}\n" for key, value in said.items() if not isinstance(value, dict))
    tables = (
        f"\n[seeds.{_plain(name)}]\n" + "".join(f"{key} = {_plain(value)}\n" for key, value in of_seed.items())
        for name, of_seed in said.get("seeds", {}).items()
    )
    return plain + "".join(tables)


def _plain(value: object) -> str:
    """A text, list, number or truth value in JSON is one in TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".topic-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
