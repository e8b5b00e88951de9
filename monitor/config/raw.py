"""A TOML file and the environment in, a `Draft` out: one tree of raw values that knows where each was written.

    file         --> a tree of raw values, each with its line
    environment  --> laid over the tree: MONITOR_WEB__PORT is web.port, MONITOR_WEB__PASSWORD_FILE names a file to read
    ..._file     --> the content of the file it names

What cannot be read is a fault, and the rest is read all the same. Knows the names of no settings: those are `config`'s.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from monitor.text.tokens import clean_line

Place = tuple[str, ...]
"""Where a value stands: ("feeds", "bbc", "url")."""

PREFIX = "MONITOR_"
PATH_VARIABLE = "MONITOR_CONFIG"
SECRET = re.compile(
    r"pass|secret|token|url|(?<!sec)uri|dsn|header|cookie|credential|auth|api_?key|^key$", re.IGNORECASE
)
"""Keys whose values are never quoted, and may stand in a file of their own."""

_FILE_LIMIT = 65536
_AFTER_THE_FILE = 1_000_000


class SettingOrigin(NamedTuple):
    """Where a value was written. Faults are told in this order: line by line, then the environment's."""

    order: int
    place: str

    @property
    def is_variable(self) -> bool:
        return self.order >= _AFTER_THE_FILE


@dataclass
class RawSettings:
    """What is gathered on the way: the tree of raw values, where each was written, and the faults so far."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, SettingOrigin] = field(default_factory=dict)
    from_files: set[Place] = field(default_factory=set)
    blamed: set[Place] = field(default_factory=set)
    """Values that have their fault already: what follows from it is not worth telling."""
    faults: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def blame(self, origin: SettingOrigin, what: str, mend: str) -> None:
        self.faults.append((origin.order, clean_line(f"{origin.place}: {what}; {mend}", limit=1000)))  # U15

    def origin(self, path: Place) -> SettingOrigin:
        """Of the value itself, else of the first one inside it, else of what it ought to stand in."""
        if path in self.origins:
            return self.origins[path]
        inside = [origin for place, origin in self.origins.items() if place[: len(path)] == path]
        return min(inside) if inside and path else self.origin(path[:-1]) if path else SettingOrigin(0, "settings")

    def put(self, node: dict[str, Any], path: Place, value: Any, origin: SettingOrigin) -> None:
        node[path[-1]] = value
        self.origins[path] = origin


# --- the file ---------------------------------------------------------------------------------------------------------


def read_toml(draft: RawSettings, source: Path, *, is_asked: bool) -> bool:
    """Fills the draft from the file; False where what it holds makes no sense to check. Only an unasked one may be missing."""
    if not is_asked and not source.exists():
        draft.notes.append(f"{source} does not exist: the built-in defaults are in force")
        return True
    try:
        text = source.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        draft.tree = tomllib.loads(text)
    except OSError as error:
        draft.blame(
            SettingOrigin(0, str(source)), f"cannot be read ({error.strerror})", "check its path and permissions"
        )
        return False
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        draft.blame(SettingOrigin(line, f"{source} line {line}"), "is not UTF-8 text", "save the file as UTF-8")
        return False
    except tomllib.TOMLDecodeError as error:
        _blame_syntax(draft, source, text, str(error))
        return False
    draft.origins = {path: SettingOrigin(line, f"{source} line {line}") for path, line in _lines(text)}
    return True


def _blame_syntax(draft: RawSettings, source: Path, text: str, error: str) -> None:
    message, _, at = error.partition(" (at ")
    found = re.match(r"line (\d+)", at)
    line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
    mend = "check the quotes, brackets and = signs there"
    if message.startswith("Invalid value"):
        mend = 'put text in quotes, as in title = "BBC World"'
    elif message.startswith("Cannot"):
        mend = "write each key and each [section] once only"
    draft.blame(SettingOrigin(line, f"{source} line {line}"), f"is not TOML ({clean_line(message)})", mend)


def _lines(text: str) -> Iterator[tuple[Place, int]]:
    """The line of each key and section of a valid document.

    tomllib does not tell, so it is asked again and again: the lines from one statement's start up to where they first
    parse by themselves are that statement.
    """
    section: Place = ()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        paths = list(_paths(found))
        if paths and statement.lstrip().startswith("["):
            section = paths[-1]
            yield section, start
        else:
            yield from ((section + path, start) for path in paths)
        statement, start = "", number + 1


def _paths(node: Any, path: Place = ()) -> Iterator[Place]:
    node = node[0] if isinstance(node, list) and node and isinstance(node[0], dict) else node
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key)
            yield from _paths(value, (*path, key))


# --- the environment --------------------------------------------------------------------------------------------------


def variable(*path: str) -> str:
    """The environment variable of a setting: ("feeds", "bbc-world", "url") is MONITOR_FEEDS__BBC_WORLD__URL."""
    return PREFIX + "__".join(path).upper().replace("-", "_")


def read_environment(draft: RawSettings, env: Mapping[str, str], known: Collection[str]) -> None:
    """Lays the MONITOR_ variables over the draft; `known` are the names of settings, to tell a slip from a stranger's.

    An empty variable counts as unset: that is how compose files spell it.
    """
    for order, name in enumerate(sorted(env), _AFTER_THE_FILE):
        if name.upper().startswith(PREFIX) and name.upper() != PATH_VARIABLE and env[name].strip():
            origin = SettingOrigin(order, f"environment {name}")
            parts = tuple(name[len(PREFIX) :].lower().replace("-", "_").split("__"))
            if len(parts) > 1:
                _lay_over(draft, parts, env[name], origin)
            else:
                _doubt(draft, name.upper(), env[name], origin, known)


def _doubt(draft: RawSettings, name: str, value: str, origin: SettingOrigin, known: Collection[str]) -> None:
    """One underscore too few is a fault; other names are somebody else's (Kubernetes sets MONITOR_PORT=tcp://...)."""
    meant = next((each for each in known if each.replace("__", "_") == name), None)
    if meant and "://" not in value:
        draft.blame(origin, "is not a setting", f"did you mean {meant}, with two underscores between section and key?")
    else:
        draft.notes.append(clean_line(f"{origin.place} is ignored: settings are written MONITOR_SECTION__KEY"))


