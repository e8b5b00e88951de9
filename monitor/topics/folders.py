"""Moves a topic's folder: to another name, or out of the way. Nothing is ever deleted or written over."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from monitor.topics.seeds import is_hidden
from monitor.types.errors import MonitorError

REMOVED = ".removed"
"""The folder, within that of the seeds, for topics that were removed; hidden folders are not read."""


class TopicFolderError(MonitorError):
    """The folder cannot be moved; says why and what to do."""


def check_name(name: str) -> None:
    """Raises TopicFolderError where no topic's folder can have this name."""
    if name == "not":
        raise TopicFolderError(
            '"not" is no name for a topic: a topic\'s folder of that name holds its counter-examples'
        )
    if not name.strip() or "/" in name or "\\" in name or not name.isprintable() or is_hidden(Path(name)):
        raise TopicFolderError(
            f'"{name}" is no name for a topic: its folder would not be read; use letters, digits and hyphens, as river-floods'
        )


def rename(root: Path, old: str, new: str) -> bool:
    """Give a topic's folder another name; False where it has no folder here."""
    if not (root / old).is_dir():
        return False
    if (root / new).exists():
        raise TopicFolderError(f"{root / new} is there already: move it away, or choose another name")
    return _moved(root / old, root / new)


def set_aside(root: Path, name: str, *, now: datetime, place: Path | None = None) -> Path | None:
    """Move a topic's folder to `.removed/NAME-<date>`; returns where it is now, None where the topic has no folder here. `place`:
    where the folder is, if not in `root`."""
    folder = place or root / name
    if not folder.is_dir():
        return None
    stem = f"{name}-{now:%Y-%m-%d}"
    places = (root / REMOVED / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    aside = next(each for each in places if not each.exists())
    _moved(folder, aside)
    return aside


@dataclass(frozen=True, slots=True)
class SetAside:
    """A topic's folder under `.removed/`, and the day when it was moved there."""

    folder: str
    name: str
    day: date


def set_aside_folders(root: Path) -> list[SetAside]:
    """All folders under `.removed/` that `set_aside` made, the latest first."""
    place = root / REMOVED
    found = []
    for each in place.iterdir() if place.is_dir() else ():
        named = _ASIDE.fullmatch(each.name)
        if named and each.is_dir() and not is_hidden(each):
            with suppress(ValueError):
                found.append((SetAside(each.name, named[1], date.fromisoformat(named[2])), int(named[3] or 1)))
    return [each for each, _ in sorted(found, key=lambda each: (each[0].day, each[1]), reverse=True)]


def bring_back(root: Path, folder: str, *, place: Path | None = None) -> str:
    """Move a folder of `.removed/` back under its own name, which is returned. Raises TopicFolderError where that is taken.
    `place`: the folder to move it into, if not `root`."""
    found = next((each for each in set_aside_folders(root) if each.folder == folder), None)
    if found is None:
        raise TopicFolderError(f'there is no removed topic "{folder}"')
    check_name(found.name)
    if (root / found.name).exists() or (place and (place / found.name).exists()):
        raise TopicFolderError(f'there is a topic or draft "{found.name}" already: rename it first')
    _moved(root / REMOVED / folder, (place or root) / found.name)
    return found.name


_ASIDE = re.compile(r"(.+)-([0-9]{4}-[0-9]{2}-[0-9]{2})(?:-([0-9]{1,3}))?")


def _moved(source: Path, target: Path) -> bool:
    try:
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    except OSError as error:
        raise TopicFolderError(
            f"{source} cannot be moved to {target}: {error.strerror}; let this user write the folder of the seeds"
        ) from error
    return True
