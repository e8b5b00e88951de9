"""Topics that are being made: folders under `.drafts/` in that of the seeds, which nothing reads as topics.

A draft that is followed is moved into place in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from monitor.topics import edit_toml, folders, new_folder, seeds
from monitor.topics.folders import TopicFolderError
from monitor.topics.new_folder import NewTopic
from monitor.topics.seed_writer import SeedText
from monitor.types.matching import Topic

DRAFTS = ".drafts"


def root_of(root: Path) -> Path:
    """The folder of the drafts."""
    return root / DRAFTS


def make(root: Path, name: str, *, title: str, description: str, articles: Sequence[SeedText]) -> NewTopic:
    """Make a draft. Raises TopicFolderError where the name is taken by a topic or a draft, or the draft cannot be made."""
    new_folder.check_free(root, name)
    return new_folder.make(root_of(root), name, title=title, description=description, articles=articles)


def find(root: Path, name: str) -> Topic | None:
    """The draft of this name; None where there is none, or it is broken."""
    folders.check_name(name)
    return next(iter(seeds.load_one(root_of(root) / name).topics), None) if (root_of(root) / name).is_dir() else None


def names(root: Path) -> list[str]:
    """The drafts, in the order of their names."""
    place = root_of(root)
    return (
        sorted(each.name for each in place.iterdir() if each.is_dir() and not seeds.is_hidden(each))
        if place.is_dir()
        else []
    )


def titles(root: Path) -> list[tuple[str, str]]:
    """The names of the drafts with their titles."""
    found = {each: find(root, each) for each in names(root)}
    return [(name, topic.title if topic else name) for name, topic in found.items()]


def follow(root: Path, name: str, *, sensitivity: str) -> None:
    """Make a topic of a draft, with this sensitivity. Raises TopicFolderError, and then it is a draft still."""
    new_folder.check_free(root, name)
    wanted = None if sensitivity == "balanced" else sensitivity
    edit_toml.edit(root_of(root) / name / seeds.TOPIC_TOML, {"sensitivity": wanted})
    try:
        (root_of(root) / name).rename(root / name)
    except OSError as error:
        mend = "let this user write the folder of the seeds"
        raise TopicFolderError(f"{root / name} cannot be made ({error.strerror}): {mend}") from error


def bring_back(root: Path, folder: str) -> str:
    """Make a draft again of a folder of `.removed/`; returns its name. Raises TopicFolderError."""
    return folders.bring_back(root, folder, place=root_of(root))


def discard(root: Path, name: str, *, now: datetime) -> Path | None:
    """Move a draft to `.removed/`, with the topics that were removed; None where there is none."""
    folders.check_name(name)
    return folders.set_aside(root, name, now=now, place=root_of(root) / name)
