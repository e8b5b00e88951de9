"""Which topics are in force, and what is to be said of it: by the seeds folder as it was read and the store. Pure.

A topic that the store knows outlives its folder. A folder that is away, empty or broken leaves the version that was last good in
force. A topic ends by command; on SQLite, where one folder defines the topics, also when its own folder has been away for an hour
while others are there.

On PostgreSQL many nodes have folders of their own. There the newest change wins: a version that the topic never had is new and
comes into force, and so does any change of a folder while its node runs. A folder that holds an earlier version, or a topic that
has ended, is behind: the node uses what the store holds, and says so. `monitor topics use` puts the folder into force all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.topics.seeds import LoadedTopics, TopicFolder
from monitor.types.matching import StoredTopic

AWAY_FOR = timedelta(hours=1)
"""A folder that is away for longer, while others are there, counts as removed (SQLite)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something to say about the seeds once, when it begins, and once more when it is over."""

    topic: str
    """'' for the whole folder."""
    text: str
    short: str
    """The same without paths and advice, for pages."""
    faults: tuple[str, ...] = ()
    """The faults that it tells already."""
    is_local: bool = False
    """It concerns this node only: nothing for a notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsInForce:
    """The decision. Every topic in force is either of the folder or of the store."""

    from_folder: tuple[str, ...] = ()
    from_store: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    """Topics that end now, as their folders were away for `AWAY_FOR`."""
    away: Mapping[str, datetime] = field(default_factory=dict)
    """Topic -> since when its folder is away while others are there; what to store (SQLite)."""
    remarks: tuple[Remark, ...] = ()
    changes_at: datetime | None = None
    """When the decision changes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is decided by."""

    read: Mapping[str, TopicFolder]
    stored: Mapping[str, StoredTopic]
    changed: Collection[str]
    earlier: Collection[str]
    now: datetime

    @property
    def live(self) -> Sequence[str]:
        return [name for name, topic in self.stored.items() if not topic.has_ended]


def decide(
    read: LoadedTopics,
    stored: Mapping[str, StoredTopic],
    *,
    is_shared: bool,
    changed: Collection[str] = (),
    earlier: Collection[str] = (),
    now: datetime,
) -> TopicsInForce:
    """Which topics are in force. `is_shared`: several nodes, each with a folder, may use the store (PostgreSQL).

    `changed`: topics whose folder changed since this node last read it. `earlier`: topics whose folder holds a version that the
    topic had before. Both count only where the store is shared.
    """
    known = _Known(
        read={each.name: each for each in read.folders}, stored=stored, changed=changed, earlier=earlier, now=now
    )
    good = [each.name for each in read.folders if each.topic and not _broken(each, stored.get(each.name))]
    if known.live and not good:
        return TopicsInForce(from_store=tuple(sorted(known.live)), remarks=(_whole(read, known),))
    return _shared(known, good) if is_shared else _alone(known, good)


def _broken(folder: TopicFolder, topic: StoredTopic | None) -> tuple[str, ...]:
    """Why the folder of a topic in force cannot be used: nothing in it can, or a file that the topic was made of is broken."""
    if topic is None or topic.has_ended:
        return ()
    faults = tuple(fault for name, fault in folder.broken.items() if name in topic.files)
    return faults or (() if folder.topic else folder.faults or ("nothing in its folder can be used",))


def _whole(read: LoadedTopics, known: _Known) -> Remark:
    topics = f"the {len(known.live)} topics" if len(known.live) > 1 else f"the topic {known.live[0]}"
    faults = tuple(fault for folder in read.folders for fault in folder.faults) or read.faults
    why = "; ".join(faults[:3]) or "it is empty"
    return Remark(
        topic="",
        text=f"the seeds cannot be used ({why}): {topics} stay{'s' if len(known.live) == 1 else ''} in force as last read; "
        "`monitor topics remove NAME` ends one",
        short=f"the seeds folder cannot be used: {topics} stay{'s' if len(known.live) == 1 else ''} in force as last read",
        faults=faults,
    )


