"""Reads the TOML file and the environment into one tree of raw values, with the place where each was written.

    file         --> a tree of raw values, each with its line
    environment  --> overrides the tree: MONITOR_WEB__PORT is web.port, MONITOR_WEB__PASSWORD_FILE names a file to read
    ..._file     --> the content of the file it names

What cannot be read becomes a fault, and reading goes on. Which settings exist is defined in `settings`.
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
"""The path of a setting: ("feeds", "bbc", "url")."""

PREFIX = "MONITOR_"
PATH_VARIABLE = "MONITOR_CONFIG"
SECRET = re.compile(
    r"pass|secret|token|url|(?<!sec)uri|dsn|header|cookie|credential|auth|api_?key|^key$", re.IGNORECASE
)
"""Keys whose values are never quoted, and may be read from a file of their own."""

_FILE_LIMIT = 65536
_ENVIRONMENT_ORDER = 1_000_000


class SettingOrigin(NamedTuple):
    """Where a value was written. Faults are reported in this order: by line of the file, then the environment's."""

    order: int
    place: str

    @property
    def is_variable(self) -> bool:
        return self.order >= _ENVIRONMENT_ORDER


@dataclass
class RawSettings:
    """The tree of raw values, where each was written, and the faults so far."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, SettingOrigin] = field(default_factory=dict)
    from_files: set[Place] = field(default_factory=set)
    faulty: set[Place] = field(default_factory=set)
    """Values whose fault is already reported: validation errors of these are dropped."""
    faults: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_fault(self, origin: SettingOrigin, what: str, mend: str) -> None:
        self.faults.append((origin.order, clean_line(f"{origin.place}: {what}; {mend}", limit=1000)))  # U15

    def origin(self, path: Place) -> SettingOrigin:
        """The origin of the value itself, else of the first value inside it, else of the enclosing section."""
        if path in self.origins:
            return self.origins[path]
        inside = [origin for place, origin in self.origins.items() if place[: len(path)] == path]
        return min(inside) if inside and path else self.origin(path[:-1]) if path else SettingOrigin(0, "settings")

    def put(self, node: dict[str, Any], path: Place, value: Any, origin: SettingOrigin) -> None:
        node[path[-1]] = value
        self.origins[path] = origin


# --- the file ---------------------------------------------------------------------------------------------------------


def read_toml(raw: RawSettings, source: Path, *, is_required: bool) -> bool:
    """Read the file into `raw`; False where it cannot be parsed. Only a file that is not required may be missing."""
    if not is_required and not source.exists():
        raw.notes.append(f"{source} does not exist: the built-in defaults are in force")
        return True
    try:
        text = source.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        raw.tree = tomllib.loads(text)
    except OSError as error:
        raw.add_fault(
            SettingOrigin(0, str(source)), f"cannot be read ({error.strerror})", "check its path and permissions"
        )
        return False
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raw.add_fault(SettingOrigin(line, f"{source} line {line}"), "is not UTF-8 text", "save the file as UTF-8")
        return False
    except tomllib.TOMLDecodeError as error:
        _blame_syntax(raw, source, text, str(error))
        return False
    raw.origins = {path: SettingOrigin(line, f"{source} line {line}") for path, line in _lines(text)}
    return True


def _blame_syntax(raw: RawSettings, source: Path, text: str, error: str) -> None:
    message, _, at = error.partition(" (at ")
    found = re.match(r"line (\d+)", at)
    line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
    mend = "check the quotes, brackets and = signs there"
    if message.startswith("Invalid value"):
        mend = 'put text in quotes, as in title = "BBC World"'
    elif message.startswith("Cannot"):
        mend = "write each key and each [section] once only"
    raw.add_fault(SettingOrigin(line, f"{source} line {line}"), f"is not TOML ({clean_line(message)})", mend)


def _lines(text: str) -> Iterator[tuple[Place, int]]:
    """The line of each key and section of a valid document.

    tomllib does not report lines, so the document is split into statements: the shortest runs of lines that parse on their own.
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