def _lay_over(draft: RawSettings, parts: Place, value: str, origin: SettingOrigin) -> None:
    path: Place = ()
    node = draft.tree
    for part in parts[:-1]:
        path = (*path, _existing(node, part))
        node = node.setdefault(path[-1], {})
        if not isinstance(node, dict):
            return  # the file holds a plain value where a section belongs: that is told as the file's fault
    path = (*path, _existing(node, parts[-1].removesuffix("_file")))
    if path in draft.origins and draft.origins[path].is_variable:
        draft.blame(origin, f"{'.'.join(path)} is set twice", f"remove this or {draft.origins[path].place}")
    node.pop(f"{path[-1]}_file", None)
    if parts[-1].endswith("_file"):
        _put_content(draft, node, path, Path(value), origin)
    else:
        draft.put(node, path, _parsed(value) if path[0] == "channels" else value, origin)


def _existing(node: dict[str, Any], part: str) -> str:
    """The key as the file spells it, where it does: `bbc-world` for BBC_WORLD."""
    return next((key for key in node if key.lower().replace("-", "_") == part), part)


def _parsed(value: str) -> Any:
    """Channels know their types, we do not: lists and tables may come as JSON, all else stays text."""
    try:
        return json.loads(value) if value.lstrip()[:1] in ("[", "{") else value
    except ValueError:
        return value


# --- values from files of their own -----------------------------------------------------------------------------------


def read_named_files(draft: RawSettings, folder: Path) -> None:
    """`password_file = "x"` becomes the password; x is relative to `folder`. Only for what may be a secret."""
    _read_named_in(draft, draft.tree, (), folder)


def _read_named_in(draft: RawSettings, node: dict[str, Any], path: Place, folder: Path) -> None:
    for key, value in list(node.items()):
        base = key.removesuffix("_file")
        if isinstance(value, dict):
            _read_named_in(draft, value, (*path, key), folder)
        elif base != key and SECRET.search(base) and isinstance(value, str):
            origin = draft.origin((*path, key))
            if base in node:
                draft.blame(origin, f"{'.'.join((*path, base))} is set twice", f"remove {base} or {key}")
            del node[key]
            _put_content(draft, node, (*path, base), folder / value, origin)


def _put_content(draft: RawSettings, node: dict[str, Any], path: Place, file: Path, origin: SettingOrigin) -> None:
    try:
        content, trouble = _content(file), ""
    except OSError as error:
        content, trouble = "?", f"cannot be read ({error.strerror})"
    except ValueError as error:
        content, trouble = "?", str(error)
    if trouble:
        draft.blamed.add(path)
        draft.blame(
            origin, f"the file of {'.'.join(path)}, {file}, {trouble}", "check its path, permissions and content"
        )
    value = content.splitlines() if path[-1] == "secrets" else content
    draft.put(node, path, value, SettingOrigin(origin.order, f"{origin.place}, file {file}"))
    draft.from_files.add(path)


def _content(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(_FILE_LIMIT + 1)
    if len(content) > _FILE_LIMIT:
        raise ValueError("is longer than 64 KB")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    if not text:
        raise ValueError("is empty")
    return text
