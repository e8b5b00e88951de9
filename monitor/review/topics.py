"""What a person does with whole topics: pause, resume, rename, remove, and put a node's folder into force.

A folder and the store change together: the folder is moved inside the transaction, and moved back where that fails. A daemon that
runs meanwhile reads the topics again, as the store's revision of them has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.store import archive, self_training, versions
from monitor.store import topics as store
from monitor.store.db import Database, Session, serialize_decisions
from monitor.store.feeds import feed_reports
from monitor.text.language import UNKNOWN
from monitor.topics import folders, seeds
from monitor.topics.folders import TopicFolderError
from monitor.topics.put_back import put_back
from monitor.types.matching import Topic


def names(session: Session) -> dict[str, bool]:
    """The topics in force, by name: whether each is paused."""
    return {name: topic.is_paused for name, topic in store.stored(session).items() if not topic.has_ended}


def feed_languages(session: Session) -> dict[str, str]:
    """The feeds that are polled, each with the language of most of its latest articles, else the one that it declares."""
    found = archive.languages(session)
    return {
        each.name: found.get(each.name) or each.language or UNKNOWN
        for each in feed_reports.of_all(session)
        if each.is_enabled and not each.paused_reason
    }


def pause(db: Database, name: str, *, now: datetime) -> bool:
    """Assess nothing for the topic until it is resumed; False where it is paused already."""
    with _alone(db) as session:
        return store.pause(session, name, now=now)


def resume(db: Database, name: str) -> bool:
    """End the topic's pause; False where it is not paused."""
    with _alone(db) as session:
        return store.resume(session, name)


def remove(db: Database, root: Path, name: str, *, now: datetime) -> Path | None:
    """End the topic and set its folder aside; what it found is kept. Returns where that is now, None without a folder here."""
    with _alone(db) as session:
        if name in names(session):
            store.end(session, name, now=now)
        return folders.set_aside(root, name, now=now)


def rename(db: Database, root: Path, old: str, new: str, *, now: datetime) -> None:
    """Give the topic another name, with its folder and all that it found, was told and learned."""
    folders.check_name(new)
    with ExitStack() as where_it_fails:
        with _alone(db) as session:
            if store.is_name_used(session, new):
                raise TopicFolderError(f'there is, or was, a topic "{new}": choose another name')
            if folders.rename(root, old, new):
                where_it_fails.callback(folders.rename, root, new, old)
            store.rename(session, old, new, _definition(session, root, old, new), now=now)
        where_it_fails.pop_all()


def _definition(session: Session, root: Path, old: str, new: str) -> Topic | None:
    """The topic under its new name; None where neither a folder nor the store has its files."""
    found = next(iter(seeds.load_one(root / new).topics), None)
    files = store.files(session, old)
    return found or (seeds.from_files(new, files) if files else None)


def use_folder(
    db: Database, root: Path, name: str, *, reassess_since_at: datetime | None = None, now: datetime
) -> None:
    """Put the folder of this node into force, also where it is older than what is in force. Raises TopicFolderError.
    `reassess_since_at`: as in `store.topics.sync`."""
    folders.check_name(name)
    read = seeds.load_one(root / name)
    if not read.topics:
        raise TopicFolderError("\n".join(read.faults))
    with _alone(db) as session:
        files = {each.name: each.files for each in read.folders}
        store.sync(session, read.topics, files=files, is_all=False, reassess_since_at=reassess_since_at, now=now)


def bring_back(db: Database, root: Path, folder: str, *, reassess_since_at: datetime | None, now: datetime) -> str:
    """Follow a topic again whose folder was set aside; returns its name. Where that cannot be done its folder stays there."""
    name = folders.bring_back(root, folder)
    with ExitStack() as where_it_fails:
        where_it_fails.callback(folders.set_aside, root, name, now=now)
        use_folder(db, root, name, reassess_since_at=reassess_since_at, now=now)
        where_it_fails.pop_all()
    return name


def ended(session: Session) -> frozenset[str]:
    """The topics that were followed, and are no more."""
    return frozenset(name for name, topic in store.stored(session).items() if topic.has_ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What putting a topic back to a version did."""

    is_written: bool
    """False where the folder was as that version already."""
    aside: Path | None
    """Where the folder of before is; None where there was none."""
    forgotten: int
    """Articles from which the topic had trained itself since."""


def restore(db: Database, root: Path, name: str, number: int, *, now: datetime) -> Restored | None:
    """Write the topic's folder as this version had it, and forget what the topic learned by itself since; verdicts stay. None where
    the version is not stored. Raises TopicFolderError."""
    with db.reading() as session:
        found = versions.find(session, name, number)
        made_at = next((each.at for each in versions.history(session, name) if each.number == number), None)
    if found is None or made_at is None:
        return None
    topic = found[0]
    now_there = next(iter(seeds.load_one(root / name).topics), None) if (root / name).is_dir() else None
    is_there = now_there is not None and now_there.digest == topic.digest
    aside = None if is_there else put_back(root, topic, now=now)
    with db.writing() as session:
        forgotten = self_training.forget(session, name, since_at=made_at)
    return Restored(is_written=not is_there, aside=aside, forgotten=forgotten)


@contextmanager
def _alone(db: Database) -> Iterator[Session]:
    with db.writing() as session:
        serialize_decisions(session)
        yield session