def read_environment(raw: RawSettings, env: Mapping[str, str], known: Collection[str]) -> None:
    """Override `raw` by the MONITOR_ variables; `known` are the settings' variables, to recognise misspelled ones.

    An empty variable counts as unset, as compose files write it.
    """
    for order, name in enumerate(sorted(env), _ENVIRONMENT_ORDER):
        if name.upper().startswith(PREFIX) and name.upper() != PATH_VARIABLE and env[name].strip():
            origin = SettingOrigin(order, f"environment {name}")
            parts = tuple(name[len(PREFIX) :].lower().replace("-", "_").split("__"))
            if len(parts) > 1:
                _apply_variable(raw, parts, env[name], origin)
            else:
                _check_unsectioned(raw, name.upper(), env[name], origin, known)


def _check_unsectioned(raw: RawSettings, name: str, value: str, origin: SettingOrigin, known: Collection[str]) -> None:
    """Report a missing underscore; other variables are ignored (Kubernetes sets MONITOR_PORT=tcp://...)."""
    suggested = next((each for each in known if each.replace("__", "_") == name), None)
    if suggested and "://" not in value:
        mend = f"did you mean {suggested}, with two underscores between section and key?"
        raw.add_fault(origin, "is not a setting", mend)
    else:
        raw.notes.append(clean_line(f"{origin.place} is ignored: settings are written MONITOR_SECTION__KEY"))


def _apply_variable(raw: RawSettings, parts: Place, value: str, origin: SettingOrigin) -> None:
    path: Place = ()
    node = raw.tree
    for part in parts[:-1]:
        path = (*path, _existing(node, part))
        node = node.setdefault(path[-1], {})
        if not isinstance(node, dict):
            return  # the file has a plain value in place of a section: validation reports it
    path = (*path, _existing(node, parts[-1].removesuffix("_file")))
    if path in raw.origins and raw.origins[path].is_variable:
        raw.add_fault(origin, f"{'.'.join(path)} is set twice", f"remove this or {raw.origins[path].place}")
    node.pop(f"{path[-1]}_file", None)
    if parts[-1].endswith("_file"):
        _put_content(raw, node, path, Path(value), origin)
    else:
        raw.put(node, path, _parsed(value) if path[0] == "channels" else value, origin)


def _existing(node: dict[str, Any], part: str) -> str:
    """The key as spelled in the file, if it is there: `bbc-world` for BBC_WORLD."""
    return next((key for key in node if key.lower().replace("-", "_") == part), part)


def _parsed(value: str) -> Any:
    """A channel's value, whose type only the channel knows: lists and tables may be JSON, everything else stays text."""
    try:
        return json.loads(value) if value.lstrip()[:1] in ("[", "{") else value
    except ValueError:
        return value


# --- values from files of their own -----------------------------------------------------------------------------------


def read_named_files(raw: RawSettings, folder: Path) -> None:
    """Replace `password_file = "x"` by the content of x, relative to `folder`. Only for keys that may be secret."""
    _read_named_in(raw, raw.tree, (), folder)


def _read_named_in(raw: RawSettings, node: dict[str, Any], path: Place, folder: Path) -> None:
    for key, value in list(node.items()):
        base = key.removesuffix("_file")
        if isinstance(value, dict):
            _read_named_in(raw, value, (*path, key), folder)
        elif base != key and SECRET.search(base) and isinstance(value, str):
            origin = raw.origin((*path, key))
            if base in node:
                raw.add_fault(origin, f"{'.'.join((*path, base))} is set twice", f"remove {base} or {key}")
            del node[key]
            _put_content(raw, node, (*path, base), folder / value, origin)


def _put_content(raw: RawSettings, node: dict[str, Any], path: Place, file: Path, origin: SettingOrigin) -> None:
    try:
        content, problem = _content(file), ""
    except OSError as error:
        content, problem = "?", f"cannot be read ({error.strerror})"
    except ValueError as error:
        content, problem = "?", str(error)
    if problem:
        raw.faulty.add(path)
        raw.add_fault(
            origin, f"the file of {'.'.join(path)}, {file}, {problem}", "check its path, permissions and content"
        )
    value = content.splitlines() if path[-1] == "secrets" else content
    raw.put(node, path, value, SettingOrigin(origin.order, f"{origin.place}, file {file}"))
    raw.from_files.add(path)


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