# --- one node, one folder: SQLite ---------------------------------------------------------------------------------------


def _alone(known: _Known, good: Sequence[str]) -> TopicsInForce:
    """The folder defines the topics; what is broken or has just gone away is taken from the store."""
    missing = [name for name in known.live if name not in known.read]
    since = {name: known.stored[name].away_since_at or known.now for name in missing}
    ends = tuple(name for name in missing if known.now - since[name] >= AWAY_FOR)
    away = {name: at for name, at in since.items() if name not in ends}
    held = [name for name in known.live if name in known.read and name not in good]
    return TopicsInForce(
        from_folder=tuple(good),
        from_store=tuple(sorted([*held, *away])),
        ends=ends,
        away=away,
        remarks=(*_remarks(held, known, _says_broken), *(_says_away(name, at) for name, at in away.items())),
        changes_at=min(away.values(), default=known.now) + AWAY_FOR if away else None,
    )


def _says_away(name: str, since_at: datetime) -> Remark:
    return Remark(
        topic=name,
        text=f"{name}: its folder is away: the topic stays in force until {since_at + AWAY_FOR:%H:%M} UTC and then counts as "
        f"removed; put the folder back to keep it, or run `monitor topics remove {name}` to end it now",
        short=f"{name}: its folder is away: the topic stays in force until {since_at + AWAY_FOR:%H:%M} UTC",
    )


def _says_broken(name: str, known: _Known) -> Remark:
    faults = _broken(known.read[name], known.stored[name])
    text = f"{name}: stays in force as last read (version {known.stored[name].version}) until this is mended: "
    return Remark(
        topic=name,
        text=text + "; ".join(faults),
        short=f"{name}: its folder is broken: the topic stays in force as last read",
        faults=(*faults, *known.read[name].faults),
    )


# --- many nodes, each with a folder: PostgreSQL -------------------------------------------------------------------------


def _shared(known: _Known, good: Sequence[str]) -> TopicsInForce:
    """The store holds the topics; a folder changes them where it is newer."""
    newest = [name for name in good if _is_newest(name, known)]
    others = [name for name in known.live if name not in newest]
    idle = [name for name in good if name not in newest and name not in others]
    return TopicsInForce(
        from_folder=tuple(newest),
        from_store=tuple(sorted(others)),
        remarks=(*_remarks(others, known, _says_taken), *_remarks(idle, known, _says_ended)),
    )


def _is_newest(name: str, known: _Known) -> bool:
    topic, folder = known.stored.get(name), known.read[name].topic
    if topic is None or folder is None:
        return True
    is_idle = topic.has_ended and (folder.is_enabled or topic.became)  # one that is off may end and be there: it is off
    if folder.digest == topic.digest and not is_idle:
        return True
    return name in known.changed or name not in known.earlier


def _says_taken(name: str, known: _Known) -> Remark:
    if name not in known.read:
        text = f"{name}: not in this node's folder: taken from the store"
        return Remark(topic=name, text=text, short=text, is_local=True)
    if _broken(known.read[name], known.stored[name]):
        return _says_broken(name, known)
    text = (
        f"{name}: this node's folder holds an earlier version: version {known.stored[name].version}, from the store, is in force; "
        f"change the folder, or run `monitor topics use {name}`, to put it into force"
    )
    short = f"{name}: this node's folder holds an earlier version than the one in force"
    return Remark(topic=name, text=text, short=short, is_local=True)


def _says_ended(name: str, known: _Known) -> Remark:
    became = known.stored[name].became
    what = f"was renamed {became}" if became else "was removed"
    text = f"{name}: {what}: this node's folder of it is not used; `monitor topics use {name}` takes it up again"
    short = f"{name}: {what}: this node's folder of it is not used"
    return Remark(topic=name, text=text, short=short, is_local=True)


def _remarks(names: Sequence[str], known: _Known, say: Callable[[str, _Known], Remark]) -> Iterator[Remark]:
    return (say(name, known) for name in sorted(names))
