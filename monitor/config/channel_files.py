"""The files of channels that were added by command or page: one beside the settings file for each, with its secrets.

`channels/NAME.json` holds what `[channels.NAME]` would say. Only its owner may read it (mode 0600), and it is replaced whole or
not at all. It never leaves the node: on several nodes the operator copies it to those that are to send by the channel.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monitor.types.errors import ConfigError

FOLDER = "channels"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LIMIT = 65536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class ChannelTables:
    """What the folder holds: the tables by the channels' names, and a line for each file that cannot be used."""

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    open_to_others: tuple[str, ...] = ()
    """Files that other users of the machine may read."""


def folder_of(settings_file: str) -> Path | None:
    """The folder beside a settings file; None where the settings were read from none."""
    return Path(settings_file).parent / FOLDER if settings_file else None


def signature(folder: Path | None) -> tuple[tuple[str, int, int, int], ...]:
    """Changes when a file of the folder does."""
    found = []
    for each in _files(folder):
        with suppress(OSError):
            about = each.stat()
            found.append((each.name, about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(found)


def read(folder: Path | None) -> ChannelTables:
    """All channels of the folder. Faults never quote what a file says, which may be secret."""
    tables: dict[str, Mapping[str, Any]] = {}
    faults, open_to_others = [], []
    for each in _files(folder):
        try:
            tables[each.stem] = _table(each)
            if os.name == "posix" and each.stat().st_mode & _OTHERS:
                open_to_others.append(str(each))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            faults.append(f"{each}: cannot be used ({why})")
    return ChannelTables(tables, tuple(faults), tuple(open_to_others))


def write(folder: Path, name: str, table: Mapping[str, Any]) -> None:
    """Write a channel's file, for its owner alone. Raises ConfigError where that cannot be done; then nothing has changed."""
    text = json.dumps(dict(table), ensure_ascii=False, indent=2) + "\n"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(_path(folder, name), text.encode())
    except OSError as error:
        raise ConfigError(
            f"the secrets of {name} cannot be written into {_named(folder)}: {error.strerror}; let the monitor's user write there"
        ) from error


def remove(folder: Path, name: str) -> bool:
    """Remove a channel's file; False where there is none. Raises ConfigError where that cannot be done."""
    try:
        _path(folder, name).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(
            f"the file of {name} in {_named(folder)} cannot be removed: {error.strerror}; let the monitor's user write there"
        ) from error
    return True


def _named(folder: Path) -> str:
    """The folder without where it lies, which is not for everybody who sees the page."""
    return f"{folder.parent.name}/{folder.name}"


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a channel cannot be called {name!r}; name it with up to 40 letters, digits, - and _")
    return folder / f"{name}.json"


def _files(folder: Path | None) -> list[Path]:
    try:
        found = list(folder.iterdir()) if folder else []
    except OSError:
        return []
    return sorted(each for each in found if each.suffix == ".json" and _NAME.fullmatch(each.stem))


def _table(file: Path) -> Mapping[str, Any]:
    with file.open("rb") as opened:
        content = opened.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise ValueError("it is longer than 64 KB")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no table of settings")
    return found


def _replace(path: Path, content: bytes) -> None:
    """`mkstemp` makes a file that its owner alone may read, before anything is in it."""
    number, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    try:
        with os.fdopen(number, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the disk know the new name, too: after a power loss it would show the old file, or none. Not all systems can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
